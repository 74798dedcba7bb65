"""Settings that every test shares."""

import os

from hypothesis import settings

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # there is a process a core already
settings.register_profile("forge", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("forge")
