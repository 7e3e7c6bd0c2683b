"""A tree to a typed `Config`, collecting every problem instead of stopping at the first.

msgspec converts each single value; this module walks the structs, so that a wrong value is reported
with its own line, and finds the nearest known name for an unknown key.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

from trimtab.config.document import scalar
from trimtab.config.expectation import allowed, may_be_shown, shown
from trimtab.config.problem import Problem
from trimtab.config.schema import Config
from trimtab.config.secret import ConnectionUrl, Secret
from trimtab.config.substitute import substitute
from trimtab.config.tree import Leaf, Listing, Place, Section, Tree, child, tree_of


class Hint(NamedTuple):
    """A type annotation taken apart: the type itself, whether None is allowed, the metadata."""

    type: Any
    optional: bool
    extra: Mapping[str, Any]
    annotation: Any

    @property
    def is_struct(self) -> bool:
        return isinstance(self.type, type) and issubclass(self.type, msgspec.Struct)

    @property
    def mapped(self) -> Any:
        """The annotation of a mapping's values, or None for anything but a mapping."""
        return get_args(self.type)[1] if get_origin(self.type) is dict else None

    @property
    def item(self) -> Any:
        """The annotation of a tuple's items, or None for anything but a tuple."""
        return get_args(self.type)[0] if get_origin(self.type) is tuple else None


def hint_of(annotation: Any) -> Hint:
    """Take `Annotated` and `| None` off an annotation."""
    extra: dict[str, Any] = {}
    inner, optional = annotation, False
    while True:
        if get_origin(inner) is Annotated:
            for meta in inner.__metadata__:
                extra |= getattr(meta, "extra", None) or {}
            inner = inner.__origin__
        elif get_origin(inner) in (Union, types.UnionType):
            optional = True
            inner = next(arm for arm in get_args(inner) if arm is not types.NoneType)
        else:
            return Hint(inner, optional, extra, annotation)


@cache
def fields_of(struct: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    """The fields of a struct; msgspec evaluates every annotation each time that it is asked."""
    return msgspec.structs.fields(struct)


@cache
def known_settings() -> Mapping[str, Hint]:
    """What can be set, by dotted key: sections, lists and values.

    >>> "limits.body_bytes" in known_settings()
    True
    """
    return MappingProxyType(dict(_settings_of(Config, "")))


def _settings_of(struct: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, Hint]]:
    for field in fields_of(struct):
        key, hint = prefix + field.name, hint_of(field.type)
        yield key, hint
        if hint.is_struct:
            yield from _settings_of(hint.type, f"{key}.")


class Decoder:
    """Walks one tree. `problems`, `origins` and `literal_secrets` are filled on the way.

    Args:
        env: where `${NAME}` is looked up.
        base: the folder that relative paths in the file start at; None keeps them as written.
        secrets: whether a secret whose variable is not set is a problem.
    """

    def __init__(self, env: Mapping[str, str], base: Path | None, *, secrets: bool = True) -> None:
        self._secrets = secrets
        self._env = env
        self._base = base
        self.problems: list[Problem] = []
        self.origins: dict[str, str] = {}
        self.literal_secrets: list[str] = []

    def config(self, tree: Tree) -> Config | None:
        """The configuration, or None when there are problems."""
        config = self._value(tree, hint_of(Config), "")
        return config if isinstance(config, Config) and not self.problems else None

    def _value(self, tree: Tree, hint: Hint, key: str) -> Any:
        if hint.extra.get("elsewhere"):
            # Whoever uses it reads it from the file, with the places of its lines.
            self.origins[key] = tree.place.origin
            return ()
        if hint.extra.get("free"):
            return self._free(tree, key)
        if isinstance(tree, Leaf) and tree.value is None and hint.optional:
            self.origins[key] = tree.place.origin
            return None
        if isinstance(tree, Leaf) and (hint.is_struct or hint.item or hint.mapped):
            tree = self._expanded(tree, hint, key)
        known = len(self.problems)
        if hint.is_struct:
            value = self._struct(tree, hint, key)
        elif hint.item:
            value = self._list(tree, hint, key)
        elif hint.mapped:
            value = self._map(tree, hint, key)
        else:
            value = self._leaf(tree, hint, key)
        # What has a fault within it is not whole, and no check of the whole can be asked.
        sound = len(self.problems) == known
        return self._checked(value, tree, hint, key) if sound else value

    def _free(self, tree: Tree, key: str) -> Any:
        """A section of which only its reader knows what may stand in it."""
        self.origins[key] = tree.place.origin
        if isinstance(tree, Leaf) and tree.value is None:
            return {}
        if not isinstance(tree, Section):
            return self._wrong_shape(tree, key, "a section of `name: value` lines")
        return self._plain(tree, key)

    def _plain(self, tree: Tree, key: str) -> Any:
        if isinstance(tree, Section):
            return {name: self._plain(one, child(key, name)) for name, one in tree.items.items()}
        if isinstance(tree, Listing):
            return [self._plain(one, f"{key}[{at}]") for at, one in enumerate(tree.items)]
        leaf, _ = self._substituted(tree, key)
        return None if leaf is None else leaf.value

    def _expanded(self, leaf: Leaf, hint: Hint, key: str) -> Tree:
        """A single value where a list or section belongs.

        Nothing (`limits:` with every line below it commented out) is an empty one; text from the
        environment is JSON, or for a list of text its items separated by commas.
        """
        empty = Listing([], leaf.place) if hint.item else Section({}, {}, leaf.place)
        if leaf.value is None:
            return empty
        if not leaf.text or leaf.expand:
            return leaf
        text = str(leaf.value).strip()
        if text[:1] in ("[", "{"):
            try:
                return tree_of(msgspec.json.decode(text), leaf.place)
            except (msgspec.DecodeError, RecursionError):
                self._report(f"`{key}` is not valid JSON", leaf, key, "write it as JSON")
                return empty
        if hint.item and hint_of(hint.item).type is str:
            return tree_of([part.strip() for part in text.split(",") if part.strip()], leaf.place)
        return leaf

    def _struct(self, tree: Tree, hint: Hint, key: str) -> Any:
        if not isinstance(tree, Section):
            return self._wrong_shape(tree, key, "a section of `name: value` lines")
        fields = fields_of(hint.type)
        names = [field.name for field in fields]
        self.problems += [
            _unknown(name, tree.keys[name], key, names) for name in tree.items if name not in names
        ]
        values = {}
        for field in fields:
            path = child(key, field.name)
            inner = hint_of(field.type)
            if field.name in tree.items:
                values[field.name] = self._value(tree.items[field.name], inner, path)
            elif field.required:
                self.problems.append(_missing(field.name, tree.place, path, inner))
            else:
                self._default(inner, path, field.default)
        complete = all(field.name in values for field in fields if field.required)
        return hint.type(**values) if complete else None

    def _default(self, hint: Hint, key: str, default: Any) -> None:
        if default is not None and hint.is_struct:
            for field in fields_of(hint.type):
                self._default(hint_of(field.type), f"{key}.{field.name}", field.default)
        else:
            self.origins[key] = "default"

    def _list(self, tree: Tree, hint: Hint, key: str) -> Any:
        if not isinstance(tree, Listing):
            return self._wrong_shape(tree, key, "a list")
        self.origins[key] = tree.place.origin
        item = hint_of(hint.item)
        return tuple(
            self._value(one, item, f"{key}[{index}]") for index, one in enumerate(tree.items)
        )

    def _map(self, tree: Tree, hint: Hint, key: str) -> Any:
        """Values by names that whoever writes them chooses."""
        if not isinstance(tree, Section):
            return self._wrong_shape(tree, key, "a section of `name: value` lines")
        self.origins[key] = tree.place.origin
        inner, values = hint_of(hint.mapped), {}
        for name, item in tree.items.items():
            path = child(key, name)
            complaint = hint.extra["names"](name)
            if complaint:
                self.problems.append(Problem(f"`{path}` {complaint}", tree.keys[name], path, ""))
            values[name] = self._value(item, inner, path)
        return values

    def _leaf(self, tree: Tree, hint: Hint, key: str) -> Any:
        if not isinstance(tree, Leaf):
            return self._wrong_shape(tree, key, allowed(hint.annotation))
        self.origins[key] = tree.place.origin
        if not self._secrets and hint.type in (Secret, ConnectionUrl) and self._lacks(tree):
            # Each its own: two that are not known are not the same.
            return Secret(f"unknown-{key}") if hint.type is Secret else None
        leaf, from_env = self._substituted(tree, key)
        if leaf is None:
            return None
        try:
            value = msgspec.convert(
                leaf.value, hint.annotation, strict=not leaf.text, dec_hook=_custom
            )
        except msgspec.ValidationError:
            self._wrong_value(tree, hint, key)
            return None
        self._note_literal(value, tree, key, from_env=from_env)
        return self._anchored(value, tree) if hint.extra.get("path") else value

    def _lacks(self, leaf: Leaf) -> bool:
        return leaf.expand and bool(substitute(str(leaf.value), self._env).missing)

    def _substituted(self, leaf: Leaf, key: str) -> tuple[Leaf | None, bool]:
        """The leaf with its variables replaced (None: reported), and whether any was used."""
        if not leaf.expand:
            return leaf, False
        done = substitute(str(leaf.value), self._env)
        if done.malformed:
            fix = "write ${NAME} or ${NAME:-default}, or $${ for the characters themselves"
            self._report(f"`{key}` has a `${{` that names no variable", leaf, key, fix)
            return None, False
        for name in done.missing:
            what = f"`{key}` needs the environment variable {name}, which is not set"
            self._report(what, leaf, key, f"set {name}, or write ${{{name}:-default}}")
        text = done.text != str(leaf.value).replace("$$", "$")
        replaced = leaf._replace(value=done.text, expand=False, text=text)
        return (None if done.missing else replaced), done.from_environment

    def _note_literal(self, value: Any, leaf: Leaf, key: str, *, from_env: bool) -> None:
        """Remember a secret that stands in the file itself."""
        secret = isinstance(value, Secret) or (
            isinstance(value, ConnectionUrl) and value.has_password
        )
        if secret and leaf.place.line is not None and not from_env:
            self.literal_secrets.append(key)

    def _anchored(self, value: str, leaf: Leaf) -> str:
        """A path from the file, relative to it; `~/` is the home directory."""
        home = self._env.get("HOME")
        if home and (value == "~" or value.startswith("~/")):
            return str(Path(home) / value[2:])
        if self._base is None or leaf.place.line is None:
            return value
        return str(self._base / value)

    def _checked(self, value: Any, tree: Tree, hint: Hint, key: str) -> Any:
        if value is None:
            return value
        check = hint.extra.get("check")
        complaint = check(value) if check else None
        if complaint:
            self._report(f"`{key}` {complaint}", tree, key)
        for name in hint.extra.get("unique", ()):
            self._report_repeats(value, tree, name, key)
        return value

    def _report_repeats(self, values: Any, tree: Tree, name: str, key: str) -> None:
        seen: dict[Any, int] = {}
        for index, value in enumerate(values):
            identity = getattr(value, name, None)
            if identity is None:
                continue
            first = seen.setdefault(identity, index)
            if first != index and isinstance(tree, Listing):
                what = f"`{key}[{index}].{name}` is the same as `{key}[{first}].{name}`"
                fix = f"give each of them its own `{name}`"
                self._report(what, tree.items[index], f"{key}[{index}].{name}", fix)

    def _wrong_shape(self, tree: Tree, key: str, expected: str) -> None:
        kind = {Leaf: "a single value", Section: "a section", Listing: "a list"}[type(tree)]
        subject = f"`{key}`" if key else "the configuration"
        self.problems.append(
            Problem(f"{subject} must be {expected}", tree.place, key, "", kind, expected)
        )

    def _wrong_value(self, leaf: Leaf, hint: Hint, key: str) -> None:
        expected = allowed(hint.annotation)
        got = shown(leaf.value) if may_be_shown(hint.annotation) else None
        self.problems.append(
            Problem(
                f"`{key}` must be {expected}", leaf.place, key, _advice(leaf, hint), got, expected
            )
        )

    def _report(self, what: str, tree: Tree, key: str, fix: str = "") -> None:
        self.problems.append(Problem(what, tree.place, key, fix))


def _custom(kind: type, value: Any) -> Any:
    """msgspec's hook for `Secret` and `ConnectionUrl`: text only."""
    if not isinstance(value, str):
        raise TypeError("not text")
    return kind(value)


def _advice(leaf: Leaf, hint: Hint) -> str:
    """What to do about a value of the wrong type, where that can be told."""
    if get_origin(hint.type) is Literal and isinstance(leaf.value, str):
        return _did_you_mean(leaf.value, [str(choice) for choice in get_args(hint.type)])
    if isinstance(leaf.value, str):
        if leaf.place.source == "TRIMTAB_PORT" and leaf.value.startswith("tcp://"):
            return "Kubernetes set it for a service called trimtab; set enableServiceLinks: false"
        quoted = not leaf.text and scalar(leaf.value) != leaf.value
        return "write it without quotes" if quoted and hint.type in (int, float, bool) else ""
    if hint.type in (str, Secret, ConnectionUrl) and leaf.value is not None:
        return "put it in quotes to make it text"
    return ""


def _unknown(name: str, place: Place, section: str, names: list[str]) -> Problem:
    key = child(section, name)
    fix = _did_you_mean(name.replace("-", "_"), names)
    elsewhere = [known for known in known_settings() if known.rpartition(".")[2] == name]
    if not fix and elsewhere:
        fix = f"did you mean `{elsewhere[0]}`?"
    if not fix:
        fix = f"known here: {', '.join(names)}"
    return Problem(f"unknown key `{key}`", place, key, fix, allowed=", ".join(names))


def _missing(name: str, place: Place, key: str, hint: Hint) -> Problem:
    expected = allowed(hint.annotation)
    return Problem(f"`{key}` is missing", place, key, f"add `{name}`: {expected}", None, expected)


def _did_you_mean(word: str, known: list[str]) -> str:
    near = get_close_matches(word.lower(), known, n=1)
    return f"did you mean `{near[0]}`?" if near else ""
