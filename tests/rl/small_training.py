"""A training that tests interrupt, resume and share between processes: `python small_training.py folder [updates]`."""

import json
import sys
from pathlib import Path

from accelerate import Accelerator
from small import agent, policy

import forge
import rl


def train(run, *, updates=6, seed=0, **more):
    """Streams of two questions; the answer is a word of the question, advice and memory are there."""
    words = ["red", "green", "blue"]
    rows = [
        {"question": f"what is the colour of {words[n % 3]} ?", "answer": words[n % 3], "stream": f"s{n // 2}"}
        for n in range(16)
    ]
    settings = rl.PPO(batch=8, minibatch=4, learning_rate=1e-3, critic_warmup=1, validate_every=2, kl=rl.KL(0.05))
    player = agent(
        policy(seed=seed, constrained=True), memory=forge.Memory(), expert=forge.GoldExpert(0.3), max_turns=3
    )
    tasks = forge.Dataset(rows, metric=lambda task, session: session.answer == task.answer)
    held_out = forge.Dataset([{**row, "stream": f"v{row['stream']}"} for row in rows[:4]], metric=tasks.metric)
    return rl.train_ppo(
        player, tasks, held_out, ppo=settings, sessions=rl.FittedValue(), budget=forge.Budget(rollouts=8 * updates),
        run=run, seed=seed, **more,
    )  # fmt: skip


def figures(result):
    """All that must be the same, whatever happened on the way."""
    timed = ("seconds", "tokens_per_second")
    history = [{name: value for name, value in row.items() if not name.endswith(timed)} for row in result.history]
    return {
        "weights": result.policy.digest,
        "history": history,
        "best": result.best_update,
        "rollouts": result.rollouts,
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    run = forge.Run(folder, resume=True, report_to=[lambda event: print(event["kind"], flush=True)])
    result = train(run, updates=int(sys.argv[2]))
    processes = Accelerator(cpu=True)
    if processes.is_main_process:
        found = figures(result) | ({"processes": processes.num_processes} if processes.num_processes > 1 else {})
        (folder / "figures.json").write_text(json.dumps(found))
