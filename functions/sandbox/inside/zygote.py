"""The process that all sandboxed ones are forked from: fenced in once, it never runs foreign code itself.

Started with an empty environment, two inherited descriptors' numbers and a JSON setup as arguments. It forks a child
for each request that comes over the control socket, kills a child when its status socket is closed on the other side,
and reports how each child ended there. When the control socket closes, everything ends.
"""

import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kernel
from child import serve

sys.path.pop(0)

REQUEST = struct.Struct("<QI")  # bytes of memory beyond the zygote's own, seconds of processor time
STATUS = struct.Struct("<iQQ")  # wait status, peak memory in KiB, processor time in microseconds


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    setup = json.loads(sys.argv[2])
    del sys.argv[1:], sys.orig_argv[:]  # children see what this process remembers
    forget_signals()
    close_others(keep=control.fileno())
    preload(setup["imports"], setup["paths"])
    own_memory = address_space()
    layers = fence(setup)
    if "seccomp" in setup["without"]:
        PROGRAM.clear()
    escaped = probe(setup)
    if escaped == [NO_SECCOMP]:
        layers["seccomp"], escaped = "the kernel refuses the filter", []
    gc.collect()
    gc.freeze()
    control.sendall(json.dumps({"layers": layers, "escaped": escaped}).encode())
    Nursery(control, own_memory).run()


def forget_signals():
    """What the host ignores or blocks is inherited; ignoring the end of children would lose them."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def close_others(keep):
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(0, 1)
    os.dup2(0, 2)
    os.closerange(3, keep)
    os.closerange(keep + 1, 1 << 16)


def preload(imports, paths):
    """Import what functions may import, while the file system is still there."""
    sys.path.extend(paths)
    for name in [*imports, "random", "encodings.latin_1", "encodings.unicode_escape", "_strptime"]:
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # a function that imports it is told so
    if "numpy" in sys.modules:  # its chance is seeded before each call, like that of `random`
        importlib.import_module("numpy.random")
    for codec in ("ascii", "utf-8", "utf-16", "latin-1", "unicode_escape"):
        "".encode(codec)


def fence(setup):
    """Put up every layer that is asked for and can be; say of each that cannot, why. {} means all stand."""
    missing = {}
    os.environ.clear()
    os.chdir("/")
    packages = package_paths(setup["paths"])
    readable = readable_paths(setup) + packages
    try:
        kernel.unshare_namespaces()
    except OSError as error:
        missing["namespaces"] = os.strerror(error.errno)
    else:
        become_first_process()
        try:
            kernel.pivot_root(setup["roots"] + packages, setup["hidden"])
        except OSError as error:
            missing["root"] = os.strerror(error.errno)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    try:
        kernel.landlock(readable)
    except OSError as error:
        missing["landlock"] = os.strerror(error.errno)
    try:
        kernel.drop_capabilities()
    except OSError as error:
        missing["capabilities"] = os.strerror(error.errno)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    return missing


def readable_paths(setup):
    """Entries one by one where a folder holds more than the standard library."""
    paths = list(setup["files"])
    for folder in setup["folders"]:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        paths += [os.path.join(folder, name) for name in names if name not in ("site-packages", "dist-packages")]
    return paths


def package_paths(folders):
    """What was imported from these folders, and the shared libraries that came with it."""
    found = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        for folder in folders:
            if file.startswith(folder + os.sep):
                top = file[len(folder) + 1 :].split(os.sep)[0]
                found.update({os.path.join(folder, top), os.path.join(folder, top + ".libs")})
    return sorted(path for path in found if os.path.exists(path))


def address_space():
    """Bytes of address space that this process, and so each child to begin with, takes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def become_first_process():
    """Go on as process 1 of the new process namespace; the outer process only waits, and passes the end on."""
    outer = os.getpid()
    child = os.fork()
    if child:
        while True:
            try:
                _, status = os.waitpid(child, 0)
            except InterruptedError:
                continue
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() not in (0, outer):  # the outer process died before the line above
        os._exit(1)


def probe(setup):
    """What a child in full armour still manages to do that it must not: names of deeds, [] if none."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            harden(NO_LIMIT, 5)
        except OSError:
            os.write(writer, json.dumps([NO_SECCOMP]).encode())
            os._exit(0)
        done = [name for name, deed in DEEDS if attempted(deed, setup)]
        os.write(writer, json.dumps(done).encode())
        os._exit(0)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], 5)
    text = os.read(reader, 4096) if ready else b""
    os.close(reader)
    if not text:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return json.loads(text) if text and status == 0 else ["the probe itself failed"]


DEEDS = (
    ("read a file", lambda setup: os.open(setup["planted"], os.O_RDONLY)),
    ("list the root's files", lambda setup: os.listdir("/")),
    ("create a file", lambda setup: os.open("/tmp/forge_probe", os.O_WRONLY | os.O_CREAT)),
    ("open a socket", lambda setup: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    ("open a local socket", lambda setup: socket.socket(socket.AF_UNIX)),
    ("start a process", lambda setup: os.fork() or os._exit(0)),
    ("signal its parent", lambda setup: os.kill(os.getppid(), 0)),
)


def attempted(deed, setup):
    try:
        deed(setup)
    except OSError:
        return False
    return True


def harden(memory, seconds):
    """The last fences, in the child: memory, processor time, and the system calls it may make."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    with_limit(resource.RLIMIT_AS, memory)
    with_limit(resource.RLIMIT_CPU, seconds)
    with_limit(resource.RLIMIT_NOFILE, 64)
    if PROGRAM:
        kernel.install_seccomp(bytes(PROGRAM))


def with_limit(kind, value):
    _, inherited = resource.getrlimit(kind)
    if inherited != NO_LIMIT and (value == NO_LIMIT or value > inherited):
        value = inherited  # only root may raise it
    resource.setrlimit(kind, (value, value))


PROGRAM = bytearray(kernel.seccomp_program())
NO_SECCOMP = "no seccomp"
PIDFD_OPEN = 434  # on every architecture
NO_LIMIT = resource.RLIM_INFINITY


class Nursery:
    """The children that live, by the descriptors that tell of them."""

    def __init__(self, control, own_memory):
        self.control, self.own_memory, self.process = control, own_memory, os.getpid()
        self.poll = select.epoll()
        self.poll.register(control, select.EPOLLIN | select.EPOLLHUP)
        self.by_status, self.by_process = {}, {}

    def run(self):
        while True:
            ready = {descriptor for descriptor, _ in self.poll.poll()}
            for descriptor in ready:
                if descriptor in self.by_status:
                    pid, _ = self.by_process[self.by_status[descriptor]]
                    os.kill(pid, signal.SIGKILL)  # not buried yet, so the number is still its own
                    self.poll.unregister(descriptor)
                elif descriptor in self.by_process:
                    self.bury(descriptor)
            if self.control.fileno() in ready:  # last: a new child's descriptors may get the numbers of a buried one's
                self.spawn()

    def spawn(self):
        message, descriptors, _, _ = socket.recv_fds(self.control, 64, 2)
        if not message:
            os._exit(0)
        data, status = descriptors
        memory, seconds = REQUEST.unpack(message)
        pid = os.fork()
        if pid == 0:
            os.dup2(data, 3)
            os.closerange(4, 1 << 16)
            try:
                harden(self.own_memory + memory, seconds)
                if os.getppid() != self.process:  # the zygote ended before the wish to end with it was heard
                    os._exit(70)
                serve(3)
            finally:
                os._exit(70)
        os.close(data)
        process = kernel.call(PIDFD_OPEN, pid, 0)  # not every Python was built where os.pidfd_open was known
        self.by_process[process] = (pid, status)
        self.by_status[status] = process
        self.poll.register(process, select.EPOLLIN)
        self.poll.register(status, select.EPOLLRDHUP)

    def bury(self, process):
        pid, status = self.by_process.pop(process)
        _, code, usage = os.wait4(pid, 0)
        del self.by_status[status]
        # a child being forked just now holds copies of both: closing alone would leave them in the poll, under numbers
        # that the next child's descriptors get, and that child would be killed
        for descriptor in (process, status):
            try:
                self.poll.unregister(descriptor)
            except FileNotFoundError:
                pass  # it was killed, and left the poll then
        try:
            os.write(status, STATUS.pack(code, usage.ru_maxrss, int((usage.ru_utime + usage.ru_stime) * 1e6)))
        except OSError:
            pass  # nobody waits for it any more
        os.close(status)
        os.close(process)


if __name__ == "__main__":
    main()
