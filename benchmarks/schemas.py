"""`python -m benchmarks.schemas`: recorded and gold tool calls of BFCL and tau-bench against their tools' schemas.

Calls of tau-bench, gold ones too, are read as our dialect reads a model's. Every verdict of `functions.json_schema` is
compared with that of the jsonschema package. Ours may accept more, where nothing is lost ("3" for an integer, null
where it is the default); a call that only ours refuses is a fault, and then the command fails.
"""

from __future__ import annotations

import ast
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.data import data_folder, rows
from benchmarks.tau_bench_files import SPLITS, TOOLS, task_rows, tool_schemas, trajectories
from forge.dialect import ToolCalls
from forge.models import chat
from forge.models.protocol import Context
from functions.errors import ArgumentError, ForgeError
from functions.json_schema import JSONSchema, validate_arguments

Schema = dict[str, Any]  # a JSON schema is JSON: nothing narrower describes it

_STANDARD_TYPE = {"dict": "object", "hashmap": "object", "float": "number", "double": "number", "long": "integer",
                  "tuple": "array", "arraylist": "array", "char": "string"}  # fmt: skip
_NO_TYPE = {"any"}
_DOCS_OF_CLASS = {"GorillaFileSystem": "gorilla_file_system", "MathAPI": "math_api", "MessageAPI": "message_api",
                  "TwitterAPI": "posting_api", "TicketAPI": "ticket_api", "TradingBot": "trading_bot",
                  "TravelAPI": "travel_booking", "VehicleControlAPI": "vehicle_control"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call as the data has it, with the schema of the tool that it names (None: no such tool).

    `error` says why its arguments could not be read.
    """

    name: str
    arguments: Mapping[str, Any]
    schema: Schema | None
    error: str = ""


@dataclass
class Tally:
    """Verdicts on one source of calls; mutable, filled as calls are judged."""

    verdicts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, verdict: str, example: str = "") -> None:
        self.verdicts[verdict] += 1
        self.examples.setdefault(verdict, example)


def main() -> int:
    """Judge everything, print the tables, and return how many verdicts nobody can explain (capped at 1)."""
    start = time.perf_counter()
    bfcl = _bfcl_folder()
    sources = {**({} if bfcl is None else dict(_bfcl(bfcl))), **dict(tau_bench())}
    tallies = {name: judged(calls) for name, calls in sources.items()}
    _print(tallies)
    schemas, refused = (0, []) if bfcl is None else _built(bfcl)
    calls, seconds = sum(sum(tally.verdicts.values()) for tally in tallies.values()), time.perf_counter() - start
    print(
        f"\n{calls} calls and {schemas} tool schemas in {seconds:.1f} s; schemas that cannot be checked: {len(refused)}"
    )
    print("".join(f"  {words}\n" for words in refused), end="")
    verdicts = sum((tally.verdicts for tally in tallies.values()), Counter[str]())
    faults = len(refused) + sum(verdicts[verdict] for verdict in FAULTS)
    print("every difference is explained" if not faults else f"{faults} verdicts are faults")
    return 1 if faults else 0


ACCEPTED = "fits as it is"
COERCED = "fits by our reading"
OURS_ONLY = "refused by us alone"
THEIRS_ONLY = "changed what already fitted"
BAD_SCHEMA = "schema refused"
FAULTS = frozenset({OURS_ONLY, THEIRS_ONLY, BAD_SCHEMA})


def judged(calls: Iterable[ToolCall]) -> Tally:
    """How many calls fit their schemas, and why the rest do not."""
    tally = Tally()
    ready: dict[int, tuple[JSONSchema, Any, Schema]] = {}
    for call in calls:
        if call.error:
            tally.add("refused: arguments that are no JSON object", f"{call.name}: {call.error}")
            continue
        if call.schema is None:
            tally.add("names no tool that is offered", call.name)
            continue
        if id(call.schema) not in ready:
            try:
                ready[id(call.schema)] = (JSONSchema(call.schema, closed=True), _referee(call.schema), call.schema)
            except ForgeError as error:
                tally.add(BAD_SCHEMA, f"{call.name}: {error}")
                continue
        ours, referee, _ = ready[id(call.schema)]
        tally.add(*_verdict(call, ours, referee))
    return tally


def _verdict(call: ToolCall, ours: JSONSchema, referee: Any) -> tuple[str, str]:
    fits = referee.is_valid(dict(call.arguments))
    shown = f"{call.name}({json.dumps(call.arguments, default=str)[:120]})"
    try:
        coerced = validate_arguments(ours, call.arguments, name=call.name)
    except ArgumentError as error:
        return (OURS_ONLY if fits else _reason(error)), str(error)[:200]
    if coerced == call.arguments:
        return (ACCEPTED if fits else COERCED), shown
    return (THEIRS_ONLY if fits else COERCED), f"{shown} -> {json.dumps(coerced)[:120]}"


def _reason(error: ArgumentError) -> str:
    if "is missing" in error.reason:
        return "refused: an argument is missing"
    if "is unknown" in error.reason:
        return "refused: an argument is unknown"
    if "not null" in error.reason:
        return "refused: null, which is not declared"
    return "refused: none of the enum" if "must be '" in error.reason else "refused: a value of another type"


def _referee(schema: Schema) -> Any:  # jsonschema brings no types
    import jsonschema  # type: ignore[import-untyped]

    return jsonschema.Draft202012Validator({"additionalProperties": False, **schema})


def _bfcl_folder() -> Path | None:
    """Where BFCL is, which is not downloaded; where it is missing, that is told, and tau-bench is judged alone."""
    try:
        return data_folder("bfcl")
    except ForgeError as error:
        print(f"BFCL is left out: {error}\n")
        return None


def _bfcl(folder: Path) -> Iterator[tuple[str, Iterator[ToolCall]]]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        yield f"bfcl {name.removeprefix('BFCL_v4_')}", _bfcl_calls(path, folder)


def _bfcl_calls(path: Path, folder: Path) -> Iterator[ToolCall]:
    docs = _docs(folder) if "multi_turn" in path.name else {}
    for row in rows(path):
        if docs:
            tools = {name: schema for kind in row["involved_classes"] for name, schema in docs[kind].items()}
        else:
            tools = {tool["name"]: standard(tool["parameters"]) for tool in row["function"]}
        for item in _flat(row.get("ground_truth") or []):
            yield from _written(item, tools) if isinstance(item, str) else _allowed(item, tools)


def _built(folder: Path) -> tuple[int, list[str]]:
    """How many schemas of offered tools there are, those without a gold call included, and why some are refused."""
    schemas = [
        (tool["name"], standard(tool["parameters"]))
        for path in sorted(folder.glob("*.jsonl.gz"))
        for row in rows(path)
        for tool in row.get("function") or ()
    ]
    refused: list[str] = []
    for name, schema in schemas:
        try:
            JSONSchema(schema, closed=True)
        except ForgeError as error:
            refused.append(f"{name}: {error}")
    return len(schemas), refused


def _docs(folder: Path) -> dict[str, dict[str, Schema]]:
    """Schemas by class and function; the files are JSON lists or JSON lines."""
    found: dict[str, dict[str, Schema]] = {}
    for kind, file in _DOCS_OF_CLASS.items():
        text = gzip.decompress((folder / "multi_turn_func_doc" / f"{file}.json.gz").read_bytes()).decode()
        listed = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines()]
        found[kind] = {tool["name"]: standard(tool["parameters"]) for tool in listed}
    return found


def standard(schema: Mapping[str, Any]) -> Schema:
    """A schema of the BFCL dialect ("dict", "float", "String", "any", ...) in the words of JSON Schema."""
    kind = str(schema.get("type", "any")).lower()
    known: Schema = {} if kind in _NO_TYPE else {"type": _STANDARD_TYPE.get(kind, kind)}
    for word in ("enum", "required", "default", "description"):
        if word in schema:
            known[word] = schema[word]
    if isinstance(schema.get("properties"), Mapping):
        known["properties"] = {name: standard(part) for name, part in schema["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), Mapping):
            known[word] = standard(schema[word])
    return known


def _flat(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def _written(text: str, tools: Mapping[str, Schema]) -> Iterator[ToolCall]:
    """A gold call written as Python: `name(a=1, b="x")`, some arguments by position."""
    call = ast.parse(text.strip(), mode="eval").body
    assert isinstance(call, ast.Call), text
    name = ast.unparse(call.func)
    schema = tools.get(name)
    places = list((schema or {}).get("properties", {}))
    by_place = {place: _value(item) for place, item in zip(places, call.args, strict=False)}
    by_name = {str(word.arg): _value(word.value) for word in call.keywords}
    yield ToolCall(name, by_place | by_name, schema)


def _value(node: ast.expr) -> Any:
    value = ast.literal_eval(node)
    return json.loads(json.dumps(value))  # a tuple arrives as a list


def _allowed(item: Mapping[str, Any], tools: Mapping[str, Schema]) -> Iterator[ToolCall]:
    """Gold with several allowed values an argument ("" means that it may be left out): a call for each alternative."""
    for name, allowed in item.items():
        schema = tools.get(name)
        parts = (schema or {}).get("properties", {})
        for turn in range(max([1, *(len(values) for values in allowed.values())])):
            chosen = {
                word: _unfolded(values[min(turn, len(values) - 1)], parts.get(word, {}))
                for word, values in allowed.items()
                if values
            }
            yield ToolCall(name, {word: value for word, value in chosen.items() if value != ""}, schema)


def _unfolded(value: Any, schema: Schema) -> Any:
    """A gold value whose inner objects again hold lists of allowed values: the first of each."""
    if isinstance(value, dict):
        parts = schema.get("properties", {})
        picked = {
            word: _unfolded(inner[0], parts.get(word, {})) if isinstance(inner, list) and inner else inner
            for word, inner in value.items()
        }
        return {word: inner for word, inner in picked.items() if inner != ""}
    if isinstance(value, list):
        return [_unfolded(item, schema.get("items", {})) if isinstance(item, dict) else item for item in value]
    return value


def tau_bench() -> Iterator[tuple[str, Iterator[ToolCall]]]:
    """The gold actions of each split and the recorded calls, by name; files are downloaded where need be."""
    tools = {domain: _by_name(tool_schemas(domain)) for domain in TOOLS}
    for domain, split in SPLITS:
        yield f"tau {domain}_tasks_{split}", _gold_actions(task_rows(domain, split), tools[domain])
    yield "tau gpt-4o airline", _recorded(trajectories(), tools["airline"])


def _by_name(tools: Iterable[Mapping[str, Any]]) -> dict[str, Schema]:
    return {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}


def _gold_actions(tasks: Iterable[Mapping[str, Any]], tools: Mapping[str, Schema]) -> Iterator[ToolCall]:
    for row in tasks:
        yield from _spoken([("", action["name"], json.dumps(action["kwargs"])) for action in row["actions"]], tools)


def _recorded(dialogues: Iterable[Mapping[str, Any]], tools: Mapping[str, Schema]) -> Iterator[ToolCall]:
    for row in dialogues:
        for message in row["traj"]:
            calls = message.get("tool_calls") or ()
            functions = [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls]
            yield from _spoken(functions, tools)


def _spoken(written: Iterable[tuple[str, str, str]], tools: Mapping[str, Schema]) -> Iterator[ToolCall]:
    """Calls by id, name and arguments in JSON, as our dialect reads those of a model's reply."""
    reply = chat.Reply(tool_calls=tuple(chat.ToolCall(*each) for each in written))
    for call in ToolCalls().parse(reply, Context("", "", "", ())).calls:
        yield ToolCall(call.name, call.arguments, tools.get(call.name), call.error)


def _print(tallies: Mapping[str, Tally]) -> None:
    kinds = [kind for kind in (ACCEPTED, COERCED) if any(tally.verdicts[kind] for tally in tallies.values())]
    print(f"{'calls of':38}{'calls':>7}" + "".join(f"{kind:>22}" for kind in kinds) + f"{'refused':>10}")
    for name, tally in tallies.items():
        total = sum(tally.verdicts.values())
        accepted = sum(tally.verdicts[kind] for kind in kinds)
        if total:
            columns = "".join(f"{tally.verdicts[kind]:>22}" for kind in kinds)
            print(f"{name:38}{total:>7}{columns}{total - accepted:>10}")
    print("\nwhy calls were refused or coerced:")
    for name, tally in tallies.items():
        for verdict, count in tally.verdicts.most_common():
            if verdict != ACCEPTED:
                print(f"  {name}: {count} x {verdict}, for example\n      {tally.examples[verdict]}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ForgeError as error:
        sys.exit(f"error: {error}")
