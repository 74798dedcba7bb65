"""Laws of functions and libraries, for which hypothesis looks for counter-examples."""

import ast
import keyword
import tempfile
import time

import jsonschema
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from in_process import call

from functions import Add, ArgumentError, Function, FunctionError, Library, Remove, Revise

NAMES = st.text("abcdefgh_", min_size=1, max_size=6).filter(
    lambda name: name.isidentifier() and not keyword.iskeyword(name)
)
PUBLIC = NAMES.filter(lambda name: not name.startswith("_"))
SCALARS = st.sampled_from(["int", "float", "str", "bool", "None", "Any", "Literal['a', 1]"])
ANNOTATIONS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        inner.map("list[{}]".format),
        inner.map("dict[str, {}]".format),
        inner.map("Optional[{}]".format),
        st.tuples(SCALARS, SCALARS).map(" | ".join),
        inner.map("tuple[{}, ...]".format),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"tuple[{', '.join(parts)}]"),
    ),
    max_leaves=4,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
    | st.sampled_from(["1", "2.5", "true", "[1]", "{}", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
IMPORTS = "from typing import Any, Literal, Optional\n\n"


@st.composite
def signatures(draw):
    """A random function that returns the list of its arguments' values, with its parameters as (name, default or None)."""  # noqa: E501
    names = draw(st.lists(PUBLIC, max_size=5, unique=True))
    defaults = draw(st.lists(st.none() | JSON, min_size=len(names), max_size=len(names)))
    first_default = next((place for place, value in enumerate(defaults) if value is not None), len(names))
    annotations = draw(st.lists(ANNOTATIONS, min_size=len(names), max_size=len(names)))
    parameters = []
    for place, (name, annotation, default) in enumerate(zip(names, annotations, defaults, strict=True)):
        annotated = draw(st.booleans())
        shown = f"{name}: {annotation}" if annotated else name
        default = None if annotated else default  # a default that misfits its annotation keeps no law
        parameters.append(shown + (f" = {default!r}" if place >= first_default else ""))
    if len(names) > 1 and draw(st.booleans()):
        parameters.insert(draw(st.integers(1, len(names) - 1)), "/")
    text = f"{IMPORTS}def f({', '.join(parameters)}):\n    return [{', '.join(names)}]\n"
    try:
        ast.parse(text)
    except SyntaxError:
        assume(False)
    return text, names, names[:first_default]


@given(signatures())
def test_any_signature_is_read(sample):
    text, names, required = sample
    function = Function.from_source(text)
    assert list(function.parameters["properties"]) == names
    assert function.parameters["required"] == required
    binding = function.binding
    assert binding["positional"] + binding["keyword"] == names


@given(signatures(), st.data())
def test_what_validate_gives_fits_the_schema_and_stays_as_it_is(sample, data):
    text, names, _ = sample
    function = Function.from_source(text)
    arguments = {name: data.draw(JSON, label=name) for name in names if data.draw(st.booleans(), label=f"give {name}")}
    try:
        accepted = function.validate(arguments)
    except ArgumentError:
        return
    jsonschema.Draft202012Validator(function.parameters).validate(accepted)
    assert function.validate(accepted) == accepted
    assert arguments.keys() <= accepted.keys()


@given(signatures(), st.data())
def test_values_that_fit_the_schema_exactly_are_accepted_unchanged(sample, data):
    text, names, _ = sample
    function = Function.from_source(text)
    arguments = {name: data.draw(JSON, label=name) for name in names}
    assume(jsonschema.Draft202012Validator(function.parameters).is_valid(arguments))
    event = "accepted"
    try:
        assert function.validate(arguments) == arguments
    except ArgumentError as error:
        event = str(error)  # JSON Schema takes any integer for a number; one that a float does not hold is refused here
    assert event == "accepted" or "float holds exactly" in event


@given(st.lists(PUBLIC, max_size=3, unique=True), st.data())
def test_arguments_reach_the_parameters_of_their_names(names, data):
    function = Function.from_source(f"def f({', '.join(names)}):\n    return [{', '.join(names)}]\n")
    arguments = {name: data.draw(JSON) for name in names}
    assert call(function, arguments) == [arguments[name] for name in names]


@given(st.text(max_size=80))
def test_any_text_is_a_function_or_a_function_error(text):
    words = ""
    try:
        words = Function.from_source(text).source
    except FunctionError as error:
        words = str(error)
    assert words


BODIES = st.sampled_from(
    ["return 1", "return 2", "x = 3\n    return x", "return '\\n\\r\\x0c'", "return 'ä\u2028'  # \u2028"]
)


@st.composite
def functions_(draw, names=PUBLIC):
    name = draw(names)
    return Function.from_source(
        f"def {name}() -> Any:\n    {draw(BODIES)}\n",
        description=draw(st.text("ab \n", max_size=5)),
        packages=draw(st.lists(st.sampled_from(["numpy", "sympy"]), max_size=2)),
        trainable=draw(st.booleans()),
    )


LIBRARIES = st.lists(functions_(), max_size=5, unique_by=lambda function: function.name).map(Library)
TRAINABLE = st.lists(functions_(), max_size=5, unique_by=lambda function: function.name).map(
    lambda found: Library([function for function in found if function.trainable])
)


@given(LIBRARIES, LIBRARIES)
def test_versions_are_equal_exactly_when_the_contents_are(one, other):
    assert (one.version == other.version) == (one == other) == (dict(one) == dict(other)) == (one.diff(other) == "")


@given(LIBRARIES, st.randoms())
def test_order_is_kept_but_does_not_count(library, random):
    shuffled = list(library.values())
    random.shuffle(shuffled)
    assert Library(shuffled) == library
    assert Library(shuffled).version == library.version
    assert Library(shuffled).names == tuple(function.name for function in shuffled)


def edits_between(before, after):
    """Edits that turn one trainable library into another, whatever stands in both."""
    changed = [name for name in after if name in before and after[name] != before[name]]
    removed = [Remove(name=name) for name in before if name not in after]
    revised = [_written(Revise, after[name]) for name in changed]
    return [*removed, *revised, *(_written(Add, after[name]) for name in after if name not in before)]


def _written(kind, function):
    return kind(
        name=function.name, source=function.source, description=function.own_description, packages=function.packages
    )


@given(TRAINABLE, TRAINABLE)
def test_edits_can_be_taken_back(before, after):
    version = before.version
    there = before.apply(edits_between(before, after))
    assert there == after
    assert there.apply(edits_between(after, before)) == before
    assert before.version == version


@settings(max_examples=25)
@given(LIBRARIES)
def test_saving_and_loading_changes_nothing(library):
    with tempfile.TemporaryDirectory() as folder:
        library.save(folder)
        loaded = Library.load(folder)
    assert loaded == library
    assert loaded.names == library.names
    assert loaded.version == library.version


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=10))
def test_helpers_are_closed_ordered_and_never_circular(pairs):
    calls = {n: sorted({helper for caller, helper in pairs if caller == n and helper < n}) for n in range(7)}
    library = Library(
        [
            Function.from_source(f"def f{n}():\n    return [{', '.join(f'f{h}()' for h in calls[n])}]\n")
            for n in reversed(range(7))
        ]
    )
    for n in range(7):
        helpers = [int(helper.name[1:]) for helper in library.helpers(f"f{n}")]
        assert set(calls[n]) <= set(helpers)
        for place, helper in enumerate(helpers):
            assert set(calls[helper]) <= set(helpers[:place])
        assert call(library[f"f{n}"], {}, library.helpers(f"f{n}")) == _expected(n, calls)


def _expected(n, calls):
    return [_expected(helper, calls) for helper in calls[n]]


def test_validation_takes_microseconds_once_built():
    function = Function.from_source("def f(total: float, count: int = 1) -> float:\n    return total / count\n")
    arguments = {"total": 3, "count": 2}
    function.validate(arguments)
    function.check_result(1.5)
    best = min(_seconds_of_1000(lambda: function.check_result(function.validate(arguments)["total"])) for _ in range(5))
    assert best / 1000 < 15e-6


def _seconds_of_1000(work):
    start = time.perf_counter()
    for _ in range(1000):
        work()
    return time.perf_counter() - start
