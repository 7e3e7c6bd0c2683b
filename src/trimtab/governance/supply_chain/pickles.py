"""What a pickle would import, read opcode by opcode and never loaded.

The list of what is harmless is short and closed: any other global that a pickle names is
suspicious, and those that reach a shell, a file, a socket or the import system are dangerous.
"""

from __future__ import annotations

import io
import pickletools
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Verdict = Literal["safe", "suspicious", "dangerous", "unknown"]
WORST: tuple[Verdict, ...] = ("safe", "unknown", "suspicious", "dangerous")

_MOST_CODES = 5_000_000
_MOST_STREAMS = 64

_DANGEROUS = frozenset(
    [
        "os",
        "posix",
        "nt",
        "subprocess",
        "sys",
        "shutil",
        "socket",
        "pty",
        "platform",
        "runpy",
        "importlib",
        "webbrowser",
        "ctypes",
        "code",
        "codeop",
        "commands",
        "popen2",
        "asyncio",
        "multiprocessing",
        "threading",
        "pickle",
        "_pickle",
        "dill",
        "cloudpickle",
        "bdb",
        "pdb",
        "timeit",
        "cProfile",
        "profile",
        "trace",
        "pip",
        "ensurepip",
        "urllib",
        "http",
        "requests",
        "httpx",
        "ftplib",
        "smtplib",
        "telnetlib",
        "tempfile",
        "pathlib",
        "glob",
        "fileinput",
        "signal",
        "types",
        "inspect",
        "marshal",
        "operator",
    ]
)
_DANGEROUS_BUILTINS = frozenset(
    [
        "eval",
        "exec",
        "compile",
        "open",
        "getattr",
        "setattr",
        "delattr",
        "__import__",
        "globals",
        "locals",
        "vars",
        "input",
        "breakpoint",
        "apply",
        "execfile",
        "file",
        "map",
        "filter",
    ]
)
_LIBRARIES = (
    *("numpy", "torch", "collections", "sklearn", "scipy", "pandas", "datetime", "decimal"),
    *("fractions", "transformers", "xgboost", "lightgbm", "catboost", "joblib.numpy_pickle"),
)
"""Of which a class, by its capital, is taken to be harmless; a function only in `_KNOWN`."""
_KNOWN = frozenset(
    {
        *(("numpy", name) for name in ("ndarray", "dtype")),
        *(("numpy.core.multiarray", name) for name in ("_reconstruct", "scalar")),
        *(("numpy._core.multiarray", name) for name in ("_reconstruct", "scalar")),
        *(("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer")),
        *(("numpy.random._pickle", f"__{name}_ctor") for name in ("generator", "bit_generator")),
        ("numpy.random._pickle", "__randomstate_ctor"),
        *(("torch._utils", f"_rebuild_{name}") for name in ("tensor", "tensor_v2", "parameter")),
        *(("torch", name) for name in ("device", "float16", "float32", "bfloat16", "int64")),
        *(("collections", name) for name in ("defaultdict", "deque")),
        *(("datetime", name) for name in ("datetime", "date", "time", "timedelta")),
        ("copyreg", "_reconstructor"),
        ("copy_reg", "_reconstructor"),
        ("_codecs", "encode"),
        ("sklearn.tree._tree", "Tree"),
        ("pandas._libs.internals", "_unpickle_block"),
        ("pandas.core.indexes.base", "_new_Index"),
    }
)
_DANGEROUS_NAMES = frozenset(
    {
        *(("torch", "load"), ("torch.hub", "load"), ("torch.jit", "load"), ("numpy", "load")),
        *(("joblib", "load"), ("pandas", "read_pickle"), ("pandas.io.pickle", "read_pickle")),
        *(("numpy.testing._private.utils", "runstring"), ("torch.utils.collect_env", "run")),
        ("?", "?"),
    }
)
_SAFE_BUILTINS = frozenset(
    [
        "set",
        "frozenset",
        "list",
        "dict",
        "tuple",
        "int",
        "float",
        "complex",
        "str",
        "bytes",
        "bytearray",
        "bool",
        "object",
        "slice",
        "range",
        "Ellipsis",
        "NotImplemented",
    ]
)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Python's warnings about escapes in what is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@_quiet()
def judged(raw: bytes) -> tuple[tuple[str, ...], Verdict, str | None]:
    """The globals of the pickles in a row, the worst of them, and why a reading stopped."""
    names: set[tuple[str, str]] = set()
    reason = None if raw else "an empty file"
    stream = io.BytesIO(raw)
    for count in range(_MOST_STREAMS):
        if stream.tell() >= len(raw):
            break
        try:
            for one in _globals(stream):
                names.add(one)
        except (ValueError, IndexError, UnicodeDecodeError, OverflowError) as error:
            # After the first of them may follow the raw bytes of arrays, as joblib writes.
            if count == 0:
                reason = f"not a whole pickle: {error}"[:120]
            break
    else:
        if stream.tell() < len(raw):
            reason = f"more than {_MOST_STREAMS} pickles in a row"
    verdict: Verdict = "unknown" if reason else "safe"
    for module, name in names:
        verdict = max(verdict, _of_global(module, name), key=WORST.index)
    found = tuple(sorted(f"{module}.{name}" for module, name in names))
    return found, verdict, None if found and verdict != "unknown" else reason


@_quiet()
def may_begin(head: bytes) -> bool:
    """Whether a file may be a pickle by its first bytes: they are opcodes as far as they go."""
    count = 0
    try:
        for _ in pickletools.genops(io.BytesIO(head)):
            count += 1
    except UnicodeDecodeError:
        return count > 1
    except (ValueError, IndexError, OverflowError) as error:
        return any(said in str(error) for said in _CUT) or count > _LEAST_CODES
    return count > 1


_CUT = ("exhausted", "not enough data", "no newline", "expected")
_LEAST_CODES = 3


@_quiet()
def runs(raw: bytes) -> bool:
    """Whether a pickle calls what it names before it ends or breaks."""
    named = False
    try:
        for code, argument, _at in pickletools.genops(raw):
            if code.name in ("GLOBAL", "INST"):
                if not all(part.isidentifier() for part in _NAME_PARTS.split(str(argument))):
                    return False
                named = True
            named = named or code.name in _NAMING
            if named and code.name in _CALLING:
                return True
    except (ValueError, IndexError, OverflowError):
        pass
    return False


_NAME_PARTS = re.compile(r"[. ]")
_CALLING = {"REDUCE", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX", "BUILD"}


def _globals(stream: io.BytesIO) -> Iterator[tuple[str, str]]:
    """The globals of one pickle, by GLOBAL, INST and STACK_GLOBAL with its memo."""
    recent: list[str] = []  # strings pushed, with nothing but the memo written since
    memo: dict[int, str | None] = {}
    for count, (code, argument, _at) in enumerate(pickletools.genops(stream)):
        if count > _MOST_CODES:
            raise ValueError("too many opcodes")
        kind = code.name
        if kind in _NAMING:
            yield _named(kind, argument, recent)
        if kind in _REMEMBERING:
            place = len(memo) if kind == "MEMOIZE" else _int(argument)
            memo[place] = recent[-1] if recent else None
        elif "UNICODE" in kind or "STRING" in kind:
            recent.append(str(argument))
        elif kind in _RECALLING and (known := memo.get(_int(argument))):
            recent.append(known)
        elif kind != "FRAME":
            recent.clear()


_NAMING = {"GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"}
_REMEMBERING = {"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"}
_RECALLING = {"GET", "BINGET", "LONG_BINGET"}


def _named(kind: str, argument: object, recent: list[str]) -> tuple[str, str]:
    if kind.startswith("EXT"):
        return "copyreg", "extension"
    if kind == "STACK_GLOBAL":
        # Names that are worked out on the way cannot be read, and no pickler writes them.
        return (recent[-2], recent[-1]) if len(recent) > 1 else ("?", "?")
    module, _, name = str(argument).partition(" ")
    return module, name


def _int(argument: object) -> int:
    return argument if isinstance(argument, int) else -1


def _of_global(module: str, name: str) -> Verdict:
    top = module.partition(".")[0]
    if top in ("builtins", "__builtin__"):
        if name in _DANGEROUS_BUILTINS:
            return "dangerous"
        return "safe" if name in _SAFE_BUILTINS else "suspicious"
    if top in _DANGEROUS or (module, name) in _DANGEROUS_NAMES:
        return "dangerous"
    if (module, name) in _KNOWN:
        return "safe"
    is_library = any(module == one or module.startswith(f"{one}.") for one in _LIBRARIES)
    is_class = name.lstrip("_")[:1].isupper() and "." not in name
    return "safe" if is_library and is_class else "suspicious"
