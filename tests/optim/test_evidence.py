"""What an optimizer is told: failures by cause, contrasts, use, refusals; and what it may change."""

from chat_double import ScriptedChat, act, text
from toy import Caller, Ladder, dataset, solve

import forge
import optim
from forge.session import Action, Call, Observation, Session, Step
from forge.task import Task
from functions import Library
from functions.edits import Add
from optim.briefing import brief
from optim.failures import failure_clusters, function_use
from optim.merge import merged
from optim.trial import Trial
from optim.version import Version


def session(number, *, score=0.0, error="", text="", name="solve", stop="submitted"):
    step = Step(Action(calls=(Call(name, {"n": number}),)), (Observation(name, text, error=error, seconds=0.5),))
    return Session(f"t{number}", f"question {number}", 0, (step,), stop=stop, score=score)


def tasks(count):
    return [Task(f"t{n}", f"question {n}", n) for n in range(count)]


def test_failures_are_grouped_by_kind_function_and_words_whatever_the_numbers_in_them():
    sessions = [
        session(0, error="raised", text="solve raised ValueError: bad value '17' at 3"),
        session(1, error="raised", text="solve raised ValueError: bad value '4' at 99"),
        session(2, error="timeout", text="solve failed (timeout)"),
        session(3),
        session(4, score=1.0),
        session(5, name="other", error="raised", text="other raised ValueError: bad value '17' at 3"),
        session(6, stop="turns"),
    ]
    clusters = failure_clusters(tasks(7), sessions)
    assert [(c.kind, c.function, len(c.members)) for c in clusters] == [
        ("raised", "solve", 2),
        ("timeout", "solve", 1),
        ("wrong answer", "solve", 1),
        ("raised", "other", 1),
        ("turns", "", 1),
    ]


def test_the_use_of_a_function_counts_calls_failures_time_and_solved_tasks():
    sessions = [session(0, error="raised", text="x"), session(1, score=1.0), session(2, score=1.0, name="other")]
    used, idle = function_use(["solve", "idle"], sessions)
    assert (used.calls, used.failures, used.seconds, used.sessions, used.solved) == (2, 1, 1.0, 2, 1)
    assert idle.calls == 0


def evidence(sessions, **more):
    agent = forge.Agent(model=Caller())
    return optim.Evidence(tuple(tasks(len(sessions))), tuple(sessions), forge.metrics.exact_match, agent.sandbox,
                          forge.Meter(), **more)  # fmt: skip


def test_each_kind_of_failure_is_shown_with_at_most_three_raw_traces_under_the_cap():
    sessions = [session(n, error="raised", text=f"solve raised KeyError: {n}") for n in range(30)]
    sessions += [session(30 + n, error="timeout", text="solve failed (timeout): slow") for n in range(2)]
    told = brief(evidence(sessions), Library(), Library(), (), history_tokens=2_000)
    assert told.count("solve raised KeyError") <= 3 + 1  # the title has it too
    assert "30 failed: raised in solve" in told
    assert "(the same in 27 more: t3, t4" in told
    assert told.count("solve failed (timeout): slow") >= 2
    short = brief(evidence(sessions * 10), Library(), Library(), (), history_tokens=500)
    assert len(short) < 4 * 500 * 4


def test_refused_changes_are_told_with_their_reason_once():
    change = Add(name="solve", source=solve(3))
    refused = (optim.Refusal(change, "holds 4217"), optim.Refusal(change, "holds 4217"))
    told = brief(evidence([session(0)], refused=refused), Library(), Library(), (), history_tokens=2_000)
    assert told.count("add solve: holds 4217") == 1


def test_a_task_once_solved_and_once_failed_is_shown_side_by_side():
    optimizer = Ladder([3, 5, 6])
    forge.train(forge.Agent(model=Caller()), dataset(6), optimizer=optimizer, acceptance=optim.Paper(), release=None)
    contrasts = optimizer.evidence[2].contrasts
    assert [contrast.task.id for contrast in contrasts] == ["t3", "t4"]
    assert all((c.solved.score, c.failed.score) == (1, 0) for c in contrasts)
    assert contrasts[0].change == "solved after: revise solve"
    told = brief(optimizer.evidence[2], Library(), Library(), (), history_tokens=4_000)
    assert "The same task, once solved and once failed" in told


def test_no_task_of_the_comparison_or_the_gate_is_ever_in_the_evidence():
    optimizer = Ladder([20, 40, 60])
    result = forge.train(forge.Agent(model=Caller()), dataset(60), optimizer=optimizer)
    hidden = {pair.task_id for trial in result.history for pair in trial.pairs} | set(result.task_ids)
    for shown in optimizer.evidence:
        assert not hidden & {task.id for task in shown.tasks}
        assert not hidden & {contrast.task.id for contrast in shown.contrasts}


def test_a_minibatch_stays_while_what_is_proposed_for_it_fails_and_then_gives_way():
    optimizer = Ladder([60, "same", "same", "same", "same", "same"])
    forge.train(forge.Agent(model=Caller()), dataset(60), optimizer=optimizer, release=None,
                schedule=optim.Schedule(minibatch=8, patience=6, sticky=3))  # fmt: skip
    batches = [tuple(task.id for task in shown.tasks) for shown in optimizer.evidence]
    assert batches[0] != batches[1]  # the first was kept
    assert batches[1] == batches[2] == batches[3]
    assert batches[3] != batches[4]


def test_every_minibatch_gets_its_share_of_solved_and_failed_tasks():
    optimizer = Ladder([30] + ["same"] * 40)
    forge.train(forge.Agent(model=Caller()), dataset(60), optimizer=optimizer, acceptance=optim.Paper(), release=None,
                schedule=optim.Schedule(minibatch=12, patience=20, sticky=1))  # fmt: skip
    second_epoch = optimizer.evidence[5:10]
    solved = [sum(session.score for session in shown.sessions) for shown in second_epoch]
    assert max(solved) - min(solved) <= 1


def trial(name, wins, losses=(), **more):
    start = Version(Library(), "")
    edit = Add(name=name, source=f'def {name}(n: int) -> int:\n    """One."""\n    return n\n')
    pairs = [optim.Pair(task, 0.0, 1.0) for task in wins] + [optim.Pair(task, 1.0, 0.0) for task in losses]
    return Trial(0, start, start.apply([edit]), (edit,), "drop", tuple(pairs), **more)


def test_two_proposals_with_other_wins_are_tried_together():
    start = Version(Library(), "")
    edits = merged([trial("a", ["t1"]), trial("b", ["t2"])], start, set())
    assert [edit.name for edit in edits] == ["a", "b"]
    assert merged([trial("a", ["t1"]), trial("b", ["t2"])], start, {start.apply(edits).key}) == ()


def test_proposals_that_won_the_same_or_nothing_or_touch_the_same_function_are_not_merged():
    start = Version(Library(), "")
    assert merged([trial("a", ["t1"]), trial("b", ["t1", "t2"])], start, set()) == ()
    assert merged([trial("a", ["t1"]), trial("b", ["t2"], ["t3"])], start, set()) == ()
    assert merged([trial("a", ["t1"]), trial("a", ["t2"])], start, set()) == ()
    assert merged([trial("a", ["t1"])], Version(Library(), "other"), set()) == ()


def instructions_chat():
    return ScriptedChat([act("revise_instructions", instructions="Double the number."), act("terminate")])


class Obedient(Caller):
    """Knows the answer only if it is told to double."""

    def _one(self, context):
        known = "Double" in context.instructions
        return Action(calls=(Call("submit", {"answer": 2 * int(context.question.split()[-1]) if known else None}),))


def test_instructions_are_learned_where_that_is_asked_for(tmp_path):
    optimizer = optim.AgentOptimizer(instructions_chat(), train_instructions=True)
    result = forge.train(forge.Agent(model=Obedient()), dataset(60), optimizer=optimizer, run=tmp_path)
    assert result.agent.instructions == "Double the number."
    assert (result.certified, result.score) == (True, 1)
    assert "What the agent is told before each question" in text(optimizer.chat.requests[0])
    assert "Double the number." in (tmp_path / "result.json").read_text()
    assert "New instructions" in result.report(tmp_path / "r.html").read_text()


def test_instructions_are_left_alone_where_it_is_not():
    chat = instructions_chat()
    optimizer = optim.AgentOptimizer(chat, max_actions=1)
    result = forge.train(
        forge.Agent(model=Obedient()), dataset(60), optimizer=optimizer, schedule=optim.Schedule(patience=0)
    )
    assert result.agent.instructions == result.start.instructions
    assert "no tool revise_instructions" in text(chat.requests[1])


def test_all_actions_at_once_are_one_request_and_each_is_checked():
    from forge.models.chat import Reply

    calls = [act("add_function", name="solve", source=solve(60), example_arguments={"n": 1}),
             act("add_function", name="broken", source="def broken(:", example_arguments={})]  # fmt: skip
    both = Reply(tool_calls=tuple(call.tool_calls[0] for call in calls), finish_reason="tool_calls")
    chat = ScriptedChat([both])
    result = forge.train(forge.Agent(model=Caller()), dataset(60), schedule=optim.Schedule(epochs=2),
                         optimizer=optim.AgentOptimizer(chat, progressive=False))  # fmt: skip
    assert len(chat.requests) == 1
    assert result.library.names == ("solve",)
    assert "Take up to 3 actions in one reply" in text(chat.requests[0])
