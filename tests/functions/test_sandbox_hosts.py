"""The sandbox works in hosts that are not as tidy as a test's, and the policy lets the standard library work."""

import subprocess
import sys
from pathlib import Path

import pytest

from functions import Function, FunctionRaised, Sandbox

ROOT = Path(__file__).parent.parent.parent

HOSTS = {
    "ignores the end of its children": "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    "blocks signals": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
    "has few descriptors": "resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))",
    "has little processor time": "resource.setrlimit(resource.RLIMIT_CPU, (6, 6))",
    "has many open descriptors": "[os.dup(0) for _ in range(1100)]",
    "has no folder for temporary files": "os.environ['TMPDIR'] = '/nonexistent'",
    "has an untidy path": "sys.path.insert(0, '/nonexistent'); os.environ['PYTHONPATH'] = '/nonexistent'",
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_call_succeeds_in_a_host_that(host):
    program = f"""
import os, resource, signal, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
{HOSTS[host]}
from functions import Function, FunctionTimeout, Sandbox
with Sandbox(timeout=0.5, mode="worker") as box:
    print(box.call(Function.from_source("def echo(x): return x"), {{"x": 1}}), box.level)
    try:
        box.call(Function.from_source("def spin():\\n    while True: pass"), {{}})
    except FunctionTimeout as error:
        print(type(error).__name__)
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.stdout.split() == ["1", "full", "FunctionTimeout"], shown.stderr


WITHOUT_NAMESPACES = """
import ctypes, struct
# a filter that refuses unshare, as a container's does
program = b"".join(struct.pack("=HBBI", *line) for line in [
    (0x20, 0, 0, 0), (0x15, 0, 1, UNSHARE), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)])
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(Program(4, program)), 0, 0) == 0
from functions import Function, Sandbox, SandboxError
import os
spy = Function.from_source('''
import os
def spy(host, path):
    held = []
    for deed in (lambda: open(path).read(), lambda: os.listdir("/"), lambda: os.kill(host, 0), lambda: os.fork(),
                 lambda: open("/proc/self/environ").read(), lambda: open("/proc/%d/cmdline" % host).read()):
        try:
            deed()
        except OSError:
            held.append(True)
        else:
            held.append(False)
    return held
''')
with Sandbox(imports=None) as box:
    print(box.level, box.layers["namespaces"], all(box.call(spy, {"host": os.getpid(), "path": "/etc/passwd"})))
"""


def test_landlock_and_seccomp_hold_without_the_help_of_namespaces():
    number = {"x86_64": "272", "aarch64": "97"}
    import platform

    program = WITHOUT_NAMESPACES.replace("UNSHARE", number[platform.machine()])
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.stdout.strip() == "full Operation not permitted True", shown.stderr


LAZY = {
    "datetime.datetime.strptime('2020-01-02', '%Y-%m-%d').isoformat()": "2020-01-02T00:00:00",
    "datetime.date(2020, 1, 2).strftime('%d %b %Y')": "02 Jan 2020",
    "datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Paris')).utcoffset().seconds": 3600,
    "copy.deepcopy(fractions.Fraction(1, 3)).denominator": 3,
    "re.sub('a', 'b', 'aa')": "bb",
    "hashlib.sha256(b'x').hexdigest()[:4]": "2d71",
    "str(uuid.uuid5(uuid.NAMESPACE_DNS, 'a'))[:4]": "4f3f",
    "'\\u00e9'.encode('idna').decode()": "xn--9ca",
    "'\\N{BULLET}'": "•",
    "statistics.NormalDist().cdf(0)": 0.5,
    "str(decimal.Decimal(2).sqrt())[:5]": "1.414",
    "calendar.month_name[2]": "February",
    "difflib.get_close_matches('ab', ['abc'])": ["abc"],
}


@pytest.mark.parametrize("expression", LAZY)
def test_the_allowed_standard_library_works_also_where_it_imports_as_it_goes(expression):
    names = ("calendar", "copy", "datetime", "decimal", "difflib", "fractions", "hashlib", "re", "statistics", "uuid",
             "zoneinfo")  # fmt: skip
    source = "".join(f"import {name}\n" for name in names) + f"def f():\n    return {expression}\n"
    with Sandbox() as box:
        assert box.call(Function.from_source(source), {}) == LAZY[expression]


def test_a_module_may_be_allowed_by_a_dotted_name():
    with Sandbox(imports=("collections.abc",)) as box:
        source = "from collections.abc import Mapping\ndef f():\n    return issubclass(dict, Mapping)\n"
        assert box.call(Function.from_source(source), {}) is True


def test_standard_code_that_needs_a_module_gets_it_though_the_function_may_not_import_it():
    with Sandbox(imports=("datetime",)) as box:
        source = "import datetime\ndef f():\n    return datetime.date(2020, 1, 2).strftime('%Y')\n"
        assert box.call(Function.from_source(source), {}) == "2020"
        with pytest.raises(FunctionRaised, match="time may not be imported"):
            box.call(Function.from_source("def f():\n    exec('import time')\n"), {})


def test_numpys_chance_repeats_too():
    source = "import numpy\ndef f(x: int) -> float:\n    return float(numpy.random.random())\n"
    with Sandbox(imports=("numpy",), memory_mb=1024, timeout=10, mode="worker", audit=1.0) as box:
        values = list(box.map(Function.from_source(source), [{"x": n} for n in range(4)]))
        assert len(set(values)) == 4
        assert box.stateful == set()


def test_nothing_of_the_hosts_setup_is_found_in_the_process():
    source = "import sys\ndef f():\n    return [sys.argv, sys.orig_argv]\n"
    with Sandbox(imports=None) as box:
        assert not any("zygote" in str(part) for part in box.call(Function.from_source(source), {})[1])
