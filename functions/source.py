"""The text of a function: read without running it, and refused in words that a person or an LLM can act on."""

from __future__ import annotations

import ast
import difflib
import keyword
import re
import threading
import warnings
from collections.abc import Iterable, Iterator

from functions.errors import FunctionError

MAX_SOURCE_BYTES = 64 * 1024
MAX_NESTING = 200
MAX_NAME_LENGTH = 64  # of a tool's name in the OpenAI protocol: ^[a-zA-Z0-9_-]{1,64}$

# Held while CPython reads source: threads that build trees disturb each other's count of depth (gh-106905), and
# warnings are filtered for the whole process.
READING = threading.RLock()

_TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NESTING_HINT = "split long expressions and chains of elif into several statements or a dict"


def normalise(source: str) -> str:
    """The source with Unix line ends and exactly one newline at its end, so that equal code has one version."""
    if not isinstance(source, str):
        raise FunctionError(f"a source must be text, not {type(source).__name__}", hint="pass Python source as a str")
    return source.replace("\r\n", "\n").replace("\r", "\n").rstrip() + "\n"


def parse(source: str) -> ast.Module:
    """Parse and compile, never run, a source of bounded size and nesting.

    Raises:
        FunctionError: too long, NUL, lone surrogates, Markdown fences, nested too deep, or a syntax error.
    """
    _require_plain_text(source)
    try:
        with READING, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the untrusted source's own (such as "\d") are not ours to print
            tree = ast.parse(source)
            _require_shallow(tree)
            compile(tree, "<function>", "exec", dont_inherit=True)  # sees what the parser does not: a stray return
    except SyntaxError as error:
        raise _syntax_error(error) from None
    except (RecursionError, MemoryError):
        raise FunctionError("the source is nested too deep to parse", hint=_NESTING_HINT) from None
    except ValueError as error:
        raise FunctionError(f"the source cannot be read: {error}", hint="send plain Python text") from None
    return tree


def entry(tree: ast.Module, name: str | None) -> ast.FunctionDef:
    """The definition that a source stands for: the last top-level `def` of that name, or the last public one.

    Raises:
        FunctionError: there is none, its name does not fit a tool call, or it is a coroutine or a generator.
    """
    found = _named(tree, name) if name is not None else _last_public(tree)
    if isinstance(found, ast.AsyncFunctionDef):
        raise FunctionError(f"{found.name!r} is an async def", line=found.lineno, hint="write a plain def")
    require_name(found.name, line=found.lineno)
    if (yielding := _first_yield(found)) is not None:
        raise FunctionError(f"{found.name!r} is a generator, whose result is not JSON",
                            line=yielding, hint="collect the values and return a list")  # fmt: skip
    return found


def require_name(name: str, *, line: int | None = None) -> None:
    """Refuse a name that Python or a tool call could not carry."""
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name) or keyword.iskeyword(name):
        raise FunctionError(f"{name!r} is not a function name", line=line,
                            hint="use ASCII letters, digits and _, not starting with a digit, no keyword")  # fmt: skip
    if len(name) > MAX_NAME_LENGTH:
        raise FunctionError(f"the name {name[:20]}... has {len(name)} characters",
                            line=line, hint=f"tool names end at {MAX_NAME_LENGTH}")  # fmt: skip


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A hint that names the nearest known name, or the words given for when none is near."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise


def top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that run when the module is loaded, those under top-level if, try, with and loops included."""
    waiting: list[ast.stmt] = list(reversed(tree.body))
    while waiting:
        statement = waiting.pop()
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            waiting.extend(reversed([part for part in _parts(statement) if isinstance(part, ast.stmt)]))


def _parts(statement: ast.stmt) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, (ast.ExceptHandler, ast.match_case)):
            yield from child.body
        else:
            yield child


def _require_plain_text(source: str) -> None:
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        raise FunctionError(f"character {error.start} of the source is half of a surrogate pair",
                            hint="send valid Unicode") from None  # fmt: skip
    if size > MAX_SOURCE_BYTES:
        raise FunctionError(f"the source has {size} bytes, more than the {MAX_SOURCE_BYTES} allowed",
                            hint="write a shorter function; pass data as arguments")  # fmt: skip
    if "\0" in source:
        line = source.count("\n", 0, source.index("\0")) + 1
        raise FunctionError(
            "the source contains a NUL character", line=line, hint="remove it, or write \\0 in a string"
        )
    if source.lstrip().startswith("```"):
        raise FunctionError("the source stands in a Markdown code fence", line=1,
                            hint="send the code alone, without the ``` lines")  # fmt: skip


def _require_shallow(tree: ast.Module) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(MAX_NESTING):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    line = next((node.lineno for node in level if hasattr(node, "lineno")), None)
    raise FunctionError(f"the source is nested deeper than {MAX_NESTING} levels", line=line, hint=_NESTING_HINT)


def _syntax_error(error: SyntaxError) -> FunctionError:
    text = (error.text or "").strip()
    shown = f": {text[:80]}" if text else ""
    hint = "check the indentation" if isinstance(error, IndentationError) else "send one valid Python module"
    return FunctionError(f"syntax error, {error.msg}{shown}", line=error.lineno, hint=hint)


def _definitions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _last_public(tree: ast.Module) -> ast.FunctionDef | ast.AsyncFunctionDef:
    definitions = _definitions(tree)
    public = [node for node in definitions if not node.name.startswith("_")]
    if public:
        return public[-1]
    if definitions:
        raise FunctionError(f"the source defines no public function, only {definitions[-1].name!r}",
                            line=definitions[-1].lineno, hint="drop the underscore, or give the name")  # fmt: skip
    raise FunctionError(
        "the source defines no function at its top level", hint="write: def name(argument: type) -> type:"
    )


def _named(tree: ast.Module, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    require_name(name)
    definitions = _definitions(tree)
    for node in reversed(definitions):
        if node.name == name:
            return node
    names = list(dict.fromkeys(node.name for node in definitions))
    if not names:
        raise FunctionError(f"the source defines no function at its top level, so not {name!r}",
                            hint=f"write: def {name}(...):")  # fmt: skip
    raise FunctionError(f"no def is named {name!r}; the source defines {', '.join(names[:8])}",
                        hint=did_you_mean(name, names, otherwise="name and def must agree"))  # fmt: skip


def _first_yield(function: ast.FunctionDef) -> int | None:
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return node.lineno
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))
    return None
