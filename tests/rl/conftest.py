"""Settings of the tests of weights."""

import os

import pytest

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def threads():
    """Two, but one beside other tests: processes of two threads each on two cores mostly wait for each other."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
