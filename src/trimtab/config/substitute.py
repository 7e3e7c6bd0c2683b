"""`${NAME}` in text: replaced from the environment, in one pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_TOKEN = re.compile(r"\$\$|\$\{([^}]*)\}|\$\{")
_REFERENCE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class Substituted(NamedTuple):
    """The text after replacement, the variables it lacked, and whether any variable was used.

    `malformed` says that a `${` does not begin a reference.
    """

    text: str
    missing: tuple[str, ...] = ()
    malformed: bool = False
    from_environment: bool = False


def substitute(text: str, env: Mapping[str, str]) -> Substituted:
    """Replace `${NAME}` and `${NAME:-default}`; `$$` stands for one `$`, any other `$` for itself.

    The default is used when the variable is unset or empty, as in a POSIX shell (section 2.6.2).
    What is inserted is not looked at again.

    >>> substitute("http://${HOST}:${PORT:-80}/$$x", {"HOST": "db"}).text
    'http://db:80/$x'
    >>> substitute("${KEY}", {}).missing
    ('KEY',)
    """
    missing: list[str] = []
    malformed = used = False

    def replacement(token: re.Match[str]) -> str:
        nonlocal malformed, used
        if token[0] == "$$":
            return "$"
        reference = _REFERENCE.fullmatch(token[1] or "")
        if reference is None:
            malformed = True
            return ""
        name, default = reference[1], reference[2]
        value = env.get(name)
        if default is not None and not value:
            return default
        if value is None:
            missing.append(name)
            return ""
        used = True
        return value

    text = _TOKEN.sub(replacement, text)
    return Substituted(text, tuple(missing), malformed, used)
