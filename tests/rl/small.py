"""Small policies, agents and sessions that tests share."""

import forge
from forge.session import Action, Observation, Session, Step
from rl.experience import Experience
from rl.learner import Learner
from rl.policy import Policy
from rl.ppo import PPO
from rl.sampling import Sampling
from rl.segments import Segment, segments

WORDS = (
    "left right red green blue one two three what is the colour of a box ? - (knowledge) nothing like that remembered"
)


def policy(*, texts=(WORDS,), words=True, layers=2, width=32, heads=2, seed=0, **settings):
    settings.setdefault("max_new_tokens", 6)
    return Policy.tiny(list(texts), words=words, layers=layers, width=width, heads=heads, seed=seed, **settings)


def agent(model=None, **settings):
    return forge.Agent(model=model if model is not None else policy(), **settings)


def dataset(count=4, *, streams=1, metric=None, answer="red"):
    rows = [
        {
            "question": f"what is the colour of {['one', 'two', 'three'][n % 3]} ?",
            "answer": answer,
            "stream": f"s{n % streams}",
        }
        for n in range(count)
    ]
    return forge.Dataset(rows, **({} if metric is None else {"metric": metric}))


def played(model=None, count=4, *, concurrency=4, seed=0, memory=True, cost=0.3, streams=2):
    """Sessions of a random policy with every tool that is built in."""
    player = agent(model, memory=forge.Memory() if memory else None, expert=forge.GoldExpert(cost), max_turns=4)
    return forge.evaluate(player, dataset(count, streams=streams), concurrency=concurrency, seed=seed).sessions


def experience(model, count=8, seed=0):
    sessions = played(model, count, streams=count, seed=seed)
    return Experience([segments(each, model.dialect.choice_length) for each in sessions])


def prepared(settings=PPO(), model=None, *, sampling=Sampling(), **more):
    """A learner, what it is to learn from, and the figures of its preparation."""
    model = model or policy()
    data = experience(model, **more)
    learner = Learner(model.network, settings, sampling)
    figures = learner.prepare(data)
    return learner, data, figures


def session(*turns, score=1.0, costs=None, stop="submitted"):
    """A session from (prompt ids, action ids) pairs."""
    costs = costs or [0.0] * len(turns)
    steps = tuple(
        Step(
            Action(token_ids=tuple(ids), log_probs=(-1.0,) * len(ids), prompt_ids=tuple(prompt)),
            (Observation("tool", "seen"),),
            cost,
        )
        for (prompt, ids), cost in zip(turns, costs, strict=True)
    )
    return Session("t", "q", steps=steps, score=score, stop=stop, advice_cost=sum(costs))


def everything(ids):
    """Every id of an action is a choice."""
    return len(ids)


def segment(ids, places, *, rewards=None, log_probs=None, turns=None, choices=None):
    count = len(places)
    return Segment(
        list(ids),
        list(places),
        list(log_probs or [-1.0] * count),
        list(rewards or [0.0] * count),
        list(choices or [True] * count),
        list(turns or [0] * count),
    )
