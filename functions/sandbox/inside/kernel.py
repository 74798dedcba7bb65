"""The kernel's own fences, through ctypes: seccomp, Landlock, namespaces, capabilities. Linux on x86_64 and aarch64.

Not claimed: protection against bugs of the kernel itself, or against side channels.
"""

import ctypes
import errno
import os
import platform
import struct

libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
MACHINE = platform.machine()
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Landlock and a few others have the same number on every architecture.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
CAPSET = {"x86_64": 126, "aarch64": 91}
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
OPENAT = {"x86_64": 257, "aarch64": 56}

# What Python needs to compute, import and talk over one open descriptor; hot ones first.
ALLOWED = {
    "x86_64": {
        "read": 0, "write": 1, "mmap": 9, "munmap": 11, "brk": 12, "mremap": 25, "madvise": 28, "mprotect": 10,
        "futex": 202, "clock_gettime": 228, "close": 3, "fstat": 5, "newfstatat": 262, "lseek": 8, "getrandom": 318,
        "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sigaltstack": 131, "exit_group": 231,
        "exit": 60, "getdents64": 217, "stat": 4, "lstat": 6, "pread64": 17, "poll": 7, "ppoll": 271,
        "clock_nanosleep": 230, "nanosleep": 35, "clock_getres": 229, "gettimeofday": 96, "time": 201, "times": 100,
        "getrusage": 98, "getpid": 39, "gettid": 186, "getppid": 110, "getuid": 102, "geteuid": 107, "getgid": 104,
        "getegid": 108, "getcwd": 79, "sched_yield": 24, "sched_getaffinity": 204, "restart_syscall": 219,
        "set_robust_list": 273, "rseq": 334,
    },
    "aarch64": {
        "read": 63, "write": 64, "mmap": 222, "munmap": 215, "brk": 214, "mremap": 216, "madvise": 233,
        "mprotect": 226, "futex": 98, "clock_gettime": 113, "close": 57, "fstat": 80, "newfstatat": 79, "lseek": 62,
        "getrandom": 278, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "sigaltstack": 132,
        "exit_group": 94, "exit": 93, "getdents64": 61, "pread64": 67, "ppoll": 73, "clock_nanosleep": 115,
        "nanosleep": 101, "clock_getres": 114, "gettimeofday": 169, "times": 153, "getrusage": 165, "getpid": 172,
        "gettid": 178, "getppid": 173, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "getcwd": 17,
        "sched_yield": 124, "sched_getaffinity": 123, "restart_syscall": 128, "set_robust_list": 99, "rseq": 293,
    },
}  # fmt: skip

# open for reading only: no write, create, truncate, append, temporary file or path handle
FORBIDDEN_OPEN_FLAGS = (
    os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    | getattr(os, "O_PATH", 0o10000000) | getattr(os, "O_TMPFILE", 0o20000000) & ~os.O_DIRECTORY
)  # fmt: skip

KILL_PROCESS, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
LD, JEQ, JGE, JSET, RET = 0x20, 0x15, 0x35, 0x45, 0x06
AT_NUMBER, AT_ARCHITECTURE, AT_THIRD_ARGUMENT = 0, 4, 16 + 2 * 8


def call(number, *arguments):
    """A raw system call; raises OSError."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def checked(result):
    """Raise OSError if a libc function failed."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def prctl(option, argument=0):
    checked(libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0))


# --- seccomp --------------------------------------------------------------------------------------------------------


def seccomp_program(machine=MACHINE, denied=()):
    """The filter as bytes: an allow-list; anything else is EPERM, a foreign calling convention kills the process.

    `denied` names system calls to leave out of the allow-list.
    """
    numbers = [number for name, number in ALLOWED[machine].items() if name not in denied]
    head = [
        (LD, 0, 0, AT_ARCHITECTURE),
        (JEQ, 1, 0, ARCHITECTURES[machine]),
        (RET, 0, 0, KILL_PROCESS),
        (LD, 0, 0, AT_NUMBER),
    ]
    if machine == "x86_64":  # x32 calls come under the same architecture with a high bit
        head += [(JGE, 0, 1, 0x40000000), (RET, 0, 0, KILL_PROCESS)]
    # five instructions follow the list, and the last of them allows
    body = [(JEQ, len(numbers) - place + 3, 0, number) for place, number in enumerate(numbers)]
    body += [
        (JEQ, 0, 2, OPENAT[machine]),
        (LD, 0, 0, AT_THIRD_ARGUMENT),
        (JSET, 0, 1, FORBIDDEN_OPEN_FLAGS),
        (RET, 0, 0, ERRNO | errno.EPERM),
        (RET, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in head + body)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def install_seccomp(program):
    """Bind this process, and all it starts, to the filter; there is no way back."""
    structure = _Program(len(program) // 8, program)
    checked(libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(structure), 0, 0))


# --- Landlock -------------------------------------------------------------------------------------------------------

READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read file, read directory
READ_FILE = 1 << 0 | 1 << 2
FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # how many file rights each version of the interface knows; 16 from 5 on


def landlock_version():
    """The version of the kernel's interface, or 0."""
    try:
        return call(LANDLOCK_CREATE_RULESET, None, 0, 1)
    except OSError:
        return 0


def landlock(readable):
    """Leave this process, and all it starts, nothing of the file system but reading these paths, no TCP, and no
    signals or abstract sockets to others, as far as the kernel's version can."""
    version = landlock_version()
    if not version:
        raise OSError(errno.ENOSYS, "the kernel has no Landlock")
    files = (1 << FS_RIGHTS.get(version, 16)) - 1
    net = 3 if version >= 4 else 0
    scoped = 3 if version >= 6 else 0
    attributes = struct.pack("=QQQ", files, net, scoped)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = call(LANDLOCK_CREATE_RULESET, ctypes.c_char_p(attributes), len(attributes), 0)
    try:
        for path in readable:
            _allow(ruleset, path)
        call(LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset, path):
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there need not be readable
    try:
        rights = READ if os.path.isdir(path) else READ_FILE
        call(LANDLOCK_ADD_RULE, ruleset, 1, ctypes.c_char_p(struct.pack("=Qi", rights, file)), 0)
    finally:
        os.close(file)


# --- namespaces -----------------------------------------------------------------------------------------------------

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18


def unshare_namespaces():
    """Network, processes, mounts, IPC and host name of our own; needs user namespaces or root."""
    uid, gid = os.getuid(), os.getgid()
    others = NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET
    try:
        checked(libc.unshare(NEWUSER | others))
    except OSError:
        if uid != 0:
            raise
        checked(libc.unshare(others))
    else:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def pivot_root(readable, hidden):
    """Put a new, empty root in place of the host's, holding only these paths, read-only; `hidden` ones are emptied."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    root = "/proc"  # always there, and nothing that is bound lies in it
    _mount("none", root, "tmpfs", MS_NOSUID | MS_NODEV)
    for path in readable:
        if os.path.exists(path):
            _bind(path, root + path)
    for path in hidden:
        if os.path.isdir(root + path):
            _mount("none", root + path, "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY)
    _mount("none", root, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir(root)
    call(PIVOT_ROOT[MACHINE], ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    checked(libc.umount2(b".", 2))
    os.chdir("/")


def _bind(source, target):
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target):
            open(target, "w").close()
    _mount(source, target, None, MS_BIND | MS_REC)


def _mount(source, target, kind, flags):
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    checked(libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), None))


def drop_capabilities():
    """Give up every privilege that root has beyond being the owner of its files."""
    header = struct.pack("=Ii", 0x20080522, 0)
    call(CAPSET[MACHINE], ctypes.c_char_p(header), ctypes.c_char_p(bytes(24)))
