"""Ways to write a text so that a reader or a model still reads it, and a pattern does not."""

from __future__ import annotations

import base64
import codecs
import html
import string
from collections.abc import Callable
from itertools import zip_longest
from urllib.parse import quote

from trimtab.redteam.techniques.encodings import morse

_LOOKALIKES = str.maketrans("aceiopsxy", "\u0430\u0441\u0435\u0456\u043e\u0440\u0455\u0445\u0443")
_LEET = str.maketrans("aeiostAEIOST", "431057431057")
_SIGNS = str.maketrans("aeiostlAEIOSTL", "@3!0$+|@3!0$+|")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def selectors(text: str) -> str:
    """Variation selectors, each a byte."""
    return "".join(chr(0xFE00 + b if b < 16 else 0xE00F0 + b) for b in text.encode())


def moved(text: str, by: int) -> str:
    """Letters moved along the alphabet."""
    plain = string.ascii_lowercase
    return text.lower().translate(str.maketrans(plain, plain[by:] + plain[:by]))


def _within(mark: str, end: str = "") -> Callable[[str], str]:
    """Markup after the second letter of each word."""
    return lambda text: " ".join(f"{w[:2]}{mark}{w[2:]}{end}" for w in text.split())


def _every_third(escape: str) -> Callable[[str], str]:
    return lambda text: "".join(
        escape.format(ord(char)) if at % 3 == 0 and char != " " else char
        for at, char in enumerate(text)
    )


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def in_mime(text: str) -> str:
    code = in_base64(text)
    return "\r\n".join(code[at : at + 76] for at in range(0, len(code), 76))


CODES: dict[str, Callable[[str], str]] = {
    "base64": in_base64,
    "base64 in lines": in_mime,
    "base64 for URLs": lambda t: base64.urlsafe_b64encode(t.encode()).decode().rstrip("="),
    "base32": lambda t: base64.b32encode(t.encode()).decode(),
    "hexadecimal": lambda t: t.encode().hex(),
    "hexadecimal apart": lambda t: t.encode().hex(" ").upper(),
    "0x": lambda t: ", ".join(f"0x{b:02x}" for b in t.encode()),
    "\\x": lambda t: "".join(f"\\x{b:02x}" for b in t.encode()),
    "\\u": lambda t: "".join(f"\\u{ord(c):04x}" for c in t),
    "\\u{}": lambda t: "".join(f"\\u{{{ord(c):x}}}" for c in t),
    "octal": lambda t: "".join(f"\\{b:03o}" for b in t.encode()),
    "percent": lambda t: "".join(f"%{b:02x}" for b in t.encode()),
    "entities": lambda t: "".join(f"&#{ord(c)};" for c in t),
    "hexadecimal entities": lambda t: "".join(f"&#x{ord(c):x};" for c in t),
    "quoted-printable": lambda t: "".join(f"={b:02X}" for b in t.encode()),
    "decimal": lambda t: " ".join(str(b) for b in t.encode()),
    "binary": lambda t: " ".join(f"{b:08b}" for b in t.encode()),
}
"""What is decoded, whatever it is."""

NESTING = ("base64", "hexadecimal", "percent", "entities", "\\u", "\\x")
"""Those that are tried in each other."""

SPELLINGS: dict[str, Callable[[str], str]] = {
    "a letter a line": "\n".join,
    "a letter a line, no spaces": lambda t: "\n".join(t.replace(" ", "")),
    "spaces": lambda t: " ".join(t.replace(" ", "")),
    "spaces, wider between words": lambda t: "   ".join(" ".join(w) for w in t.split()),
    "dots": lambda t: ".".join(t.replace(" ", "")),
    "dashes": lambda t: "-".join(t.replace(" ", "")),
    "pictures": "\U0001f525".join,
    "zero-width": "\u200b".join,
    "zero-width for spaces": lambda t: t.replace(" ", "\u200b"),
    "syllables": lambda t: " ".join(
        map("".join, zip_longest(*2 * [iter(t.replace(" ", ""))], fillvalue=""))
    ),
    "stars for spaces": lambda t: t.replace(" ", "**"),
    "underscores for spaces": lambda t: t.replace(" ", "_"),
    "hyphens for spaces": lambda t: t.replace(" ", "-"),
    "dots for spaces": lambda t: t.replace(" ", "."),
    "slashes for spaces": lambda t: t.replace(" ", "/"),
    "no spaces": lambda t: t.replace(" ", ""),
    "capitals for spaces": lambda t: "".join(w.capitalize() for w in t.split()),
    "selectors": lambda t: "\U0001f600" + selectors(t),
    "tags": lambda t: "".join(chr(0xE0000 + ord(c)) for c in t),
    "digits for letters": lambda t: t.translate(_LEET),
    "signs for letters": lambda t: t.translate(_SIGNS),
    "backwards": lambda t: t[::-1],
    "words backwards": lambda t: " ".join(w[::-1] for w in t.split()),
    "rot13": lambda t: codecs.encode(t, "rot13"),
    "moved by 5": lambda t: moved(t, 5),
    "moved by 22": lambda t: moved(t, 22),
    "mirrored alphabet": lambda t: t.lower().translate(
        str.maketrans(string.ascii_lowercase, string.ascii_lowercase[::-1])
    ),
    "look-alikes": lambda t: t.translate(_LOOKALIKES),
    "full width": lambda t: t.translate(_WIDE),
    "an element in words": _within("<b></b>"),
    "elements in words": _within("<i>", "</i>"),
    "comments in words": _within("<!-- x -->"),
    "emphasis in words": lambda t: " ".join(f"**{w[:2]}**{w[2:]}" for w in t.split()),
    "breaks for spaces": lambda t: t.replace(" ", "<br>"),
    "hyphenated": lambda t: " ".join(f"{w[:3]}-\n{w[3:]}" if len(w) > 4 else w for w in t.split()),
    "some percent": _every_third("%{:02x}"),
    "some entities": _every_third("&#{};"),
    "morse": morse,
}
"""What only a reader of words undoes."""

HARMLESS_FORMS: dict[str, Callable[[str], str]] = {
    "URL": lambda t: f"https://example.org/search?q={quote(t)}&lang=en",
    "HTML": lambda t: f"<p>{html.escape(t)} &nbsp;&copy; 2024&nbsp;Ex&shy;ample</p>",
}
