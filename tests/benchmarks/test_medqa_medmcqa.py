"""The loaders of MedMCQA and MedQA, on rows in their formats; on the real files where $FORGE_DATA names them."""

import gzip
import json
import os
from pathlib import Path

import pytest

import forge
from benchmarks import catalog, medmcqa, medqa, mirage
from forge.models import ScriptedModel
from forge.session import Action, Call
from functions.errors import ForgeError

CHOICES = {"A": "Rest", "B": "Ice", "C": "Heat", "D": "Surgery"}
JOINED = [{"idx": n, "question": f"What helps {n}?", "options": CHOICES, "answer": "B", "answer_text": "Ice"}
          for n in (0, 42)]  # fmt: skip
ASKED = "What helps 0?\nA. Rest\nB. Ice\nC. Heat\nD. Surgery"
MEDMCQA = {"question": "What helps 0?", "opa": "Rest", "opb": "Ice", "opc": "Heat", "opd": "Surgery", "cop": 2,
           "exp": "Cold soothes.", "subject_name": "Medicine", "id": "45258d3d", "choice_type": "single"}  # fmt: skip
MEDQA = {"question": "What helps 0?", "answer": "Ice", "options": CHOICES, "answer_idx": "B", "meta_info": "step1"}


def lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def benchmark(folder):
    """A clone of MIRAGE with two questions of each of two data sets."""
    parts = {name: {f"{row['idx']:04}": {key: row[key] for key in ("question", "options", "answer")} for row in JOINED}
             for name in ("medqa", "medmcqa")}  # fmt: skip
    (folder / "benchmark.json").write_text(json.dumps(parts))
    return folder


@pytest.mark.parametrize("module", [medmcqa, medqa])
def test_questions_are_the_same_from_a_folder_and_from_mirage(module, tmp_path):
    split = "dev" if module is medmcqa else "test"
    lines(tmp_path / "here" / f"{split}.jsonl.gz", JOINED)
    here = module.load(split, tmp_path / "here")
    there = module.load(split, benchmark(tmp_path))
    assert [(t.question, t.answer, t.metadata) for t in here] == [(t.question, t.answer, t.metadata) for t in there]
    assert (here[0].question, here[0].answer) == (ASKED, "B")
    if module is medqa:
        assert list(here) == list(there)
        assert [task.id for task in here] == ["medqa-test-0", "medqa-test-42"]


@pytest.mark.parametrize("content", ['[{"a": 1}]', '{"pubmedqa": {}}', '{"medqa": {"0000": 5}}'])
def test_another_benchmark_is_no_mirage_and_told_so(content, tmp_path):
    (tmp_path / "benchmark.json").write_text(content)
    with pytest.raises(ForgeError, match=r"benchmark.json has no|is no benchmark.json"):
        medqa.load("test", tmp_path)


def test_the_authors_own_rows_are_read_without_their_explanations(tmp_path):
    lines(tmp_path / "medmcqa" / "train.jsonl.gz", [MEDMCQA])
    lines(tmp_path / "medqa" / "train.jsonl.gz", [MEDQA])
    for dataset in (medmcqa.load("train", tmp_path / "medmcqa"), medqa.load("train", tmp_path / "medqa")):
        (task,) = dataset
        assert (task.question, task.answer, task.metadata) == (ASKED, "B", {"options": CHOICES})


def test_the_whole_training_set_comes_before_its_sample(tmp_path):
    lines(tmp_path / "train_1k.jsonl.gz", JOINED)
    assert len(medmcqa.load("train", tmp_path)) == 2
    lines(tmp_path / "train.jsonl.gz", [MEDMCQA])
    assert len(medmcqa.load("train", tmp_path)) == 1


def test_medmcqa_refuses_a_choice_that_is_counted_from_zero(tmp_path):
    lines(tmp_path / "train.jsonl.gz", [{**MEDMCQA, "cop": 0}])
    with pytest.raises(ForgeError, match=r"medmcqa-train-45258d3d is no MedMCQA row .* cop from 1 to 4"):
        medmcqa.load("train", tmp_path)


def test_what_is_no_question_is_refused(tmp_path):
    lines(tmp_path / "test.jsonl.gz", [{**JOINED[0], "answer": "E"}])
    with pytest.raises(ForgeError, match="medqa-test-0 is no MedQA row"):
        medqa.load("test", tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "benchmark.json").write_text('{"bioasq": {}}')
    with pytest.raises(ForgeError, match="no data set 'medqa'"):
        medqa.load("test", tmp_path / "other")
    with pytest.raises(ForgeError, match="no split 'dev'"):
        medqa.load("dev", tmp_path)
    for split, stream in (("test", 0), ("dev", -1)):
        with pytest.raises(ForgeError, match="the splits are 'train' and 'dev', and a stream has questions"):
            medmcqa.load(split, tmp_path, stream=stream)
    lines(tmp_path / "dev.jsonl.gz", [{**JOINED[0], "answer": "E"}])
    with pytest.raises(ForgeError, match="medmcqa-dev-0 is no MedMCQA row"):
        medmcqa.load("dev", tmp_path)
    with pytest.raises(ForgeError, match=r"no train.jsonl or train_1k.jsonl in .*github.com/medmcqa"):
        medmcqa.load("train", tmp_path)


def test_questions_of_a_stream_share_a_memory_and_others_do_not(tmp_path):
    lines(tmp_path / "dev.jsonl.gz", [{**JOINED[0], "idx": n} for n in range(5)])
    assert [task.stream for task in medmcqa.load("dev", tmp_path, stream=2)] == [f"dev-{n}" for n in (0, 0, 1, 1, 2)]
    assert len(medmcqa.load("dev", tmp_path).streams()) == 5

    def reflects(context):
        return Action(calls=(Call("reflect", {"lesson": "Ice helps."}), Call("submit", {"answer": "B"})))

    agent = medmcqa.agent(ScriptedModel(reflects))
    played = forge.evaluate(agent, medmcqa.load("dev", tmp_path, stream=2))
    assert played.score == 1.0
    assert all(session.remembered == ("Ice helps.",) for session in played.sessions)


def test_without_memory_there_are_five_things_to_do(tmp_path):
    agent = medmcqa.agent(memory=False)
    assert [tool.name for tool in agent.all_tools] == ["seek_advice", "submit"]
    assert agent.expert.cost == 0.4
    assert [tool.name for tool in medmcqa.agent(memory=False, advice_cost=None).all_tools] == ["submit"]
    assert {"reflect", "retrieve_memory"} <= {tool.name for tool in medmcqa.agent().all_tools}
    assert "A, B, C or D" in agent.instructions
    told = {name: [word in made.instructions for word in ("Seek advice", "reflect")] for name, made in (
        ("whole", medmcqa.agent()), ("no memory", agent), ("no expert", medmcqa.agent(advice_cost=None)))}  # fmt: skip
    assert told == {"whole": [True, True], "no memory": [True, False], "no expert": [False, True]}
    assert [medqa.ADVISED in medqa.agent(expert=expert).instructions for expert in (None, forge.GoldExpert())] == [
        False, True]  # fmt: skip


def test_by_name_questions_come_in_streams_in_which_a_reflection_helps(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    for name, count in (("train_1k", 25), ("dev", 120)):
        lines(tmp_path / "medmcqa" / f"{name}.jsonl.gz", [{**JOINED[0], "idx": n} for n in range(count)])
    found = catalog.load("medmcqa")
    assert [len(stream) for stream in found.train.streams().values()] == [20, 5]
    assert [len(stream) for stream in found.test.streams().values()] == [100, 20]

    def play(context):  # asks once, reflects, and finds the lesson in every later question of the stream
        done = [(call.name, step.observations[0].text) for step in context.steps for call in step.action.calls]
        if not done:
            return Action(calls=(Call("retrieve_memory"),))
        if "Ice helps." not in done[0][1] and len(done) == 1:
            return Action(calls=(Call("seek_advice"), Call("reflect", {"lesson": "Ice helps."})))
        return Action(calls=(Call("submit", {"answer": "B"}),))

    played = forge.evaluate(found.agent(ScriptedModel(play)), found.test)
    assert (played.accuracy, sum(session.advice_count for session in played.sessions)) == (1.0, 2)


def test_published_total_scores_are_accuracy_minus_what_advice_costs():
    for name, row in medmcqa.PUBLISHED.items():
        if name != "agile-gpt4":  # printed otherwise in the paper
            assert row.score == pytest.approx(row.accuracy - medmcqa.ADVICE_COST * row.advice_rate, abs=1e-3)


@pytest.mark.parametrize(
    ("written", "letter"),
    [
        (['{"step_by_step_thinking": "Heat? No.", "answer_choice": "B"}'], "B"),
        (['{"step_by_step_thinking": "Heat? No.", "answer_choice": "B. Ice"}'], "B"),
        (['{"step_by_step_thinking": "\\(x\\)", "answer_choice": "C. Heat"}'], "C"),  # no escape of JSON's
        (['{"step_by_step_thinking": "Cold." "answer_choice": "B"}'], "B"),  # a comma is missing
        (['{"step_by_step_thinking": "Cold.", "answer_choice": "Surg'], None),  # cut off
        (['{"step_by_step_thinking": "Cold.", "answer_choice": "A/B"}'], None),
        (['{"step_by_step_thinking": "The answer is C", "answer_choice": "None of the above"}'], None),
        (['{"step_by_step_thinking": "The answer is not C."}'], None),
        (["'content'"], None),
        (["Error communicating with OpenAI: ('Connection aborted.')"], None),
        (["The answer is D."], "D"),
        (['["B"]'], None),
        ([], None),
        (['{"answer_choice": "A"}', '{"answer_choice": "B"}'], "A"),
    ],
)
def test_the_letter_of_a_completion_is_read_where_there_is_one(written, letter):
    assert mirage.letter(written, CHOICES) == letter


def test_recordings_are_the_same_joined_and_in_a_clone(tmp_path, monkeypatch):
    raw = {run: [json.dumps({"answer_choice": letter})] for run, letter in zip(mirage.RUNS, "ABCD", strict=True)}
    lines(tmp_path / "data" / "medqa" / "mirage_llm_answers.jsonl.gz", [{**row, "raw": raw} for row in JOINED])
    monkeypatch.setenv("FORGE_DATA", str(tmp_path / "data"))
    joined = medqa.recorded()
    assert {run: letters["medqa-test-42"] for run, letters in joined.letters.items()} == dict(
        zip(mirage.RUNS, "ABCD", strict=True)
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FORGE_DATA")
    with pytest.raises(ForgeError, match=r"clone https://github.com/Teddy-XiongGZ/MIRAGE and give its folder"):
        medqa.recorded()
    clone = benchmark(tmp_path)
    with pytest.raises(ForgeError, match=r"test_0000.json.* give a clone of Teddy-XiongGZ/MIRAGE"):
        medqa.recorded(clone)
    for run, place in mirage.RUNS.items():
        folder = clone / "prediction" / "medqa" / place
        folder.mkdir(parents=True)
        for row in JOINED:
            (folder / f"test_{row['idx']:04}.json").write_text(json.dumps(raw[run]))
    cloned = medqa.recorded(clone)
    assert list(cloned.dataset) == list(joined.dataset)
    assert cloned.letters == joined.letters


def test_the_real_recordings_are_near_the_published_accuracies_where_they_are_at_hand():
    if not (Path(os.environ.get("FORGE_DATA", "nowhere")) / "medqa").is_dir():
        pytest.skip("FORGE_DATA names no folder with MedQA")
    recorded = medqa.recorded()
    for run, published in medqa.PUBLISHED.items():
        letters = recorded.letters[run]
        share = sum(letters[task.id] == task.answer for task in recorded.dataset) / len(recorded.dataset)
        assert share == pytest.approx(published.score, abs=0.03)  # of 1,273, and "A" for what cannot be read
        assert sum(letter is None for letter in letters.values()) < 0.03 * len(letters)
