"""Suites in YAML: a file becomes `Suite` objects, or errors that name file, line, key and fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from trimtab.config.document import parse
from trimtab.config.problem import Problem, config_error
from trimtab.config.tree import Leaf, Listing, Section, Tree, child
from trimtab.errors import ConfigError, MeasureError
from trimtab.experiments.suite import Suite
from trimtab.kit.jsonx import reason

Kind = TypeVar("Kind")

MAX_FILE_BYTES = 8 * 1024 * 1024
_UNKNOWN = re.compile(r"object contains unknown field `([^`]*)`")
_MISSING = re.compile(r"object missing required field `([^`]*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def suites_of(path: Path, shown: str) -> list[Suite]:
    """The suites that a file declares: one, or a list under `suites`.

    Args:
        shown: the file's name in messages.
    Raises:
        ConfigError: something in it is wrong; `fields["problems"]` has file, line and key.
    """
    tree = tree_of_file(path, shown)
    if not isinstance(tree, Section):
        what = "a suite must be `name: value` lines"
        raise config_error([Problem(what, tree.place, "", "see docs/evaluation.md")])
    if "suites" not in tree.items:
        return [suite_of(tree)]
    extra = [name for name in tree.items if name != "suites"]
    if extra:
        what = f"`{child('', extra[0])}` stands beside `suites`"
        fix = "move it into a suite of the list"
        raise config_error([Problem(what, tree.keys[extra[0]], extra[0], fix)])
    return [suite_of(item) for item in listed(tree.items["suites"])]


def listed(tree: Tree) -> Sequence[Tree]:
    """The items of `suites`. Raises ConfigError."""
    if isinstance(tree, Listing):
        return tree.items
    what = "`suites` must be a list"
    raise config_error([Problem(what, tree.place, "suites", "begin each suite with `- `")])


def suite_of(tree: Tree) -> Suite:
    """One suite. Raises ConfigError, which says where and what to do."""
    try:
        suite = declared(tree, Suite, "the suite")
    except MeasureError as error:
        raise config_error(
            [Problem(error.what, _node(tree, ["gate"]).place, "gate", error.fix or "")]
        ) from None
    problems = list(_impossible(suite, tree))
    if problems:
        raise config_error(problems)
    return suite


def declared(tree: Tree, kind: type[Kind], what: str) -> Kind:
    """A tree as a struct of a kind.

    Args:
        what: what it is, in messages.
    Raises:
        ConfigError: a value is wrong; says the line and what to do.
    """
    try:
        return msgspec.convert(plain(tree), kind)
    except msgspec.ValidationError as error:
        raise config_error([_problem(error, tree, kind, what)]) from None


def _impossible(suite: Suite, tree: Tree) -> Iterator[Problem]:
    """Cases that are to pass more repeats than there are."""
    for number, rule in enumerate(suite.gate.cases):
        if rule.at_least is not None and rule.at_least > suite.repeat:
            steps = ["gate", "cases", str(number), "at_least"]
            what = f"`at_least: {rule.at_least}` of {suite.repeat} repeats can never be"
            fix = f"write `repeat: {rule.at_least}` or a smaller `at_least`"
            yield Problem(what, _node(tree, steps).place, _key(steps), fix)


def plain(tree: Tree) -> Any:
    """The values of a tree without their places."""
    if isinstance(tree, Leaf):
        return tree.value
    if isinstance(tree, Listing):
        return [plain(item) for item in tree.items]
    return {name: plain(item) for name, item in tree.items.items()}


def tree_of_file(path: Path, shown: str) -> Tree:
    """The tree of a YAML file. Raises ConfigError."""
    try:
        data = path.read_bytes()
        if len(data) > MAX_FILE_BYTES:
            raise _unreadable(shown, "it is too large", "keep rows in a file of their own")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(shown, error.strerror or "no such file", "correct its name") from None
    except UnicodeDecodeError:
        raise _unreadable(shown, "it is not UTF-8 text", "save it as UTF-8") from None
    document = parse(text, shown)
    if document.problems:
        raise config_error(document.problems)
    return document.tree


def _unreadable(shown: str, why: str, fix: str) -> ConfigError:
    return ConfigError(f"a suite file cannot be read: {why}", where=shown, fix=fix, file=shown)


def _problem(error: msgspec.ValidationError, tree: Tree, kind: Any, what: str) -> Problem:
    """What msgspec says, with the line it is about."""
    text, path = reason(error)
    steps = [name or number for name, number in _STEP.findall(path)]
    node = _node(tree, steps)
    key = _key(steps)
    unknown, missing = _UNKNOWN.match(text), _MISSING.match(text)
    if unknown:
        return _unknown(unknown[1], node, key, kind)
    if missing:
        name = missing[1]
        return Problem(
            f"`{_joined(key, name)}` is missing", node.place, _joined(key, name), "add it"
        )
    subject = f"`{key}`" if key else what
    return Problem(f"{subject}: {text}", node.place, key, _advice(text))


def _unknown(name: str, node: Tree, key: str, kind: Any) -> Problem:
    place = node.keys.get(name, node.place) if isinstance(node, Section) else node.place
    known = _known(key, kind)
    near = get_close_matches(name, known, n=1)
    fix = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
    return Problem(f"unknown key `{_joined(key, name)}`", place, _joined(key, name), fix)


def _known(key: str, kind: Any) -> list[str]:
    """The names that belong at a key of a struct of a kind."""
    for name in re.sub(r"\[\d+\]", "", key).split("."):
        if not name:
            continue
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        found = _struct_in(fields.get(name))
        if found is None:
            return []
        kind = found
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _struct_in(annotation: Any) -> Any:
    """The struct that an annotation is made around, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _struct_in(part)
        if found is not None:
            return found
    return None


def _node(tree: Tree, steps: Sequence[str]) -> Tree:
    """The node at a path, or the deepest there is on the way."""
    for step in steps:
        if isinstance(tree, Section) and step in tree.items:
            tree = tree.items[step]
        elif isinstance(tree, Listing) and step.isdecimal() and int(step) < len(tree.items):
            tree = tree.items[int(step)]
        else:
            break
    return tree


def _key(steps: Sequence[str]) -> str:
    key = ""
    for step in steps:
        key = f"{key}[{step}]" if step.isdecimal() else _joined(key, step)
    return key


def _joined(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _advice(text: str) -> str:
    if "matching regex" in text:
        return "use 1 to 200 letters, digits, spaces and . _ - /"
    if "got `str`" in text:
        return "write it without quotes" if "int" in text or "float" in text else ""
    if "expected `str`" in text:
        return "put it in quotes to make it text"
    return ""
