"""Values that stand where a secret would: told from secrets, so that examples raise no alarm."""

from __future__ import annotations

import re

import re2

_WORDS: re.Pattern[str] = re2.compile(
    r"(?i)example|sample[-_]|placeholder|change[-_]?(?:me|this|it)|replace[-_]?(?:me|with|this)|"
    r"insert[-_]?(?:your|here|key)|your[-_]|[-_]your|yourkey|yourtoken|yourapi|yoursecret|"
    r"yourpass|my[-_](?:secret|token|password|api|key)|dummy|redacted|masked|removed|fake[-_]|"
    r"[-_]fake|goes[-_]?here|[-_]here\b|todo|foobar|not[-_]?a[-_]?real|to[-_]be[-_]set|x{5}|"
    r"[*\x{2022}]{3}|\.{3}|_{4}|#{3}|0{10}|1234567890abc|abcdef0?123456|abcdefghij|0123456789abc"
)
_FORMS = re.compile(
    r"^(?:<.*|\$\{.*|\$\(?[A-Za-z_].*|\{\{?.*|%\(?[A-Za-z_]+\)?[s%]?|\[.*|env[:.(].*|"
    r"(?:os|process|sys|config|settings|self|this|args|secrets|vault|var|data|local)\..*|"
    r"[xX*#.\-_=?]+|\\.*|@.*)$"
)
_PLAIN = frozenset(
    {
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "key",
        "value",
        "string",
        "text",
        "none",
        "null",
        "nil",
        "true",
        "false",
        "undefined",
        "empty",
        "required",
        "optional",
        "invalid",
        "incorrect",
        "wrong",
        "missing",
        "hidden",
        "hash",
        "hashed",
        "encrypted",
        "expired",
        "unknown",
        "default",
        "user",
        "username",
        "admin",
        "pass",
        "pwd",
        "pw",
        "mypassword",
        "passw0rd",
        "password1",
        "password123",
        "pass123",
        "test",
        "test123",
        "testing",
        "abc123",
        "123456",
        "hunter",
        "input",
        "prompt",
        "file",
        "environ",
        "varchar",
        "number",
        "boolean",
        "bool",
        "int",
        "str",
        "bytes",
        "char",
        "bearer",
        "basic",
        "apikey",
        "secret123",
        "mysecret",
        "mypass",
        "letmein",
        "xyz",
        "foo",
        "bar",
        "baz",
        "qwerty",
    }
)


def is_placeholder(value: str, *, is_key: bool = False) -> bool:
    """Whether a value is one that documentation shows in place of a secret.

    Args:
        is_key: it has the shape of a vendor's key, so that a word in it is chance.

    >>> is_placeholder("<your-key>"), is_placeholder("AKIAIOSFODNN7EXAMPLE", is_key=True)
    (True, True)
    >>> is_placeholder("c0rrect-Horse7")
    False
    """
    if _WORDS.search(value) is not None or _is_flat(value):
        return True
    if is_key:
        return False
    return value.lower().strip("'\"`") in _PLAIN or _FORMS.match(value) is not None


def _is_flat(value: str) -> bool:
    """Whether the longest part of a value is but one or two characters, again and again."""
    parts = re.split(r"[-_.:/ ]", value[:400])
    longest = max(parts, key=len)
    return len(longest) >= 8 and len(set(longest)) <= 2
