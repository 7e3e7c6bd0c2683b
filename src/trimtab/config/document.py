"""YAML text to a tree with positions. Parses safely: no tags, no aliases, no duplicate keys.

Plain values follow the YAML 1.2 core schema (section 10.3.2): `no`, `on`, `1:30` and dates are
text, not booleans, numbers in base 60 or timestamps.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from trimtab.config.problem import Problem, config_error
from trimtab.config.tree import Leaf, Listing, Place, Scalar, Section, Tree, child
from trimtab.errors import ConfigError

MAX_DEPTH = 40
_STANDARD_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {
    name: name.lower() == "true" for name in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan")
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_MAX_DIGITS = 400


class Document(NamedTuple):
    """What a file says, and what is wrong with how it says it."""

    tree: Tree
    problems: list[Problem]


def parse(text: str, source: str) -> Document:
    """The tree of a YAML document; empty text is an empty section.

    Duplicate keys and tags are listed as problems, so that they are reported with all others.

    Args:
        text: the document.
        source: the name of the file, for errors and origins.
    Raises:
        ConfigError: not YAML, an anchor or alias, or nested deeper than `MAX_DEPTH`.

    >>> parse("port: 8321", "trimtab.yaml").tree.items["port"]
    Leaf(value=8321, place=Place(source='trimtab.yaml', line=1, column=7), text=False, expand=False)
    """
    try:
        loader = _Composer(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, source) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise config_error(
            [
                Problem(
                    f"not a text file: character U+{ord(text[error.position]):04X} is not allowed",
                    Place(source, line, error.position - text.rfind("\n", 0, error.position)),
                    "",
                    "remove that character",
                )
            ]
        ) from None
    problems: list[Problem] = []
    tree: Tree = Section({}, {}, Place(source, 1, 1))
    if node is not None:
        tree = _tree(node, source, "", problems)
    return Document(tree, problems)


class _Composer(yaml.BaseLoader):
    """PyYAML's composer, without runaway nesting and aliases (they can expand without bound)."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        is_alias = self.check_event(yaml.AliasEvent)
        mark = self.current_event.start_mark
        if is_alias or self.current_event.anchor is not None:
            raise yaml.MarkedYAMLError(
                problem="anchors (&name) and aliases (*name) are not allowed; quote a value that "
                "begins with & or *",
                problem_mark=mark,
            )
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=mark
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _syntax_error(error: yaml.MarkedYAMLError, source: str) -> ConfigError:
    """PyYAML's sentence without the text it quotes, which may be a secret."""
    mark = error.problem_mark or error.context_mark
    place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source)
    sentence = _QUOTED.sub(_short_quote, error.problem or "unreadable")
    fix = "check the indentation and the quotes there"
    if "\\t" in sentence:
        fix = "indent with spaces, not tabs"
    return config_error([Problem(f"not valid YAML: {sentence}", place, "", fix)])


def _short_quote(match: re.Match[str]) -> str:
    """Punctuation and the parser's own words may be shown; anything longer may not."""
    inner = match[0][1:-1]
    shown = len(inner) <= 2 or (inner.startswith("<") and inner.endswith(">"))
    return match[0] if shown else "'...'"


def _tree(node: yaml.Node, source: str, path: str, problems: list[Problem]) -> Tree:
    place = Place(source, node.start_mark.line + 1, node.start_mark.column + 1)
    if node.tag not in _STANDARD_TAGS:
        what = "a YAML tag (!name) is not allowed"
        problems.append(Problem(what, place, path, "quote the text if it is a value"))
    if isinstance(node, yaml.MappingNode):
        return _section(node, place, path, problems)
    if isinstance(node, yaml.SequenceNode):
        items = [
            _tree(item, source, f"{path}[{index}]", problems)
            for index, item in enumerate(node.value)
        ]
        return Listing(items, place)
    text = str(node.value)
    if "$" in text:
        return Leaf(text, place, text=True, expand=True)
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    return Leaf(scalar(text) if plain else text, place)


def _section(node: yaml.MappingNode, place: Place, path: str, problems: list[Problem]) -> Section:
    items: dict[str, Tree] = {}
    keys: dict[str, Place] = {}
    for key_node, value_node in node.value:
        mark = key_node.start_mark
        key_place = Place(place.source, mark.line + 1, mark.column + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(Problem("a key must be a plain word", key_place, path))
            continue
        name = str(key_node.value)
        key = child(path, name)
        if name in keys:
            what = f"`{key}` is set twice, first in line {keys[name].line}"
            problems.append(Problem(what, key_place, key, "keep one of the two"))
            continue
        keys[name] = key_place
        items[name] = _tree(value_node, place.source, key, problems)
    return Section(items, keys, place)


def scalar(text: str) -> Scalar:
    """The value of an unquoted YAML scalar in the 1.2 core schema.

    >>> [scalar(text) for text in ("", "true", "no", "0x10", "010", "1e3", "1:30", "2026-11-21")]
    [None, True, 'no', 16, 10, 1000.0, '1:30', '2026-11-21']
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) > _MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
    if _FLOAT.fullmatch(text.lower()):
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))
    return text
