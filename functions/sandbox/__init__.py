"""Where functions run: far from the host, in processes that the kernel fences in."""

from functions.sandbox.kernel_backend import Mode
from functions.sandbox.policy import DEFAULT_IMPORTS
from functions.sandbox.sandbox import Sandbox

__all__ = ["DEFAULT_IMPORTS", "Mode", "Sandbox"]
