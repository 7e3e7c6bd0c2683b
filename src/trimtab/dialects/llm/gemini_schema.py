"""JSON Schema as far as Gemini takes it.

`parametersJsonSchema` and `responseJsonSchema` accept these keywords
(ai.google.dev/gemini-api/docs/structured-output, JSON Schema support); everything else is left out
and named, since Gemini would refuse or ignore it.
"""

from __future__ import annotations

from typing import Any

from trimtab.kit.jsonx import Json

_KEPT = frozenset(
    {
        "$anchor",
        "$defs",
        "$id",
        "$ref",
        "additionalProperties",
        "anyOf",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "oneOf",
        "prefixItems",
        "properties",
        "propertyOrdering",
        "required",
        "title",
        "type",
    }
)
_MAPS = frozenset({"properties", "$defs"})
_LISTS = frozenset({"anyOf", "oneOf", "prefixItems"})
_SCHEMAS = frozenset({"items", "additionalProperties"})
# They say nothing about values, so nobody misses them.
_SILENT = frozenset({"$schema", "$comment", "definitions"})


def cleaned(schema: Json, *, where: str) -> tuple[Json, list[str]]:
    """The schema without what Gemini does not take, and the paths of what was left out.

    `const` becomes an `enum` of one value, and `definitions` become `$defs`.

    >>> cleaned({"type": "string", "const": "a", "pattern": "a+"}, where="s")
    ({'type': 'string', 'enum': ['a']}, ['s.pattern'])
    """
    lost: list[str] = []
    return _schema(schema, where, lost), lost


def _schema(schema: Json, where: str, lost: list[str]) -> Json:
    if not isinstance(schema, dict):
        return schema  # true and false are schemas too
    kept: dict[str, Any] = {}
    for name, value in schema.items():
        place = f"{where}.{name}"
        if name == "const":
            kept["enum"] = [value]
        elif name == "$ref" and isinstance(value, str):
            kept[name] = value.replace("#/definitions/", "#/$defs/")
        elif name in _MAPS or name == "definitions":
            kept["$defs" if name == "definitions" else name] = _map(value, place, lost)
        elif name in _LISTS and isinstance(value, list):
            kept[name] = [_schema(one, f"{place}[{n}]", lost) for n, one in enumerate(value)]
        elif name in _SCHEMAS:
            kept[name] = _schema(value, place, lost)
        elif name in _KEPT:
            kept[name] = value
        elif name not in _SILENT:
            lost.append(place)
    return kept


def _map(value: Json, where: str, lost: list[str]) -> Json:
    if not isinstance(value, dict):
        return value
    return {name: _schema(one, f"{where}.{name}", lost) for name, one in value.items()}
