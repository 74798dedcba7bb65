"""Six defects of the reference implementation of AgentOptimizer (AutoGen 0.2), each held off by a test.

The sixth (a step without history, ties taken for improvement, a stored score) is the training loop's; what the library
contributes to it stands here, the rest in the tests of `optim`.
"""

import subprocess
import sys

import pytest
from in_process import call

from functions import Add, EditError, Function, FunctionError, Library, Remove, Revise, Terminate
from functions.edits import edit_from_call

NAMES = ("one", "two", "three")


def numbered():
    return Library().apply(
        [
            Add(name=name, source=f"def {name}() -> int:\n    '''{name}.'''\n    return {place}\n")
            for place, name in enumerate(NAMES)
        ]
    )


def test_1_every_function_runs_its_own_code_not_that_of_the_last_one():
    library = numbered()
    executors = {name: (lambda function=library[name]: call(function, {})) for name in library}
    assert [executors[name]() for name in NAMES] == [0, 1, 2]


def test_2_a_removed_function_is_gone_from_everything_that_offers_it():
    before = numbered()
    after = before.apply([Remove(name="two")])
    assert "two" not in after
    assert [tool["function"]["name"] for tool in after.tool_schemas()] == ["one", "three"]
    with pytest.raises(KeyError):
        after["two"]
    with pytest.raises(FunctionError, match="no function 'two'"):
        after.helpers("two")


def test_2_rolling_back_is_going_on_with_the_library_one_has():
    before = numbered()
    tried = before.apply(
        [
            Add(name="four", source="def four() -> int:\n    return 4\n"),
            Revise(name="one", source="def one():\n    return 9\n"),
        ]
    )
    assert "four" in tried
    assert before == numbered()
    assert "four" not in before
    assert call(before["one"], {}) == 0


def test_3_terminate_ends_the_list_of_edits():
    late = [Terminate(), Remove(name="one"), Add(name="broken", source="not Python")]
    assert numbered().apply(late) == numbered()
    assert numbered().apply([Remove(name="three"), *late]).names == ("one", "two")


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("price", "def unit_price(x):\n    return x\n", "no def is named 'price'; the source defines unit_price"),
        ("unit_prize", "def unit_price(x):\n    return x\n", "did you mean 'unit_price'"),
        ("price", "price = 3\n", "so not 'price'"),
        ("price", "class price:\n    pass\n", "so not 'price'"),
        ("price", "def price(x:\n    return x\n", "syntax error"),
        ("price of one", "def price(x):\n    return x\n", "not a function name"),
    ],
)
def test_4_a_name_that_disagrees_with_the_def_is_refused(name, source, words):
    with pytest.raises(EditError) as caught:
        Library().apply([Add(name=name, source=source)])
    assert words in str(caught.value)


def test_4_the_signature_is_checked_not_only_the_syntax():
    function = Function.from_source("def price(total, count: np.int64 = 1):\n    return total / count\n")
    assert len(function.problems()) == 4
    with pytest.raises(FunctionError, match="'total' is missing"):
        function.validate({"count": 2})


@pytest.mark.parametrize(
    "packages", ["numpy, sympy", "numpy,sympy", "numpy sympy", ["numpy", "sympy"], ["numpy, sympy"]]
)
def test_5_packages_are_a_list_of_names_however_they_are_written(packages):
    source = "def f() -> int:\n    '''F.'''\n    return 1\n"
    edit = edit_from_call("add_function", {"name": "f", "source": source, "packages": packages})
    assert Library().apply([edit])["f"].packages == ("numpy", "sympy")


WATCHED = """
import sys
from functions import Function, Library

def refuse(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.system", "socket.connect"):
        raise AssertionError(event)

sys.addaudithook(refuse)
function = Function.from_source("def f(x: int) -> int:\\n    return x\\n", packages="a-package-that-nobody-has")
print(Library([function])["f"].validate({"x": 1}))
"""


def test_5_nothing_is_installed_when_functions_are_made():
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{'x': 1}\n", "")


def test_6_an_empty_step_changes_nothing_not_even_the_version():
    for library in (Library(), numbered()):
        assert library.apply([]).version == library.version
        assert library.apply([Terminate()]).version == library.version


def test_6_a_library_is_known_by_its_content_so_a_score_belongs_to_what_was_measured():
    changed = numbered().apply([Revise(name="one", source="def one() -> int:\n    '''one.'''\n    return 7\n")])
    assert changed.version != numbered().version
    back = changed.apply([Revise(name="one", source=numbered()["one"].source)])
    assert back.version == numbered().version
