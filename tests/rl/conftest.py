"""Settings of the tests of weights."""

import pytest

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def two_threads():
    torch.set_num_threads(2)
