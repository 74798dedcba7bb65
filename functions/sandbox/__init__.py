"""Where functions run: far from the host, in processes that the kernel fences in."""

from functions.sandbox.policy import DEFAULT_IMPORTS
from functions.sandbox.sandbox import Mode, Sandbox

__all__ = ["DEFAULT_IMPORTS", "Mode", "Sandbox"]
