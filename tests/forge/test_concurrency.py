"""How many sessions are in flight changes how long it takes, and nothing else."""

import random
from dataclasses import replace

from openai_server import OpenAIServer
from test_llm_end_to_end import data, play

import forge
import optim
from forge.models import LiteLLM


def delayed(request):
    """The scripted model, each reply after a wait of its own, so that replies overtake each other."""
    wait = random.Random(str(request["messages"])).uniform(0, 0.03)
    return replace(play(request), wait=wait)


def told(session):
    return [(step.action.text, step.action.calls, [seen.text for seen in step.observations]) for step in session.steps]


def test_the_same_seed_gives_the_same_training_at_any_concurrency():
    outcomes = []
    for concurrency in (1, 32):
        with OpenAIServer(delayed) as server:
            model = LiteLLM("openai/gpt-4o-mini", api_base=server.url, backoff_seconds=0.01)
            events = []
            result = forge.train(
                forge.Agent(model=model),
                data(60),
                optimizer=optim.AgentOptimizer(model),
                schedule=optim.Schedule(minibatch=8, patience=2),
                concurrency=concurrency,
                run=forge.Run(None, report_to=[events.append]),
                seed=5,
            )
        decided = [
            {name: event[name] for name in event if name not in ("seconds", "usage")}
            for event in events
            if event["kind"] not in ("session", "start")  # the start names the server's address
        ]
        outcomes.append((result.library.version, result.certified, result.score, result.rollouts, decided,
                         [told(session) for session in result.sessions]))  # fmt: skip
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1] is True


def test_an_evaluation_gives_the_same_sessions_in_the_order_of_the_data_set():
    sessions = []
    for concurrency in (1, 32):
        with OpenAIServer(delayed) as server:
            model = LiteLLM("openai/gpt-4o-mini", api_base=server.url, backoff_seconds=0.01)
            evaluation = forge.evaluate(forge.Agent(model=model), data(40), concurrency=concurrency, seed=2)
        sessions.append([(s.task_id, s.answer, s.score, s.usage.tokens, told(s)) for s in evaluation.sessions])
    assert sessions[0] == sessions[1]
    assert [session[0] for session in sessions[0]] == [task.id for task in data(40)]
