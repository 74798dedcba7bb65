"""A training as a program of its own, which kills itself at the n-th file that it opens in its run folder.

python interrupted_training.py FOLDER N [BYTES]

N = 0 kills it never; no file of it may become larger than BYTES, as if the disk were full. Prints how many files it
opened in the folder, the versions of candidate and library, and why it stopped.
"""

import os
import resource
import signal
import sys

from toy import Caller, dataset, solve

import forge
import optim
from functions.edits import Add, Revise

REACHES = (2, 9, 30, 20, 55, 41, 60)  # some better than the one before, some worse; the last is caught by the filters


class Steps:
    """Proposes by the number of the step alone, so that it goes on where an earlier process was killed."""

    deterministic = True

    def propose(self, library, evidence):
        if evidence.step >= len(REACHES):
            return []
        kind = Revise if "solve" in library else Add
        return [kind(name="solve", source=solve(REACHES[evidence.step]))]


def main(folder, kill_at, largest=None):
    opened = 0
    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    def watch(event, arguments):
        nonlocal opened
        if event == "open" and str(arguments[0]).startswith(folder):
            opened += 1
            if opened == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    result = forge.train(
        forge.Agent(model=Caller()),
        dataset(60),
        optimizer=Steps(),
        schedule=optim.Schedule(patience=3),
        budget=forge.Budget(rollouts=260),
        run=forge.Run(folder, resume=True),
        seed=3,
    )
    print(opened, result.candidate.version, result.library.version, result.stopped)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
