"""After a training: what each function is worth, whether it carries over, and what its cost buys without it."""

import pytest
from toy import Caller, Ladder, dataset

import forge
import optim
from forge.session import Action, Call, Usage
from functions import ForgeError
from functions.edits import Add

HALVES = (
    'def solve(n: int) -> int:\n    """Twice n."""\n    return n + same(n)\n',
    'def same(n: int) -> int:\n    """n."""\n    return n\n',
    'def idle(n: int) -> int:\n    """Nobody calls this."""\n    return n\n',
)


class Three(Ladder):
    def propose(self, library, evidence):
        names = ("solve", "same", "idle")
        return [] if "solve" in library else [Add(name=n, source=s) for n, s in zip(names, HALVES, strict=True)]


def trained(**settings):
    return forge.train(forge.Agent(model=Caller()), dataset(60), optimizer=Three([], deterministic=True), **settings)


def test_leaving_out_a_function_shows_its_worth_and_takes_those_that_need_it_along():
    ablation = forge.ablate(trained())
    worth = {one.use.name: one for one in ablation.functions}
    assert ablation.whole.score == 1
    assert worth["solve"].effect.difference == 1
    assert worth["idle"].effect.difference == 0
    assert (worth["same"].effect.difference, worth["same"].with_it) == (1, ("solve",))
    assert (worth["solve"].use.sessions, worth["idle"].use.calls) == (ablation.whole.tasks, 0)
    assert "idle" in str(ablation)


def test_an_ablation_without_anything_learned_or_without_budget_is_refused():
    nothing = forge.train(forge.Agent(model=Caller()), dataset(60), optimizer=Ladder([], deterministic=True))
    with pytest.raises(ForgeError, match="nothing to leave out"):
        forge.ablate(nothing)
    with pytest.raises(ForgeError, match="it needs 12 rollouts"):
        forge.ablate(trained(), budget=forge.Budget(rollouts=20))


def test_transfer_compares_start_and_candidate_elsewhere():
    result = trained()
    elsewhere = forge.transfer(result, dataset(10, offset=70))
    assert (elsewhere.before.score, elsewhere.after.score, elsewhere.comparison.wins) == (0, 1, 10)
    lazy = forge.models.ScriptedModel([Action(calls=(Call("submit", {"answer": 0}),))])
    assert forge.transfer(result, model=lazy).comparison.difference == 0
    assert "with scripted" in str(forge.transfer(result, model=lazy))
    with pytest.raises(ForgeError, match="name another"):
        forge.transfer(result)


class Wavering:
    """Answers rightly in about 70 of 100 sessions, by their seed; a call costs 10 tokens."""

    name = "wavering"

    def act(self, contexts):
        return [self._one(context) for context in contexts]

    def _one(self, context):
        right = 2 * int(context.question.split()[-1])
        answer = right if context.seed % 10 < 7 else context.seed
        return Action(calls=(Call("submit", {"answer": answer}),), usage=Usage(calls=1, input_tokens=10))


def test_more_votes_for_the_same_tokens_make_a_better_baseline():
    bought = forge.baselines(forge.Agent(model=Wavering()), dataset(40), tokens=40 * 10 * 9)
    assert bought.votes == 9
    assert bought.cost.tokens == 3600
    assert bought.single.score < 0.9 < bought.voted.score
    assert "best of 9 votes" in str(bought)


def test_rollouts_buy_as_many_whole_rounds_as_they_afford():
    assert forge.baselines(forge.Agent(model=Wavering()), dataset(10), rollouts=39).votes == 3
    with pytest.raises(ForgeError, match="do not play each of 10 tasks once"):
        forge.baselines(forge.Agent(model=Wavering()), dataset(10), rollouts=9)
    with pytest.raises(ForgeError, match="name what may be spent"):
        forge.baselines(forge.Agent(model=Wavering()), dataset(10))


def test_the_papers_ablations_are_settings():
    always = forge.train(
        forge.Agent(model=Caller()),
        dataset(6),
        optimizer=Ladder([5, 3, 1]),
        acceptance=optim.Always(),
        release=None,
        filters=None,
        schedule=optim.Schedule(epochs=4, patience=None),
    )
    assert [trial.decision for trial in always.history] == ["keep"] * 3
    assert always.score == pytest.approx(1 / 6)


def test_the_export_of_a_training_brings_tests_of_the_calls_that_solved_tasks(tmp_path):
    import subprocess
    import sys

    result = trained(run=tmp_path / "run")
    result.export(tmp_path / "out.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "test_out.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "20 passed" in done.stdout
    command = [sys.executable, "-m", "forge.cli", "functions", "export", tmp_path / "run", tmp_path / "again.py"]
    exported = subprocess.run(command, capture_output=True, text=True, check=False)
    assert exported.stdout.splitlines() == [str(tmp_path / "again.py"), str(tmp_path / "test_again.py")]
