"""What a budget affords is said before anything is spent, and too little is refused."""

import pytest
from chat_double import ScriptedChat
from toy import Caller, Ladder, dataset

import forge
import optim
from forge.models import LiteLLM
from functions import ForgeError


def plan(size=100, **settings):
    return forge.plan(forge.Agent(model=Caller()), dataset(size), optimizer=Ladder([]), **settings)


def test_a_plan_says_what_rollouts_buy_and_what_they_can_show():
    made = plan(budget=forge.Budget(rollouts=400))
    assert (made.tasks, made.validation, made.holdout) == (60, 20, 20)
    assert made.first == 60 + 6
    assert (made.proposal.least, made.proposal.most) == (6, 40)
    assert (made.proposals.least, made.proposals.most) == ((320 - 66) // 40, (320 - 66) // 6)
    assert 0 < made.detectable < 1
    assert "affords:    6 to 42 proposals" in str(made)


def test_a_training_keeps_to_its_plan():
    model = Caller()
    result = forge.train(forge.Agent(model=model), dataset(100), optimizer=Ladder([5, 3, 9, 12, 11, 60, 50, 70, 80]),
                         budget=forge.Budget(rollouts=400), filters=None)  # fmt: skip
    made = plan(budget=forge.Budget(rollouts=400))
    assert result.rollouts <= 400
    assert len(result.history) <= made.proposals.most


def test_more_data_and_more_budget_show_smaller_differences():
    small, large = plan(60).detectable, plan(1000).detectable
    assert large < small
    assert plan(1000, budget=forge.Budget(rollouts=500)).detectable > large


def test_a_plan_without_limits_names_none_and_one_without_tasks_to_spare_can_show_nothing():
    made = plan(20)
    assert made.proposals is None
    assert made.detectable is None
    assert "can show:   nothing" in str(made)
    assert "nothing can be certified" in str(made)


def test_dollars_are_estimated_from_the_listed_price():
    agent = forge.Agent(model=LiteLLM("openai/gpt-4o-mini", api_base="http://127.0.0.1:9/v1"))
    made = forge.plan(agent, dataset(100), budget=forge.Budget(usd=5.0))
    assert 0 < made.session_usd.least < made.session_usd.most < 0.01
    assert made.proposal_usd.least > made.session_usd.most
    assert made.proposals.most > made.proposals.least > 3
    assert "$" in str(made)
    unlisted = forge.Agent(model=LiteLLM("openai/nobodys-model", api_base="http://127.0.0.1:9/v1"))
    assert "no price is known" in str(forge.plan(unlisted, dataset(100), budget=forge.Budget(usd=5.0)))


def test_a_budget_for_fewer_than_three_proposals_is_refused_with_what_is_needed():
    model = Caller()
    few = {"optimizer": Ladder([5]), "budget": forge.Budget(rollouts=90)}
    with pytest.raises(ForgeError, match=r"rollouts=90 affords 1 proposals.*at least rollouts=124.*least_proposals=0"):
        forge.train(forge.Agent(model=model), dataset(100), **few)
    assert model.turns == 0
    allowed = forge.train(forge.Agent(model=model), dataset(100), schedule=optim.Schedule(least_proposals=0), **few)
    assert allowed.rollouts <= 90


def test_what_the_refusal_asks_for_is_enough():
    forge.train(forge.Agent(model=Caller()), dataset(100), optimizer=Ladder([5]), budget=forge.Budget(rollouts=124))


def test_tokens_are_planned_for_agent_and_optimizer_together():
    agent = forge.Agent(model=LiteLLM("openai/gpt-4o-mini", api_base="http://127.0.0.1:9/v1"))
    optimizer = optim.AgentOptimizer(ScriptedChat([]))
    with pytest.raises(ForgeError, match="tokens=20000 affords 0 proposals"):
        forge.train(agent, dataset(100), optimizer=optimizer, budget=forge.Budget(tokens=20_000))
