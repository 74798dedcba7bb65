"""The optimizer without a language model: what it proposes, when it stops, and that training with it helps."""

import random

import pytest
from forging import PlainSandbox, evidence, play

from forge.metrics import numeric
from forge.task import Task
from functions import Function, Library
from functions.edits import Add, Remove, Revise, Terminate
from functions.errors import ForgeError
from optim.evidence import FailedLibrary
from optim.synthesis import SynthesisOptimizer

METRIC = numeric(1e-6)
KINDS = {
    "{n} has {a} {t} and gets {b} more {t}. How many {t} in all?": lambda a, b: a + b,
    "{n} had {a} {t} and lost {b} {t}. How many {t} are left?": lambda a, b: a - b,
    "{n} fills {a} boxes with {b} {t} each. How many {t} were packed?": lambda a, b: a * b,
}


def tasks(count, seed=0, start=0):
    source = random.Random(seed)
    made = []
    for number in range(start, start + count):
        sentence, solve = list(KINDS.items())[number % len(KINDS)]
        b, a = sorted(source.sample(range(2, 99), 2))
        question = sentence.format(
            n=source.choice(["Ann", "Bob", "Cid"]), t=source.choice(["pens", "cups", "figs"]), a=a, b=b
        )
        made.append(Task(f"t{number}", question, solve(a, b)))
    return made


def accuracy(library, held_out):
    return sum(session.score for session in play(library, held_out, METRIC)) / len(held_out)


def failure(library, edits):
    return FailedLibrary(library.apply(edits), tuple(edits), 0.0, "")


def test_from_nothing_one_step_gives_functions_that_solve_unseen_questions():
    optimizer, library = SynthesisOptimizer(), Library()
    edits = optimizer.propose(library, evidence(library, tasks(30), METRIC))
    assert all(isinstance(edit, Add) for edit in edits)
    trained = library.apply(edits)
    assert {"total", "difference", "product"} <= set(trained)
    assert all(function.problems() == [] for function in trained.values())
    assert accuracy(trained, tasks(60, seed=9)) == 1.0
    assert accuracy(library, tasks(60, seed=9)) == 0.0


def test_when_everything_is_solved_there_is_nothing_to_propose():
    library = Library()
    library = library.apply(SynthesisOptimizer().propose(library, evidence(library, tasks(30), METRIC)))
    assert SynthesisOptimizer().propose(library, evidence(library, tasks(30), METRIC)) == [Terminate()]


def test_the_same_evidence_gives_the_same_edits_and_only_examples_depend_on_the_seed():
    shown = [evidence(Library(), tasks(30), METRIC, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (SynthesisOptimizer().propose(Library(), one) for one in shown)
    assert first == again
    assert first != other
    assert [edit.name for edit in first] == [edit.name for edit in other]


def test_what_was_tried_and_not_kept_is_not_proposed_again():
    optimizer, library, failed, seen = SynthesisOptimizer(), Library(), [], set()
    for _ in range(12):
        edits = optimizer.propose(library, evidence(library, tasks(30), METRIC, failed=failed))
        if edits == [Terminate()]:
            break
        version = library.apply(edits).version
        assert version not in seen
        seen.add(version)
        failed.append(failure(library, edits))
    assert edits == [Terminate()]


def test_a_failed_task_that_a_function_could_answer_becomes_an_example_of_it():
    library = Library(
        [Function.from_source('def plus(a: float, b: float) -> float:\n    """Sum."""\n    return a + b\n')]
    )
    asked = tasks(30)[::3]
    edits = SynthesisOptimizer().propose(library, evidence(library, asked, METRIC))
    assert [(type(edit), edit.name) for edit in edits] == [(Revise, "plus")]
    revised = library.apply(edits)
    assert accuracy(revised, tasks(90, seed=5)[::3]) == 1.0


def test_a_frozen_function_is_left_as_it_is():
    source = 'def plus(a: float, b: float) -> float:\n    """Sum."""\n    return a + b\n'
    library = Library([Function.from_source(source, trainable=False)])
    edits = SynthesisOptimizer().propose(library, evidence(library, tasks(30), METRIC))
    assert "plus" in library.apply(edits)
    assert all(edit.name != "plus" for edit in edits)


def test_a_function_that_is_called_and_never_right_is_removed():
    bad = Function.from_source(
        'def total_in_all(a: float, b: float) -> float:\n    """How many in all, left, packed."""\n    return -1\n'
    )
    good = SynthesisOptimizer().propose(Library(), evidence(Library(), tasks(30), METRIC))
    shown = evidence(Library([bad]), tasks(30), METRIC)
    edits = SynthesisOptimizer().propose(Library([bad]), shown)
    assert Remove(name="total_in_all") in edits
    assert {edit.name for edit in good} <= {edit.name for edit in edits}


def test_a_function_that_others_questions_need_is_revised_not_removed():
    said_wrongly = [
        'def minus(a: float, b: float) -> float:\n    """How many in all, altogether."""\n    return a - b\n',
        'def plus(a: float, b: float) -> float:\n    """How many are left, remain."""\n    return a + b\n',
    ]
    library = Library([Function.from_source(source) for source in said_wrongly])
    edits = SynthesisOptimizer().propose(library, evidence(library, tasks(60), METRIC))
    changed = [edit.name for edit in edits if isinstance(edit, Revise | Remove)]
    assert changed
    assert len(changed) == len(set(changed))
    library.apply(edits)


def test_a_function_that_others_need_is_not_removed():
    helper = Function.from_source(
        'def left(a: float, b: float) -> float:\n    """How many left, in all, packed."""\n    return -1\n'
    )
    caller = Function.from_source(
        'def twice(a: str) -> float:\n    """Nothing."""\n    return 2 * left(1, 2)\n', "twice"
    )
    library = Library([helper, caller])
    edits = SynthesisOptimizer().propose(library, evidence(library, tasks(30), METRIC))
    assert Remove(name="left") not in edits
    library.apply(edits)


def test_a_name_that_is_taken_gets_a_number():
    library = Library([Function.from_source('def total(a: str) -> str:\n    """Echo."""\n    return a\n')])
    edits = SynthesisOptimizer().propose(library, evidence(library, tasks(30), METRIC))
    assert "total_2" in {edit.name for edit in edits}
    assert library.apply(edits)["total_2"].name == "total_2"


def test_small_batches_in_turn_reach_what_the_whole_set_does():
    optimizer, library, everything = SynthesisOptimizer(), Library(), tasks(60)
    for start in range(0, 60, 12):
        batch = everything[start : start + 12]
        edits = optimizer.propose(library, evidence(library, batch, METRIC))
        candidate = library.apply(edits)
        if accuracy(candidate, batch) > accuracy(library, batch):
            library = candidate
    assert accuracy(library, tasks(60, seed=9)) >= 0.95


def test_the_number_of_new_functions_is_bounded():
    edits = SynthesisOptimizer(max_functions=1).propose(Library(), evidence(Library(), tasks(30), METRIC))
    assert len(edits) == 1
    with pytest.raises(ForgeError, match="max_functions=0"):
        SynthesisOptimizer(max_functions=0)


def test_a_constant_that_needs_the_deep_search_is_found_in_the_end():
    weeks = [Task(f"w{n}", f"How many days are {n} weeks of holiday?", 7 * n) for n in range(3, 15)]
    library, failed = Library(), []
    for _ in range(5):
        edits = SynthesisOptimizer().propose(library, evidence(library, weeks, METRIC, failed=failed))
        if edits == [Terminate()] or accuracy(library.apply(edits), weeks) == 1.0:
            break
        failed.append(failure(library, edits))
    held_out = [Task("w", "How many days are 30 weeks of holiday?", 210)]
    assert accuracy(library.apply(edits), held_out) == 1.0


def test_table_and_text_questions_are_learned_too():
    source = random.Random(3)
    rows = []
    for n in range(12):
        prices = source.sample(range(2, 60), 3)
        table = "item | price\n" + "\n".join(f"{name} | {price}" for name, price in zip("xyz", prices, strict=True))
        rows.append(Task(f"m{n}", f"{table}\nWhat is the highest price?", max(prices)))
        word = "".join(source.choices("abcdefgh", k=source.randint(3, 9)))
        rows.append(Task(f"l{n}", f'How many letters has the word "{word}"?', len(word)))
    edits = SynthesisOptimizer().propose(Library(), evidence(Library(), rows, METRIC))
    assert accuracy(Library().apply(edits), rows) == 1.0
    assert len(edits) == 2


def test_tasks_that_nothing_explains_lead_to_termination():
    rows = [Task(f"t{n}", f"Who won in {1900 + n}?", float(n * n * 7919 % 1013)) for n in range(10)]
    assert SynthesisOptimizer().propose(Library(), evidence(Library(), rows, METRIC)) == [Terminate()]


def test_the_sandbox_double_reports_errors_in_place():
    function = Function.from_source('def f(a: float) -> float:\n    """Half."""\n    return 1 / a\n')
    first, second, third = PlainSandbox().map(function, [{"a": 2}, {"a": 0}, {"b": 1}])
    assert (first, second.kind, third.kind) == (0.5, "raised", "arguments")
