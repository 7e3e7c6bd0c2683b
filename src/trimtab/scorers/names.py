"""Whose code something is, and what a piece of code names outside of itself."""

from __future__ import annotations

import dis
import functools
import importlib.util
import sys
import sysconfig
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from trimtab.kit.hashing import sha256_hex

ABSENT = object()

_TRIMTAB = Path(__file__).resolve().parents[1]
_INSTALLED = {"site-packages", "dist-packages"}


class Named(NamedTuple):
    """Names in a piece of code: of its module, of attributes, and of what it imports itself."""

    of_module: tuple[str, ...]
    attributes: tuple[str, ...]
    imported: tuple[str, ...]


def names_in(code: CodeType) -> Named:
    """What code names, with the code within it, in the order of the first use."""
    of_module: dict[str, None] = {}
    attributes: dict[str, None] = {}
    imported: dict[str, None] = {}
    waiting = [code]
    while waiting:
        part = waiting.pop()
        for step in dis.get_instructions(part):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                of_module[step.argval] = None
            elif step.opname == "IMPORT_NAME":
                imported[step.argval] = None
            elif step.opname.startswith(("LOAD_ATTR", "LOAD_METHOD")):
                attributes[step.argval] = None
        waiting += [inner for inner in part.co_consts if isinstance(inner, CodeType)]
    return Named(tuple(of_module), tuple(attributes), tuple(imported))


def is_own(value: Any) -> bool:
    """Whether a function, class or module is a user's own: not installed, not of the library.

    What stands in no file, such as a function of an interactive session, is a user's own.
    """
    place = _place(value)
    return place is None or is_own_file(place)


def is_of_trimtab(value: Any) -> bool:
    """Whether a function, class or module is Trimtab's."""
    place = _place(value)
    return place is not None and Path(place).is_relative_to(_TRIMTAB)


@functools.cache
def is_own_file(place: str) -> bool:
    """Whether a file is a user's own code."""
    if place.startswith("<"):
        return not place.startswith("<frozen")
    path = Path(place).resolve()
    library = Path(sysconfig.get_path("stdlib")).resolve()
    if path.is_relative_to(_TRIMTAB) or not _INSTALLED.isdisjoint(path.parts):
        return False
    return not path.is_relative_to(library)


def own_file(module: str) -> str | None:
    """The hash of the file of a user's own module; None where it is another's, or not there.

    The module need not be loaded, and is not loaded by this.
    """
    place = file_of(module)
    return None if place is None else sha256_hex(Path(place).read_bytes())


def file_of(module: str) -> str | None:
    """The file of a user's own module; None where it is another's, or there is none."""
    name = module
    loaded = sys.modules.get(name)
    if loaded is not None:
        place = getattr(loaded, "__file__", None)
    elif "." in name and name.rpartition(".")[0] not in sys.modules:
        return file_of(name.partition(".")[0])  # to look further would load it
    else:
        place = _found(name)
    if place is None or not Path(place).is_file() or not is_own_file(place):
        return None
    return str(place)


def _found(name: str) -> str | None:
    try:
        spec = importlib.util.find_spec(name) if name else None
    except (ImportError, ValueError, AttributeError):
        return None
    return None if spec is None or not spec.has_location else spec.origin


def _place(value: Any) -> str | None:
    """The file that something was defined in; "<frozen ...>" and such where it is built in."""
    code = getattr(value, "__code__", None)
    if isinstance(code, CodeType):
        return code.co_filename
    if isinstance(value, ModuleType):
        module: Any = value
    else:
        name = getattr(value, "__module__", None)
        module = sys.modules.get(name) if isinstance(name, str) else None
    if module is None:
        return None
    place = getattr(module, "__file__", None)
    if place is None and module.__name__ != "__main__":
        library = sys.stdlib_module_names
        return "<frozen>" if module.__name__.partition(".")[0] in library else None
    return place
