"""Training with language models on both sides, over HTTP, from failing to solving, whatever goes wrong on the way."""

import json

import pytest
from openai_server import Answer, OpenAIServer

import forge
import functions
import optim
from forge.dialect import ReAct
from forge.models import LiteLLM

SOURCE = '''def cubes(count: int) -> int:
    """The sum of the first `count` cubes."""
    return sum(n**3 for n in range(1, count + 1))
'''


def data(count=6):
    rows = [{"question": f"What is the sum of the first {n} cubes?", "answer": (n * (n + 1) // 2) ** 2}
            for n in range(3, 3 + count)]  # fmt: skip
    return forge.Dataset(rows, metric=forge.metrics.numeric())


def play(request):
    """The agent: calls `cubes` if it is there, else guesses. The optimizer: adds it, then is content."""
    names = [tool["function"]["name"] for tool in request.get("tools", ())]
    if "add_function" in names:
        words = request["messages"][-1]["content"]
        if "def cubes" in words or request["messages"][-1]["role"] == "tool":
            return Answer(calls=(("terminate", {}),))
        return Answer(calls=(("add_function", {"name": "cubes", "source": SOURCE, "example_arguments": {"count": 2}}),))
    results = [message["content"] for message in request["messages"] if message["role"] == "tool"]
    if results:
        return Answer(f"The answer is {results[-1]}.")
    if "cubes" in names:
        return Answer(calls=(("cubes", {"count": int(request["messages"][1]["content"].split()[-2])}),))
    return Answer("I guess 7.")


def trained(script, dialect=None, **settings):
    with OpenAIServer(script) as server:
        model = LiteLLM("openai/gpt-4o-mini", api_base=server.url, backoff_seconds=0.01, timeout_seconds=2)
        agent = forge.Agent(model=model, dialect=dialect)
        result = forge.train(
            agent,
            data(),
            optimizer=optim.AgentOptimizer(model),
            acceptance=optim.Paper(),
            schedule=optim.Schedule(patience=0, least_proposals=0),
            release=None,
            **settings,
        )
    return result, server


def test_an_agent_learns_a_function_from_an_llm_and_the_cost_is_counted():
    result, server = trained(play)
    assert (result.baseline, result.score) == (0, 1)
    assert result.library.names == ("cubes",)
    assert result.cost.calls == len(server.requests)
    assert result.cost.tokens == 15 * len(server.requests)
    assert result.cost.usd > 0


class Faulty:
    """The same conversation, in which every third request meets a fault first."""

    def __init__(self):
        self.count = 0
        self.faults = [Answer(status=429), Answer(status=500), Answer("x", cut=True), Answer(body="oops")]

    def __call__(self, request):
        self.count += 1
        return self.faults[self.count // 3 % 4] if self.count % 3 == 0 else play(request)


def test_faults_of_the_server_change_nothing():
    result, server = trained(Faulty(), concurrency=4)
    assert (result.baseline, result.score) == (0, 1)
    assert len(server.requests) > result.cost.calls


def test_malformed_and_parallel_and_unknown_calls_are_told_to_the_model_which_goes_on():
    @functions.function
    def double(x: float) -> float:
        """Twice x."""
        return 2 * x

    replies = [
        Answer(calls=(("double", "{oops"), ("dubble", {"x": 1}), ("double", {"x": 4}))),
        Answer(""),
        Answer(calls=(("double", '{"x": 1'),), finish_reason="length"),
        Answer("", calls=(("submit", {"answer": 8}),)),
    ]
    with OpenAIServer(replies) as server:
        agent = forge.Agent(model=LiteLLM("openai/x", api_base=server.url), functions=[double])
        session = agent.run("Twice four?")
    assert session.answer == 8
    kinds = [[seen.error for seen in step.observations] for step in session.steps]
    assert kinds == [["malformed", "unknown_name", ""], ["no_call"], ["malformed"], [""]]
    for request in server.requests:  # the protocol: every call is answered by its id, and arguments are JSON
        for place, message in enumerate(request["messages"]):
            calls = message.get("tool_calls") or []
            answers = request["messages"][place + 1 : place + 1 + len(calls)]
            assert [call["id"] for call in calls] == [answer.get("tool_call_id") for answer in answers]
            assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in calls)


def react(request):
    if request.get("tools"):
        return play(request)
    words = request["messages"][-1]["content"]
    if words.startswith("Observation: "):
        return Answer(f"Thought: that is it.\nFinal Answer: {words.removeprefix('Observation: ')}")
    if "- cubes:" in request["messages"][0]["content"]:
        count = int(words.split()[-2])
        return Answer(f'Thought: a function fits.\nAction: cubes\nAction Input: {{"count": {count}}}\nObservation: 99')
    return Answer("Thought: I guess.\nFinal Answer: 7")


def test_a_react_agent_learns_the_same_way():
    result, _ = trained(react, dialect=ReAct())
    assert (result.baseline, result.score) == (0, 1)
    assert "Observation: 99" not in result.sessions[0].steps[0].action.text


@pytest.mark.parametrize("limit", [{"tokens": 100}, {"usd": 1e-5}])
def test_a_budget_over_agent_and_optimizer_ends_the_training(limit):
    result, server = trained(play, concurrency=2, budget=forge.Budget(**limit))
    assert "budget" in result.stopped
    assert len(server.requests) < 12


def test_a_wrong_key_stops_the_training_at_once():
    with pytest.raises(forge.ForgeError, match="key"):
        trained(lambda request: Answer(status=401))
