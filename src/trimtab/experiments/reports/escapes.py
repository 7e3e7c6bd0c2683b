"""Answers of models are hostile: nothing they say may become markup, or steer a terminal. Pure."""

from __future__ import annotations

import html
import re

_JOINERS = "\u200c\u200d"  # they hold emoji and several scripts together, and do nothing else
_ACTIVE = re.compile(
    r"[\\`*_\[\]<>|@#~$&]|(?<=https):(?=//)|(?<=http):(?=//)|(?<=www)\.", re.IGNORECASE
)


def visible(text: str) -> str:
    """Text with everything spelt out that is not seen: control characters, lone surrogates, marks
    that turn the direction of writing. Line breaks and tabs stay.

    >>> visible("a" + chr(27) + "[2J" + chr(0x202E) + chr(0xD800))
    'a\\\\x1b[2J\\\\u202e\\\\ud800'
    """
    text = text.replace("\r\n", "\n")
    if text.isprintable():
        return text
    return "".join(char if _is_shown(char) else _spelt(char) for char in text)


def _is_shown(char: str) -> bool:
    return char.isprintable() or char in "\n\t" or char in _JOINERS


def _spelt(char: str) -> str:
    return char.encode("unicode_escape").decode()


def in_html(text: str) -> str:
    """Text as HTML or XML, in a body or an attribute."""
    return html.escape(visible(text), quote=True)


def in_markdown(text: str) -> str:
    """Text as one line of Markdown that is nothing but text: no markup, link, mention or issue.

    >>> in_markdown("<b>@all</b> see #1 | http://x")
    '&#60;b&#62;&#64;all&#60;/b&#62; see &#35;1 &#124; http&#58;//x'
    """
    line = " ".join(visible(text).split())
    return _ACTIVE.sub(lambda match: f"&#{ord(match[0])};", line)


def cut(text: str, most: int) -> str:
    """The beginning of a text, saying how much is left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most:,} more characters)"


def one_line(text: str) -> str:
    """Text on one line, for a terminal or an attribute."""
    return " ".join(visible(text).split())
