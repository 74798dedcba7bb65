"""Functions learned on one domain and tested on another: what a user sees when it is cut short."""

import os
import subprocess
import sys

import pytest

import forge
from benchmarks import transfer_matrix


def test_a_matrix_has_a_row_for_each_domain_and_one_for_nothing_learned():
    def sums(word):
        return forge.Dataset([{"question": f"What is {n} {word} 2?", "answer": n + 2} for n in range(3, 15)],
                             metric=forge.metrics.exact_match)  # fmt: skip

    domains = {word: (sums(word), sums(word)) for word in ("plus", "und")}
    found = transfer_matrix.matrix(forge.Agent(model="router"), domains, seed=0)
    assert [found["nothing", word] for word in domains] == [0, 0]
    assert found["plus", "plus"] == 1
    lines = transfer_matrix.table([found, found]).splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines] == ["learned on", "---", "nothing", "plus", "und"]
    assert "1.000 ± 0.000" in lines[3]


def test_no_seeds_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["transfer_matrix", "--seeds", "0"])
    with pytest.raises(SystemExit):
        transfer_matrix.main()
    assert "--seeds 0: at least 1" in capsys.readouterr().err


class Interrupted:
    deterministic = True

    def propose(self, library, evidence):
        raise KeyboardInterrupt


def test_an_interrupted_training_ends_the_whole_and_is_not_taken_for_a_finished_one():
    train = forge.Dataset([{"question": f"What is {n} plus 2?", "answer": n + 2} for n in range(12)],
                          metric=forge.metrics.exact_match)  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        transfer_matrix.trained(forge.Agent(model="router"), train, 0, optimizer=Interrupted())


def test_missing_files_are_told_in_a_line(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.transfer_matrix", "--seeds", "1"],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "FORGE_DATA": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path),
            "HTTPS_PROXY": "http://[::1]:9",
        },
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: math: ")
