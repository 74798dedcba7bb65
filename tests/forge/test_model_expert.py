"""Advice from another model, over HTTP."""

import pytest
from doubles import Scripted, call, turns
from openai_server import Answer, OpenAIServer

import forge
from forge.models import LiteLLM


def asking(expert):
    script = turns(call("seek_advice"), call("seek_advice", question="is it steel?"), call("submit", answer="wood"))
    return forge.Agent(model=Scripted(script), expert=expert).run("what is the shelf made of?")


def test_another_model_advises_and_each_call_is_charged():
    with OpenAIServer([Answer("wood"), Answer("no, wood")]) as server:
        session = asking(forge.ModelExpert(LiteLLM("openai/strong", api_base=server.url), cost=0.2))
    assert [seen.text for step in session.steps for seen in step.observations] == ["wood", "no, wood", "submitted"]
    assert (session.advice_count, session.advice_cost) == (2, pytest.approx(0.4))
    first, second = (request["messages"][-1]["content"] for request in server.requests)
    assert first == "what is the shelf made of?"
    assert second == "what is the shelf made of?\n\nis it steel?"


def test_an_expert_that_fails_is_an_observation_and_costs_nothing():
    with OpenAIServer([Answer(status=500)]) as server:
        session = asking(forge.ModelExpert(LiteLLM("openai/strong", api_base=server.url, retries=0), cost=0.2))
    assert "gave no answer" in session.steps[0].observations[0].text
    assert session.advice_cost == 0


def test_an_expert_is_a_litellm_id_or_a_chat_model():
    assert forge.ModelExpert("openai/strong").model.name == "openai/strong"
    with pytest.raises(forge.ForgeError, match="free text"):
        forge.ModelExpert("router")
