"""`forge.train` with `Paper()` takes the same decisions as Algorithm 2 of arXiv 2402.11359, written out here."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from toy import Caller, Ladder, dataset

import forge
import optim

SIZE = 6


def algorithm_2(reaches, epochs, patience):
    """The paper's loop over a stream of proposals; losses are known, so the trace is. A list of (reach, decision)."""
    proposals = iter(reaches)
    i = r = 0
    current, best_loss, history, trace = 0, float("inf"), None, []
    while i < epochs:
        proposed = current if history is None else next(proposals)
        loss = SIZE - min(proposed, SIZE)
        if loss < best_loss:
            if history is not None:
                trace.append((proposed, "keep"))
            current, best_loss, history, r = proposed, loss, "played", 0
            i += 1
        else:
            trace.append((proposed, "drop"))
            r += 1
            if r > patience:
                break
    return current, trace


def trained(reaches, epochs, patience, **keywords):
    agent = forge.Agent(model=Caller())
    schedule = optim.Schedule(epochs=epochs, patience=patience, merge=False)
    optimizer = Ladder(reaches)
    result = forge.train(
        agent,
        dataset(SIZE),
        optimizer=optimizer,
        acceptance=optim.Paper(),
        release=None,
        filters=None,
        schedule=schedule,
        **keywords,
    )
    return result, optimizer


@settings(max_examples=40)
@given(st.lists(st.integers(1, SIZE), min_size=30, max_size=30), st.integers(1, 5), st.integers(0, 3))
@example([1] * 30, 1, 0)
def test_every_decision_is_that_of_the_papers_loop(reaches, epochs, patience):
    best, trace = algorithm_2(reaches, epochs, patience)
    result, _ = trained(reaches, epochs, patience)
    assert [trial.decision for trial in result.history] == [decision for _, decision in trace]
    assert result.score == pytest.approx(best / SIZE)


def test_failed_libraries_are_shown_with_their_scores_in_ascending_order_until_one_is_accepted():
    _, optimizer = trained([3, 2, 1, 5, 4], epochs=10, patience=1)
    shown = [[failure.score for failure in evidence.failed] for evidence in optimizer.evidence]
    third = 1 / SIZE
    assert shown[:3] == [[], [], [2 * third]]
    assert trained([3, 2, 1, 5, 4], epochs=10, patience=5)[1].evidence[4].failed == ()


def test_ties_moves_sideways_where_the_paper_rolls_back():
    class Renamed(Ladder):
        def propose(self, library, evidence):
            edits = super().propose(library, evidence)
            return [edit.model_copy(update={"source": edit.source + f"# {len(self.evidence)}\n"}) for edit in edits]

    def decisions(rule):
        result = forge.train(forge.Agent(model=Caller()), dataset(SIZE), optimizer=Renamed([3, 3]), acceptance=rule,
                             schedule=optim.Schedule(patience=0))  # fmt: skip
        return [trial.decision for trial in result.history]

    assert decisions(optim.Paper()) == ["keep", "drop"]
    assert decisions(optim.Ties()) == ["keep", "keep", "none"]


def test_the_event_log_tells_the_same_trace(tmp_path):
    result, _ = trained([3, 2, 4], epochs=10, patience=0, run=tmp_path / "run")
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    trials = [(event["decision"], event["score"]) for event in events if event["kind"] == "trial"]
    assert trials == [(trial.decision, trial.score) for trial in result.history]
    assert [event["kind"] for event in events if event["kind"] in {"start", "stop", "finish"}] == [
        "start",
        "stop",
        "finish",
    ]
