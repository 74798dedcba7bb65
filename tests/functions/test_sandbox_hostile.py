"""Hostile functions are contained in every mode by the kernel's fences alone, and by the policy before them."""

import contextlib
import importlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hostile_samples import SAMPLES

from functions import Function, FunctionError, Sandbox, SandboxError

ROOT = Path(__file__).parent.parent.parent
SECRET = "SECRET-CANARY-5309"
BENIGN = Function.from_source(
    "def add(a: int, b: int, seen: list = []) -> list:\n    seen.append(a + b)\n    return seen\n"
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Canaries, and a check that nobody touched them."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "secret.txt").write_text(SECRET)
    touched = []
    with contextlib.ExitStack() as stack:
        kinds = {"tcp": (socket.AF_INET, socket.SOCK_STREAM), "udp": (socket.AF_INET, socket.SOCK_DGRAM)}
        kinds |= dict.fromkeys(("unix", "abstract"), (socket.AF_UNIX, socket.SOCK_STREAM))
        sockets = {name: stack.enter_context(socket.socket(*kind)) for name, kind in kinds.items()}
        abstract = f"forge-hostile-{os.getpid()}"
        addresses = {
            "tcp": ("127.0.0.1", 0),
            "udp": ("127.0.0.1", 0),
            "unix": str(folder / "s"),
            "abstract": "\0" + abstract,
        }
        for name, address in addresses.items():
            sockets[name].bind(address)
            if name != "udp":
                sockets[name].listen()
            listen = sockets[name].recv if name == "udp" else lambda _, s=sockets[name]: s.accept()
            threading.Thread(target=_hear, args=(listen, name, touched), daemon=True).start()
        os.environ["FORGE_TEST_SECRET"] = SECRET
        yield {
            "file": str(folder / "secret.txt"), "folder": str(folder), "unix": str(folder / "s"), "abstract": abstract,
            "tcp": sockets["tcp"].getsockname()[1], "udp": sockets["udp"].getsockname()[1], "host": os.getpid(),
        }  # fmt: skip
        del os.environ["FORGE_TEST_SECRET"]
    assert touched == []
    assert (folder / "secret.txt").read_text() == SECRET
    assert sorted(path.name for path in folder.iterdir()) == ["s", "secret.txt"]
    assert not list(Path("/dev/shm").glob("forge_hostile*"))


def _hear(listen, name, touched):
    with contextlib.suppress(OSError):
        listen(1)
        touched.append(name)


@pytest.fixture(scope="module", params=["per_call", "per_batch", "worker"])
def open_box(request):
    with Sandbox(timeout=0.7, memory_mb=128, imports=None, mode=request.param) as box:
        yield box


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_kernels_fences_hold(sample, open_box, world):
    began = time.monotonic()
    try:
        outcome = repr(open_box.call(Function.from_source(SAMPLES[sample], "tool"), {"x": world}))
    except (SandboxError, FunctionError) as error:
        outcome = f"{type(error).__name__}: {error}"
    assert not outcome.startswith("SandboxError")
    assert len(outcome) < 5000
    assert "\x1b" not in outcome
    assert "\x00" not in outcome
    assert time.monotonic() - began < 4
    assert "PWNED" not in outcome
    assert SECRET not in outcome
    for _ in range(2):
        assert open_box.call(BENIGN, {"a": 20, "b": 22}) == [42]


def test_the_policy_refuses_what_reaches_for_the_machine(world):
    reaching = {name: source for name, source in SAMPLES.items() if "import os" in source or "import ctypes" in source}
    with Sandbox() as box:
        for source in reaching.values():
            with pytest.raises(SandboxError, match="may not be imported"):
                box.call(Function.from_source(source, "tool"), {"x": world})
    assert len(reaching) > 40


PLAIN_USER = 65534
CONTAINED = """
from hostile_samples import EXHAUSTING, SAMPLES
from functions import Function, FunctionError, Sandbox, SandboxError
import os
x = dict(file="/etc/passwd", folder="/tmp", tcp=9, udp=9, unix="/x", abstract="x", host=os.getppid())
bad = []
with Sandbox(timeout=0.7, memory_mb=128, imports=None) as box:
    for name in sorted(set(SAMPLES) - set(EXHAUSTING)):
        try:
            outcome = repr(box.call(Function.from_source(SAMPLES[name], "tool"), {"x": x}))
        except (SandboxError, FunctionError) as error:
            outcome = str(error)
        if "PWNED" in outcome:
            bad.append((name, outcome))
    print(os.getuid(), box.level, bad)
"""


def test_a_plain_user_is_as_safe_as_root():
    if os.getuid() != 0:
        pytest.skip("the other tests ran as a plain user")
    folder = Path(tempfile.mkdtemp(prefix="forge-plain-"))
    try:
        shown = _as_plain_user(folder)
    finally:
        shutil.rmtree(folder)
    assert shown.stdout.strip() == f"{PLAIN_USER} full []", shown.stderr


def _as_plain_user(folder):
    """Run the samples from a copy that everybody may read, by a Python that everybody may run."""
    for name in ("pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions"):
        origin = Path(importlib.import_module(name).__file__)
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, folder)
    shutil.copytree(ROOT / "functions", folder / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "functions" / "hostile_samples.py", folder)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with contextlib.suppress(OSError):
            shown = subprocess.run(
                [python, "-c", CONTAINED], cwd=folder, env={"PYTHONPATH": str(folder)}, user=PLAIN_USER,
                group=PLAIN_USER, extra_groups=[], capture_output=True, text=True, check=False,
            )  # fmt: skip
            return shown
    pytest.skip("no Python of this version that a plain user may run")
