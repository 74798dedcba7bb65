"""Hostile functions by what they try. Each defines tool(x) and returns a text with PWNED in it if it succeeded.

x: {"file": a readable file of the host, "folder": a writable one, "tcp", "udp": ports, "unix", "abstract": sockets,
"host": the host's process id}.
"""

CTYPES = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def tool(x):
    r = {call}
    return "PWNED" if r >= 0 else "refused %d" % ctypes.get_errno()
"""


def syscall(call: str) -> str:
    """A sample that makes one C call, which must fail."""
    return CTYPES.replace("{call}", call)


READING = {
    "read a file by descriptor": "import os\ndef tool(x):\n    return 'PWNED' + os.read(os.open(x['file'], 0), 9).decode()",
    "read a file by io.FileIO": "import io\ndef tool(x):\n    return 'PWNED' + io.FileIO(x['file']).read(5).decode()",
    "read through a symbolic link": (
        "import os\ndef tool(x):\n    os.symlink(x['file'], '/tmp/l')\n    return 'PWNED' + open('/tmp/l').read()"
    ),
    "read through /proc/self/root": "def tool(x):\n    return 'PWNED' + open('/proc/self/root' + x['file']).read()",
    "read the host's memory": "def tool(x):\n    return 'PWNED' + open('/proc/%d/mem' % x['host'], 'rb').read(1).hex()",
    "list the root folder's homes": "import os\ndef tool(x):\n    return 'PWNED' + repr(os.listdir('/root') + os.listdir('/home'))",
    "map a file into memory": (
        "import mmap, os\ndef tool(x):\n    return 'PWNED' + mmap.mmap(os.open(x['file'], 0), 0, prot=1)[:5].decode()"
    ),
    "stat a file of the host": "import os\ndef tool(x):\n    return 'PWNED %d' % os.stat(x['file']).st_size",
    "see a file of the host": "import os\ndef tool(x):\n    return 'PWNED' if os.path.lexists(x['file']) else 'nothing'",
    "find secrets in the environment": (
        "import os\ndef tool(x):\n    return 'PWNED' if any('CANARY' in v for v in os.environ.values()) else 'clean'"
    ),
    "find secrets in C's environment": (
        "import ctypes\ndef tool(x):\n    e = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')\n"
        "    i = 0\n    while e and e[i]:\n        if b'CANARY' in e[i]: return 'PWNED'\n        i += 1\n    return 'clean'"
    ),
    "search the heap for secrets": (
        "import gc\ndef tool(x):\n    found = [o for o in gc.get_objects() if isinstance(o, (str, dict)) and "
        "('SECRET' + '-CANARY') in repr(o)[:99999]]\n    return 'PWNED' if found else 'clean'"
    ),
    "read packages that are not allowed": (
        "import os, sys\ndef tool(x):\n    for p in [p for p in sys.path if 'site-packages' in p] + "
        "[os.path.join(os.path.dirname(os.__file__), 'site-packages')]:\n        if os.listdir(p): return 'PWNED'\n"
        "    return 'empty'"
    ),
}
WRITING = {
    "write a file": "def tool(x):\n    open(x['folder'] + '/forge_hostile', 'w').write('x')\n    return 'PWNED'",
    "append to a file": "def tool(x):\n    open(x['file'], 'a').write('x')\n    return 'PWNED'",
    "make a folder": "import os\ndef tool(x):\n    os.mkdir(x['folder'] + '/d')\n    return 'PWNED'",
    "remove a file": "import os\ndef tool(x):\n    os.unlink(x['file'])\n    return 'PWNED'",
    "rename a file": "import os\ndef tool(x):\n    os.rename(x['file'], x['file'] + '2')\n    return 'PWNED'",
    "change a file's mode": "import os\ndef tool(x):\n    os.chmod(x['file'], 0o777)\n    return 'PWNED'",
    "change a file's times": "import os\ndef tool(x):\n    os.utime(x['file'], (1, 1))\n    return 'PWNED'",
    "set an attribute": "import os\ndef tool(x):\n    os.setxattr(x['file'], 'user.a', b'1')\n    return 'PWNED'",
    "write to shared memory": "def tool(x):\n    open('/dev/shm/forge_hostile', 'w').write('x')\n    return 'PWNED'",
    "make a named pipe": "import os\ndef tool(x):\n    os.mkfifo(x['folder'] + '/p')\n    return 'PWNED'",
    "truncate a file": "import os\ndef tool(x):\n    os.truncate(x['file'], 0)\n    return 'PWNED'",
    "make a hard link": "import os\ndef tool(x):\n    os.link(x['file'], x['folder'] + '/l')\n    return 'PWNED'",
}
NETWORK = {
    "connect by TCP": "import socket\ndef tool(x):\n    socket.create_connection(('127.0.0.1', x['tcp']), 1)\n    return 'PWNED'",
    "send by UDP": (
        "import socket\ndef tool(x):\n    socket.socket(2, 2).sendto(b'x', ('127.0.0.1', x['udp']))\n    return 'PWNED'"
    ),
    "connect to a socket file": "import socket\ndef tool(x):\n    socket.socket(1).connect(x['unix'])\n    return 'PWNED'",
    "connect to an abstract socket": "import socket\ndef tool(x):\n    socket.socket(1).connect('\\0' + x['abstract'])\n    return 'PWNED'",
    "listen": "import socket\ndef tool(x):\n    socket.create_server(('127.0.0.1', 0))\n    return 'PWNED'",
    "make a pair of sockets": "import socket\ndef tool(x):\n    socket.socketpair()\n    return 'PWNED'",
    "look a name up": "import socket\ndef tool(x):\n    return 'PWNED' + socket.gethostbyname('localhost.localdomain')",
    "open a netlink socket": "import socket\ndef tool(x):\n    socket.socket(16, 3, 0)\n    return 'PWNED'",
}
PROCESSES = {
    "fork": "import os\ndef tool(x):\n    return 'PWNED' if os.fork() >= 0 else ''",
    "start a thread": "import threading\ndef tool(x):\n    threading.Thread(target=print).start()\n    return 'PWNED'",
    "run a command": "import subprocess\ndef tool(x):\n    return 'PWNED' + subprocess.check_output(['id'], text=True)",
    "run a command through the shell": "import os\ndef tool(x):\n    return 'PWNED' if os.system('true') == 0 else 'refused'",
    "execute in place": "import os\ndef tool(x):\n    os.execv('/bin/true', ['true'])",
    "spawn by posix_spawn": "import os\ndef tool(x):\n    return 'PWNED %d' % os.posix_spawn('/bin/true', ['true'], {})",
    "signal the host": "import os\ndef tool(x):\n    os.kill(x['host'], 9)\n    return 'PWNED'",
    "signal the parent": "import os\ndef tool(x):\n    os.kill(os.getppid(), 9)\n    return 'PWNED'",
    "signal everything": "import os\ndef tool(x):\n    os.kill(-1, 9)\n    return 'PWNED'",
    "signal the group": "import os\ndef tool(x):\n    os.killpg(0, 9)\n    return 'PWNED'",
    "stop itself": "import os, signal\ndef tool(x):\n    os.kill(os.getpid(), signal.SIGSTOP)\n    return 'PWNED'",
    "lower the parent's limits": (
        "import os, resource\ndef tool(x):\n    resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (0, 0))\n    return 'PWNED'"
    ),
    "raise its own limits": (
        "import resource\ndef tool(x):\n    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))\n    return 'PWNED'"
    ),
    "renice the host": "import os\ndef tool(x):\n    os.setpriority(os.PRIO_PROCESS, x['host'], 19)\n    return 'PWNED'",
    "move the host to one core": "import os\ndef tool(x):\n    os.sched_setaffinity(x['host'], {0})\n    return 'PWNED'",
    "ptrace itself": syscall("libc.ptrace(0, 0, 0, 0)"),
    "ptrace the parent": syscall("libc.ptrace(16, 1, 0, 0)"),
    "make an io_uring": syscall("libc.syscall(425, 8, ctypes.create_string_buffer(200))"),
    "make an anonymous file": syscall("libc.memfd_create(b'x', 0)"),
    "use the key ring": syscall("libc.syscall(250, 0, -3, 1)"),
    "leave for a new namespace": syscall("libc.unshare(0x10000000)"),
    "mount": syscall("libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)"),
    "load a program into the kernel": syscall("libc.syscall(321, 5, ctypes.create_string_buffer(120), 120)"),
    "become dumpable again": syscall("libc.prctl(4, 1, 0, 0, 0)"),
    "open by path handle": syscall("libc.open(x['folder'].encode(), 0o10000000)"),
    "attach shared memory": syscall("libc.shmget(0, 4096, 0o1666)"),
    "make a message queue": syscall("libc.msgget(0, 0o1666)"),
    "watch files": syscall("libc.inotify_init()"),
    "trap system faults in user space": syscall("libc.syscall(323, 0)"),
    "read another process's memory": (
        "import ctypes\nclass V(ctypes.Structure): _fields_ = [('b', ctypes.c_void_p), ('n', ctypes.c_size_t)]\n"
        "def tool(x):\n    b = ctypes.create_string_buffer(8)\n    v = V(ctypes.addressof(b), 8)\n"
        "    r = ctypes.CDLL(None).process_vm_readv(1, ctypes.byref(v), 1, ctypes.byref(v), 1, 0)\n"
        "    return 'PWNED' if r > 0 else 'refused'"
    ),
}
EXHAUSTING = {
    "spin": "def tool(x):\n    while True:\n        pass",
    "spin in C": "def tool(x):\n    return len(str(9**9**8))",
    "backtrack in a regular expression": "import re\ndef tool(x):\n    return bool(re.match(r'(a+)+$', 'a' * 60 + 'b'))",
    "sleep": "import time\ndef tool(x):\n    time.sleep(999)",
    "block every signal and spin": (
        "import signal\ndef tool(x):\n    signal.pthread_sigmask(0, range(1, 65))\n    while True:\n        pass"
    ),
    "swallow every exception": (
        "def tool(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException:\n            pass"
    ),
    "spin while it is being loaded": "while True:\n    pass\ndef tool(x):\n    return 1",
    "take all memory": "def tool(x):\n    return len([bytearray(1 << 24) for _ in range(10**6)])",
    "take all memory at once": "def tool(x):\n    return len(bytearray(1 << 44))",
    "take memory by doubling text": "def tool(x):\n    s = 'x'\n    while True:\n        s += s",
    "recurse without end": "def tool(x):\n    import sys\n    sys.setrecursionlimit(10**9)\n    return tool(x)",
    "recurse in C": (
        "import sys\ndef tool(x):\n    sys.setrecursionlimit(10**9)\n    a = []\n    for _ in range(10**6): a = [a]\n    return repr(a)"
    ),
    "flood the output": "def tool(x):\n    for _ in range(10**5): print('x' * 1000)\n    return 'done'",
    "flood by descriptor": "import os\ndef tool(x):\n    for _ in range(10**5): os.write(1, b'x' * 1000); os.write(2, b'x' * 1000)",
    "give a huge result": "def tool(x):\n    return 'x' * (1 << 25)",
    "give very many values": "def tool(x):\n    return [0] * (1 << 22)",
    "raise with a huge text": "def tool(x):\n    raise ValueError('x' * (1 << 26))",
    "raise with control characters": "def tool(x):\n    raise ValueError('\\x1b[31m\\x00\\x07' * 99)",
    "raise what cannot be shown": (
        "class E(Exception):\n    def __str__(self): raise SystemExit\n    __repr__ = __str__\ndef tool(x):\n    raise E"
    ),
    "raise what never ends being shown": (
        "class E(Exception):\n    def __str__(self):\n        while True: pass\ndef tool(x):\n    raise E"
    ),
    "raise under another name": (
        "class M(type):\n    __name__ = property(lambda s: 1 / 0)\nclass E(Exception, metaclass=M): pass\ndef tool(x):\n    raise E"
    ),
    "take a slow time to be freed": (
        "import time\nclass D:\n    def __del__(self): time.sleep(99)\nd = D()\ndef tool(x):\n    global k\n    k = D()\n    return 'ok'"
    ),
    "bomb decimals": "import decimal\ndef tool(x):\n    decimal.getcontext().prec = 10**9\n    return str(decimal.Decimal(1) / 3)",
}
TAMPERING = {
    "exit": "import os\ndef tool(x):\n    os._exit(0)",
    "exit with a status": "import os\ndef tool(x):\n    os._exit(77)",
    "crash": "import ctypes\ndef tool(x):\n    ctypes.string_at(0)",
    "abort": "import os\ndef tool(x):\n    os.abort()",
    "system exit": "def tool(x):\n    raise SystemExit(0)",
    "keyboard interrupt": "def tool(x):\n    raise KeyboardInterrupt",
    "close every descriptor": "import os\ndef tool(x):\n    os.closerange(0, 4096)\n    return 'closed'",
    "write a frame of its own": (
        "import os, struct\ndef tool(x):\n    p = b'{\"value\": 1}'\n    for _ in range(9): os.write(3, struct.pack('<I', len(p)) + p)\n"
        "    return 'second'"
    ),
    "write half a frame and hang": (
        "import os, struct, time\ndef tool(x):\n    os.write(3, struct.pack('<I', 100) + b'{\"v')\n    time.sleep(99)"
    ),
    "drip a frame byte by byte": (
        "import os, struct, time\ndef tool(x):\n    for b in struct.pack('<I', 10**5) + b'x' * 10**5:\n"
        "        os.write(3, bytes([b]))\n        time.sleep(0.05)"
    ),
    "announce a huge frame": "import os\ndef tool(x):\n    os.write(3, b'\\xff' * 8)\n    return 1",
    "write what is no JSON": "import os, struct\ndef tool(x):\n    os.write(3, struct.pack('<I', 3) + b'NaN')\n    os._exit(0)",
    "write JSON nested too deep": (
        "import os, struct\ndef tool(x):\n    p = b'[' * 100000\n    os.write(3, struct.pack('<I', len(p)) + p)\n    os._exit(0)"
    ),
    "write an unknown answer": "import os, struct\ndef tool(x):\n    os.write(3, struct.pack('<I', 2) + b'[]')\n    os._exit(0)",
    "forge an error with control characters": (
        'import os, struct\ndef tool(x):\n    p = b\'{"error": "raised", "name": "\\\\u001b[31m", "message": "\\\\u0000"}\'\n'
        "    os.write(3, struct.pack('<I', len(p)) + p)\n    os._exit(0)"
    ),
    "replace json": "import json\ndef tool(x):\n    json.dumps = json.loads = lambda *a: 666\n    return 'ok'",
    "replace built-ins": (
        "import builtins\ndef tool(x):\n    builtins.len = builtins.type = builtins.isinstance = lambda *a: 666\n    return 'ok'"
    ),
    "replace the harness": (
        "import sys\ndef tool(x):\n    f = sys._getframe()\n    while f.f_back:\n        f = f.f_back\n"
        "        for k in list(f.f_globals): f.f_globals[k] = None\n    return 'ok'"
    ),
    "trace the harness": "import sys\ndef tool(x):\n    sys.settrace(lambda *a: 1 / 0)\n    sys.setprofile(lambda *a: 1 / 0)\n    return 'ok'",
    "leave a handler for the end": "import atexit\ndef tool(x):\n    atexit.register(lambda: open('/tmp/x', 'w'))\n    return 'ok'",
    "give a text that lies about its type": (
        "class S(str):\n    def __str__(self): return 'PWNED'\n    __repr__ = encode = __str__\ndef tool(x):\n    return S('a')"
    ),
    "give a dict that lies about its items": (
        "class D(dict):\n    def items(self): return [('PWNED', 1)]\ndef tool(x):\n    return D(a=1)"
    ),
    "give an object that claims to be a text": (
        "class S:\n    __class__ = str\n    def __str__(self): return 'PWNED'\ndef tool(x):\n    return S()"
    ),
    "give what contains itself": "def tool(x):\n    a = []\n    a.append(a)\n    return a",
    "give numbers that JSON has not": "def tool(x):\n    return [float('nan'), float('inf')]",
    "give a huge integer": "def tool(x):\n    return 1 << 10**7",
    "give lone surrogates": "def tool(x):\n    return chr(0xD800)",
    "give keys that become equal": "def tool(x):\n    return {1: 'a', '1': 'b', True: 'c', None: 'd'}",
    "give a generator": "def tool(x):\n    yield 'PWNED'",
    "give a set": "def tool(x):\n    return {1, 2}",
    "give bytes": "def tool(x):\n    return b'x'",
    "give the function itself": "def tool(x):\n    return tool",
    "source that cannot be compiled": "def tool(x):\n    return " + "(" * 150 + "1" + ")" * 150 + "\n    nonlocal y",
}

SAMPLES = {**READING, **WRITING, **NETWORK, **PROCESSES, **EXHAUSTING, **TAMPERING}
