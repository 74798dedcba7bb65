"""A person at a terminal gives advice: tried through a pseudo-terminal."""

import os
import pty
import sys
from pathlib import Path

import forge

SCRIPT = """
import forge
from doubles import Scripted, call, turns

model = Scripted(turns(call("seek_advice", question="Is it red?"), call("submit", answer="red")))
session = forge.Agent(model=model, expert=forge.ConsoleExpert(cost=0.25)).run("What colour is it?")
advice = session.steps[0].observations[0].text
print(f"advice {advice!r}, asked {session.advice_count}, cost {session.advice_cost}, answer {session.answer}")
"""


def test_a_person_is_asked_and_what_they_type_is_the_advice():
    process, terminal = pty.fork()
    if process == 0:
        here = Path(__file__).parent
        os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(forge.__file__).parents[1]), str(here)])
        os.execv(sys.executable, [sys.executable, "-c", SCRIPT])
    shown = ""
    while "Your advice: " not in shown:
        shown += os.read(terminal, 1024).decode()
    os.write(terminal, b"yes, red\n")
    try:
        while chunk := os.read(terminal, 1024):
            shown += chunk.decode()
    except OSError:  # the terminal closes with the process
        pass
    assert os.waitpid(process, 0)[1] == 0, shown
    assert "What colour is it?" in shown
    assert "Is it red?" in shown
    assert "advice 'yes, red', asked 1, cost 0.25, answer red" in shown
