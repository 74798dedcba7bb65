"""An exported module brings tests made of recorded calls, which run where nothing of this package is."""

import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import Function, FunctionError, Library, Sandbox
from functions.export_tests import Example

SOURCES = {
    "half": 'def half(n: float) -> float:\n    """Half."""\n    return n / 2\n',
    "quarter": 'def quarter(n: float) -> float:\n    """Quarter."""\n    return half(n) / 2\n',
    "pair": 'def pair(a: int) -> tuple[int, int]:\n    """Both."""\n    return (a, a + 1)\n',
    "corner": 'def corner(at: tuple[int, int]) -> int:\n    """Sum."""\n    return at[0] + at[1]\n',
    "dice": 'import random\n\n\ndef dice() -> int:\n    """Roll."""\n    return random.randint(1, 6)\n',
    "same": 'def same(value: object) -> object:\n    """As it is."""\n    return value\n',
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab{}'\"\\\n"), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.fixture(scope="module")
def box():
    with Sandbox(mode="per_batch") as sandbox:
        yield sandbox


def library(*names):
    return Library(Function.from_source(SOURCES[name]) for name in names)


def run(folder):
    """Plain pytest on what was exported, with nothing of this package in reach."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        folder,
        folder,
    ]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_recorded_calls_become_tests_that_pass_and_notice_a_change(tmp_path, box):
    examples = {
        "half": [Example({"n": 3}, 1.5), Example({"n": "8"}, 4.0), Example({"n": 3}, 1.5)],
        "quarter": [Example({"n": 1}, 0.25)],
        "pair": [Example({"a": 1}, [1, 2])],
    }
    module = library("half", "quarter", "pair").export(tmp_path / "tools.py", examples=examples, sandbox=box)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
    module.write_text(module.read_text().replace("n / 2", "n / 2 + 1"))
    assert "3 failed, 1 passed" in run(tmp_path).stdout


def test_calls_that_no_longer_hold_and_functions_without_fixed_answers_have_no_case(tmp_path, box):
    examples = {
        "half": [Example({"n": 3}, 7.0)],
        "corner": [Example({"at": [1, 2]}, 3)],
        "dice": [Example({}, 4)],
        "pair": [Example({"a": 1}, [1, 2])],
    }
    library("half", "corner", "dice", "pair").export(tmp_path / "tools.py", examples=examples, sandbox=box)
    text = (tmp_path / "test_tools.py").read_text()
    assert [name for name in examples if f"def test_{name}" in text] == ["pair"]


def test_without_examples_there_is_no_test_file(tmp_path, box):
    library("half").export(tmp_path / "tools.py")
    library("half").export(tmp_path / "more.py", examples={"half": [Example({"n": 3}, 7.0)]}, sandbox=box)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["more.py", "tools.py"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(json_values, min_size=1, max_size=6))
def test_whatever_json_was_recorded_the_tests_can_be_run_and_pass(tmp_path_factory, box, values):
    folder = tmp_path_factory.mktemp("exported")
    examples = {"same": [Example({"value": value}, value) for value in values]}
    library("same").export(folder / "tools.py", examples=examples, sandbox=box)
    namespace = {"__name__": "tools"}
    exec((folder / "tools.py").read_text(), namespace)
    text = (folder / "test_tools.py").read_text()
    compile(text, "test_tools.py", "exec")
    assert text.count("'value': ") >= 1


def test_an_import_that_is_neither_standard_nor_declared_is_refused(tmp_path):
    source = 'import numpy\n\n\ndef one() -> float:\n    """One."""\n    return float(numpy.ones(1)[0])\n'
    with pytest.raises(FunctionError, match=r"'one' imports 'numpy'.*packages=\[...\]"):
        Library([Function.from_source(source)]).export(tmp_path / "tools.py")
    declared = Library([Function.from_source(source, packages=["numpy"])]).export(tmp_path / "tools.py")
    assert "It needs numpy." in declared.read_text()
