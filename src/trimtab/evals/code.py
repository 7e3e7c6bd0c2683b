"""The digest of a function that answers rows: its code, and the files that its code is from."""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

from trimtab.kit.hashing import digest, sha256_hex
from trimtab.scorers.fingerprint import fingerprint
from trimtab.scorers.names import file_of


def digest_of_callable(function: Any) -> str:
    """Hash of what a callable does, of its file, and of the user's own modules that it imports.

    What nothing can be seen of has another hash in every process.
    """
    plain = inspect.unwrap(function)
    while isinstance(plain, functools.partial):
        plain = inspect.unwrap(plain.func)
    if not inspect.isroutine(plain) and not isinstance(plain, type):
        plain = type(plain)
    name = getattr(plain, "__qualname__", "")
    return digest(["python", name, fingerprint(function, {}), _files(plain)])


def _files(plain: Any) -> list[str]:
    """The hashes of the file that a function stands in and of those it imports, in turn."""
    try:
        first = inspect.getsourcefile(plain)
    except TypeError:
        first = None
    module = inspect.getmodule(plain)
    package = "" if module is None else getattr(module, "__package__", None) or ""
    waiting = [] if first is None else [(first, package)]
    seen: dict[str, str] = {}
    while waiting:
        place, package = waiting.pop()
        if place in seen:
            continue
        try:
            content = Path(place).read_bytes()
        except OSError:
            continue
        seen[place] = sha256_hex(content)
        waiting += [
            (found, _package(name, found))
            for name in _imported(content, package)
            if (found := file_of(name)) is not None
        ]
    return sorted(seen.values())


def _imported(content: bytes, package: str) -> Iterator[str]:
    """The names of the modules that a file imports; some of them may be names in modules."""
    try:
        # Compiled, for `ast.parse` in several threads can fail in Python 3.11.
        code = compile(content, "<imports>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return
    for name, level, of_it in _imports(code):
        module = _absolute(name, level, package)
        if module:
            yield from _with_parents(module)
            yield from (f"{module}.{each}" for each in of_it)


def _imports(code: CodeType) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Name, level (the dots of a relative import) and wanted names of every import of some code."""
    waiting = [code]
    while waiting:
        part = waiting.pop()
        steps = [step for step in dis.get_instructions(part) if step.opname != "EXTENDED_ARG"]
        for at, step in enumerate(steps):
            if step.opname == "IMPORT_NAME" and at > 1:
                level, of_it = steps[at - 2].argval, steps[at - 1].argval
                yield step.argval, level or 0, of_it or ()
        waiting += [inner for inner in part.co_consts if isinstance(inner, CodeType)]


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[: end + 1]) for end in range(len(parts)))


def _absolute(name: str, level: int, package: str) -> str:
    if not level:
        return name
    parts = package.split(".")
    start = parts[: len(parts) - level + 1]
    return ".".join([*start, name] if name else start)


def _package(name: str, place: str) -> str:
    return name if Path(place).name == "__init__.py" else name.rpartition(".")[0]
