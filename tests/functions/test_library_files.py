"""A library as files: saved and loaded whole, and exported as a module that behaves the same."""

import json
import os
import stat
import subprocess
import sys

import pytest
from in_process import call

from functions import Function, FunctionError, Library

ITEM = '''
from __future__ import annotations
# Prices come in cents.
import math
from dataclasses import dataclass

LIMIT = 3
SEEN = []


@dataclass
class Item:
    price: float


def _clean(x: float) -> float:  # keep me
    SEEN.append(x)
    return math.floor(x) + LIMIT + len(SEEN)


def first(x: float) -> float:
    """First."""
    return _clean(x)
'''
CLASHING = '''
import math, os.path as paths
from math import floor

LIMIT = 40  # another limit
SEEN = []


def _clean(x: float) -> float:
    global SEEN
    SEEN = [*SEEN, x]
    return floor(x) + LIMIT + len(SEEN) + len(paths.sep)


def second(x: float) -> float:
    """Second."""
    return _clean(x)
'''
SAME_TEXT_OTHER_MEANING = '''
import math

LIMIT = 500
SEEN = []


def _clean(x: float) -> float:  # keep me
    SEEN.append(x)
    return math.floor(x) + LIMIT + len(SEEN)


def third(x: float) -> float:
    """Third."""
    return _clean(x)
'''
CALLER = '"""Module words."""\n\ndef fourth(x: float) -> float:\n    """Fourth."""\n    return first(x) + len([x])\n'
SHADOW = 'def len(x):\n    return 1000\n\ndef first(x):\n    return 7\n\ndef fifth(x: float) -> float:\n    """Fifth."""\n    return len(x) + first(x)\n'  # noqa: E501
DATES = 'from datetime import datetime\n\ndef year(x: float) -> float:\n    """Year."""\n    return datetime(int(x), 1, 1).year\n'  # noqa: E501
DATES_TOO = 'import datetime\n\ndef later(x: float) -> float:\n    """Later."""\n    return (datetime.date(2000, 1, 1) + datetime.timedelta(x)).year\n'  # noqa: E501
ARGUMENTS = {"first": 2, "second": 2.5, "third": 2, "fourth": 2, "fifth": 2, "year": 1999, "later": 400}


def everything():
    sources = (CALLER, ITEM, CLASHING, SAME_TEXT_OTHER_MEANING, SHADOW, DATES, DATES_TOO)
    return Library([Function.from_source(source) for source in sources])


def test_a_saved_library_loads_as_it_was(tmp_path):
    library = Library([*everything().values(), Function.from_source("def f():\n    return 1\n", description="Own words.\nTwo.",  # noqa: E501
                                                                    packages=["numpy"], trainable=False)])  # fmt: skip
    library.save(tmp_path / "new" / "folder")
    loaded = Library.load(tmp_path / "new" / "folder")
    assert loaded == library
    assert loaded.names == library.names
    assert loaded.version == library.version
    assert (tmp_path / "new" / "folder" / "first.py").read_text() == library["first"].source


def test_saving_again_replaces_and_removes_only_its_own_files(tmp_path):
    everything().save(tmp_path)
    (tmp_path / "notes.md").write_text("mine")
    smaller = Library([Function.from_source(DATES)])
    smaller.save(tmp_path)
    assert Library.load(tmp_path) == smaller
    assert sorted(path.name for path in tmp_path.iterdir()) == ["library.json", "notes.md", "year.py"]


def test_names_that_differ_in_case_get_files_of_their_own(tmp_path):
    library = Library(
        [Function.from_source(f"def {name}() -> int:\n    return {place}\n") for place, name in enumerate("abAB")]
    )
    library.save(tmp_path)
    assert len({path.name.casefold() for path in tmp_path.glob("*.py")}) == 4
    assert Library.load(tmp_path) == library


def test_a_source_edited_by_hand_is_welcome_and_has_a_new_version(tmp_path):
    library = everything()
    library.save(tmp_path)
    path = tmp_path / "year.py"
    path.write_text(path.read_text().replace(".year", ".year + 1"))
    loaded = Library.load(tmp_path)
    assert loaded["year"].version != library["year"].version
    assert loaded.version != library.version
    assert [name for name in loaded if loaded[name] != library[name]] == ["year"]


def manifest_with(**change):
    def edit(folder):
        path = folder / "library.json"
        manifest = json.loads(path.read_text())
        manifest["functions"][0].update(change)
        path.write_text(json.dumps(manifest))

    return edit


def _twice(folder):
    path = folder / "library.json"
    manifest = json.loads(path.read_text())
    manifest["functions"] *= 2
    path.write_text(json.dumps(manifest))


BROKEN = {
    "no manifest": (lambda folder: (folder / "library.json").unlink(), "is it a saved library"),
    "a manifest that is not JSON": (lambda folder: (folder / "library.json").write_text("{"), "is not JSON"),
    "a manifest that is a list": (lambda folder: (folder / "library.json").write_text("[]"), "not of format 1"),
    "another format": (lambda folder: (folder / "library.json").write_text('{"format": 2, "functions": []}'), "not of format 1"),  # noqa: E501
    "an entry that is no object": (
        lambda folder: (folder / "library.json").write_text('{"format": 1, "functions": [3]}'), "entry"),
    "an unknown field": (manifest_with(colour="red"), "entry"),
    "a file outside": (manifest_with(file="../x.py"), "no .py file in this folder"),
    "a file of another kind": (manifest_with(file="x.txt"), "no .py file in this folder"),
    "a name of another def": (manifest_with(name="yeer"), "no def is named 'yeer'"),
    "packages that are none": (manifest_with(packages=["a b c", "--x"]), "not a package name"),
    "trainable that is no bool": (manifest_with(trainable="no"), "wrong type"),
    "an entry twice": (_twice, "lists a name twice"),
    "a missing file": (lambda folder: (folder / "year.py").unlink(), "cannot read"),
    "a syntax error": (lambda folder: (folder / "year.py").write_text("def year(:"), "syntax error"),
    "no text": (lambda folder: (folder / "year.py").write_bytes(b"\xff\xfe"), "not UTF-8"),
    "a file that nobody lists": (lambda folder: (folder / "extra.py").write_text("x = 1"), "extra.py is not listed"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_what_does_not_fit_together_is_refused_with_the_files_name(damage, words, tmp_path):
    Library([Function.from_source(DATES)]).save(tmp_path)
    damage(tmp_path)
    with pytest.raises(FunctionError) as caught:
        Library.load(tmp_path)
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_broken_manifest_can_be_saved_over(tmp_path):
    (tmp_path / "library.json").write_text("{")
    everything().save(tmp_path)
    assert Library.load(tmp_path) == everything()


def test_a_place_that_cannot_be_written_is_a_forge_error(tmp_path):
    (tmp_path / "file").write_text("")
    for attempt in (everything().save, everything().export):
        with pytest.raises(FunctionError, match="choose a f"):
            attempt(tmp_path / "file" / "inside")


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    target = tmp_path / "tools.py"
    everything().export(target)
    before = target.read_text()
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(FunctionError):
        everything().export(tmp_path / "folder.py")
    assert target.read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.py", "tools.py"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX file modes")
def test_files_are_readable_as_the_users_umask_says(tmp_path):
    everything().save(tmp_path)
    expected = 0o666 & ~_umask()
    assert stat.S_IMODE((tmp_path / "library.json").stat().st_mode) == expected


def _umask():
    present = os.umask(0)
    os.umask(present)
    return present


def run_module(path, expressions):
    """Evaluate expressions in a fresh, isolated interpreter that has only the module."""
    code = (f"import sys, json; sys.path.insert(0, {str(path.parent)!r}); import {path.stem} as m; "
            f"print(json.dumps([{', '.join(expressions)}]))")  # fmt: skip
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_exported_module_needs_nothing_of_ours_and_behaves_the_same(tmp_path):
    library = everything()
    path = library.export(tmp_path / "tools.py")
    expected = [call(library[name], {"x": ARGUMENTS[name]}, library.helpers(name)) for name in library.names]
    found = [run_module(path, [f"m.{name}({ARGUMENTS[name]})"])[0] for name in library.names]
    assert found == expected
    text = path.read_text()
    assert run_module(path, ["m.__all__", "m.__doc__ is not None"]) == [list(library.names), True]
    assert "functions" not in [line.split()[1] for line in text.splitlines() if line.startswith(("import", "from"))]


def test_an_export_is_readable(tmp_path):
    text = everything().export(tmp_path / "tools.py").read_text()
    head = text.split("\n\n\n")[0]
    assert head.endswith("from __future__ import annotations")
    assert text.count("\nimport math\n") == 1
    assert "# Prices come in cents." in text
    assert "def _clean(x: float) -> float:  # keep me" in text
    assert "def _clean_of_second" in text
    assert "LIMIT_of_third = 500" in text
    assert "Module words" not in text
    assert text.index("def first(") < text.index("def fourth(")


def test_equal_helpers_stand_once_in_an_export(tmp_path):
    shared = "import math\n\nSCALE = 2\n\ndef _scaled(x):\n    return math.floor(x) * SCALE\n\n"
    library = Library(
        [Function.from_source(f"{shared}def f{n}(x: float) -> int:\n    return _scaled(x) + {n}\n") for n in range(3)]
    )
    path = library.export(tmp_path / "tools.py")
    assert path.read_text().count("def _scaled") == 1
    assert path.read_text().count("SCALE = 2") == 1
    assert run_module(path, ["m.f0(1.5)", "m.f2(1.5)"]) == [2, 4]


def test_a_clash_that_cannot_be_told_apart_by_name_is_refused(tmp_path):
    first = Function.from_source("step = 1\n\ndef first() -> int:\n    return step\n")
    second = Function.from_source("step = 2\n\ndef second(n: int) -> int:\n    return sum(step for step in range(n))\n")
    with pytest.raises(FunctionError, match=r"'second' uses 'step' both at its top level and inside"):
        Library([first, second]).export(tmp_path / "tools.py")
    assert not (tmp_path / "tools.py").exists()


def test_an_empty_library_exports_an_empty_module(tmp_path):
    path = Library().export(tmp_path / "tools.py")
    assert run_module(path, ["m.__all__"]) == [[]]


def test_packages_are_named_in_the_export(tmp_path):
    path = Library([Function.from_source(DATES, packages="numpy, sympy")]).export(tmp_path / "tools.py")
    assert "It needs numpy, sympy." in path.read_text()
