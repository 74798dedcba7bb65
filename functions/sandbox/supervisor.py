"""The host's side of the boundary: starts the zygote, asks it for children, talks to them, and ends them in time."""

from __future__ import annotations

import array
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from functions.errors import (
    FunctionCrashed,
    FunctionMemory,
    FunctionTimeout,
    ProtocolError,
    SandboxError,
    SandboxUnavailable,
)
from functions.sandbox.inside import wire

START_SECONDS = 20.0  # for a zygote to be ready; a slow disk is no hang
GRACE_SECONDS = 1.0  # for the kernel to report an end that is certain
REQUEST = struct.Struct("<QI")
STATUS = struct.Struct("<iQQ")
RECEIVE_BYTES = 1 << 16
PUBLIC = ("/etc/ld.so.cache", "/usr/share/zoneinfo")  # where libraries lie, and the time zones of `zoneinfo`


class ZygoteLost(Exception):
    """The zygote does not answer; a new one must be started."""


class Zygote:
    """A running zygote. Mutable; `spawn` may be called from any thread.

    Raises:
        SandboxUnavailable: it cannot be started.
    """

    def __init__(self, imports: Sequence[str], packages: Sequence[str], without: Sequence[str] = ()) -> None:
        self.owner = os.getpid()
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        script = Path(__file__).parent / "inside" / "zygote.py"
        with theirs:
            # a child in full armour must not be able to read this very script
            setup = json.dumps({**_setup(imports, packages), "planted": str(script), "without": list(without)})
            self._process = subprocess.Popen(
                [os.path.realpath(sys.executable), "-s", "-P", "-S", str(script), str(theirs.fileno()), setup],
                env={"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", **dict.fromkeys(
                    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")},
                cwd="/",
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        report = self._first_report()
        self.missing: dict[str, str] = report["layers"]
        self.escaped: list[str] = report["escaped"]

    def _first_report(self) -> dict[str, Any]:
        assert self._process.stderr is not None
        self._control.settimeout(START_SECONDS)
        try:
            data = self._control.recv(1 << 16)
        except TimeoutError:
            data = b""
        with self._process.stderr as stderr:
            if data:
                report: dict[str, Any] = json.loads(data)
                self._control.settimeout(GRACE_SECONDS)
                return report
            self.kill()
            words = stderr.read(4000).decode(errors="replace").strip().splitlines()
        raise SandboxUnavailable(f"the sandbox process did not start: {words[-1] if words else 'no message'}")

    def spawn(self, memory_bytes: int, cpu_seconds: int) -> Child:
        """A new child, waiting for its program.

        Raises:
            ZygoteLost: the zygote is gone.
        """
        data, their_data = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        status, their_status = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with their_data, their_status:
            handed = array.array("i", [their_data.fileno(), their_status.fileno()])
            message = REQUEST.pack(memory_bytes, cpu_seconds)
            try:
                with self._lock:
                    self._control.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handed)])
            except OSError as error:
                data.close()
                status.close()
                raise ZygoteLost(str(error)) from error
        return Child(data, status)

    def kill(self) -> None:
        """End the zygote and, with it, all its children."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Let the zygote end by itself, or make it."""
        self._control.close()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def owned(self) -> bool:
        """Whether this process started it, and is not a fork of the one that did."""
        return self.owner == os.getpid()

    @property
    def alive(self) -> bool:
        return self.owned and self._process.poll() is None


def _setup(imports: Sequence[str], packages: Sequence[str]) -> dict[str, Any]:
    """What the zygote must know of this machine's Python."""
    standard = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    base = [path.replace(sys.prefix, sys.base_prefix, 1) for path in standard]
    folders = sorted({os.path.realpath(path) for path in base if os.path.isdir(path)})
    dynamic = sorted({os.path.join(folder, "lib-dynload") for folder in folders})
    libraries = [path for path in _library_folders() if os.path.isdir(path)]
    places = sorted({str(_site_folder(name.partition(".")[0])) for name in packages})
    return {
        "imports": [*imports, *packages],
        "paths": places,
        "folders": folders,
        "files": [*libraries, *PUBLIC],
        "roots": [*folders, *dynamic, *libraries, *PUBLIC],
        "hidden": [os.path.join(folder, name) for folder in folders for name in ("site-packages", "dist-packages")],
    }


def _library_folders() -> list[str]:
    """Where the shared libraries that this process has loaded lie, and Python's own."""
    found = {os.path.join(sys.base_prefix, "lib")} if sys.base_prefix not in ("/usr", "/") else set()
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            path = line.split(None, 5)[-1].strip()
            if ".so" in path and path.startswith(("/lib", "/usr/lib")) and "python" not in path:
                found.add(os.path.dirname(path))
    return sorted(path for path in found if os.path.basename(path) != "lib")


def _site_folder(name: str) -> Path:
    spec = find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if places:
        return Path(places[0]).parent.resolve()
    if spec is None or spec.origin is None:
        raise SandboxUnavailable(f"imports names {name!r}, which is not installed here: install it, or leave it out")
    return Path(spec.origin).parent.resolve()


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended, as the kernel told its parent."""

    signal: int | None
    exit_code: int | None
    cpu_seconds: float


class Child:
    """A sandboxed process as the host sees it: one socket for frames, one for its end. Mutable."""

    def __init__(self, data: socket.socket, status: socket.socket) -> None:
        self._data, self._status = data, status
        self._read = bytearray()
        self._ended: Ending | None = None
        self.busy_seconds = 0.0
        self.calls = 0

    def send(self, texts: Sequence[str], deadline: float) -> None:
        """Hand JSON texts over, or as much of them as the child takes before it dies or the deadline passes."""
        self._data.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            self._data.sendall(b"".join(wire.frame(text.encode("ascii")) for text in texts))
        except (TimeoutError, OSError):
            return  # what became of the child is found out when its answer is awaited

    def finish_sending(self) -> None:
        """Nothing more will come: after its last answer the child ends by itself."""
        try:
            self._data.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def receive(self, deadline: float, limit: int) -> dict[str, Any]:
        """The next answer: {"value": ...} or {"error": kind, ...}.

        Raises:
            SandboxError: none came in time, the child died, or what came is no frame. The child is no longer usable.
        """
        head = self._exactly(wire.HEADER.size, deadline)
        (size,) = wire.HEADER.unpack(head)
        if size > limit + 200:
            raise ProtocolError(f"the function's process sent a frame of {size} bytes, more than {limit}")
        return _answer(self._exactly(size, deadline))

    def _exactly(self, size: int, deadline: float) -> bytes:
        while len(self._read) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise FunctionTimeout("", clock="wall")
            self._data.settimeout(left)
            try:
                part = self._data.recv(RECEIVE_BYTES)
            except TimeoutError:
                raise FunctionTimeout("", clock="wall") from None
            except ConnectionError:
                part = b""
            if not part:
                raise EndedEarly
            self._read += part
        exactly = bytes(self._read[:size])
        del self._read[:size]
        return exactly

    def ended_cleanly(self, deadline: float) -> Ending | None:
        """How the child ended by itself, with nothing more said, or None if it has not by the deadline."""
        if not _readable(max(0.0, deadline - time.monotonic()), self._status):
            return None
        try:
            self._data.settimeout(0.0)
            self._read += self._data.recv(1)
        except OSError:
            pass  # it ended without reading all that it was sent
        if self._read:
            raise ProtocolError("the function's process said more than one answer")
        return self._ending()

    def ending(self) -> Ending:
        """How the child ended; it is ended now if it still runs.

        Raises:
            ZygoteLost: nobody tells.
        """
        if self._ended is not None:
            return self._ended
        if not _readable(0.05, self._status):  # one that is ending by itself may finish
            self._status.shutdown(socket.SHUT_WR)
        return self._ending()

    def _ending(self) -> Ending:
        self._status.settimeout(GRACE_SECONDS)
        try:
            report = self._status.recv(STATUS.size)
        except TimeoutError:
            report = b""
        finally:
            self.close()
        if len(report) != STATUS.size:
            raise ZygoteLost("the sandbox does not report how a process ended")
        status, _, microseconds = STATUS.unpack(report)
        code = os.waitstatus_to_exitcode(status)
        self._ended = Ending(-code if code < 0 else None, code if code >= 0 else None, microseconds / 1e6)
        return self._ended

    def close(self) -> None:
        """Let go of the child; it is killed if it still runs."""
        self._data.close()
        self._status.close()

    @property
    def gone(self) -> bool:
        """Whether an idle child has died, or said what nobody asked for."""
        return bool(self._read) or _readable(0.0, self._data, self._status)


def _readable(seconds: float, *sockets: socket.socket) -> bool:
    """Whether one of them has something to read or is at its end, before the seconds pass."""
    poll = select.poll()  # select.select knows no descriptors above 1023
    for one in sockets:
        poll.register(one, select.POLLIN)
    return bool(poll.poll(1000 * seconds))


def _answer(body: bytes) -> dict[str, Any]:
    """What a child sent, which may have been written by the function itself.

    Raises:
        ProtocolError: it is not one of the two kinds of answer, in strict JSON.
    """
    try:
        answer = wire.loads(body)
        match answer:
            case {"value": value, **rest} if not rest:
                wire.plain(value)
                return {"value": value}
            case {"error": str(), **rest} if rest.keys() <= {"name", "message", "traceback"}:
                if all(type(words) is str for words in rest.values()):
                    return {**answer}
    except (ValueError, wire.NotJSON) as error:
        raise ProtocolError(f"the function's process sent what is no JSON: {str(error)[:100]!a}") from None
    raise ProtocolError("the function's process sent what is no answer")


class EndedEarly(Exception):
    """The child's socket closed before a whole answer came."""


def verdict(ending: Ending, *, cpu_limit: float, timeout: float, memory_mb: int) -> SandboxError:
    """What an early end means: the facts come from the kernel, never from the child."""
    if ending.signal == signal.SIGXCPU or (ending.signal == signal.SIGKILL and ending.cpu_seconds >= cpu_limit - 0.5):
        return FunctionTimeout(f"used up its processor time (limit {timeout:g} s)", clock="cpu")
    if ending.exit_code == wire.OUT_OF_MEMORY:
        return FunctionMemory(f"asked for more than {memory_mb} MiB of memory")
    if ending.signal is not None:
        try:
            name = signal.Signals(ending.signal).name
        except ValueError:
            name = str(ending.signal)
        return FunctionCrashed(f"the process died of {name}", signal=ending.signal)
    return FunctionCrashed(
        f"the process ended by itself with exit code {ending.exit_code}, without a result", exit_code=ending.exit_code
    )
