"""A person at a terminal gives advice: tried through a pseudo-terminal."""

import os
import pty
import re
import select
import signal
import sys
from pathlib import Path

import pytest

import forge

SCRIPT = """
import forge
from doubles import Scripted, call, turns

model = Scripted(turns(call("seek_advice", question="Is it red?"), call("submit", answer="red")))
session = forge.Agent(model=model, expert=forge.ConsoleExpert(cost=0.25)).run("What colour is it?")
advice = session.steps[0].observations[0].text
print(f"advice {advice!r}, asked {session.advice_count}, cost {session.advice_cost}, answer {session.answer}")
"""
HOSTED = """
import threading
import forge
from openai_server import Answer, OpenAIServer

class Together:
    '''Asks the person when all three streams want to.'''
    cost = 0.25
    person, all_three = forge.ConsoleExpert(cost=0.25), threading.Barrier(3)

    def advise(self, task, question):
        self.all_three.wait()
        return self.person.advise(task, question)

def script(request):
    results = [message["content"] for message in request["messages"] if message["role"] == "tool"]
    return Answer(calls=(("submit", {"answer": results[-1]}) if results else ("seek_advice", {}),))

if __name__ == "__main__":
    tasks = forge.Dataset([{"question": f"What is in box {n}?", "answer": f"in box {n}"} for n in range(3)])
    with OpenAIServer(script) as server:
        model = forge.models.LiteLLM("openai/gpt-4o-mini", api_base=server.url)
        agent = forge.Agent(model=model, expert=Together())
        try:
            seen = forge.evaluate(agent, tasks, concurrency=3)
        except KeyboardInterrupt as interrupt:
            print("caught", interrupt)
        else:
            for each in seen.sessions:
                print("session", each.question, each.answer, each.score, each.advice_cost)
"""


class Person:
    """Sits at the terminal of a script. A context manager; what is still running at its end is killed."""

    def __init__(self, script):
        self.process, self._terminal = pty.fork()
        if self.process == 0:
            here = Path(__file__).parent
            os.environ["PYTHONPATH"] = os.pathsep.join(map(str, (Path(forge.__file__).parents[1], here, here.parent)))
            os.environ["OPENAI_API_KEY"] = "none"
            os.execv(sys.executable, [sys.executable, "-c", script])
        self.screen = ""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self._terminal)

    def types(self, keys):
        os.write(self._terminal, keys.encode())

    def reads(self, until):
        """What appears up to these words."""
        seen = ""
        while until not in seen:
            more = self._read()
            assert more, f"it ended before {until!r} was shown: {self.screen}"
            seen += more
        return seen

    def leaves(self):
        """Looks on until the process has ended; returns its exit status."""
        while self._read():
            pass
        status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        self.process = 0
        return status

    def _read(self):
        assert select.select([self._terminal], [], [], 100)[0], f"nothing more is shown, and it goes on: {self.screen}"
        try:
            seen = os.read(self._terminal, 1024).decode()
        except OSError:  # the terminal closes with the process
            return ""
        self.screen += seen
        return seen


def test_a_person_is_asked_and_what_they_type_is_the_advice():
    with Person(SCRIPT) as person:
        person.reads("Your advice: ")
        person.types("yes, red\n")
        assert person.leaves() == 0, person.screen
    assert "What colour is it?" in person.screen
    assert "Is it red?" in person.screen
    assert "advice 'yes, red', asked 1, cost 0.25, answer red" in person.screen


def test_side_by_side_one_question_at_a_time_is_asked_and_gets_the_answer_that_follows_it():
    with Person(HOSTED) as person:
        for _ in range(3):
            *_, box = re.findall(r"What is in box (\d)\?", person.reads("Your advice: "))
            person.types(f"in box {box}\n")
        assert person.leaves() == 0, person.screen
    asked = r"\s*The agent asks for advice on: What is in box (\d)\?\s*Your advice: in box \1\s*"
    assert len(re.findall(asked, person.screen)) == 3, person.screen
    for box in range(3):
        assert f"session What is in box {box}? in box {box} 1.0 0.25" in person.screen


@pytest.mark.parametrize(
    ("key", "message"), [("\x03", "Interrupted: this question stays unanswered"), ("\x04", "The input has ended")]
)
@pytest.mark.parametrize("script", [SCRIPT, HOSTED], ids=["in turn", "side by side"])
def test_an_interrupt_or_the_end_of_input_ends_all_questions_at_once(key, message, script):
    with Person(script) as person:
        person.reads("Your advice: ")
        person.types(key)
        status = person.leaves()
    assert status == (0 if script is HOSTED else -signal.SIGINT), person.screen
    assert message in person.screen
    assert person.screen.count("asks for advice on: What") == 1
    assert ("caught" in person.screen) == (script is HOSTED)
    assert ("Traceback" in person.screen) == (script is SCRIPT)
