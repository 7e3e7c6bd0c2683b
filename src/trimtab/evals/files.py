"""Finding suites: `*.eval.yaml`, `eval_*.py`, and `suites:` of trimtab.yaml."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import msgspec

from trimtab.config.document import parse
from trimtab.config.load import CONFIG_NAME
from trimtab.config.problem import Problem, config_error
from trimtab.config.tree import Leaf, Section, Tree
from trimtab.errors import ConfigError
from trimtab.evals.document import listed, suite_of, suites_of, tree_of_file
from trimtab.experiments.suite import Suite
from trimtab.kit.hashing import sha256_hex

YAML = (".eval.yaml", ".eval.yml")
_HIDDEN = (".", "__pycache__", "node_modules")


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """A suite and where it was declared.

    `folder` is where its relative paths start; `code` is the digest of the Python file that
    declares it, "" for YAML, whose content is the suite itself.
    """

    suite: Suite
    folder: Path
    origin: str
    code: str = ""


def find(paths: Sequence[Path], *, cwd: Path) -> list[Declared]:
    """The suites of files and folders; of the working directory where none is named.

    Raises:
        ConfigError: a file cannot be read, two suites have one name, or there is no suite.
    """
    named = list(paths) or _usual(cwd)
    found = [declared for path in named for declared in _under(path, cwd)]
    unique: dict[str, Declared] = {}
    for one in found:
        earlier = unique.setdefault(one.suite.name, one)
        if earlier is not one and earlier.origin != one.origin:
            raise ConfigError(
                f"two suites are called {one.suite.name!r}: in {earlier.origin} and {one.origin}",
                where=one.origin,
                fix="give each suite its own name",
            )
    if not unique:
        where = ", ".join(str(path) for path in named)
        raise ConfigError(
            "there is no suite",
            where=where or str(cwd),
            fix="write NAME.eval.yaml or eval_NAME.py, or name the folder they are in",
        )
    return list(unique.values())


def _usual(cwd: Path) -> list[Path]:
    """Where suites are when nobody says: trimtab.yaml, and the folder `evals` or this one."""
    config = cwd / CONFIG_NAME
    places = [config] if config.is_file() and _has_suites(config) else []
    folder = cwd / "evals"
    if folder.is_dir():
        return [*places, folder]
    return places or [cwd]


def _has_suites(config: Path) -> bool:
    try:
        tree = parse(config.read_text(encoding="utf-8-sig"), CONFIG_NAME).tree
    except (OSError, UnicodeDecodeError, ConfigError):
        return True  # what is wrong with it is said when it is read
    return isinstance(tree, Section) and "suites" in tree.items


def _under(path: Path, cwd: Path) -> Iterator[Declared]:
    path = cwd / path
    if path.is_dir():
        for file in _files(path):
            yield from _of_file(file, cwd)
    elif path.is_file():
        yield from _of_file(path, cwd)
    else:
        raise ConfigError(
            "there is no such file or folder", where=_shown(path, cwd), fix="correct its name"
        )


def _files(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(_HIDDEN):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.name.endswith(YAML) or _is_program(path):
            yield path


def _is_program(path: Path) -> bool:
    return path.name.startswith("eval_") and path.suffix == ".py"


def _of_file(path: Path, cwd: Path) -> list[Declared]:
    shown = _shown(path, cwd)
    if path.suffix == ".py":
        return _of_program(path, shown)
    if path.name == CONFIG_NAME:
        return list(_of_config(path, cwd))
    return [
        Declared(suite=suite, folder=path.parent, origin=shown) for suite in suites_of(path, shown)
    ]


def _of_config(path: Path, cwd: Path) -> Iterator[Declared]:
    """`suites:` of trimtab.yaml: suites in place, and the files and folders that have more."""
    tree = tree_of_file(path, _shown(path, cwd))
    if not isinstance(tree, Section) or "suites" not in tree.items:
        return
    for item in listed(tree.items["suites"]):
        if not isinstance(item, Leaf):
            yield Declared(suite=suite_of(item), folder=path.parent, origin=item.place.origin)
        elif isinstance(item.value, str):
            yield from _under(path.parent / item.value, cwd)
        else:
            raise _not_a_suite(item)


def _not_a_suite(item: Tree) -> ConfigError:
    what = "an item of `suites` is a suite, or the name of a file or folder"
    return config_error([Problem(what, item.place, "suites", "write a path or a suite")])


def _of_program(path: Path, shown: str) -> list[Declared]:
    """The `trimtab.Suite` objects of a module, in the order of their names."""
    module = load(path, shown)
    code = sha256_hex(path.read_bytes())
    suites = {
        id(value): value for name, value in sorted(vars(module).items()) if isinstance(value, Suite)
    }
    for name, value in sorted(vars(module).items()):
        if isinstance(value, list | tuple) and not name.startswith("_"):
            suites |= {id(item): item for item in value if isinstance(item, Suite)}
    return [
        Declared(suite=suite, folder=path.parent, origin=shown, code=code)
        for suite in suites.values()
    ]


def load(path: Path, shown: str) -> ModuleType:
    """A Python file as a module; its folder is where it imports from.

    Raises:
        ConfigError: it cannot be imported; says the line.
    """
    name = f"trimtab_evals_{sha256_hex(str(path.resolve()).encode())[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError("this is no Python file", where=shown, fix="correct its name")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(
            f"the file cannot be imported: {type(error).__name__}: {error}",
            where=_line(error, path, shown),
            fix="correct it; run it with Python to see all of the error",
        ) from error
    return module


def _line(error: Exception, path: Path, shown: str) -> str:
    """The last line of the file that the error passed through."""
    line, at = None, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == str(path):
            line = at.tb_lineno
        at = at.tb_next
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno
    return shown if line is None else f"{shown}:{line}"


def _shown(path: Path, cwd: Path) -> str:
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
