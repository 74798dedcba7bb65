"""What is refused before a single rollout: leaks, broken code, changed answers; and how it is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import Caller, Ladder, dataset, solve

import forge
import optim
from forge.task import Task
from functions import Function, FunctionError, Library, Sandbox
from functions.edits import Add, Remove, Revise
from optim.filters import Filters, Screen
from optim.leaks import Answers
from optim.replay import RecordedCall, recorded_calls, require_same_where_right, same
from optim.result import stateful
from optim.version import ReviseInstructions, Version


@pytest.fixture(scope="module")
def box():
    with Sandbox(mode="per_batch") as sandbox:
        yield sandbox


def library(*sources):
    return Library().apply([Add(name=source.split("(")[0].removeprefix("def "), source=source) for source in sources])


HALF = 'def half(n: float) -> float:\n    """Half of n."""\n    return n / 2\n'
SLOW_HALF = HALF.replace("n / 2", "n * 0.5")
WRONG_HALF = HALF.replace("n / 2", "n / 3 if n > 5 else n / 2")
USES_HALF = 'def quarter(n: float) -> float:\n    """A quarter of n."""\n    return half(n) / 2\n'


def right(n, value):
    return RecordedCall({"n": n}, value, "", True)


def test_a_revision_that_gives_the_same_values_where_they_were_right_passes(box):
    calls = {"half": [right(n, n / 2) for n in range(100)]}
    assert require_same_where_right(library(HALF), library(SLOW_HALF), calls, box) == 100


def test_a_revision_that_changes_a_value_that_was_right_is_refused_with_the_call(box):
    calls = {"half": [right(n, n / 2) for n in range(10)]}
    with pytest.raises(
        FunctionError, match=r'half\(\*\*\{"n": 6\}\) served a solved task and gave 3.0; now it gives 2.0'
    ):
        require_same_where_right(library(HALF), library(WRONG_HALF), calls, box)


def test_values_that_served_no_solved_task_may_change(box):
    calls = {"half": [RecordedCall({"n": 8}, 4.0, "", False)]}
    assert require_same_where_right(library(HALF), library(WRONG_HALF), calls, box) == 0


def test_calls_of_a_function_whose_helper_changed_are_made_again_too(box):
    calls = {"quarter": [right(8, 2.0)]}
    with pytest.raises(FunctionError, match="quarter"):
        require_same_where_right(library(HALF, USES_HALF), library(WRONG_HALF, USES_HALF), calls, box)


def test_a_revision_under_which_no_failing_call_succeeds_is_refused_and_one_that_mends_some_is_not(box):
    failing = HALF.replace("return n / 2", "return n / 0")
    calls = {"half": [RecordedCall({"n": n}, None, "raised", False) for n in (1, 2)]}
    still = failing.replace("n / 0", "(n + 1) / 0")
    with pytest.raises(FunctionError, match="none of the 2 recorded calls that failed succeeds now"):
        require_same_where_right(library(failing), library(still), calls, box)
    require_same_where_right(library(failing), library(failing.replace("n / 0", "n / (n - 1)")), calls, box)


def test_other_words_in_a_docstring_need_no_replay(box):
    said = HALF.replace("Half of n.", "One half of n, exactly.")
    assert require_same_where_right(library(HALF), library(said), {"half": [right(1, 99)]}, box) == 0


def test_a_call_is_recorded_once_and_right_if_it_ever_served_a_solved_task():
    agent = forge.Agent(model=Caller(), functions=library(solve(2)))
    evaluation = forge.evaluate(agent, dataset(4))
    calls = recorded_calls(agent.library, [(agent.library, evaluation.sessions), (agent.library, evaluation.sessions)])
    assert [(call.arguments["n"], call.right) for call in calls["solve"]] == [
        (0, True),
        (1, True),
        (2, False),
        (3, False),
    ]
    assert recorded_calls(library(solve(3)), [(agent.library, evaluation.sessions)]) == {"solve": []}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12))  # fmt: skip
def test_every_json_value_is_the_same_as_itself_after_a_round_trip(value):
    assert same(value, json.loads(json.dumps(value)))


TASKS = [Task(f"t{n}", f"What is the capital of country number {n}?", answer) for n, answer in
         enumerate([4217, 38.25, "Ouagadougou", "yes", "yes", "yes", "no", "no", "no", 7, 100])]  # fmt: skip
LEAKS = {
    "a number that is an answer": ("return 4217", "4217"),
    "a negated number": ("return -38.25", "38.25"),
    "a number in text": ('return "4,217"', "4,217"),
    "a word that is an answer": ('return {"a": "ouagadougou"}["a"]', "ouagadougou"),
    "a question's words": ('return 1 if q == "capital of country number 3" else 2', "country number 3"),
}
HARMLESS = {
    "small and round numbers": "return 7 * 100",
    "labels that many tasks share": 'return "yes" if q else "no"',
    "constants of nature": "return 3.14159 * 365",
    "short words": 'return q.split("of")[0]',
}


def answered(body):
    return f'def answer(q: str) -> object:\n    """An answer such as 4217 or Ouagadougou, in words."""\n    {body}\n'


@pytest.mark.parametrize("case", LEAKS)
def test_answers_written_into_code_are_found(case):
    body, literal = LEAKS[case]
    assert [literal in leak.literal for leak in Answers(TASKS).leaks(answered(body))] == [True]


@pytest.mark.parametrize("case", HARMLESS)
def test_what_any_program_may_hold_is_no_leak_nor_are_docstrings(case):
    assert Answers(TASKS).leaks(answered(HARMLESS[case])) == []


def test_a_leak_is_refused_with_the_way_to_allow_it(box):
    change = Add(name="answer", source=answered("return 4217"))
    with pytest.raises(FunctionError, match=r"4217, the answer of training task 't0'.*allow_answers=True"):
        Screen(box, Filters(), Answers(TASKS)).check(change, Library())
    Screen(box, Filters(allow_answers=True), Answers(TASKS)).check(change, Library())
    with pytest.raises(FunctionError, match="the instructions"):
        Screen(box, Filters(), Answers(TASKS)).check(ReviseInstructions(instructions="Say Ouagadougou!"), Library())


def test_sifting_keeps_what_passes_and_says_why_the_rest_does_not(box):
    version = Version(library(HALF), "")
    lost = 'def lost(n: int) -> int:\n    """Lost."""\n    return nowhere + n\n'
    changes = [
        Add(name="quarter", source=USES_HALF),
        Add(name="answer", source=answered("return 4217")),
        Add(name="lost", source=lost),
    ]
    candidate, kept, refused = Screen(box, Filters(), Answers(TASKS)).sift(version, changes)
    assert candidate.library.names == ("half", "quarter")
    assert [change.name for change in kept] == ["quarter"]
    assert ["4217" in refusal.reason or "nowhere" in refusal.reason for refusal in refused] == [True, True]


def test_changes_that_need_each_other_are_refused_together_when_one_is(box):
    helper = 'def helper(n: float) -> float:\n    """Help."""\n    return n * 4217\n'
    user = 'def user(n: float) -> float:\n    """Use."""\n    return helper(n)\n'
    changes = [Add(name="user", source=user), Add(name="helper", source=helper)]
    candidate, kept, refused = Screen(box, Filters(), Answers(TASKS)).sift(Version(Library(), ""), changes)
    assert (candidate.library.names, kept, len(refused)) == ((), [], 2)


def test_a_removal_of_a_helper_that_is_needed_is_refused(box):
    version = Version(library(HALF, USES_HALF), "")
    assert Screen(box).sift(version, [Remove(name="half")])[1] == []


def test_a_function_that_never_ends_is_refused_by_its_smoke_call():
    endless = 'def spin(n: int) -> int:\n    """Spin."""\n    while True:\n        n += 1\n'
    with Sandbox(timeout=0.2) as quick:
        _, kept, refused = Screen(quick).sift(Version(Library(), ""), [Add(name="spin", source=endless)])
    assert (kept, len(refused)) == ([], 1)


def test_refusals_cost_no_rollout_and_are_logged_with_their_reason(tmp_path):
    # 3 solves more than 5 does; the second proposal changes values that were right
    result = forge.train(forge.Agent(model=Caller()), dataset(6), optimizer=Ladder([5, 3]), acceptance=optim.Paper(),
                         release=None, schedule=optim.Schedule(patience=0), run=tmp_path)  # fmt: skip
    assert [trial.decision for trial in result.history] == ["keep", "refuse"]
    assert result.rollouts == 12
    assert result.rollouts_saved == 6
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    refusals = [event for event in events if event["kind"] == "refuse"]
    assert len(refusals) == 1
    assert "served a solved task and gave 6; now it gives -1" in refusals[0]["reason"]


def test_without_filters_only_what_cannot_run_is_refused():
    result = forge.train(forge.Agent(model=Caller()), dataset(6), optimizer=Ladder([5, 3]), acceptance=optim.Paper(),
                         release=None, filters=None, schedule=optim.Schedule(patience=0))  # fmt: skip
    assert [trial.decision for trial in result.history] == ["keep", "drop"]


def test_the_optimizer_is_told_what_was_refused_until_a_version_is_kept():
    optimizer = Ladder([5, 3, 6, 6])
    forge.train(forge.Agent(model=Caller()), dataset(6), optimizer=optimizer, acceptance=optim.Paper(), release=None)
    assert [len(evidence.refused) for evidence in optimizer.evidence[:4]] == [0, 0, 1, 0]


def test_a_function_that_remembers_is_marked_stateful_and_answers_alone_from_then_on():
    counting = (
        'def solve(n: int) -> int:\n    """Twice n, at first."""\n    import math\n'
        '    math.seen = getattr(math, "seen", 0) + 1\n    return 2 * n if math.seen == 1 else -1\n'
    )
    with Sandbox(mode="worker", audit=1.0, imports=("math",)) as sandbox:
        agent = forge.Agent(model=Caller(), functions=library(counting), sandbox=sandbox)
        evaluation = forge.evaluate(agent, dataset(8), concurrency=1)
        assert stateful(agent) == ["solve"]
    assert evaluation.score == 1.0


def test_a_replayed_revision_must_name_an_existing_function(box):
    _, kept, refused = Screen(box).sift(Version(Library(), ""), [Revise(name="none", source=HALF)])
    assert (kept, "none" in refused[0].reason) == ([], True)


def test_the_answers_and_the_metric_are_out_of_a_functions_reach(monkeypatch):
    secret = "Q" * 5 + "uagadougou"  # the spy holds no such text itself
    monkeypatch.setenv("ANSWER", secret)
    held = [{"answer": secret}]
    spying = (
        "import gc\nimport os\nimport sys\n\n\ndef spy() -> list[str]:\n"
        '    """Looks for an answer wherever Python lets it look."""\n'
        "    seen = [repr(item) for item in gc.get_objects() if isinstance(item, (dict, list, tuple))]\n"
        "    seen += [repr(frame.f_globals) for frame in sys._current_frames().values()]\n"
        "    seen += [repr(dict(os.environ))]\n"
        "    return [text[:80] for text in seen if chr(81) * 5 in text]\n\n\n"
    )
    with Sandbox(imports=None, timeout=5) as sandbox:
        assert sandbox.call(Function.from_source(spying), {}) == []
    assert held[0]["answer"] == secret
