"""`python -m benchmarks.llm_functions`: functions that language models wrote, through `Function` and `Sandbox`.

938 functions with tests (HumanEval, MBPP; GPT-3.5 and GPT-4 through Reflexion) must pass or fail as they did when the
data was made, and 2,829 functions without parameters (ToRA, Program of Thoughts) must return what was recorded of them.
Every difference falls under an explanation that is checked, or the command fails; so it does when a process or a
descriptor is left over.
"""

from __future__ import annotations

import ast
import math
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psutil

from benchmarks.data import data_folder, rows
from functions import (
    ForgeError,
    Function,
    FunctionError,
    FunctionRaised,
    FunctionTimeout,
    PolicyError,
    Sandbox,
    SandboxError,
)

TIMEOUT_SECONDS = 3.0
IN_FLIGHT = 4
_ENTRY = "passes_its_tests"
_RUNNER = f"""
def {_ENTRY}(test: str) -> bool:
    exec(test, globals())
    check({{entry}})
    return True
"""
_EXPLAINED = "explained: "


@dataclass(frozen=True, slots=True)
class Sample:
    """One row as a function with what it is called with, and the row itself."""

    source: str  # of the data, for the table
    label: str
    function: Function | FunctionError
    row: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What running a sample gave: a value, or the error that stands in its place."""

    value: Any = None
    error: ForgeError | None = None


def main() -> int:
    """Run everything, print the table, and return 1 if anything is unexplained or left over."""
    start, before = time.perf_counter(), _held()
    samples = [*_tested(), *_recorded()]
    with Sandbox(timeout=TIMEOUT_SECONDS, mode="per_call") as box, ThreadPoolExecutor(IN_FLIGHT) as pool:
        outcomes = list(pool.map(lambda sample: _run(box, sample), samples))
    verdicts = [_verdict(sample, outcome) for sample, outcome in zip(samples, outcomes, strict=True)]
    seconds = time.perf_counter() - start
    _print(samples, outcomes, verdicts)
    left = {what: (before[what], count) for what, count in _held().items() if count > before[what]}
    unexplained = sum(verdict == "DIFFERS" for verdict in verdicts)
    right = sum(_same(outcome.value, sample.row.get("gold")) for sample, outcome in zip(samples, outcomes, strict=True))
    print(f"\nrecorded functions whose result is the gold answer: {right}")
    print(f"{len(samples)} functions in {seconds:.1f} s; left over: {left or 'nothing'}")
    print("every difference is explained" if not unexplained else f"{unexplained} differences are unexplained")
    return 1 if unexplained or left else 0


def _run(box: Sandbox, sample: Sample) -> Outcome:
    if isinstance(sample.function, FunctionError):
        return Outcome(error=sample.function)
    try:
        return Outcome(box.call(sample.function, sample.arguments))
    except SandboxError as error:
        return Outcome(error=error)


def _held() -> dict[str, int]:
    process = psutil.Process()
    return {"processes": len(process.children(recursive=True)), "descriptors": len(os.listdir("/proc/self/fd"))}


def _tested() -> Iterator[Sample]:
    """Functions with tests: the candidate is read on its own, then run under its test."""
    for row in rows(data_folder("llm_functions") / "reflexion_python_functions.jsonl.gz"):
        entry = row["entry_point"]
        source = f"{row['code']}\n\n{_RUNNER.format(entry=entry)}"
        yield Sample(
            f"reflexion {row['task']}",
            f"{row['task_id']} {row['model']}",
            _read(source, _ENTRY, row["code"], entry),
            row,
            {"test": row["test"]},
        )


def _recorded() -> Iterator[Sample]:
    """Functions with a recorded result, with the imports of the program that they were taken from."""
    for place, row in enumerate(rows(data_folder("llm_functions") / "functions.jsonl.gz")):
        source = _needed_imports(row) + row["code"]
        yield Sample(row["source"], f"{row['task']} row {place}", _read(source, row["name"]), row)


def _read(source: str, name: str, alone: str = "", alone_name: str = "") -> Function | FunctionError:
    try:
        if alone:
            Function.from_source(alone, alone_name)
        return Function.from_source(source, name)
    except FunctionError as error:
        return error


def _needed_imports(row: Mapping[str, Any]) -> str:
    try:
        missing = Function.from_source(row["code"], row["name"]).scope.free
        body = ast.parse(row["program"]).body
    except (FunctionError, SyntaxError):
        return ""
    lines = [
        ast.unparse(statement)
        for statement in body
        if isinstance(statement, (ast.Import, ast.ImportFrom))
        and any((alias.asname or alias.name.split(".")[0]) in missing | {"*"} for alias in statement.names)
    ]
    return "".join(f"{line}\n" for line in lines)


def _verdict(sample: Sample, outcome: Outcome) -> str:
    """ "agrees", "refused by the import policy", an explanation, or "DIFFERS"."""
    if isinstance(outcome.error, PolicyError) and "import" in outcome.error.reason:
        return "refused by the import policy"
    if isinstance(outcome.error, (PolicyError, FunctionError)):
        return "DIFFERS"
    if "rerun" in sample.row:
        return "agrees" if _rerun(outcome) == sample.row["rerun"] else "DIFFERS"
    return _against_record(sample, outcome)


def _rerun(outcome: Outcome) -> str:
    """An outcome in the words of the data's own run."""
    if isinstance(outcome.error, FunctionTimeout):
        return "timeout"
    if isinstance(outcome.error, FunctionRaised):
        return f"fail:{outcome.error.exception}"
    return "pass" if outcome.value is True else f"other:{outcome.error!r}"


def _against_record(sample: Sample, outcome: Outcome) -> str:
    recorded, value, error = sample.row["printed"], outcome.value, outcome.error
    if error is not None:
        return _failure_against_record(sample, error)
    if _same(value, recorded) or (recorded is None and value is None):
        return "agrees"
    if recorded is None:
        if sample.row["task"] == "aqua":
            return f"{_EXPLAINED}multiple choice, of which no number was recorded"
        return f"{_EXPLAINED}a result of 0 was recorded as none" if value == 0 else "DIFFERS"
    if isinstance(value, list) and value and _same(value[0], recorded):
        return f"{_EXPLAINED}of several results the first was recorded"
    if isinstance(value, list) and str(tuple(value)) == recorded:
        return f"{_EXPLAINED}a tuple, which is a list in JSON"
    if isinstance(value, (int, float)) and _same(-value, recorded):
        return f"{_EXPLAINED}recorded without its sign"
    return "DIFFERS"


def _failure_against_record(sample: Sample, error: ForgeError) -> str:
    recorded = sample.row["printed"]
    if recorded is None and isinstance(error, (FunctionRaised, FunctionTimeout)):
        return "agrees"  # the record says that there was no result
    if isinstance(error, FunctionRaised):
        if str(recorded).startswith(f"{error.exception}:"):
            return "agrees"
        if error.exception == "NameError" and not isinstance(sample.function, FunctionError):
            missing = [name for name in sample.function.scope.free if f"'{name}'" in str(error)]
            return f"{_EXPLAINED}needs a name that the row does not bring" if missing else "DIFFERS"
    return "DIFFERS"


def _same(value: object, recorded: object) -> bool:
    one, other = _number(value), _number(recorded)
    if one is not None and other is not None:
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return recorded is not None and str(value) == str(recorded)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _print(samples: list[Sample], outcomes: list[Outcome], verdicts: list[str]) -> None:
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for sample, verdict in zip(samples, verdicts, strict=True):
        table[sample.source][_column(verdict)] += 1
    columns = ["agrees", "refused by the import policy", "explained", "DIFFERS"]
    print(f"{'functions of':24}{'all':>6}" + "".join(f"{column:>30}" for column in columns))
    for source, counts in table.items():
        print(f"{source:24}{sum(counts.values()):>6}" + "".join(f"{counts[column]:>30}" for column in columns))
    print("\nnot simply agreeing:")
    for verdict, count in Counter(verdicts).most_common():
        if verdict != "agrees":
            print(f"  {count} x {verdict}")
            _print_examples(verdict, samples, outcomes, verdicts)


def _column(verdict: str) -> str:
    return "explained" if verdict.startswith(_EXPLAINED) else verdict


def _print_examples(verdict: str, samples: list[Sample], outcomes: list[Outcome], verdicts: list[str]) -> None:
    """Every unexplained difference, and every explained one in brief; refusals by what they import."""
    if verdict == "refused by the import policy":
        reasons = Counter(str(o.error)[:100] for o, v in zip(outcomes, verdicts, strict=True) if v == verdict)
        print("".join(f"      {count} x {reason}\n" for reason, count in reasons.most_common(10)), end="")
        return
    for sample, outcome, found in zip(samples, outcomes, verdicts, strict=True):
        if found == verdict:
            got = repr(outcome.error or outcome.value)[:90]
            recorded = repr(sample.row.get("rerun", sample.row.get("printed")))[:40]
            print(f"      {sample.source}, {sample.label}: {got}, recorded {recorded}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ForgeError as error:
        sys.exit(f"error: {error}")
