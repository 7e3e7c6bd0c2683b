"""Values by their place in a value, and texts with values filled in. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.records import Example, text_of

_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_.\-]*)\s*\}\}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def plucked(value: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none.

    >>> plucked({"choices": [{"text": "hi"}]}, "choices.0.text")
    'hi'
    """
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list | tuple) and name.lstrip("-").isdecimal():
            at = int(name)
            value = value[at] if -len(value) <= at < len(value) else None
        else:
            return None
    return value


def of_row(example: Example) -> Callable[[str], Any]:
    """Looks up `input`, `expected`, `metadata.x` and so on in an example."""

    def look_up(path: str) -> Any:
        name, _, rest = path.partition(".")
        if name not in Example.__struct_fields__:
            return None
        value = getattr(example, name)
        return plucked(value, rest) if rest else value

    return look_up


def filled(template: Any, look_up: Callable[[str], Any], *, where: str) -> Any:
    """A value with every `{{ place }}` in its texts replaced.

    A text that is nothing but one place becomes the value itself, whatever its type.

    Raises:
        InvalidRequest: a place names nothing.

    >>> filled({"q": "{{ input }}", "n": "<{{ input }}>"}, lambda _: [1], where="body")
    {'q': [1], 'n': '<1>'}
    """
    if isinstance(template, Mapping):
        return {key: filled(item, look_up, where=where) for key, item in template.items()}
    if isinstance(template, list | tuple):
        return [filled(item, look_up, where=where) for item in template]
    if not isinstance(template, str):
        return template
    whole = _PLACE.fullmatch(template.strip())
    if whole:
        return _found(whole[1], look_up, where)
    return _PLACE.sub(lambda match: _text(_found(match[1], look_up, where)), template)


def from_environment(text: str, *, where: str) -> str:
    """A text with every `${NAME}` replaced by the variable of the environment.

    Raises:
        InvalidRequest: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise InvalidRequest(
                f"the environment variable {match[1]} is not set", where=where, fix="set it"
            )
        return found

    return _VARIABLE.sub(value, text)


def variables(text: str) -> dict[str, str]:
    """The variables that a text names as `${NAME}` and the environment has, with their values."""
    names = _VARIABLE.findall(text)
    return {name: os.environ[name] for name in names if name in os.environ}


def named_in(example: Example) -> dict[str, Any]:
    """What a prompt may name of a row: members of the input, the input itself, the metadata.

    Of two with one name the former counts.
    """
    own = example.input if isinstance(example.input, Mapping) else {}
    text = as_text(example.input)
    beside = {"context": "\n\n".join(example.context), "input": text, "question": text}
    return {**example.metadata, **beside, **own}


def as_text(value: Any) -> str:
    """A text as it is, of a conversation its text, of anything else its JSON."""
    return text_of(value) or jsonx.encode(value).decode()


def _found(path: str, look_up: Callable[[str], Any], where: str) -> Any:
    value = look_up(path)
    if value is None:
        raise InvalidRequest(f"the row has no {path}", where=where, fix="correct the name")
    return value


def _text(value: Any) -> str:
    return text_of(value) or str(value)
