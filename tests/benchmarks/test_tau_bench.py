"""tau-bench: its files in both forms, and live play on a small package with the surface of its authors' own."""

import json
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forge
from benchmarks import catalog, tau_bench
from benchmarks.bench.bench import Wanted, cells_of
from benchmarks.bench.setup import Setup
from benchmarks.tau_bench_files import policy, tool_schemas, trajectories
from forge.executor import Executor
from forge.models.chat import Reply, ToolCall
from forge.models.litellm import LiteLLM
from forge.models.protocol import Context
from forge.models.scripted import ScriptedModel
from forge.session import Action, Call
from forge.tools import World
from functions import Library
from functions.errors import ForgeError

SCRIPT = "You are Ann and want seat 4 for 250 dollars."
BOOK = {"name": "book_reservation", "kwargs": {"seat": "4", "amount": 250}}
TASKS = [
    {"instruction": SCRIPT, "actions": [BOOK], "outputs": ["1000"], "user_id": "ann"},
    {"instruction": "You only want to know the time.", "actions": [], "outputs": [], "user_id": "bo"},
]
SCHEMA = {
    "type": "function",
    "function": {
        "name": "book_reservation",
        "description": "Book a seat.",
        "parameters": {
            "type": "object",
            "properties": {
                "seat": {"type": "string"},
                "amount": {"type": "number"},
                "payments": {"type": "array", "items": {"type": "object", "properties": {"amount": {}}}},
            },
            "required": ["seat", "amount"],
        },
    },
}
TRANSFER = {
    "type": "function",
    "function": {
        "name": "transfer_to_human_agents",
        "description": "Give up.",
        "parameters": {"type": "object", "properties": {}},
    },
}
PYTHON_TASKS = f"""
from tau_bench.types import Action, Task
raise RuntimeError("this file is not run")
TASKS_TEST = [
    Task(annotator="0", user_id="ann", instruction={SCRIPT!r},
         actions=[Action(name="book_reservation", kwargs={{"seat": "4", "amount": 250}})], outputs=["1000"]),
    Task(annotator="", user_id="bo", instruction="You only want to know the time.", actions=[], outputs=[]),
]
"""
PYTHON_TOOL = f"""
raise RuntimeError("this file is not run")
class Book(Tool):
    @staticmethod
    def invoke(data, seat): return seat
    @staticmethod
    def get_info():
        return {SCHEMA!r}
"""
TYPES = "from pydantic import BaseModel\nclass Action(BaseModel):\n    name: str\n    kwargs: dict\n"
ENVIRONMENT = f"""
from types import SimpleNamespace as Thing
opened = []

class Env:
    def __init__(self, split, index):
        self.tasks = [Thing(**task) for task in {TASKS!r}]
        self.index = index
        opened.append(self)

    def reset(self, task_index):
        self.index, self.seats, self.said = task_index, [], []
        return Thing(observation="I want a seat.")

    def step(self, action):
        if action.name == "respond":
            self.said.append(action.kwargs["content"])
            if "bye" not in action.kwargs["content"]:
                return Thing(observation="Go on.", done=False, reward=0)
        elif action.name == "book_reservation":
            self.seats.append(str(action.kwargs))
            return Thing(observation="booked", done=False, reward=0)
        task = self.tasks[self.index]
        right = self.seats == [str(each["kwargs"]) for each in task.actions]
        told = all(any(each in said for said in self.said) for each in task.outputs)
        return Thing(observation="###STOP###", done=True, reward=float(right and told))

def get_env(env_name, user_strategy, user_model, task_split, user_provider=None, task_index=None):
    assert (env_name, user_strategy, user_model, user_provider) == ("airline", "human", "gpt-4o", "openai")
    return Env(task_split, task_index)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("FORGE_TAU_CUSTOMER", raising=False)
    (tmp_path / "airline_tools.json").write_text(json.dumps([SCHEMA, TRANSFER]))
    (tmp_path / "airline_wiki.md").write_text("# Policy\nBe kind.")
    rows = [{"domain": "airline", "i": place, **task} for place, task in enumerate(TASKS)]
    (tmp_path / "airline_tasks_test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A tau_bench to import; gives the environments that were opened."""
    place = tmp_path / "installed" / "tau_bench"
    (place / "envs").mkdir(parents=True)
    (place / "__init__.py").touch()
    (place / "types.py").write_text(TYPES)
    (place / "envs" / "__init__.py").write_text(ENVIRONMENT)
    monkeypatch.syspath_prepend(place.parent)
    loaded = ("tau_bench", "tau_bench.types", "tau_bench.envs")
    for name in loaded:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import tau_bench.envs

    yield tau_bench.envs.opened
    for name in loaded:
        sys.modules.pop(name, None)


def test_tasks_read_the_same_as_json_and_as_their_authors_python_which_is_not_run(folder, tmp_path):
    dataset = tau_bench.load("airline", "test", folder)
    assert [task.id for task in dataset] == ["tau-airline-test-0", "tau-airline-test-1"]
    assert dataset[0].answer == {"actions": [BOOK], "outputs": ["1000"]}
    assert dataset[0].metadata == {"domain": "airline", "split": "test", "index": 0, "instruction": SCRIPT}
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "airline_tasks_test.py").write_text(PYTHON_TASKS)
    assert tau_bench.load("airline", "test", tmp_path / "python").tasks == dataset.tasks


def test_a_row_keeps_its_place_in_the_authors_list(tmp_path):
    (tmp_path / "retail_tasks_dev.jsonl").write_text(json.dumps({"i": 17, **TASKS[1]}) + "\n")
    (task,) = tau_bench.load("retail", "dev", tmp_path)
    assert (task.id, task.metadata["index"]) == ("tau-retail-dev-17", 17)


def test_schemas_read_the_same_as_json_and_as_their_authors_python_which_is_not_run(folder, tmp_path):
    assert tool_schemas("airline", folder) == [SCHEMA, TRANSFER]
    place = tmp_path / "python" / "retail_tools"
    place.mkdir(parents=True)
    for name in tau_bench.TOOLS["retail"]:
        (place / f"{name}.py").write_text(PYTHON_TOOL)
    assert tool_schemas("retail", tmp_path / "python") == [SCHEMA] * 16
    assert policy("airline", folder) == "# Policy\nBe kind."


def test_recorded_dialogues_read_the_same_as_lines_and_as_the_authors_list(tmp_path):
    row = {"task_id": 0, "trial": 1, "reward": 1.0, "traj": [{"role": "user", "content": "Hello"}]}
    (tmp_path / "gpt-4o-airline_trajectories.json").write_text(json.dumps([row]))
    assert list(trajectories(tmp_path)) == [row]
    (tmp_path / "gpt-4o-airline_trajectories.jsonl").write_text(json.dumps(row))
    assert list(trajectories(tmp_path)) == [row]


def test_what_is_not_there_or_laid_out_otherwise_is_told(folder):
    with pytest.raises(ForgeError, match="no 'airline' 'train': it has airline test, retail train"):
        tau_bench.load("airline", "train")
    for read in (tool_schemas, policy):
        with pytest.raises(ForgeError, match="no domain 'bank'"):
            read("bank")
    (folder / "retail_tasks_test.jsonl").write_text('{"i": 0}')
    with pytest.raises(ForgeError, match="tau-retail-test: row 0 needs instruction, actions and outputs"):
        tau_bench.load("retail", "test", folder)
    for content in ("TASKS = [Task(instruction=open('x').read())]", "TASKS = [", "import this", "TASKS = [f(*x)]"):
        (folder / "retail_tasks_dev.py").write_text(content)
        with pytest.raises(ForgeError, match=r"cannot read .*retail_tasks_dev.py|needs instruction"):
            tau_bench.load("retail", "dev", folder)


def test_pass_hat_by_hand():
    rewards = {"a": [1, 1, 0, 0], "b": [1, 1, 1, 1]}
    assert [tau_bench.pass_hat(rewards, k) for k in (1, 2, 3, 4)] == [0.75, (1 / 6 + 1) / 2, 0.5, 0.5]
    for rewards, k in (({"a": [1], "b": [1, 1]}, 2), ({}, 1), ({"a": [1]}, 0)):
        with pytest.raises(ForgeError, match=f"pass_hat\\(k={k}\\)"):
            tau_bench.pass_hat(rewards, k)


@given(st.dictionaries(st.integers(), st.lists(st.sampled_from([0, 1]), min_size=3), min_size=1))
def test_more_tries_in_a_row_never_succeed_more_often(rewards):
    one, two, three = (tau_bench.pass_hat(rewards, k) for k in (1, 2, 3))
    assert 0 <= three <= two + 1e-12 <= one + 2e-12 <= 1 + 3e-12


def turns(*calls):
    return ScriptedModel([Action(calls=(call,)) for call in calls])


def say(text):
    return Call("respond", {"content": text})


GOLD = (say("Hello"), Call("book_reservation", BOOK["kwargs"]), say("That is 1000"), say("bye"))


def live(model, folder):
    return tau_bench.agent(model, customer=tau_bench.Customer("human"), folder=folder)


def play(model, folder, task=0):
    return forge.evaluate(live(model, folder), tau_bench.load("airline", folder=folder)[task:]).sessions[0]


def test_the_reward_is_the_environments(folder, package):
    session = play(turns(*GOLD), folder)
    assert (session.score, session.stop) == (1.0, "submitted")
    assert [seen.text for _, seen in session.calls[:3]] == ["I want a seat.", "booked", "Go on."]
    assert package[0].said == ["That is 1000", "bye"]


@pytest.mark.parametrize(
    "calls",
    [
        (GOLD[0], GOLD[2], GOLD[3]),
        (GOLD[0], GOLD[1], GOLD[3]),
        (*GOLD[:1], Call("book_reservation", {"seat": "5", "amount": 250}), *GOLD[2:]),
        (*GOLD[:2], *GOLD[1:]),
        (*GOLD[:3], Call("submit", {"answer": {"observation": "###STOP###", "reward": 1.0}})),
        GOLD[:3],
        (Call("submit", {"answer": 1.0}),),
    ],
)
def test_a_wrong_data_base_a_missing_word_and_a_talk_without_an_end_give_nothing(calls, folder, package):
    assert play(turns(*calls), folder).score == 0.0


def test_a_learned_function_cannot_give_itself_the_reward(folder, package):
    def cheat() -> dict[str, float]:
        """Book a seat, so to say."""
        return {"reward": 1.0}

    agent = replace(live(turns(GOLD[0], Call("cheat"), GOLD[1]), folder), library=Library([cheat]))
    (session,) = forge.evaluate(agent, tau_bench.load("airline", folder=folder)[:1]).sessions
    assert session.calls[1][1].value == {"reward": 1.0}
    assert session.score == 0.0


def test_a_transfer_ends_the_conversation_and_what_follows_is_refused(folder, package):
    both = Action(calls=(Call("transfer_to_human_agents"), say("bye"), Call("submit", {"answer": 1})))
    session = play(ScriptedModel([both]), folder, task=1)
    assert (session.score, session.answer, len(session.steps)) == (1.0, None, 1)
    assert "the conversation is over" in session.calls[1][1].text


def test_a_whole_amount_reaches_the_environment_as_the_model_wrote_it(folder, package):
    paid = {"seat": "4", "amount": 250.0, "payments": [{"amount": 200.0}, {"amount": 49.5}]}
    play(turns(GOLD[0], Call("book_reservation", paid), *GOLD[2:]), folder)
    assert package[0].seats == ["{'seat': '4', 'amount': 250, 'payments': [{'amount': 200}, {'amount': 49.5}]}"]


def test_sessions_side_by_side_have_environments_of_their_own(folder, package):
    dataset = tau_bench.load("airline", folder=folder)
    evaluation = forge.evaluate(live(turns(*GOLD), folder), dataset, repeats=2, concurrency=4)
    scores = {(session.task_id, session.repeat): session.score for session in evaluation.sessions}
    assert [scores[f"tau-airline-test-{task}", repeat] for task in (0, 1) for repeat in (0, 1)] == [1, 1, 0, 0]
    assert len(package) == 4


def test_a_model_is_shown_neither_gold_nor_the_customers_script(folder, package):
    shown = []

    def look(context):
        shown.append(context)
        return Action(calls=(GOLD[min(len(context.steps), 3)],))

    play(ScriptedModel(look), folder)
    first = repr(shown[0])
    assert "Be kind." in first
    assert [words for words in (SCRIPT, "1000", "250") if words in first] == []


def test_a_text_alone_is_said_to_the_customer():
    context = Context("a", "q", "", ())
    said = tau_bench.Conversation().parse(Reply("Which seat? "), context)
    assert said.calls == (Call("respond", {"content": "Which seat?"}),)
    called = tau_bench.Conversation().parse(Reply("I look.", (ToolCall("1", "think", '{"thought": "x"}'),)), context)
    assert called.text == "I look."
    assert [(call.name, call.arguments) for call in called.calls] == [("think", {"thought": "x"})]
    assert tau_bench.Conversation().parse(Reply(error="gone"), context).finish_reason == "error"
    assert tau_bench.Conversation().parse(Reply("cut", finish_reason="length"), context).calls == ()


def test_a_package_with_other_tasks_is_refused(folder, package):
    row = {"i": 0, **TASKS[0], "instruction": "You are somebody else."}
    (folder / "airline_tasks_test.jsonl").write_text(json.dumps(row))
    (task,) = tau_bench.load("airline", folder=folder)
    agent = live(turns(*GOLD), folder)
    seen = Executor(Library(), agent.all_tools, agent.sandbox).execute(say("Hello"), World(task))
    assert "is another one in the tau_bench package that is installed: install it at commit 59a200c6" in seen.text


def test_live_play_without_the_package_says_where_to_get_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tau_bench", None)
    with pytest.raises(ForgeError, match=r"needs the package tau_bench.*pip install git\+https://github.com/sierra-"):
        tau_bench.agent(turns(*GOLD), folder=folder)


def test_in_a_bench_the_model_that_plays_is_the_customer_where_nobody_else_is_named(folder, package, monkeypatch):
    data = folder / "data"
    data.mkdir()
    for path in folder.glob("airline_*"):
        path.rename(data / path.name)
    data.rename(folder / "tau_bench")
    monkeypatch.setenv("FORGE_DATA", str(folder))
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    setup = Setup("tau-airline", model="anthropic/claude-x", test_tasks=1)
    assert setup.default_cost() is None
    assert [cell.regime for cell in cells_of(setup, Wanted(["base"], 1))] == ["base"]


def test_a_customer_whom_nobody_can_play_is_told_before_anything_is_played(folder, package, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ForgeError, match=r"nobody can play the customer: .*OPENAI_API_KEY.*FORGE_TAU_CUSTOMER") as told:
        tau_bench.agent(turns(*GOLD), folder=folder)
    assert "router" not in str(told.value)
    assert package == []


@pytest.mark.parametrize(
    ("model", "named", "customer"),
    [
        ("anthropic/claude-x", None, tau_bench.Customer(model="claude-x", provider="anthropic")),
        (LiteLLM("together_ai/a/b"), None, tau_bench.Customer(model="a/b", provider="together_ai")),
        ("gpt-4o-mini", None, tau_bench.Customer(model="gpt-4o-mini", provider="openai")),
        ("router", None, tau_bench.Customer()),
        (turns(Call("submit", {"answer": "x"})), None, tau_bench.Customer()),
        ("anthropic/claude-x", "openai/gpt-4o", tau_bench.Customer(model="gpt-4o", provider="openai")),
        (LiteLLM("openai/mine", api_base="http://here"), "human", tau_bench.Customer("human")),
    ],
)
def test_the_customer_is_whom_the_environment_names_else_the_agents_own_model(model, named, customer, monkeypatch):
    monkeypatch.delenv("FORGE_TAU_CUSTOMER", raising=False)
    if named:
        monkeypatch.setenv("FORGE_TAU_CUSTOMER", named)
    assert tau_bench.customer_for(model) == customer


def test_a_customer_that_the_package_cannot_reach_is_told(monkeypatch):
    monkeypatch.delenv("FORGE_TAU_CUSTOMER", raising=False)
    with pytest.raises(ForgeError, match=r"cannot reach the agent's model at http://here: let FORGE_TAU_CUSTOMER"):
        tau_bench.customer_for(LiteLLM("openai/mine", api_base="http://here"))
    with pytest.raises(ForgeError, match="'nobody-knows-it' names no provider"):
        tau_bench.customer_for("nobody-knows-it")


def test_the_catalog_trains_and_tests_each_domain_on_its_own_tasks(folder, package, monkeypatch):
    (folder / "tau_bench").mkdir()
    for name in ("airline_tools.json", "airline_wiki.md", "airline_tasks_test.jsonl"):
        (folder / name).rename(folder / "tau_bench" / name)
    for split in ("train", "test"):
        (folder / "tau_bench" / f"retail_tasks_{split}.jsonl").write_text(json.dumps(TASKS[0]))
    monkeypatch.setenv("FORGE_DATA", str(folder))
    airline, retail = catalog.load("tau-airline"), catalog.load("tau-retail")
    assert {task.id for task in (*airline.train, *airline.test)} == {"tau-airline-test-0", "tau-airline-test-1"}
    assert [part[0].id for part in (retail.train, retail.test)] == ["tau-retail-train-0", "tau-retail-test-0"]
    assert sorted(figures.score for figures in retail.published.values()) == [0.604, 0.692]
    assert airline.agent("router", customer=tau_bench.Customer("human")).tools[-1].name == "respond"
