"""A library never changes; edits make another one, or say what is wrong with which edit."""

import copy
import pickle

import pytest

from functions import Add, EditError, Function, FunctionError, Library, Remove, Revise, Terminate

BASE = "def base(x: float) -> float:\n    '''Base.'''\n    return x\n"
TAX = "def tax(x: float) -> float:\n    '''Tax.'''\n    return base(x) * 2\n"
TOTAL = "def total(x: float) -> float:\n    '''Total.'''\n    return tax(x) + base(x)\n"
ALONE = "def alone() -> int:\n    '''Alone.'''\n    return 1\n"
EVEN = "def even(n: int) -> bool:\n    '''Even.'''\n    return n == 0 or odd(n - 1)\n"
ODD = "def odd(n: int) -> bool:\n    '''Odd.'''\n    return n != 0 and even(n - 1)\n"


def library(*sources):
    return Library([Function.from_source(source) for source in sources])


def test_a_library_reads_like_a_mapping_in_the_order_given():
    found = library(TOTAL, BASE, TAX)
    assert found.names == ("total", "base", "tax") == tuple(found)
    assert len(found) == 3
    assert "base" in found
    assert found["base"].source == BASE
    assert found.get("nothing") is None
    assert repr(found) == "Library(total, base, tax)"
    assert repr(Library()) == "Library(empty)"
    assert [schema["function"]["name"] for schema in found.tool_schemas()] == ["total", "base", "tax"]
    assert Library(found) == found


def test_equality_and_version_do_not_depend_on_order():
    assert library(BASE, ALONE) == library(ALONE, BASE)
    assert library(BASE, ALONE).version == library(ALONE, BASE).version
    assert hash(library(BASE, ALONE)) == hash(library(ALONE, BASE))
    assert library(BASE).version != library(ALONE).version != Library().version


def test_a_library_cannot_be_written_to():
    found = library(BASE)
    with pytest.raises(AttributeError):
        found.names = ()
    with pytest.raises(TypeError):
        found["base"] = found["base"]
    with pytest.raises(AttributeError):
        found.anything = 1


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda found: pickle.loads(pickle.dumps(found))])
def test_copies_are_equal(copied):
    assert copied(library(TOTAL, BASE, TAX)) == library(TOTAL, BASE, TAX)


def test_two_functions_of_one_name_are_refused():
    with pytest.raises(FunctionError, match="two functions are named 'base'"):
        library(BASE, BASE)


def test_edits_make_another_library_and_leave_this_one():
    before = library(BASE)
    version = before.version
    after = before.apply([Add(name="tax", source=TAX), Revise(name="base", source=BASE + "# better\n")])
    assert (before.names, before.version) == (("base",), version)
    assert after.names == ("base", "tax")
    assert "# better" in after["base"].source


def test_edits_apply_in_order_so_an_addition_can_be_revised_or_taken_back():
    revised = Library().apply([Add(name="alone", source=ALONE), Revise(name="alone", source=ALONE.replace("1", "2"))])
    assert "return 2" in revised["alone"].source
    assert library(BASE).apply([Remove(name="base"), Add(name="base", source=BASE)]) == library(BASE)


def test_a_revision_keeps_packages_unless_it_names_some():
    start = Library().apply([Add(name="alone", source=ALONE, packages=["numpy"])])
    assert start.apply([Revise(name="alone", source=ALONE + "#")])["alone"].packages == ("numpy",)
    assert start.apply([Revise(name="alone", source=ALONE, packages=[])])["alone"].packages == ()


def test_what_comes_after_terminate_is_not_applied():
    assert library(BASE).apply([Terminate(), Remove(name="base")]) == library(BASE)
    assert library(BASE).apply([Remove(name="base"), Terminate(), Add(name="x", source="not Python")]) == Library()
    assert library(BASE).apply([]) == library(BASE)


def test_functions_that_need_each_other_go_together_in_either_order():
    whole = library(BASE, TAX, ALONE)
    for order in (("base", "tax"), ("tax", "base")):
        assert whole.apply([Remove(name=name) for name in order]) == library(ALONE)
    for order in ((BASE, TAX), (TAX, BASE)):
        added = Library().apply([Add(name=Function.from_source(source).name, source=source) for source in order])
        assert added == library(BASE, TAX)


WRONG = {
    "revising what is not there": ([Revise(name="bse", source=BASE)], 0, "no such function", "'base'"),
    "removing what is not there": ([Remove(name="zzz")], 0, "no such function", "it has base, tax, total"),
    "adding what is there": ([Add(name="base", source=BASE)], 0, "has it already", "revise"),
    "removing what others need": ([Remove(name="base")], 0, "remove 'base': tax, total would miss it", "same list"),
    "removing a helper of a helper": ([Remove(name="tax")], 0, "total would miss it", ""),
    "a name that no def has": (
        [Add(name="new", source=ALONE)],
        0,
        "no def is named 'new'; the source defines alone",
        "",
    ),
    "a syntax error": ([Add(name="alone", source=ALONE), Add(name="f", source="def f(:")], 1, "syntax error", ""),
    "a circle": (
        [Add(name="alone", source=ALONE), Revise(name="base", source="def base(x):\n    return total(x)\n")],
        1,
        "call each other in a circle: ",
        "move",
    ),
    "a circle of two": ([Add(name="odd", source=ODD), Add(name="even", source=EVEN)], 1, "in a circle", ""),
    "no function at all": ([Add(name="f", source="x = 1")], 0, "defines no function", "def f"),
}


@pytest.mark.parametrize(("edits", "index", "reason", "hint"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_edit_is_named_with_the_way_out(edits, index, reason, hint):
    start = library(BASE, TAX, TOTAL)
    with pytest.raises(EditError) as caught:
        start.apply(edits)
    assert caught.value.index == index
    assert reason in caught.value.reason
    assert hint in caught.value.hint
    assert f"edit {index}: " in str(caught.value)
    assert start == library(BASE, TAX, TOTAL)


def test_an_edit_error_keeps_the_line_of_the_source():
    with pytest.raises(EditError, match=r"^line 2: edit 0: add 'f': syntax error") as caught:
        Library().apply([Add(name="f", source="def f():\n    return +\n")])
    assert caught.value.line == 2


def test_removing_from_an_empty_library_says_so():
    with pytest.raises(EditError, match="it is empty: add one"):
        Library().apply([Remove(name="f")])


def test_a_frozen_function_may_not_be_touched_but_may_be_called():
    frozen = Library([Function.from_source(BASE, trainable=False)])
    for edit in (Revise(name="base", source=BASE + "#"), Remove(name="base")):
        with pytest.raises(EditError, match="it is frozen"):
            frozen.apply([edit])
    assert frozen.apply([Add(name="tax", source=TAX)]).helpers("tax") == (frozen["base"],)


def test_helpers_come_in_the_order_in_which_they_must_be_defined():
    found = library(TOTAL, TAX, BASE, ALONE)
    assert [helper.name for helper in found.helpers("total")] == ["base", "tax"]
    assert found.helpers("alone") == ()
    with pytest.raises(FunctionError, match=r"no function 'totl' \(did you mean 'total'\?\)"):
        found.helpers("totl")


def test_the_call_graph_is_a_networkx_graph_from_caller_to_helper():
    graph = library(TOTAL, TAX, BASE, ALONE).call_graph.networkx()
    assert set(graph.edges) == {("total", "tax"), ("total", "base"), ("tax", "base")}
    assert set(graph.nodes) == {"total", "tax", "base", "alone"}


@pytest.mark.parametrize(
    "source",
    [
        "def f(base: float) -> float:\n    return base\n",
        "def f() -> float:\n    base = 1\n    return base\n",
        "from math import floor as base\n\ndef f() -> float:\n    return base(1.5)\n",
        "def base(x):\n    return x\n\ndef f() -> float:\n    return base(1.5)\n",
        "def f(x: object) -> float:\n    return x.base\n",
        "def f() -> dict:\n    return dict(base=1)\n",
        "def f() -> list:\n    return [base for base in (1, 2)]\n",
        "def f() -> str:\n    return 'base'\n",
        "def f(n: int) -> int:\n    return f(n - 1) if n else 0\n",
    ],
)
def test_a_name_that_a_function_has_of_its_own_is_no_call(source):
    assert library(source, BASE).helpers("f") == ()


@pytest.mark.parametrize(
    "body",
    [
        "return base(1)",
        "return list(map(base, [1]))",
        "return (lambda: base(1))()",
        "return [base(x) for x in [1]]",
        "def inner():\n        return base(1)\n    return inner()",
        "return f'{base(1)}'",
        "class A:\n        value = base(1)\n    return A.value",
    ],
)
def test_a_free_global_name_is_a_call_wherever_it_stands(body):
    found = library(f"def f():\n    {body}\n", BASE)
    assert [helper.name for helper in found.helpers("f")] == ["base"]


def test_names_that_nobody_defines_are_told():
    found = library(
        "import math\n\ndef f(x: float) -> float:\n    return base(x) + mth.pi + math.pi + len('') + helper(x)\n", BASE
    )
    assert found.undefined("f") == ("helper", "mth")
    assert library("from math import *\n\ndef f() -> float:\n    return pi\n").undefined("f") == ()
    assert library("def f() -> str:\n    return __name__\n").undefined("f") == ()


def test_functions_that_run_together_may_not_mean_different_things_by_one_name():
    first = "LIMIT = 1\n\ndef first() -> int:\n    return LIMIT\n"
    second = "LIMIT = 2\n\ndef second() -> int:\n    return LIMIT + {}\n"
    assert library(first, second.format(0)).helpers("second") == ()
    with pytest.raises(
        EditError, match=r"mean different things by 'LIMIT' \(rename 'LIMIT' in one of them\)"
    ) as caught:
        library(first).apply([Add(name="second", source=second.format("first()"))])
    assert caught.value.index == 0


def test_functions_that_run_together_may_share_equal_helpers_and_imports():
    shared = "import math\n\ndef _clean(x):\n    return math.floor(x)\n\n"
    first = shared + "def first(x: float) -> int:\n    return _clean(x)\n"
    second = shared + "def second(x: float) -> int:\n    return first(_clean(x))\n"
    assert [helper.name for helper in library(first, second).helpers("second")] == ["first"]


def test_a_private_name_may_not_replace_a_builtin_that_a_companion_uses():
    first = "def len(x):\n    return 3\n\ndef first() -> int:\n    return len('')\n"
    with pytest.raises(FunctionError, match="mean different things by 'len'"):
        library(first, "def second() -> int:\n    return first() + len('abc')\n")


def test_a_function_named_like_a_builtin_is_refused_only_where_another_uses_the_builtin():
    sum_ = "def sum(a: int, b: int) -> int:\n    '''Sum.'''\n    return a + b\n"
    assert library(sum_, BASE).names == ("sum", "base")
    with pytest.raises(EditError, match=r"'f' uses the builtin 'sum'.*give 'sum' another name"):
        library(sum_).apply([Add(name="f", source="def f(x: list[int]) -> int:\n    return sum(x)\n")])


def test_a_diff_shows_what_changed_and_nothing_else():
    before = library(BASE, ALONE, TAX)
    after = before.apply([Revise(name="alone", source=ALONE.replace("1", "2")), Remove(name="tax"),
                          Add(name="new", source="def new() -> int:\n    return 3\n")])  # fmt: skip
    diff = before.diff(after)
    assert "--- a/alone.py\n+++ b/alone.py\n" in diff
    assert "-    return 1\n+    return 2\n" in diff
    assert "--- a/tax.py\n+++ /dev/null\n" in diff
    assert "--- /dev/null\n+++ b/new.py\n" in diff
    assert "base.py" not in diff
    assert before.diff(before) == ""


def test_a_diff_shows_fields_that_the_source_does_not():
    before = library(ALONE)
    for change in ({"packages": ["numpy"]}, {"trainable": False}, {"description": "Other."}):
        assert before.diff(Library([Function.from_source(ALONE, **change)]))
