"""Trackers hear the numbers of a training, each read back with the tracker's own reader.

TensorBoard is a test package; the others are not, since they are heavy: pip install 'forge-agents[trackers]'.
"""

import json
import sqlite3
import warnings

import pytest

import forge
import optim
from forge.trackers import TrackerReport
from functions import ForgeError


def logged(folder, *trackers):
    """Two steps of a training as its events tell them, and one that PPO might tell."""
    with forge.Run(folder, report_to=trackers) as run:
        run.log("start", model="router", tasks=3)
        run.log("trial", step=0, score=0.25, decision="keep", rollouts=6)
        run.log("trial", step=1, score=0.5, decision="drop", rollouts=12, p_better=float("nan"))
        run.log("update", step=2, kl=0.01)
        run.log("finish", score=0.75)


def test_tensorboard(tmp_path):
    logged(tmp_path / "run", "tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    reader.Reload()
    scores = [(event.step, event.value) for event in reader.Scalars("trial/score")]
    assert scores == [(0, 0.25), (1, 0.5)]
    assert [(event.step, event.value) for event in reader.Scalars("finish/score")] == [(2, 0.75)]
    assert "trial/p_better" not in reader.Tags()["scalars"]
    assert "update/kl" in reader.Tags()["scalars"]


def test_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    logged(tmp_path / "pens", "mlflow")
    client = mlflow.MlflowClient()
    [found] = client.search_runs([client.get_experiment_by_name("forge").experiment_id])
    history = client.get_metric_history(found.info.run_id, "trial/score")
    assert (found.info.run_name, found.info.status) == ("pens", "FINISHED")
    assert [(point.step, point.value) for point in history] == [(0, 0.25), (1, 0.5)]
    assert found.data.params["model"] == "router"


def test_wandb_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logged(tmp_path / "pens", "wandb")
    [record] = (tmp_path / "pens").rglob("*.wandb")
    content = record.read_bytes()
    assert b"trial/score" in content
    assert b"update/kl" in content


def test_trackio(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when it is imported
    pytest.importorskip("trackio")
    logged(tmp_path / "pens", "trackio")
    [database] = (tmp_path / "trackio").rglob("*.db")
    with sqlite3.connect(database) as connection:
        rows = [json.loads(row[0]) for row in connection.execute("select metrics from metrics order by step")]
    assert [row["trial/score"] for row in rows if "trial/score" in row] == [0.25, 0.5]


def test_a_training_reports_to_a_tracker_by_name(tmp_path):
    rows = [{"question": f"What is {n} plus 3?", "answer": n + 3} for n in range(6)]
    run = forge.Run(tmp_path / "run", report_to=["tensorboard"])
    forge.train(forge.Agent(model="router"), forge.Dataset(rows), optimizer=optim.SynthesisOptimizer(), run=run)
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))


def test_a_tracker_that_fails_is_told_once_and_ends_nothing(tmp_path):
    class Broken:
        def __init__(self, *arguments):
            pass

        def log(self, numbers, step):
            raise ConnectionError("the network is down")

        def close(self):
            raise ConnectionError("still down")

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        logged(tmp_path / "run", TrackerReport("broken", Broken, "run", None))
    assert [str(warning.message) for warning in told] == [
        "the tracker 'broken' failed and hears no more: the network is down"
    ]
    assert len((tmp_path / "run" / "events.jsonl").read_text().splitlines()) == 5


def test_a_name_that_is_no_tracker_is_told_with_those_there_are(tmp_path):
    with pytest.raises(ForgeError, match=r"did you mean 'tensorboard'\?.*trackio"):
        forge.Run(tmp_path, report_to=["tensorbord"])
    with pytest.raises(ForgeError, match=r"give a list, such as \['wandb'\]"):
        forge.Run(tmp_path, report_to="wandb")


def test_a_tracker_whose_package_is_not_there_is_told_with_the_command_that_installs_it(tmp_path):
    def missing(*arguments):
        raise ImportError("No module named 'wandb'")

    report = TrackerReport("wandb", missing, "run", None)
    with pytest.raises(ForgeError, match="pip install wandb"):
        logged(tmp_path / "run", report)
