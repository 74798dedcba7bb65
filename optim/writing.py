"""Programs as readable Python functions, with a name, a description and examples that the router can match."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optim.programs import Program
from optim.shapes import Shape

MAX_EXAMPLE_BYTES = 44_000  # of examples in one docstring: source must stay under the 64 KB that a function may have
LONGEST_NAME = 50  # characters, before what tells equal names apart; tool names end at 64
LONGEST_EXAMPLE = 1_500  # characters; a longer question is left out
_ANNOTATIONS = {
    "number": "float",
    "numbers": "list[float]",
    "table": "list[dict[str, float | str]]",
    "column": "str",
    "item": "str",
    "text": "str",
    "texts": "list[str]",
    "answer": "str",
}
_DIGITS = {1: "one", 2: "two"}
_ALONE = {
    "add": "total",
    "subtract": "difference",
    "multiply": "product",
    "divide": "quotient",
    "sum": "sum_of_numbers",
}
_INSIDE = {  # how a program is named inside a larger one
    "add": "sum_of_{0}_and_{1}",
    "subtract": "difference_of_{0}_and_{1}",
    "multiply": "product_of_{0}_and_{1}",
    "divide": "quotient_of_{0}_by_{1}",
    "gap": "gap_between_{0}_and_{1}",
    "percent_of": "{1}_percent_of_{0}",
    "in_percent": "{0}_in_percent_of_{1}",
    "whole": "{0}_in_full_groups_of_{1}",
    "groups": "{0}_in_groups_of_{1}",
    "rest": "rest_of_{0}_in_groups_of_{1}",
    "values": "{1}",
    "cell": "value_of_{1}",
    "label_of_highest": "name_of_highest",
    "label_of_lowest": "name_of_lowest",
    "words": "words_of_{0}",
}
_OUTSIDE = {  # and on its own
    **_INSIDE,
    "add": "{0}_plus_{1}",
    "subtract": "{0}_minus_{1}",
    "multiply": "{0}_times_{1}",
    "divide": "{0}_over_{1}",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its answer."""

    question: str
    answer: Any  # a JSON value


def name_of(program: Program, shape: Shape) -> str:
    """An identifier, its own for every program and shape: "difference", "sum_of_first_and_second_over_third"."""
    inputs = list(shape.parameters)
    used = list(program.inputs())
    if program.operator and [argument.name for argument in program.arguments] == inputs:
        alone = _ALONE.get(program.operator.name, program.operator.name)
        return alone if not hasattr(builtins, alone) else f"{alone}_of_{'_and_'.join(inputs)}"
    name = _shortened(_phrase(program, _OUTSIDE))
    return name if set(used) == set(inputs) else f"{name}_given_{len(inputs)}"


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME].rpartition("_")[0]


def _phrase(program: Program, nouns: Mapping[str, str]) -> str:
    operator = program.operator
    if operator is None:
        return program.name or _DIGITS.get(program.constant or 0, f"n{program.constant}")
    parts = [_phrase(argument, _INSIDE) for argument in program.arguments]
    pattern = nouns.get(operator.name) or operator.name + "_of_" + "_and_".join(f"{{{n}}}" for n in range(len(parts)))
    return pattern.format(*parts)


def source_of(name: str, shape: Shape, program: Program, description: str, examples: Sequence[Example]) -> str:
    """The source of a function that computes `program`: plain Python with annotations and a docstring."""
    parameters = ", ".join(f"{each}: {_ANNOTATIONS[kind]}" for each, kind in shape.parameters.items())
    imports = "".join(f"import {module}\n" for module in sorted(program.imports))
    lines = [f"def {name}({parameters}) -> {_ANNOTATIONS[program.gives]}:", f'    """{_escaped(description)}']
    if fitting := _fitting(examples):
        lines += ["", "    Examples:", *(line for example in fitting for line in example)]
    lines += ['    """', f"    return {program.python}", ""]
    return (imports + "\n\n" if imports else "") + "\n".join(lines)


def description_of(program: Program, shape: Shape, words: Sequence[str]) -> str:
    """What the function computes, what it ignores, and the words that tell its questions from others."""
    sentence = program.phrase[0].upper() + program.phrase[1:] + "."
    ignored = [f"`{name}`" for name in shape.parameters if name not in set(program.inputs()) | {"table", "column"}]
    if ignored:
        sentence += f" {' and '.join(ignored)} {'is' if len(ignored) == 1 else 'are'} beside the point."
    return sentence + (f"\n\n    Asked with words such as {', '.join(words)}." if words else "")


def _fitting(examples: Sequence[Example], room: int = MAX_EXAMPLE_BYTES) -> list[list[str]]:
    """The bullets of the examples, in order, as many as there is room for (in bytes)."""
    bullets = []
    for example in examples:
        question = "\n          ".join(line.rstrip() for line in example.question.strip().splitlines() if line.strip())
        text = _escaped(f"        - {question} -> {_written(example.answer)}")
        size = len(text.encode()) + 1
        if len(text) <= LONGEST_EXAMPLE and size <= room:
            bullets.append(text.splitlines())
            room -= size
    return bullets


def _written(answer: Any) -> str:  # a JSON value
    return str(int(answer)) if isinstance(answer, float) and answer.is_integer() else str(answer)


def _escaped(text: str) -> str:
    """Text that stands in a docstring as itself: backslashes and quotes escaped, no control or lone surrogate."""
    plain = "".join(sign if sign == "\n" or sign.isprintable() else " " for sign in text)
    return plain.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def with_examples(source: str, name: str, examples: Sequence[Example]) -> str:
    """The source with more examples in the docstring of the function `name`, as far as there is room.

    The rest of the source stays as it is, byte for byte.
    """
    lines = source.split("\n")
    definition = next(
        node for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    )  # fmt: skip
    body = definition.body[0]
    indent = " " * body.col_offset
    present = ast.get_docstring(definition)
    first, last = (body.lineno - 1, body.end_lineno or body.lineno) if present is not None else (body.lineno - 1,) * 2
    text = [_escaped(line) for line in (present or "").split("\n")]
    if not any(line.strip().lower() in ("examples:", "example:") for line in text):
        text += ["", "Examples:"]
    room = MAX_EXAMPLE_BYTES - len("\n".join(text).encode())
    bullets = [line[4:] for bullet in _fitting(examples, room) for line in bullet]
    docstring = [f'{indent}"""{text[0]}', *(f"{indent}{line}".rstrip() for line in [*text[1:], *bullets])]
    return "\n".join([*lines[:first], *docstring, f'{indent}"""', *lines[last:]])
