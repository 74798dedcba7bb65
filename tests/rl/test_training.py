"""Whole trainings: resumed, killed, interrupted, shared between processes, refused."""

import io
import json
import math
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small import agent, dataset, policy
from small_training import figures, train

import forge
import rl
from rl.checkpoint import Checkpoint
from rl.console import ConsoleReport
from rl.experience import Diverged
from rl.training import Training

HERE = Path(__file__).parent


def environment():
    threads = str(torch.get_num_threads())  # sums differ in their last bits with the number of threads
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)]), "OMP_NUM_THREADS": threads,
            "CUDA_VISIBLE_DEVICES": ""}  # fmt: skip


class Interrupting:
    """A reporter that is Ctrl-C after some updates."""

    def __init__(self, after):
        self.after = after

    def __call__(self, event):
        if event["kind"] == "update" and event["step"] == self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 3])
def test_k_updates_and_k_more_are_2k_updates_bit_by_bit(tmp_path, after):
    whole = train(tmp_path / "whole")
    cut = train(forge.Run(tmp_path / "cut", report_to=[Interrupting(after)]))
    assert (cut.stop, len(cut.history)) == ("interrupted", after)
    resumed = train(forge.Run(tmp_path / "cut", resume=True))
    assert figures(resumed) == figures(whole)
    assert resumed.score == whole.score


def test_a_killed_training_goes_on_where_its_last_update_ended(tmp_path):
    expected = figures(train(tmp_path / "whole", updates=5))
    command = [sys.executable, str(HERE / "small_training.py"), str(tmp_path / "killed"), "5"]
    generator = random.Random(0)
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        wanted = generator.randint(1, 3)
        for line in process.stdout:
            wanted -= line.strip() == "update"
            if not wanted:
                process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, capture_output=True, env=environment())
    found = json.loads((tmp_path / "killed" / "figures.json").read_text())
    assert found == json.loads(json.dumps(expected))


def test_two_processes_train_what_one_does(tmp_path):
    # --multi_gpu starts one process each; with --cpu, accelerate would start a single one, unless under MPI.
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
               "--num_machines", "1", "--main_process_port", "0", "--mixed_precision", "no", "--dynamo_backend", "no",
               str(HERE / "small_training.py")]  # fmt: skip
    launched = subprocess.run([*command, str(tmp_path / "two"), "3"], capture_output=True, text=True, env=environment())
    assert launched.returncode == 0, launched.stderr[-3000:]
    one = train(tmp_path / "one", updates=3)
    two = json.loads((tmp_path / "two" / "figures.json").read_text())
    assert two.pop("processes") == 2
    for row, other in zip(figures(one)["history"], two["history"], strict=True):
        assert other == pytest.approx(row, abs=1e-4)
    again = rl.Policy.from_pretrained(tmp_path / "two" / "policy")
    weights = dict(again.network.causal.named_parameters())
    for name, weight in one.policy.network.causal.named_parameters():
        assert torch.allclose(weight, weights[name], atol=1e-5), name


def test_the_same_seed_trains_the_same_policy_and_another_does_not():
    first, same, other = (train(None, updates=2, seed=seed) for seed in (0, 0, 1))
    assert figures(first) == figures(same)
    assert first.policy.digest != other.policy.digest


def test_the_agent_that_was_given_stays_as_it_is_and_the_result_plays():
    player = agent(policy(), max_turns=2)
    before = player.model.digest
    result = rl.train_ppo(player, dataset(8), ppo=rl.PPO(batch=8), budget=forge.Budget(rollouts=8))
    assert player.model.digest == before
    assert result.agent.run("what is the colour of one ?").stop in ("submitted", "turns")


def test_a_run_folder_holds_a_plain_policy_the_log_and_a_plot(tmp_path):
    result = train(tmp_path / "run", updates=2)
    loaded = rl.Policy.from_pretrained(tmp_path / "run" / "policy")
    assert loaded.digest == result.policy.digest
    events = [json.loads(line)["kind"] for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert {"start", "update", "validation", "stop"} <= set(events)
    assert result.plot(tmp_path / "curve.png").stat().st_size > 5_000


def test_the_trackers_of_accelerate_hear_of_each_update(tmp_path):
    from accelerate import Accelerator
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accelerator = Accelerator(cpu=True, log_with="tensorboard", project_dir=tmp_path)
    train(None, updates=3, accelerator=accelerator)
    accelerator.end_training()
    seen = EventAccumulator(str(tmp_path / "forge"))
    seen.Reload()
    assert [event.step for event in seen.Scalars("reward")] == [1, 2, 3]


def test_a_training_that_breaks_names_what_broke_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    original = rl.learner.Learner.update

    def breaking(self, experience, **more):
        if breaking.count == 2:
            experience.returns[0] = float("nan")
        breaking.count += 1
        return original(self, experience, **more)

    breaking.count = 0
    monkeypatch.setattr(rl.learner.Learner, "update", breaking)
    with pytest.raises(Diverged, match=r"update 3: value_loss .* checkpoint of update 2 is kept"):
        train(tmp_path / "run")
    monkeypatch.setattr(rl.learner.Learner, "update", original)
    assert figures(train(forge.Run(tmp_path / "run", resume=True))) == figures(train(None))


def test_a_reward_that_is_no_number_names_its_update_and_is_logged(tmp_path):
    calls = iter(range(1_000))

    class Bonus:
        def bonuses(self, trajectories):
            value = float("nan") if next(calls) == 1 else 0.0
            return [[value] * len(each.sessions) for each in trajectories]

    settings = rl.PPO(batch=4, minibatch=4, checkpoint_every=5, validate_every=None)
    with pytest.raises(Diverged, match=r"^update 2: a reward is no finite number[^;]*$"):
        rl.train_ppo(agent(policy()), dataset(8, streams=2), ppo=settings, sessions=Bonus(), run=tmp_path / "run",
                     budget=forge.Budget(rollouts=16))  # fmt: skip
    assert "no finite number" in (tmp_path / "run" / "events.jsonl").read_text().splitlines()[-1]


def test_a_kill_between_the_renamings_of_a_checkpoint_loses_nothing(tmp_path):
    train(forge.Run(tmp_path / "run", report_to=[Interrupting(2)]))
    (tmp_path / "run" / "checkpoint").rename(tmp_path / "run" / ".checkpoint.old")
    resumed = train(forge.Run(tmp_path / "run", resume=True))
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    steps = [event["step"] for event in events if event["kind"] == "update"]
    assert steps.count(1) == 1
    assert steps[-4:] == [3, 4, 5, 6]
    assert figures(resumed) == figures(train(None))


@pytest.mark.parametrize(
    "changed", [{"max_turns": 3}, {"instructions": "Be brief."}, {"expert": forge.GoldExpert(0.9)}]
)
def test_a_run_is_not_resumed_with_another_agent(tmp_path, changed):
    def started(resume, **more):
        player = agent(policy(), **({"max_turns": 2, "expert": forge.GoldExpert(0.1)} | more))
        budget = forge.Budget(rollouts=4)
        return rl.train_ppo(player, dataset(4), ppo=rl.PPO(batch=4), budget=budget,
                            run=forge.Run(tmp_path / "run", resume=resume))  # fmt: skip

    started(False)
    with pytest.raises(forge.ForgeError, match="agent"):
        started(True, **changed)


def test_settings_with_functions_in_them_are_the_same_in_every_process(tmp_path):
    program = """
import sys, forge, rl
from small import agent, dataset, policy

def embed(texts):
    return [[len(text)] for text in texts]

rl.train_ppo(agent(policy()), dataset(8, streams=4), ppo=rl.PPO(batch=4), sessions=rl.FittedValue(embed=embed),
             budget=forge.Budget(rollouts=int(sys.argv[2])), run=forge.Run(sys.argv[1], resume=True))
"""
    for rollouts in (4, 8):
        command = [sys.executable, "-c", program, str(tmp_path / "run"), str(rollouts)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment())
        assert done.returncode == 0, done.stderr[-2000:]
    assert Checkpoint.found(tmp_path / "run" / "checkpoint", rl.processes.Processes.on(torch.device("cpu")))


@pytest.mark.parametrize("streams", [3, 5, 9])
def test_every_update_plays_a_whole_batch_of_different_streams(streams, monkeypatch):
    seen = []
    original = Training._played

    def noting(self, player, chosen, *rest):
        seen.append([tasks[0].stream for tasks in chosen])
        return original(self, player, chosen, *rest)

    monkeypatch.setattr(Training, "_played", noting)
    settings = rl.PPO(batch=4, minibatch=4, validate_every=None)
    rl.train_ppo(agent(policy(), max_turns=1), dataset(2 * streams, streams=streams), ppo=settings,
                 budget=forge.Budget(rollouts=40))  # fmt: skip
    assert [len(set(chosen)) for chosen in seen] == [2] * 10
    assert {stream for chosen in seen for stream in chosen} == {f"s{n}" for n in range(streams)}


def test_a_terminal_tells_how_many_sessions_were_played_not_how_many_were_asked_for(tmp_path):
    shown = io.StringIO()
    settings = rl.PPO(batch=5, validate_every=None)
    rl.train_ppo(agent(policy(), max_turns=1), dataset(12, streams=3), ppo=settings, budget=forge.Budget(rollouts=8),
                 run=forge.Run(report_to=[ConsoleReport(shown, every=1)]))  # fmt: skip
    assert "update 1: 8 sessions," in shown.getvalue()  # two whole streams of 4


@pytest.mark.parametrize(
    ("settings", "sessions"),
    [
        ({"kl": rl.KL(0.1, into="reward", target=0.01)}, rl.CriticValue()),
        ({"level": "turn", "advantages": "raw", "stop_kl": 0.5, "dual_clip": 3.0, "value_clip": 0.2}, rl.Heuristic()),
        ({"kl": rl.KL(0.1, estimator="exact"), "gamma": 0.99, "entropy": (0.02, 0.0)}, None),
        ({"kl": None, "precision": "bf16", "learn": "choices", "advantages": "scale"}, rl.FittedValue()),
    ],
)
def test_settings_work_together(settings, sessions):
    player = agent(policy(critic="separate"), memory=forge.Memory(), expert=forge.GoldExpert(0.3), max_turns=3)
    result = rl.train_ppo(player, dataset(8, streams=4), ppo=rl.PPO(batch=8, minibatch=4, **settings),
                          sessions=sessions, budget=forge.Budget(rollouts=24))  # fmt: skip
    assert len(result.history) == 3
    assert all(math.isfinite(value) for row in result.history for value in row.values())
    assert result.policy.digest != player.model.digest


def test_a_disk_that_is_full_leaves_the_earlier_checkpoint(tmp_path, monkeypatch):
    train(forge.Run(tmp_path / "run", report_to=[Interrupting(2)]))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full)
        with pytest.raises(forge.ForgeError, match="one before it is kept"):
            train(forge.Run(tmp_path / "run", resume=True))
    kept = torch.load(tmp_path / "run" / "checkpoint" / "training.pt", weights_only=True)
    assert kept["training"]["updates"] == 2
    assert figures(train(forge.Run(tmp_path / "run", resume=True))) == figures(train(None))


def test_a_damaged_checkpoint_is_told_with_a_way_out(tmp_path):
    train(forge.Run(tmp_path / "run", report_to=[Interrupting(2)]))
    (tmp_path / "run" / "checkpoint" / "training.pt").write_bytes(b"torn")
    with pytest.raises(forge.ForgeError, match=r"cannot be read .* fresh=True"):
        train(forge.Run(tmp_path / "run", resume=True))
    assert train(forge.Run(tmp_path / "run", fresh=True)).stop == "done"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a, d: rl.train_ppo(forge.Agent(model="router"), d), "weights are trained of an rl.Policy"),
        (lambda a, d: rl.train_ppo(a, [1, 2]), "forge.Dataset"),
        (lambda a, d: rl.train_ppo(a, d, ppo=0.2), r"give PPO\(\.\.\.\)"),
        (lambda a, d: rl.train_ppo(a, d, budget=forge.Budget(usd=1.0)), "counts rollouts and seconds"),
        (lambda a, d: rl.train_ppo(a, d, budget=forge.Budget()), "say when to stop"),
        (lambda a, d: rl.train_ppo(a, d, ppo=rl.PPO(kl=rl.KL(estimator="k1"))), "would hold nothing"),
        (lambda a, d: rl.train_ppo(a, d, ppo=rl.PPO(epochs=1.5)), "a whole number"),
        (lambda a, d: rl.train_ppo(a, d, sampling=rl.GREEDY), "explore nothing"),
        (lambda a, d: rl.train_ppo(a, d, sampling=rl.Sampling(greedy_arguments=True)), "learn='choices'"),
        (lambda a, d: rl.train_ppo(a, d, concurrency=0), "at least 1 stream"),
        (lambda a, d: rl.train_ppo(a, d, d, ppo=rl.PPO(validate_every=None)), "never be looked at"),
        (lambda a, d: rl.train_ppo(a, d, sessions="fitted"), r"sessions='fitted'\): give rl\.FittedValue\(\)"),
        (
            lambda a, d: rl.train_ppo(a, d, sessions=rl.FittedValue),
            r"sessions=rl\.FittedValue\): give rl\.FittedValue\(\)",
        ),
        (lambda a, d: rl.train_ppo(a, d, run=3), "run=3: give the path of a folder"),
        (lambda a, d: rl.train_ppo(a, d, accelerator=3), r"accelerator=3\): give an accelerate\.Accelerator"),
        (lambda a, d: rl.Sampling(temperature="1"), r"temperature='1'\): give a number from 0 up"),
        (lambda a, d: rl.Sampling(top_p="1"), r"top_p='1'\): give a number"),
        (lambda a, d: rl.imitate("x", []), r"imitate\(agent with model 'x'\)"),
        (lambda a, d: rl.imitate(a, [], imitation={}), r"imitation=\{\}\): give rl\.Imitation"),
        (lambda a, d: rl.imitate(a, [1, 2]), "holds 1: give a list of forge.Session"),
        (lambda a, d: rl.imitate(a, 3), "holds 3: give a list of forge.Session"),
        (lambda a, d: rl.Imitation(batch=1.5), r"batch=1\.5\): give a whole number from 1 up"),
        (lambda a, d: rl.Imitation(epochs="3"), r"epochs='3'\): give a number"),
        (lambda a, d: rl.Imitation(epochs=math.inf), r"epochs=inf\): give a number"),
        (lambda a, d: rl.Imitation(validation=1), r"validation=1\): give a share between 0 and 1"),
        (lambda a, d: rl.Imitation(least_accuracy=5), r"least_accuracy=5\): give a number from 0 to 1"),
        (lambda a, d: rl.Imitation(seconds=-1), r"seconds=-1\): give a number from 0 up"),
        (lambda a, d: rl.imitate(a, []), "give at least 2"),
        (lambda a, d: rl.imitate(forge.Agent(model="router"), []), "rl.Policy"),
        (lambda a, d: rl.Policy.from_pretrained("/nowhere"), "no causal language model"),
        (lambda a, d: rl.Policy.tiny([]), "text"),
    ],
)
def test_mistakes_are_told_before_anything_is_played(call, message):
    with pytest.raises(forge.ForgeError, match=message):
        call(agent(policy()), dataset(2))


@pytest.mark.parametrize("launched", [False, True])
def test_an_accelerator_that_would_divide_each_gradient_is_refused(launched, monkeypatch):
    from accelerate import Accelerator

    if launched:
        monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")  # as accelerate launch would
    given = None if launched else Accelerator(cpu=True, gradient_accumulation_steps=4)
    with pytest.raises(forge.ForgeError, match=r"gradient_accumulation_steps=4\).* divided by 4.*micro_tokens"):
        rl.train_ppo(agent(policy()), dataset(2), budget=forge.Budget(rollouts=2), accelerator=given)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(tmp_path):
    policy().save_pretrained(tmp_path)
    with pytest.raises(forge.ForgeError, match="no CUDA GPU"):
        rl.Policy.from_pretrained(tmp_path, device="cuda")


def test_prompts_that_never_fit_leave_nothing_to_learn_from():
    player = agent(policy(context=8))
    with pytest.raises(forge.ForgeError, match="nothing to learn from"):
        rl.train_ppo(player, dataset(4), budget=forge.Budget(rollouts=4))
