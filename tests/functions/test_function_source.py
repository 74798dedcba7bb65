"""A function's source: which def is meant, and what is refused in words that can be acted on."""

import copy
import dataclasses
import pickle
import warnings

import pytest

from functions import ForgeError, Function, FunctionError
from functions.source import MAX_NESTING, MAX_SOURCE_BYTES

TWO = '''
import math

SCALE = 2

def _scaled(x):
    return x * SCALE

def double(x: float) -> float:
    """Twice x."""
    return _scaled(x)

def area(radius: float) -> float:
    """Area of a circle."""
    return math.pi * radius**2

def _private():
    pass
'''


def test_without_a_name_the_last_public_def_is_meant():
    assert Function.from_source(TWO).name == "area"


def test_a_name_picks_its_def_even_a_private_one():
    assert Function.from_source(TWO, "double").description == "Twice x."
    assert Function.from_source(TWO, "_private").name == "_private"


def test_of_two_defs_with_one_name_the_last_counts_as_in_python():
    function = Function.from_source("def f(a: int) -> int:\n    return a\n\ndef f(b: int) -> int:\n    return b\n")
    assert list(function.parameters["properties"]) == ["b"]


def test_a_def_inside_a_class_or_an_if_is_not_the_sources_function():
    with pytest.raises(FunctionError, match="defines no function"):
        Function.from_source("class A:\n    def method(self):\n        pass\n")


REFUSED = {
    "a syntax error names its line": ("def f(x):\n    return x +\n", None, 2, "syntax error", "valid Python"),
    "bad indentation": ("def f(x):\nreturn x\n", None, 2, "syntax error", "indentation"),
    "a return outside a function": ("def f():\n    pass\nreturn 1\n", None, 3, "outside function", ""),
    "a parameter twice": ("def f(a, a):\n    pass\n", None, 1, "duplicate argument", ""),
    "no function": ("x = 1\n", None, None, "defines no function", "def name"),
    "nothing": ("", None, None, "defines no function", "def name"),
    "only private functions": ("def _f():\n    pass\n", None, 1, "no public function", "underscore"),
    "a name that is not a def's": ("def total():\n    pass\n", "totl", None, "no def is named 'totl'", "'total'"),
    "a name far from any def's": ("def total():\n    pass\n", "x", None, "the source defines total", "must agree"),
    "a name and no function": ("x = 1\n", "total", None, "so not 'total'", "def total"),
    "no identifier": ("def f():\n    pass\n", "my function", None, "not a function name", "letters"),
    "a keyword": ("def f():\n    pass\n", "class", None, "not a function name", "keyword"),
    "a name that is no text": ("def f():\n    pass\n", 3, None, "not a function name", ""),
    "a name that is no ASCII": ("def größe():\n    pass\n", None, 1, "not a function name", "ASCII"),
    "a name too long for tools": (f"def {'f' * 65}():\n    pass\n", None, 1, "65 characters", "64"),
    "an async def": ("async def f():\n    pass\n", None, 1, "async def", "plain def"),
    "a generator": ("def f():\n    x = 1\n    yield x\n", None, 3, "generator", "return a list"),
    "a source too long": (f"x = '{'a' * MAX_SOURCE_BYTES}'\n", None, None, "bytes", "shorter"),
    "a NUL": ("def f():\n    return '\0'\n", None, 2, "NUL", "\\0"),
    "half a surrogate pair": ("def f():\n    return '\ud800'\n", None, None, "surrogate", "Unicode"),
    "a Markdown fence": ("```python\ndef f():\n    pass\n```", None, 1, "Markdown", "alone"),
    "deep brackets": ("x = " + "(" * 201 + ")" * 201 + "\ndef f(): pass\n", None, 1, "syntax error", ""),
    "a deep expression": ("def f():\n    return " + "-" * 300 + "1\n", None, 2, f"{MAX_NESTING} levels", "split"),
    "a very deep expression": ("x = " + "-" * 50_000 + "1\n", None, None, "too deep", "split"),
    "a very long sum": ("x = " + "+".join(["1"] * 30_000) + "\n", None, None, "too deep", "split"),
}


@pytest.mark.parametrize(("source", "name", "line", "reason", "hint"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_source_is_refused_with_line_reason_and_hint(source, name, line, reason, hint):
    with pytest.raises(FunctionError) as caught:
        Function.from_source(source, name)
    assert (caught.value.line, reason in caught.value.reason) == (line, True), str(caught.value)
    assert hint in caught.value.hint
    assert isinstance(caught.value, ForgeError)
    assert len(str(caught.value)) < 400


def test_a_source_that_is_not_text_is_refused():
    with pytest.raises(FunctionError, match="must be text, not bytes"):
        Function.from_source(b"def f(): pass")


def test_a_nested_generator_or_coroutine_helper_is_fine():
    source = "async def helper():\n    pass\n\ndef f(n: int) -> list[int]:\n    def g():\n        yield n\n    return list(g())\n"  # noqa: E501
    assert Function.from_source(source).name == "f"


def test_a_long_chain_of_elif_as_people_write_it_is_fine():
    chain = "".join(f"    elif n == {n}:\n        return {n}\n" for n in range(1, 80))
    assert Function.from_source(f"def f(n: int) -> int:\n    if n == 0:\n        return 0\n{chain}    return -1\n")


def test_the_warnings_of_a_source_are_not_printed_at_its_reader():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Function.from_source('def f():\n    """\\d"""\n    return 1 is 1\n').scope.free == frozenset()


def test_line_ends_and_blank_ends_do_not_make_another_version():
    plain = Function.from_source("def f():\n    return 1\n")
    assert plain == Function.from_source("def f():\r\n    return 1")
    assert plain.version == Function.from_source("def f():\n    return 1\n\n\n").version


def test_every_field_is_part_of_the_version():
    source = "def f(x: int) -> int:\n    return x\n\ndef g(x: int) -> int:\n    return x\n"
    variants = [
        Function.from_source(source),
        Function.from_source(source, "f"),
        Function.from_source(source + "# note\n"),
        Function.from_source(source, description="other"),
        Function.from_source(source, packages=["numpy"]),
        Function.from_source(source, trainable=False),
    ]
    assert len({variant.version for variant in variants}) == len(variants) == len(set(variants))


def test_a_function_is_frozen_and_hands_out_copies():
    function = Function.from_source("def f(x: list[int]) -> int:\n    return x[0]\n")
    with pytest.raises(dataclasses.FrozenInstanceError):
        function.name = "g"
    for view in (function.parameters, function.returns, function.binding, function.tool_schema()["function"]):
        view.clear()
    assert function.parameters["properties"]["x"] == {"type": "array", "items": {"type": "integer"}}
    assert function.binding["keyword"] == ["x"]


def test_replacing_a_field_makes_a_checked_function():
    function = Function.from_source("def f():\n    return 1\n")
    assert dataclasses.replace(function, trainable=False).trainable is False
    with pytest.raises(FunctionError, match="no def is named 'f'"):
        dataclasses.replace(function, source="def g():\n    return 1\n")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies_are_equal_and_still_validate(copied):
    function = Function.from_source("def f(x: int) -> int:\n    return x\n", packages="numpy", trainable=False)
    function.validate({"x": 1})
    twin = copied(function)
    assert twin == function
    assert twin.version == function.version
    assert twin.validate({"x": "2"}) == {"x": 2}


def test_a_function_that_came_as_text_is_not_run_in_process():
    with pytest.raises(FunctionError, match=r"never run in this process \(use functions.Sandbox"):
        Function.from_source("def f():\n    return 1\n")()


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("numpy, sympy", ("numpy", "sympy")),
        ("numpy sympy,numpy", ("numpy", "sympy")),
        (["numpy", "scikit-learn"], ("numpy", "scikit-learn")),
        (["numpy, sympy"], ("numpy", "sympy")),
        ("", ()),
        ([], ()),
    ],
)
def test_packages_are_split_into_names(given, names):
    assert Function.from_source("def f(): pass", packages=given).packages == names


@pytest.mark.parametrize("given", ["numpy>=2", "--index-url=evil", "git+https://host/x", "../x", ["numpy; rm"], [3]])
def test_a_package_that_is_no_bare_name_is_refused(given):
    with pytest.raises(FunctionError, match="is not a package name"):
        Function.from_source("def f(): pass", packages=given)
