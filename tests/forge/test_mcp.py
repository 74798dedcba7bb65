"""Model Context Protocol both ways: learned functions served to its client, a server's tools given to an agent."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import forge
from forge.session import Action, Call
from functions import ForgeError, Library
from functions.edits import Add

ROOT = Path(__file__).parent.parent.parent
DOUBLE = [sys.executable, str(Path(__file__).with_name("mcp_server_double.py"))]
SERVE = [sys.executable, "-m", "forge.cli", "serve"]
SOURCES = {
    "half": 'def half(n: float) -> float:\n    """Half of n."""\n    return n / 2\n',
    "quarter": 'def quarter(n: float) -> float:\n    """A quarter of n."""\n    return half(n) / 2\n',
    "share": 'def share(total: float, people: int) -> float:\n    """Total by people."""\n    return total / people\n',
    "spin": 'def spin() -> int:\n    """Never ends."""\n    while True:\n        pass\n',
    "shout": 'def shout(word: str) -> str:\n    """Prints, too."""\n    print("noise")\n    return word.upper()\n',
}


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    Library().apply([Add(name=name, source=source) for name, source in SOURCES.items()]).save(folder / "library")
    return folder


def served(target, work):
    """What `work(client)` gives, with the package's own client connected to the target."""
    from mcp import Client

    async def connected():
        async with Client(target) as client:
            return await work(client)

    return asyncio.run(connected())


def over_pipes(folder):
    from mcp import StdioServerParameters

    return StdioServerParameters(command=SERVE[0], args=[*SERVE[1:], str(folder)], env=dict(os.environ), cwd=ROOT)


async def everything(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    calls = [("quarter", {"n": 8}), ("share", {"total": 1, "people": 0}), ("share", {"total": 1}), ("nobody", {}),
             ("spin", {}), ("shout", {"word": "hey"})]  # fmt: skip
    return tools, [await client.call_tool(name, arguments) for name, arguments in calls]


def check(outcome):
    tools, (quarter, raised, missing, unknown, endless, shout) = outcome
    assert set(tools) == set(SOURCES)
    assert tools["share"].description == "Total by people."
    assert set(tools["share"].input_schema["required"]) == {"total", "people"}
    assert (quarter.is_error, quarter.structured_content, quarter.content[0].text) == (False, {"result": 2.0}, "2.0")
    assert raised.is_error
    assert "ZeroDivisionError" in raised.content[0].text
    assert missing.is_error
    assert "people" in missing.content[0].text
    assert unknown.is_error
    assert "there are half" in unknown.content[0].text
    assert endless.is_error
    assert "timeout" in endless.content[0].text
    assert shout.content[0].text == "HEY"


def test_learned_functions_are_served_over_pipes(run_folder):
    check(served(over_pipes(run_folder), everything))


def test_a_folder_that_is_a_library_itself_is_served_too(run_folder):
    async def half(client):
        return await client.call_tool("half", {"n": 3})

    assert served(over_pipes(run_folder / "library"), half).structured_content == {"result": 1.5}


def test_learned_functions_are_served_over_http_and_ctrl_c_ends_the_server_with_all_its_processes(run_folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([*SERVE, str(run_folder), "--http", str(port)], cwd=ROOT, stderr=subprocess.PIPE)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        check(served(f"http://127.0.0.1:{port}/mcp", everything))
        again = subprocess.run([*SERVE, str(run_folder), "--http", str(port)], cwd=ROOT, capture_output=True, text=True,
                               check=False)  # fmt: skip
        assert (again.returncode, f"port {port} cannot be used" in again.stderr) == (1, True)
        children = psutil.Process(server.pid).children(recursive=True)
        server.send_signal(signal.SIGINT)
        errors = server.communicate(timeout=20)[1].decode()
    finally:
        server.kill()
    assert "Traceback" not in errors
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


def test_a_folder_without_a_library_is_refused(tmp_path):
    done = subprocess.run([*SERVE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "holds no library" in done.stderr
    assert done.stdout == ""


def calling(name, **arguments):
    """A model that makes one call, then submits what came back."""

    def script(context):
        if context.steps:
            return Action(calls=(Call("submit", {"answer": context.steps[-1].observations[-1].text}, "s"),))
        return Action(calls=(Call(name, arguments, "c"),))

    return forge.models.ScriptedModel(script)


@pytest.fixture(scope="module")
def tools():
    with forge.mcp_tools(DOUBLE) as offered:
        yield offered


def test_an_agent_uses_the_tools_of_a_server(tools):
    assert [tool.name for tool in tools] == ["get_weather", "get_weather_2", "divide", "die"]
    agent = forge.Agent(model=calling("get_weather", city="Oslo"), tools=tools)
    assert agent.run("How is the weather?").answer == "rain in Oslo"
    assert forge.Agent(model=calling("get_weather_2", city="Oslo"), tools=tools).run("And?").answer == "sun in Oslo"
    assert tools[0].description == "The weather in a city."
    assert forge.Agent(model=calling("divide", a=1, b=4), tools=tools).run("?").answer == "0.25"


def test_what_a_server_says_went_wrong_is_told_to_the_agent(tools):
    answer = forge.Agent(model=calling("divide", a=1, b=0), tools=tools).run("?").answer
    assert "division by zero" in answer
    assert "b" in forge.Agent(model=calling("divide", a=1), tools=tools).run("?").answer


def test_many_sessions_call_one_server_at_once(tools):
    def script(context):
        if context.steps:
            return Action(calls=(Call("submit", {"answer": context.steps[-1].observations[-1].value}, "s"),))
        return Action(calls=(Call("divide", {"a": float(context.question), "b": 1}, "c"),))

    data = forge.Dataset([{"question": str(n), "answer": float(n)} for n in range(40)])
    agent = forge.Agent(model=forge.models.ScriptedModel(script), tools=tools)
    assert forge.evaluate(agent, data, concurrency=16).score == 1


def test_a_server_that_dies_is_an_observation_and_the_block_still_ends():
    with forge.mcp_tools(DOUBLE, timeout_seconds=5) as offered:
        agent = forge.Agent(model=calling("die"), tools=offered)
        assert "MCP server did not answer" in agent.run("?").answer
        assert "MCP" in forge.Agent(model=calling("divide", a=1, b=1), tools=offered).run("?").answer


def test_the_server_ends_with_the_block():
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with forge.mcp_tools(DOUBLE):
        during = {child.pid for child in psutil.Process().children(recursive=True)} - before
    assert during
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in during)


WRONG = {
    "a program that is not there": ({"command": ["no-such-server"]}, "no MCP server answers at 'no-such-server'"),
    "a program that is no server": ({"command": [sys.executable, "-c", "pass"]}, "no MCP server answers"),
    "an address where nobody listens": ({"url": "http://127.0.0.1:9/mcp"}, "no MCP server answers"),
    "nothing": ({}, "give a command"),
    "both": ({"command": DOUBLE, "url": "http://x"}, "give a command"),
    "a command as text": ({"command": "server"}, "as a list"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_server_that_is_not_there_is_told(case):
    arguments, words = WRONG[case]
    with pytest.raises(ForgeError, match=words), forge.mcp_tools(**arguments, timeout_seconds=5):
        pass
