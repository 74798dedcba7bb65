"""Mathematical equivalence in a process of its own, so that an answer which never ends in evaluation can be ended.

Run as a module it answers one JSON line for each JSON line; `equivalent` keeps one such process and replaces it when
it takes too long. It is no sandbox: answers are parsed as mathematics, not run.
"""

from __future__ import annotations

import atexit
import json
import select
import signal
import subprocess
import sys
import threading

from functions.errors import ForgeError

ANSWER_SECONDS = 6.0  # of processor time: on a busy machine a right answer takes longer, and is right all the same
WAIT_SECONDS = 300.0  # by the clock, for a process that starts or computes on a busy machine
LONGEST = 2000  # characters; a longer answer is none that an exercise asks for


def equivalent(wanted: str, given: str) -> bool:
    """Whether two texts, LaTeX or plain, are the same mathematical object; False when that takes too long to tell.

    Raises:
        ForgeError: the `math` extra is not installed.
    """
    if len(wanted) > LONGEST or len(given) > LONGEST:
        return False
    with _lock:
        worker = _running()
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps([wanted, given, ANSWER_SECONDS]) + "\n")
        worker.stdin.flush()
        if not select.select([worker.stdout], [], [], WAIT_SECONDS)[0] or not (line := worker.stdout.readline()):
            _stop()
            return False
        return bool(json.loads(line))


_lock = threading.Lock()
_workers: list[subprocess.Popen[str]] = []  # at most one; kept between calls because it takes a second to start


def _running() -> subprocess.Popen[str]:
    if _workers and _workers[0].poll() is None:
        return _workers[0]
    _workers.clear()
    worker = subprocess.Popen(
        [sys.executable, "-m", "forge.math_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert worker.stdout is not None
    ready = select.select([worker.stdout], [], [], WAIT_SECONDS)[0] and worker.stdout.readline()
    if ready != "ready\n":
        worker.kill()
        worker.wait()
        raise ForgeError("math_equivalent needs the package math-verify: pip install 'forge-agents[math]'")
    _workers.append(worker)
    return worker


@atexit.register
def _stop() -> None:
    for worker in _workers:
        worker.kill()
        worker.communicate()
    _workers.clear()


def main() -> None:
    """Answer until the other side closes."""
    from math_verify import parse, verify

    print("ready", flush=True)
    for line in sys.stdin:
        *texts, seconds = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)  # ends this process: nothing handles the signal
        # the library's own limits go by the clock
        wanted, given = (parse(_as_latex(text), raise_on_error=False, parsing_timeout=None) for text in texts)
        same = bool(verify(wanted, given, raise_on_error=False, timeout_seconds=None))
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(same), flush=True)


def _as_latex(text: str) -> str:
    return text if "\\boxed" in text or "$" in text else f"${text}$"


if __name__ == "__main__":
    main()
