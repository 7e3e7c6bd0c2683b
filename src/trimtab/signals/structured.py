"""Structure: whether a text is the JSON that was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.signals.finding import Reading
from trimtab.signals.schemas import Schema
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_FENCED = re.compile(r"\s*```(?:json)?[ \t]*\r?\n(.*?)\r?\n[ \t]*```\s*\Z", re.DOTALL)
_OPENS = ("{", "[")


class JsonSchema:
    """Whether a text is JSON and keeps to a schema: 0 where it does, 1 where it does not.

    Read is the text as it was given, which is what a parser gets. Without a schema a text is
    judged only where it opens as an object or a list.

    Args:
        schema: a JSON Schema, draft 2020-12; it may refer to nothing outside itself, and its
            patterns are RE2's.
        fenced: whether one fenced block around the whole is taken off first.
        most_chars: longer texts are faults.
    Raises:
        ConfigError: the schema is none, or cannot be checked here.

    >>> from trimtab.signals.text import Text
    >>> wanted = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    >>> JsonSchema(schema=wanted).read(Text('{"n": "ten"}')).reason
    '$.n: type'
    """

    name = "json"
    version = "1"
    scale = "risk"
    lookback_chars = None
    is_learned = False

    def __init__(
        self,
        *,
        schema: Mapping[str, Any] | None = None,
        fenced: bool = False,
        most_chars: int = 1_000_000,
    ) -> None:
        self._schema = None if schema is None else Schema(schema)
        self._fenced = fenced
        self._most_chars = most_chars

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """Check a text; `reason` names the first faults by their paths and the broken keywords."""
        del about
        raw = text.raw
        if self._schema is None and not raw.lstrip().startswith(_OPENS):
            return Reading(score=None, reason="no schema, and not an object or a list")
        if len(raw) > self._most_chars:
            return Reading(score=1.0, reason=f"longer than {self._most_chars} characters")
        if self._fenced and (found := _FENCED.match(raw)):
            raw = found.group(1)
        try:
            value = jsonx.decode(raw.encode("utf-8", "surrogatepass"), what="the text")
        except InvalidRequest:
            return Reading(score=1.0, reason="not JSON")
        faults = [] if self._schema is None else self._schema.faults(value)
        if not faults:
            return Reading(score=0.0)
        return Reading(score=1.0, reason="; ".join(f"{one.path}: {one.rule}" for one in faults))


def leaves(value: Any) -> Iterator[tuple[str, str, Any]]:
    """Every value of some JSON that holds no other: its path, its name, itself.

    The name is the path without the places in lists.

    >>> list(leaves({"to": ["a", "b"]}))
    [('$.to[0]', 'to', 'a'), ('$.to[1]', 'to', 'b')]
    """
    left: list[tuple[str, str, Any]] = [("$", "", value)]
    while left:
        path, name, node = left.pop()
        if isinstance(node, dict):
            parts = [
                (f"{path}.{key}", f"{name}.{key}" if name else key, part)
                for key, part in node.items()
            ]
            left += reversed(parts)
        elif isinstance(node, list):
            left += reversed([(f"{path}[{at}]", name, part) for at, part in enumerate(node)])
        else:
            yield path, name, node
