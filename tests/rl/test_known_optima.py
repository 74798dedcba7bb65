"""Trainings whose best policy is known exactly."""

import math

import pytest
import torch
from small import policy

import forge
import rl
from forge import builtin_tools
from forge.tools import Tool, World

CHOICES = rl.Sampling(greedy_arguments=True)
WORDS = ["one two three four first second time : colour of the box left right advice red blue ?"]


def arm(name, run):
    """A tool that ends the task."""

    def pull(world: World) -> str:
        run(world)
        world.submitted = True
        return "done"

    return Tool(pull, name=name, description=f"Pulls {name}.")


def answering(text):
    def run(world):
        world.answer = text

    return run


def asking(world):
    world.answer = builtin_tools.seek_advice(world)


def learner(tools, *, expert=None, memory=None, seed=0):
    model = policy(texts=WORDS, layers=1, width=16, seed=seed, constrained=True, max_new_tokens=2)
    return forge.Agent(model=model, tools=tools, expert=expert, memory=memory, max_turns=1)


def settings(**more):
    near = rl.KL((0.3, 0.01), estimator="exact", on="choices")
    defaults = {"batch": 64, "minibatch": 64, "epochs": 4, "learning_rate": 1e-2, "lam": 1.0, "advantages": "raw",
                "learn": "choices", "kl": near, "validate_every": None}  # fmt: skip
    return rl.PPO(**{**defaults, **more})


def probabilities(agent, question):
    """Of each tool, in the first turn."""
    model = agent.model
    from forge.executor import Executor
    from forge.models.protocol import Context

    specs = Executor(agent.library, agent.all_tools, agent.sandbox).specs
    prompt = model.dialect.prompt(Context("t", question, "", specs, ()))
    with torch.no_grad():
        logits = model.network.causal(torch.tensor([prompt])).logits[0, -1]
    names = [spec.name for spec in specs]
    chosen = torch.softmax(torch.stack([logits[model.dialect.ids_of(name)[0]] for name in names]), -1)
    return dict(zip(names, chosen.tolist(), strict=True))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_bandit_under_a_kl_penalty_reaches_the_analytic_optimum(seed):
    """The best policy is the reference times exp(reward / coefficient), normalised."""
    rewards, coefficient = {"left": 0.1, "middle": 0.5, "right": 0.9, "submit": 0.0}, 0.5
    agent = learner([arm(name, answering(name)) for name in ("left", "middle", "right")], seed=seed)
    tasks = forge.Dataset(
        [{"question": "one ?", "answer": ""}] * 64, metric=lambda task, session: rewards.get(session.answer, 0.0)
    )
    agent.model.learn_names(rewards)
    reference = probabilities(agent, "one ?")
    ppo = settings(kl=rl.KL(coefficient, estimator="exact", on="choices"))
    trained = rl.train_ppo(agent, tasks, ppo=ppo, sampling=CHOICES,
                           budget=forge.Budget(rollouts=64 * 100), seed=seed)  # fmt: skip
    weights = {name: reference[name] * math.exp(rewards[name] / coefficient) for name in rewards}
    found = probabilities(trained.agent, "one ?")
    for name in rewards:
        assert found[name] == pytest.approx(weights[name] / sum(weights.values()), abs=0.03)


@pytest.mark.parametrize("cost", [0.2, 0.5, 0.8])
def test_advice_is_sought_just_where_an_answer_is_right_less_often_than_one_minus_its_cost(cost):
    chances = {"one": 0.1, "two": 0.4, "three": 0.65, "four": 0.95}
    rows = [{"question": f"{word} ?", "answer": "advice", "lucky": number < 40 * chance}
            for word, chance in chances.items() for number in range(40)]  # fmt: skip
    agent = learner([arm("guess", answering("guess")), arm("ask", asking)], expert=forge.GoldExpert(cost))
    tasks = forge.Dataset(
        rows,
        metric=lambda task, session: float(
            session.answer == "advice" or (session.answer == "guess" and task.metadata["lucky"])
        ),
    )
    result = rl.train_ppo(agent, tasks, ppo=settings(batch=160, minibatch=160),
                          sampling=CHOICES, budget=forge.Budget(rollouts=160 * 80))  # fmt: skip
    for word, chance in chances.items():
        found = probabilities(result.agent, f"{word} ?")
        assert (found["ask"] > found["guess"]) == (chance < 1 - cost), (word, found)


def two_sessions(seed):
    """Streams of one question asked twice. Advice costs more than a first answer gains, but is remembered."""
    rows = [
        {"question": f"{place} time : colour of the box ?", "answer": answer, "stream": f"{answer}{number}"}
        for number in range(40)
        for answer in ("red", "blue")
        for place in ("first", "second")
    ]

    def ask(world):
        world.answer = builtin_tools.seek_advice(world)
        world.memory.add(f"colour of the box {world.answer}")

    def recall(world):
        known = world.memory.search(world.task.question, 1)
        world.answer = known[0].text.split()[-1] if known else "red"

    tools = [arm("guess", answering("red")), arm("ask", ask), arm("recall", recall)]
    agent = learner(tools, expert=forge.GoldExpert(0.55), memory=forge.Memory(), seed=seed)

    def metric(task, session):
        return session.answer == task.answer

    return (
        agent,
        forge.Dataset(rows, metric=metric),
        forge.Dataset([{**row, "stream": f"v{row['stream']}"} for row in rows], metric=metric),
    )


@pytest.mark.parametrize(
    ("objective", "best", "asks"),
    [
        (None, 1.0, False),
        (rl.FittedValue(reads=("recall",)), 1.45, True),
        (rl.Heuristic(beta=0.3), 1.45, True),
    ],
    ids=["myopic", "fitted", "heuristic"],
)
def test_asking_that_pays_only_in_the_next_session_is_learned_from_session_values_alone(objective, best, asks):
    agent, tasks, held_out = two_sessions(seed=0)
    result = rl.train_ppo(agent, tasks, ppo=settings(batch=160, minibatch=160),
                          sessions=objective, sampling=CHOICES, budget=forge.Budget(rollouts=160 * 60))  # fmt: skip
    seen = forge.evaluate(result.agent, held_out)
    assert 2 * seen.reward == pytest.approx(best, abs=0.05)
    assert (seen.advice_rate > 0.4) == asks
