"""A configuration for people and programs to read, secrets masked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import yaml

from trimtab.config.document import scalar
from trimtab.config.schema import Config
from trimtab.config.secret import MASK, ConnectionUrl, Secret

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")


class _Line(NamedTuple):
    text: str
    key: str


def settings(config: Config) -> dict[str, Any]:
    """The settings as JSON-like values; secrets are `***`, passwords in URLs too.

    >>> settings(Config())["limits"]["concurrency"]
    256
    """
    return dict(msgspec.to_builtins(config, enc_hook=_masked))


def dump(config: Config, origins: Mapping[str, str] | None = None) -> str:
    """The settings as YAML that loads to the same configuration (but for what is masked).

    Args:
        config: what to show.
        origins: as in `Loaded`; given, each line ends in a comment that names its origin.
    """
    lines = list(_mapping(settings(config), "", ""))
    if origins is None:
        return "".join(f"{line.text}\n" for line in lines)
    width = max(len(line.text) for line in lines if line.key in origins)
    return "".join(
        f"{line.text:<{width}}  # {origins[line.key]}\n"
        if line.key in origins
        else f"{line.text}\n"
        for line in lines
    )


def _masked(value: Any) -> str:
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, ConnectionUrl):
        return value.masked
    raise NotImplementedError(type(value))


def _mapping(items: Mapping[str, Any], key: str, indent: str) -> Iterator[_Line]:
    for name, value in items.items():
        path = f"{key}.{name}" if key else name
        if isinstance(value, Mapping):
            yield _Line(f"{indent}{name}:", "")
            yield from _mapping(value, path, f"{indent}  ")
        elif isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
            yield _Line(f"{indent}{name}:", "")
            for index, item in enumerate(value):
                first, *rest = _mapping(item, f"{path}[{index}]", f"{indent}    ")
                yield first._replace(text=f"{indent}  - {first.text.lstrip()}")
                yield from rest
        else:
            yield _Line(f"{indent}{name}: {_inline(value)}", path)


def _inline(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_inline(item) for item in value)}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    if _PLAIN.fullmatch(value) and scalar(value) == value:
        return value
    quoted = yaml.safe_dump(
        value.replace("$", "$$"), default_style='"', width=float("inf"), allow_unicode=True
    )
    return str(quoted).strip()
