"""A process that uses models says nothing of its own accord, and ends when it is told to."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from openai_server import Answer, OpenAIServer

import forge

PROGRAM = """
import asyncio, sys, forge
from forge.models import LiteLLM
from forge.models.chat import ChatRequest
model = LiteLLM("openai/gpt-4o-mini", api_base=sys.argv[1], retries=1, backoff_seconds=0.01, cache=sys.argv[2])
for seed in range(int(sys.argv[3])):
    request = ChatRequest(messages=({"role": "user", "content": "hello"},), seed=seed)
    print(asyncio.run(model.complete(request)).text)
if sys.argv[4:] == ["interrupted"]:
    data = forge.Dataset([{"question": f"{n}?", "answer": "4"} for n in range(8)])
    try:
        forge.evaluate(forge.Agent(model=model), data, concurrency=4)
    except KeyboardInterrupt:
        print("interrupted")
"""


def program(server, folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, server.url, str(folder), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(forge.__file__).parents[1])},
    )  # fmt: skip


def test_a_process_says_nothing_but_its_own_words_whatever_the_server_does(tmp_path):
    with OpenAIServer([Answer(status=500), Answer("one"), Answer("x", cut=True), Answer("two")]) as server:
        assert program(server, tmp_path, "2").communicate(timeout=60) == ("one\ntwo\n", "")


def test_an_interrupted_evaluation_ends_at_once_and_leaves_no_warnings(tmp_path):
    flying = threading.Semaphore(0)

    def script(request):
        if "tools" not in request:
            return Answer("hi")
        flying.release()
        return Answer("late", wait=20)

    with OpenAIServer(script) as server:
        running = program(server, tmp_path, "1", "interrupted")
        for _ in range(4):
            assert flying.acquire(timeout=30)
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=10) == ("hi\ninterrupted\n", "")
