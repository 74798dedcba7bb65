"""Memory: what search finds, what forks share, what survives the process."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forge
from forge.memory_layers import SMALL, words_of

WORDS = ["red", "green", "blue", "pen", "box", "the", "a", "of", "lamp"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)


def plain_bm25(entries, query, k):
    """Every entry scored, one by one."""
    documents = [Counter(words_of(entry.text)) for entry in entries]
    average = sum(map(Counter.total, documents)) / len(documents)
    scores = []
    for number, document in enumerate(documents):
        score = 0.0
        for word in set(words_of(query)):
            holding = sum(word in other for other in documents)
            if count := document[word]:
                rarity = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
                score += rarity * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * document.total() / average))
        scores.append((round(score, 9), number))
    return [entries[number].text for score, number in sorted(scores, reverse=True)[:k] if score > 0]


@given(st.lists(texts, min_size=1, max_size=40), st.lists(texts, max_size=40), texts, st.integers(1, 5))
def test_search_finds_what_scoring_every_entry_finds_over_all_layers(before, after, query, k):
    memory = forge.Memory()
    for text in before:
        memory.add(text)
    fork = memory.fork()
    memory.add("goes on elsewhere")
    for text in after:
        fork.add(text)
    assert [entry.text for entry in fork.search(query, k)] == plain_bm25(list(fork), query, k)


def test_the_shortcut_for_many_entries_finds_the_same_best():
    memory = forge.Memory()
    for number in range(800):
        memory.add(f"the price of item{number % 90} of the shop is {number % 7}")
    for query in ("the price of item7", "the of is shop", "item3 3", "what is the shop", "the"):
        assert [e.text for e in memory.search(query, 4)] == plain_bm25(list(memory), query, 4)


operations = st.lists(
    st.tuples(st.sampled_from(["add", "fork", "snapshot", "restore"]), st.integers(0, 9)), max_size=60
)


@settings(max_examples=60)
@given(operations, st.integers(0, 3))
def test_forks_and_restored_states_hold_just_what_a_list_would(steps, bulk):
    memories, models = [forge.Memory()], [[]]
    snapshots = []
    for number, (kind, which) in enumerate(steps):
        place = which % len(memories)
        memory, model = memories[place], models[place]
        if kind == "add":
            for copy in range(1 + bulk * SMALL // 2):
                memory.add(f"text {number} {copy}")
                model.append(f"text {number} {copy}")
        elif kind == "fork":
            memories.append(memory.fork())
            models.append(list(model))
        elif kind == "snapshot":
            snapshots.append((memory.snapshot(), list(model)))
        elif snapshots:
            snapshot, held = snapshots[which % len(snapshots)]
            memory.restore(snapshot)
            models[place] = list(held)
    for memory, model in zip(memories, models, strict=True):
        assert [entry.text for entry in memory] == model
        assert [entry.text for entry in memory.since(len(model) // 2)] == model[len(model) // 2 :]
        plain = forge.Memory()
        for text in model:
            plain.add(text)
        assert memory.digest == plain.digest
        if model:
            assert memory.search(model[-1], 1)[0].text == model[-1]


def test_the_digest_tells_texts_kinds_sources_and_streams_apart():
    digests = set()
    for settings_ in ({}, {"kind": "reflection"}, {"source": "q1"}, {"stream": "s1"}):
        memory = forge.Memory()
        memory.add("same", **settings_)
        digests.add(memory.digest)
    assert len(digests) == 4


def test_entries_tell_the_task_and_stream_that_they_come_from():
    from doubles import Scripted, call, turns

    memory = forge.Memory()
    task = forge.Task(id="q1", question="?", stream="s1")
    turn = [call("update_memory", text="two is even", kind="question-answer"), call("reflect", lesson="count"),
            call("submit", answer="2")]  # fmt: skip
    forge.Agent(model=Scripted(turns(*turn)), memory=memory).run(task)
    assert list(memory) == [forge.Entry("two is even", "question-answer", "q1", "s1"),
                            forge.Entry("count", "reflection", "q1", "s1")]  # fmt: skip


def letters(texts):
    return [[text.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]


def test_an_encoder_finds_what_shares_no_word():
    memory = forge.Memory(encoder=letters)
    for text in ("abba", "xyz", "zzyx"):
        memory.add(text)
    assert [entry.text for entry in memory.search("baab", 1)] == ["abba"]
    assert [entry.text for entry in memory.fork().search("zyx", 2)] == ["xyz", "zzyx"]


def test_vectors_of_another_width_are_refused(tmp_path):
    widths = iter([3, 3, 4, 5])

    def widening(texts):
        return [[1.0] * next(widths)]

    memory = forge.Memory(tmp_path / "m.db", encoder=widening)
    memory.add("one")
    assert len(memory.search("two")) == 1
    for action in (memory.search, memory.add):
        with pytest.raises(forge.ForgeError, match="holds some of 3"):
            action("three")
    assert [entry.text for entry in memory] == ["one"]


def test_what_is_less_alike_than_the_threshold_is_not_found():
    memory = forge.Memory(encoder=letters, threshold=0.8)
    for text in ("abba", "abcd", "xyz"):
        memory.add(text)
    assert [entry.text for entry in memory.search("ab")] == ["abba"]
    assert [entry.text for entry in memory.search("abcde")] == ["abcd"]
    assert memory.fork().search("mn") == []


@pytest.mark.parametrize(("threshold", "encoder", "told"), [(0.5, None, "give an encoder"), (2, letters, "a cosine")])
def test_a_threshold_needs_an_encoder_and_is_a_cosine(threshold, encoder, told):
    with pytest.raises(forge.ForgeError, match=told):
        forge.Memory(encoder=encoder, threshold=threshold)


def test_sentence_transformers_are_used_by_name_or_missed_by_name(tmp_path):
    memory = forge.Memory(encoder=str(tmp_path / "no-such-model"))
    with pytest.raises(forge.ForgeError, match=r"forge-agents\[dense\]|no sentence-transformers model"):
        memory.add("x")
    with pytest.raises(forge.ForgeError, match="encoder=3"):
        forge.Memory(encoder=3)
    with pytest.raises(forge.ForgeError, match="one row of finite numbers"):
        forge.Memory(encoder=lambda texts: [[float("nan")]]).add("x")


def test_a_memory_in_a_file_holds_the_same_when_it_is_opened_again(tmp_path):
    path = tmp_path / "shop.db"
    memory = forge.Memory(path)
    memory.add("the red pen", kind="question-answer", source="q", stream="s")
    memory.add("the blue pen")
    digest = memory.digest
    memory.close()
    again = forge.Memory(path)
    assert (next(iter(again)), again.digest) == (forge.Entry("the red pen", "question-answer", "q", "s"), digest)
    assert again.search("blue", 1)[0].text == "the blue pen"


def test_forks_of_a_memory_in_a_file_leave_the_file_alone(tmp_path):
    memory = forge.Memory(tmp_path / "shop.db")
    memory.add("kept")
    memory.fork().add("not kept")
    assert [entry.text for entry in forge.Memory(tmp_path / "shop.db")] == ["kept"]


def test_vectors_are_kept_so_that_nothing_is_encoded_twice(tmp_path):
    seen = []

    def counting(texts):
        seen.extend(texts)
        return letters(texts)

    forge.Memory(tmp_path / "m.db", encoder=counting).add("abba")
    again = forge.Memory(tmp_path / "m.db", encoder=counting)
    assert seen == ["abba"]
    assert again.search("ab", 1)[0].text == "abba"
    with pytest.raises(forge.ForgeError, match="open it with the same encoder"):
        forge.Memory(tmp_path / "m.db")


def test_a_file_goes_back_to_an_earlier_state_of_its_own_only(tmp_path):
    memory, other = forge.Memory(tmp_path / "m.db"), forge.Memory(tmp_path / "m.db")
    memory.add("one")
    early = memory.snapshot()
    memory.add("two")
    late = memory.snapshot()
    assert len(other) == 2
    memory.restore(early)
    assert [entry.text for entry in memory] == [entry.text for entry in other] == ["one"]
    other.add("three")
    assert [entry.text for entry in memory] == ["one", "three"]
    with pytest.raises(forge.ForgeError, match="never held"):
        memory.restore(late)
    assert len(memory) == 2


WRITER = """
import sys, forge
memory = forge.Memory(sys.argv[1])
for number in range(int(sys.argv[3])):
    memory.add(f"{sys.argv[2]} {number}")
    print(number, flush=True)
"""


def writer(path, name, count):
    environment = {**os.environ, "PYTHONPATH": str(Path(forge.__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(WRITER), str(path), name, str(count)],
                            stdout=subprocess.PIPE, text=True, env=environment)  # fmt: skip


def test_what_was_added_survives_a_killed_process(tmp_path):
    process = writer(tmp_path / "m.db", "a", 100_000)
    for _ in range(50):
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    last += sum(1 for _ in process.stdout)
    process.wait()
    memory = forge.Memory(tmp_path / "m.db")
    held = [entry.text for entry in memory]
    assert held == [f"a {number}" for number in range(len(held))]
    assert len(held) >= last + 1
    memory.add("after")
    assert memory.search("after", 1)[0].text == "after"


def test_two_processes_add_to_one_file_and_each_sees_the_others_entries(tmp_path):
    processes = [writer(tmp_path / "m.db", name, 200) for name in "ab"]
    memory = forge.Memory(tmp_path / "m.db")
    while any(process.poll() is None for process in processes):
        memory.search("a 7", 1)
        for process in processes:
            process.stdout.readline()
    assert all(process.returncode == 0 for process in processes)
    held = [entry.text for entry in memory]
    for name in "ab":
        assert [text for text in held if text[0] == name] == [f"{name} {number}" for number in range(200)]
    assert memory.digest == forge.Memory(tmp_path / "m.db").digest


def test_threads_share_a_memory_without_losing_entries(tmp_path):
    for memory in (forge.Memory(), forge.Memory(tmp_path / "m.db")):
        threads = [
            threading.Thread(target=lambda n=n, m=memory: [m.add(f"{n} {i}") or m.search("3", 1) for i in range(50)])
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(entry.text for entry in memory) == Counter(f"{n} {i}" for n in range(4) for i in range(50))


def test_files_of_others_and_places_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "text.db").write_text("not a database, but long enough to look like one" * 50)
    with pytest.raises(forge.ForgeError, match=r"text\.db"):
        forge.Memory(tmp_path / "text.db")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)")
    with pytest.raises(forge.ForgeError, match="something else"):
        forge.Memory(tmp_path / "other.db")
    with pytest.raises(forge.ForgeError, match="cannot open"):
        forge.Memory(tmp_path / "missing" / "m.db")
