"""MIRAGE (Xiong et al. 2024, arXiv 2402.13178): medical questions, and what LLMs answered to them; public domain.

Its `benchmark.json` holds MedQA's test questions and MedMCQA's development questions among others. What the models
wrote is JSON in a string, as a rule: {"step_by_step_thinking": ..., "answer_choice": ...}. Some of it is broken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.data import DataFile, Source, rows
from benchmarks.multiple_choice import named
from functions.errors import ForgeError

SOURCE = Source("Teddy-XiongGZ/MIRAGE", "392943af99cd94cafd50a0de2e7fca24bbf65494", "NLM public domain notice")
BENCHMARK = DataFile("mirage", "benchmark.json", SOURCE, "benchmark.json", "85bdd2857e62723921a81b6560b98937e5238776")
RUNS = {  # by the name that the joined file gives them
    "gpt35_cot": "cot/OpenAI/gpt-35-turbo-16k",
    "gpt4_cot": "cot/OpenAI/gpt-4-32k",
    "gpt35_rag_32": "rag_32/OpenAI/gpt-35-turbo-16k/medcorp/RRF-4",
    "gpt4_rag_32": "rag_32/OpenAI/gpt-4-32k/medcorp/RRF-4",
}
_FIELD = re.compile(r'"answer_choice"\s*:\s*"?(.*?)"?\s*\}?\s*\Z', re.DOTALL)


def questions(name: str, path: Path) -> Iterator[dict[str, Any]]:
    """The rows of one data set in `benchmark.json`: id, question, options by letter, and the answer's letter.

    Raises:
        ForgeError: the file cannot be read, or has no such data set.
    """
    found = next((part for part in rows(path) if part.get("id") == name), None)
    if found is None or not all(isinstance(row, Mapping) for key, row in found.items() if key != "id"):
        raise ForgeError(f"{path} has no data set {name!r}: it is no benchmark.json of MIRAGE")
    return ({"id": key, **row} for key, row in found.items() if key != "id")


def completions(name: str, clone: Path) -> Iterator[dict[str, Any]]:
    """The rows of one data set in a clone of the repository, with what each run wrote under "raw".

    Raises:
        ForgeError: the clone lacks them.
    """
    for row in questions(name, clone / "benchmark.json"):
        files = {run: clone / "prediction" / name / place / f"test_{row['id']}.json" for run, place in RUNS.items()}
        yield {**row, "raw": {run: _read(file) for run, file in files.items()}}


def letter(written: Sequence[str], options: Mapping[str, str]) -> str | None:
    """The choice that a run made: of the first completion, as MIRAGE scores it. None if there is none to be read."""
    if not written:
        return None
    try:
        said = json.loads(written[0])
    except ValueError:
        field = _FIELD.search(written[0])
        return named(field.group(1) if field else written[0], options)
    return named(said.get("answer_choice"), options) if isinstance(said, dict) else None


def _read(path: Path) -> list[str]:
    try:
        written: list[str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ForgeError(f"cannot read {path}: {error}; give a clone of {SOURCE.repository}") from error
    return written
