"""The process in which one function runs: reads a program and its inputs from one descriptor, writes results to it.

It trusts nothing that the function leaves behind: names it needs are bound here, before any foreign code runs.
"""

import builtins
import os
import random
import sys
import types

from wire import HEADER, OUT_OF_MEMORY, NotJSON, dumps, frame, loads

BaseException, Exception, MemoryError, ImportError = BaseException, Exception, MemoryError, ImportError
all, bool, dict, getattr, globals_, isinstance, len, list = all, bool, dict, getattr, globals, isinstance, len, list
min, range, repr, set, frozenset, str, tuple, type, zip = min, range, repr, set, frozenset, str, tuple, type, zip
compile, exec, enumerate, hasattr, int = compile, exec, enumerate, hasattr, int

_read, _write, _exit = os.read, os.write, os._exit
_modules, _ModuleType, _seed = sys.modules, types.ModuleType, random.seed
_builtins = dict(vars(builtins))
FILE = "<function {}>"
MESSAGE, TRACEBACK = 1500, 2000


def serve(descriptor):
    """Load the program, then answer batch after batch of inputs until the other side closes."""
    try:
        answer_all(descriptor)
    except MemoryError:
        _exit(OUT_OF_MEMORY)


def answer_all(descriptor):
    program = Program(read_frame(descriptor))
    while True:
        batch = read_frame(descriptor)
        if batch is None:
            _exit(0)
        for arguments, seed in batch:
            answer = program.answer(arguments, seed)
            if len(answer) > program.limit:
                answer = dumps({"error": "result_too_large", "message": str(len(answer))})
            write(descriptor, frame(answer.encode("ascii")))


def read_frame(descriptor):
    head = read_exactly(descriptor, HEADER.size)
    return None if head is None else loads(read_exactly(descriptor, HEADER.unpack(head)[0]))


def read_exactly(descriptor, size):
    parts = []
    while size:
        part = _read(descriptor, min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def write(descriptor, data):
    while data:
        data = data[_write(descriptor, data) :]


class Program:
    """Sources that are run together in a namespace made afresh for each call; the last defines the function."""

    def __init__(self, setup):
        self.limit = setup["limit"]
        self.sources = setup["sources"]
        self.name = setup["name"]
        self.binding = setup["binding"]
        numpy = _modules.get("numpy.random")
        self.sowers = [_seed] if setup["random"] else []
        if setup["random"] and numpy:
            self.sowers.append(lambda seed, sow=numpy.seed: sow(seed & 0xFFFFFFFF))
        self.builtins = guarded(setup["imports"])
        self.codes, self.failure = [], None
        try:
            for name, source in self.sources:
                self.codes.append(compile(source, FILE.format(name), "exec", dont_inherit=True))
        except BaseException as error:  # noqa: BLE001 - whatever the compiler says of foreign source is a result
            self.failure = self.told(error, "load")

    def answer(self, arguments, seed):
        """One call's frame: {"value": ...} or {"error": kind, ...}, as JSON text."""
        if self.failure is not None:
            return self.failure
        module = _ModuleType("function")
        module.__dict__["__builtins__"] = dict(self.builtins)
        _modules["function"] = module
        try:
            for code in self.codes:
                exec(code, module.__dict__)
            function = module.__dict__[self.name]
        except BaseException as error:  # noqa: BLE001
            return self.told(error, "load")
        for sow in self.sowers:
            sow(seed)
        try:
            return '{"value": ' + dumps(self.call(function, arguments, module.__dict__)) + "}"
        except NotJSON as error:
            return dumps({"error": "result_not_json", "message": clean(str(error))})
        except BaseException as error:  # noqa: BLE001
            return self.told(error, "raised")
        finally:
            if builtins.__dict__ != _builtins:
                builtins.__dict__.clear()
                builtins.__dict__.update(_builtins)

    def call(self, function, arguments, names):
        binding = self.binding
        for parameter, spec in binding["decode"].items():
            if parameter in arguments:
                arguments[parameter] = decoded(arguments[parameter], spec, names)
        positional = [arguments.pop(name) for name in binding["positional"] if name in arguments]
        rest = arguments.pop(binding["var_positional"], []) if binding["var_positional"] else []
        return function(*positional, *rest, **arguments)

    def told(self, error, kind):
        """An exception as plain words; nothing of it is trusted, not even its name."""
        try:
            if isinstance(error, MemoryError):
                return dumps({"error": "memory", "message": ""})
            name = clean(type.__dict__["__name__"].__get__(type(error)))
            try:
                words = str(error)
                words = words if type(words) is str else ""
            except BaseException:  # noqa: BLE001
                words = "(its text cannot be had)"
            return dumps({"error": kind, "name": name[:200], "message": clean(words), "traceback": self.trace(error)})
        except MemoryError:
            return '{"error": "memory", "message": ""}'

    def trace(self, error):
        """The frames of the function's own sources, with their lines."""
        lines, step = [], BaseException.__dict__["__traceback__"].__get__(error)
        texts = {FILE.format(name): source.split("\n") for name, source in self.sources}
        while step is not None and len(lines) < 20:
            code = step.tb_frame.f_code
            if code.co_filename in texts:
                source = texts[code.co_filename]
                number = step.tb_lineno
                text = source[number - 1].strip() if 0 < number <= len(source) else ""
                lines.append(clean(f"line {number}, in {code.co_name}: {text}", 300))
            step = step.tb_next
        return "\n".join(lines)[:TRACEBACK]


def decoded(value, spec, names):
    """A JSON argument as the Python value that the annotation promises."""
    if spec is None or value is None:
        return value
    kind, rest = spec[0], spec[1:]
    if kind == "optional":
        return decoded(value, rest[0], names)
    if kind == "dict":
        return {key: decoded(item, rest[0], names) for key, item in value.items()}
    if kind == "tuple":
        return tuple([decoded(item, inner, names) for item, inner in zip(value, rest[0])])
    if kind == "dataclass":
        fields = {name: decoded(item, rest[1].get(name), names) for name, item in value.items()}
        return names[rest[0]](**fields)
    if kind == "enum":
        return names[rest[0]](value)
    made = {"list": list, "tuple*": tuple, "set": set, "frozenset": frozenset}[kind]
    return made([decoded(item, rest[0], names) for item in value])


def guarded(allowed):
    """Built-in names for foreign code, whose imports keep to the allow-list. A courtesy, not a boundary."""
    names = dict(_builtins)
    if allowed is None:
        return names
    real, allowed = _builtins["__import__"], frozenset(allowed)

    def allowed_import(name, globals=None, locals=None, fromlist=(), level=0):
        # a list for `fromlist` comes from C code of the standard library (datetime.strptime), never from a statement
        if level == 0 and type(fromlist) is not list and name.partition(".")[0] not in allowed:
            raise ImportError(f"{name} may not be imported here; only {', '.join(sorted(allowed))}")
        return real(name, globals, locals, fromlist, level)

    sorted = _builtins["sorted"]
    names["__import__"] = allowed_import
    return names


def clean(text, most=MESSAGE):
    """Printable text of bounded length: control characters and lone surrogates escaped."""
    text = text[:most]
    if text.isascii() and text.isprintable():
        return text
    return "".join([c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text])[:most]
