"""Mathematical equivalence in a process of its own, so that an answer which never ends in evaluation can be ended.

Run as a module it answers one JSON line for each JSON line; `equivalent` keeps one such process, asks it nothing twice
and not what arithmetic tells, and replaces it when it takes too long. It is no sandbox: answers are parsed as
mathematics, not run.
"""

from __future__ import annotations

import atexit
import json
import math
import re
import resource
import select
import signal
import subprocess
import sys
import threading
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

from functions.errors import ForgeError

ANSWER_SECONDS = 6.0  # of processor time: on a busy machine a right answer takes longer, and is right all the same
WAIT_SECONDS = 300.0  # by the clock, for a process that starts or computes on a busy machine
MEMORY_MB = 2000  # of addresses; a power of a sum takes gigabytes in those seconds
LONGEST = 2000  # characters; a longer answer is none that an exercise asks for
APART = 1e-5  # of the greater: math-verify rounds decimals to six places, and so takes .0000001 for .0000002
DIGITS = 10  # of a decimal that count; a whole number has as many as it has
NOTHING = Decimal("1e-12")  # what is smaller is 0, as cos(pi/2) is meant to be
_EXPONENT = r"[eE](?:[+-][0-9]{2,3}|[0-9]{1,3})"  # as programs write it: 2e-1 is e twice, less 1
_PLAIN = re.compile(rf"-?[0-9]{{1,15}}(?:\.[0-9]+)?(?:{_EXPONENT})?")
_FLOAT = re.compile(  # with an exponent, or more decimals than count; 3e2x is a product of letters
    rf"(?<![\w.])[0-9]+(?:(?:\.[0-9]+)?{_EXPONENT}(?![A-Za-z])|\.[0-9]{{8,}})(?!\.?[0-9]|_)", re.ASCII
)


def equivalent(wanted: str, given: str) -> bool:
    """Whether two texts, LaTeX or plain, are the same mathematical object; False when that takes too long to tell.

    Decimals that are written to many places are taken for what they round to (see `without_noise`), or as they are:
    of 111\\pi, ten digits are too few.

    Raises:
        ForgeError: the `math` extra is not installed.
    """
    if len(wanted) > LONGEST or len(given) > LONGEST:
        return False
    if _PLAIN.fullmatch(wanted) and _apart(wanted, given):  # before the smallest of them become 0
        return False
    rounded = without_noise(wanted), without_noise(given)
    if _apart(*rounded):
        return False
    whole = _FLOAT.sub(_digits, wanted), _FLOAT.sub(_digits, given)
    return _same(*rounded) or (whole != rounded and _same(*whole))


def without_noise(text: str) -> str:
    """The text, its floats without exponents and to ten digits: 2.9999999999999996 is 3, 1e-05 is 0.00001."""
    return _FLOAT.sub(_rounded, text)


def _rounded(match: re.Match[str]) -> str:
    number = Decimal(match.group())
    if abs(number) < NOTHING:
        return "0"
    return f"{Context(prec=max(DIGITS, number.adjusted() + 1)).create_decimal(number).normalize():f}"


def _digits(match: re.Match[str]) -> str:
    return f"{Decimal(match.group()):f}"


def _apart(wanted: str, given: str) -> bool:
    """Whether a plain number is given for another number, which needs no algebra: a search tries hundreds of them."""
    if not _PLAIN.fullmatch(given):
        return False
    number, value = float(given), float(wanted) if _PLAIN.fullmatch(wanted) else _value(wanted)
    if value is None:
        return False
    greater = max(abs(value), abs(number)) if value and number else 1.0  # what is nearly 0 may be meant to be
    return not abs(value - number) <= APART * greater


@lru_cache(maxsize=1 << 16)
def _same(wanted: str, given: str) -> bool:
    return bool(_asked(wanted, given))


@lru_cache(maxsize=1 << 14)
def _value(text: str) -> float | None:
    """The real number that a text is; NaN if it varies, as x + 1 does, and is no number; None if it is neither."""
    value = _asked(text)
    return None if value is None else float(value)


def _asked(*texts: str) -> Any:  # Any: a JSON value
    """The worker's word: for two texts whether they are the same, for one its value; None if it takes too long."""
    with _lock:
        worker = _running()
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps([*texts, ANSWER_SECONDS]) + "\n")
        worker.stdin.flush()
        if not select.select([worker.stdout], [], [], WAIT_SECONDS)[0] or not (line := worker.stdout.readline()):
            _stop()
            return None
        return json.loads(line)


_lock = threading.Lock()
_workers: list[subprocess.Popen[str]] = []  # at most one; kept between calls because it takes a second to start


def _running() -> subprocess.Popen[str]:
    if _workers and _workers[0].poll() is None:
        return _workers[0]
    _workers.clear()
    worker = subprocess.Popen(
        [sys.executable, "-m", "forge.math_worker", str(MEMORY_MB)],
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

    most = int(sys.argv[1]) << 20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))

    @lru_cache(maxsize=1 << 12)
    def parsed(text: str) -> list[Any]:
        # the library's own limits go by the clock
        found: list[Any] = parse(_as_latex(text), raise_on_error=False, parsing_timeout=None)
        return found

    print("ready", flush=True)
    for line in sys.stdin:
        *texts, seconds = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)  # ends this process: nothing handles the signal
        first, *second = map(parsed, texts)
        told = verify(first, *second, raise_on_error=False, timeout_seconds=None) if second else _number(first)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(told), flush=True)


def _number(parsed: list[Any]) -> float | None:
    """The value of what math-verify read, an object and its text; None for a percentage: it takes 5% for 5, too."""
    from sympy import Expr, Symbol, UnevaluatedExpr

    objects = [each for each in parsed if not isinstance(each, str)]
    found = objects[0] if len(objects) == 1 else None
    if not isinstance(found, Expr) or isinstance(found, Symbol) or found.has(UnevaluatedExpr):
        return None  # a symbol may be called "5"
    try:
        first, second = (
            float(found.subs({symbol: step + place for place, symbol in enumerate(found.free_symbols)}))
            for step in (1.25, 2.6)
        )
    except (TypeError, ValueError, ArithmeticError):  # a complex number, one too large, an unknown function
        return None
    return first if first == second else math.nan


def _as_latex(text: str) -> str:
    """One formula on one line: of several lines, the library would take the last."""
    return text if "\\boxed" in text or "$" in text else f"${' '.join(text.split())}$"


if __name__ == "__main__":
    main()
