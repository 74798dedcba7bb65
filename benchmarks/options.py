"""What several commands take by name: a data set or a file, a metric, one of a few choices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.errors import ForgeError

if TYPE_CHECKING:
    import forge
    from benchmarks.catalog import Benchmark

EXACT = "exact"  # the metric of files where none is given


def benchmark_of(
    data: str,
    test: Path | None,
    metric: str,
    seed: int,
    *,
    columns: str | None = None,
    told: bool = True,
    trained: bool = True,
) -> Benchmark:
    """A named data set, or a file of which a part is held out.

    Args:
        columns: of a file, as they are given on the command line.
        told: say so on the terminal.
        trained: both parts are needed, and must be there.
    """
    import forge
    from benchmarks.catalog import Benchmark, is_file, load

    if not is_file(data):
        require_file(f"--data {data}", test, metric, columns)
        named = load(data, seed=seed)
        return named.loaded() if trained else named
    score = _metric(metric)
    names = _columns(columns)
    tasks = _file(data, score, names)
    if test is None:
        train_part, test_part = tasks.split(0.7, seed=seed)
        if told:
            print(f"--test is not given: {len(test_part)} of {len(tasks)} tasks are held out by seed {seed}")
    else:
        train_part, test_part = tasks, _file(test, score, names)
    return Benchmark(tasks.name, lambda: train_part, lambda: test_part, lambda model: forge.Agent(model=model))


def require_file(data: str, test: Path | None, metric: str, columns: str | None) -> None:
    """Raises:
    ForgeError: something is given that says nothing of this data set, which is no file.
    """
    for option, given, idle in (("test", test, None), ("metric", metric, EXACT), ("columns", columns, None)):
        if given != idle:
            raise ForgeError(f"--{option} {given} does not apply to {data}: leave it out")


def _file(path: str | Path, metric: forge.Metric, columns: Mapping[str, str]) -> forge.Dataset:
    import forge

    table = Path(path).name.removesuffix(".gz").endswith(".csv")
    read = forge.Dataset.from_csv if table else forge.Dataset.from_jsonl
    return read(path, metric=metric, columns=columns)


def _columns(given: str | None) -> dict[str, str]:
    """What is written as question=prompt,answer=label."""
    parts = [part.partition("=") for part in (given or "").split(",") if part.strip()]
    if any(not (name.strip() and column.strip()) for name, _, column in parts):
        raise ForgeError(f"--columns {given}: pairs with commas between, such as question=prompt,answer=label")
    names = {name.strip(): column.strip() for name, _, column in parts}
    if len(names) < len(parts):
        raise ForgeError(f"--columns {given}: each name once, such as question=prompt,answer=label")
    return names


def _metric(name: str) -> forge.Metric:
    import forge

    known: dict[str, Any] = {
        EXACT: lambda: forge.metrics.exact_match,
        "numeric": lambda: forge.metrics.numeric(1e-3),
        "math": lambda: forge.metrics.math_equivalent,
    }
    metric: forge.Metric = one_of("metric", name, known)()
    return metric


def one_of(option: str, name: str, known: dict[str, Any]) -> Any:
    """What is chosen on the command line by name."""
    if name not in known:
        raise ForgeError(f"--{option} {name}: one of {', '.join(known)}")
    return known[name]


def require_folder(run: Path | None, *, resume: bool, overwrite: bool) -> None:
    """Raises:
    ForgeError: a run is to be gone on with or replaced, and none is named.
    """
    if run is None and (resume or overwrite):
        raise ForgeError(f"{'--resume' if resume else '--overwrite'} needs --run, the folder of the run that is meant")
