"""Ctrl-C ends what waits for hosted models, however the signal comes."""

import os
import subprocess
import sys
from pathlib import Path

import forge

WAITING = """
import asyncio, signal, threading, time
import forge
from doubles import Awaited, submit

class Waiting(Awaited):
    async def act_async(self, context):
        threading.Thread(target=interrupt, daemon=True).start()
        await asyncio.sleep(3600)

def interrupt():
    '''To this thread: the one that runs the loop is not woken by it, as by a signal just before it falls asleep.'''
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

agent = forge.Agent(model=Waiting(submit))
try:
    WORK
except KeyboardInterrupt:
    print("interrupted")
"""


def interrupted(work, script=WAITING):
    here = Path(__file__).parent
    path = os.pathsep.join(map(str, (Path(forge.__file__).parents[1], here)))
    return subprocess.run([sys.executable, "-c", script.replace("WORK", work)], capture_output=True, text=True,
                          check=False, timeout=60, env=os.environ | {"PYTHONPATH": path})  # fmt: skip


def test_an_interrupt_that_wakes_nobody_up_is_seen_while_models_are_waited_for():
    for work in ("agent.run('Who?')", "forge.evaluate(agent, forge.Dataset([{'question': 'Who?', 'answer': '1'}]))"):
        done = interrupted(work)
        assert (done.stdout, done.returncode) == ("interrupted\n", 0), done.stderr


IN_A_NOTEBOOK = """
import asyncio, os, signal, threading, time
import forge
from doubles import Awaited, submit

class Waiting(Awaited):
    async def act_async(self, context):
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            print("cancelled")
            raise

async def cell():
    try:
        WORK
    except KeyboardInterrupt:
        print("interrupted", [thread.name for thread in threading.enumerate() if "forge" in thread.name])

agent = forge.Agent(model=Waiting(submit))
asyncio.new_event_loop().run_until_complete(cell())
"""


def test_an_interrupt_in_a_notebook_ends_the_calls_that_go_on_beside_its_loop():
    done = interrupted("agent.run('Who?')", IN_A_NOTEBOOK)
    assert (done.stdout, done.returncode) == ("cancelled\ninterrupted []\n", 0), done.stderr
