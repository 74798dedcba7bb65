"""Arguments of a wrong kind meet a ForgeError that says what to give, never a bare TypeError from within."""

import pytest

import forge
import functions
import optim
from functions import ForgeError


@functions.function
def unit_price(total: float, count: int) -> float:
    """Price of one item."""
    return total / count


DATA = forge.Dataset([{"question": "What is 2 plus 3?", "answer": 5}])


def agent():
    return forge.Agent(model="router")


MISTAKES = {
    "one function instead of a list": (lambda: forge.Agent(model="router", functions=unit_price), "give a list"),
    "a lambda as a function": (lambda: forge.Agent(model="router", functions=[lambda x: x]), "lambda"),
    "a source text as a function": (lambda: forge.Agent(model="router", functions=["def f(): pass"]), "def f"),
    "a callable as a tool": (lambda: forge.Agent(model="router", tools=[len]), r"forge\.Tool"),
    "a Function as a tool": (lambda: forge.Tool(unit_price), "functions="),
    "functions twice": (
        lambda: forge.Agent(model="router", functions=[unit_price], library=functions.Library([unit_price])),
        "not both",
    ),
    "a list as a data set": (lambda: forge.evaluate(agent(), [1]), r"forge\.Dataset"),
    "a name as an agent": (lambda: forge.evaluate("gpt", DATA), r"forge\.Agent"),
    "scores instead of evaluations": (lambda: forge.compare(0.1, 0.2), "forge.evaluate"),
    "a mapping as rows": (lambda: forge.Dataset({"question": "q", "answer": 1}), "give a list"),
    "no rows at all": (lambda: forge.Dataset(None), "give a list"),
    "a number as a budget": (lambda: forge.train(agent(), DATA, budget=5), r"Budget\(usd=5\)"),
    "a word as a rule": (lambda: forge.train(agent(), DATA, acceptance="paper"), r"optim\.Paper"),
    "a word as an optimizer": (lambda: forge.train(agent(), DATA, optimizer="synthesis"), "SynthesisOptimizer"),
    "a number as a schedule": (lambda: forge.train(agent(), DATA, schedule=5), "Schedule"),
    "a text as a timeout": (lambda: functions.Sandbox(timeout="2"), "numbers"),
    "a text as imports": (lambda: functions.Sandbox(imports="math"), "list of names"),
    "a name as a function to call": (lambda: functions.Sandbox().call("f", {}), "from_source"),
    "a typo in the package": (lambda: forge.evalute, "evaluate"),
    "an expert who costs too much": (lambda: forge.GoldExpert(cost=3), "cost=3"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered_with_what_to_give(mistake):
    attempt, words = MISTAKES[mistake]
    with pytest.raises((ForgeError, AttributeError), match=words) as caught:
        attempt()
    assert isinstance(caught.value, ForgeError) or "did you mean" in str(caught.value)


def test_a_training_on_a_handful_of_tasks_works_and_says_how_little_it_knows():
    rows = [{"question": f"What is {a} plus {b}?", "answer": a + b} for a, b in ((2, 3), (4, 3), (9, 1), (8, 3))]
    result = forge.train(agent(), forge.Dataset(rows), optimizer=optim.SynthesisOptimizer(), release=None)
    assert result.score == 1
    assert result.interval[0] < 0.6
    assert "too few to split" in result.notes[0]
