"""Secrets without a shape, known by the words before them: `password = ...`, `the token is ...`."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import re2

from trimtab.signals.secrets.placeholders import is_placeholder

_TYPED = (
    r"pass(?:word|wd|phrase|code|wort)|pwd\b|\bpass\b|_pass\b|requirepass|\bpw\b|kennwort|"
    r"mot de passe|contrase.a\b|\bsenha\b|wachtwoord|secret (?:code|word|phrase)"
)
_SENT = (
    r"secret(?:[_ -]?(?:access)?[_ -]?key)?|credentials?|"
    r"(?:api|access|auth|account|private|encryption|signing|master|app|application|service|license|"
    r"admin|subscription|storage|shared|hmac|webhook|server)[_ .-]?(?:key|token|secret)|"
    r"(?:refresh|bearer|session|bot|id|security|deploy|personal[_ .-]access)[_ .-]?token|"
    r"token|\bkey\b"
)
# What may stand between the word and its value: the rest of a name, quotes, then a sign or a verb.
_TAIL = r"(?:'s)?[0-9A-Za-z_-]{0,24}[\])\\\"'`*]{0,4}[ \t]{0,4}"
_SIGN = r"(?::=|=>|->|={1,3}|[:|>(])"
_VERB = (
    r"(?:(?:for|to|of|on|in|at)[ \t][^\n.:=,;]{1,48}[ \t])?"
    r"(?:(?:(?:is|was|has been|got)[ \t])?(?:changed|set|reset|updated)[ \t]to|"
    r"is|was|are|as|to|now|be|will be|being|called|reads|lautet|ist|est|es)[ \t]{0,2}:?"
)
_HEADER = (
    r"authorization[\\\"']{0,3}[ \t]{0,3}[:=,][ \t]{0,3}[\\\"'`]{0,3}"
    r"(?:bearer|basic|token|apikey|ssws)[ \t]|\bbearer[ \t]"
)
_LOGIN = r"\bcurl\b[^\n]{0,200}?[ \t](?:-u|--user)[ =]?[\\\"']{0,2}[0-9A-Za-z_.@-]{1,64}:"
_FLAG = r"--?(?:password|pass|token|api-?key|secret)[ =]"
_COMMAND = (
    r"\bsshpass[ \t]{1,3}-p[ \t]?|\bmysql(?:dump|admin)?[ \t][^\n|;]{0,60}?-p"
    r"|\bconvertto-securestring[ \t]{1,3}(?:-string[ \t]{1,3})?|\bwifi:[^\n]{0,60}?;p:"
)
_OPEN = r"[ \t*]{0,6}(?:new )?\\?"
_BARE = r"[^\s\"'`,;<>(){}\\|]"
_SHOWN = rf"(?:[\"'`](?P<quoted>[^\"'`\n]{{3,}})|(?P<bare>{_BARE}{{3,}}))"
# Of prose, only what no word of prose looks like.
_TOLD = rf"[\"'`]?(?P<told>{_BARE}{{0,60}}[0-9!@#$%^&*+]{_BARE}*)"
_WORD = f"(?:{_TYPED}|{_SENT}){_TAIL}"
_WHOLE = (
    f"(?P<lead>{_HEADER}|{_LOGIN}|{_FLAG}|{_COMMAND}|{_WORD}{_SIGN}){_OPEN}{_SHOWN}"
    f"|(?P<spoken>{_WORD}(?:{_VERB}[ \\t]|[ \\t])){_OPEN}{_TOLD}"
    rf"|(?P<named>(?:{_TYPED})[ \t](?:is|was)[ \t])[\"'`](?P<word>[^\s\"'`]{{5,40}})[\"'`]"
)

QUOTED = rf"(?i)(?:{_WORD}{_SIGN}){_OPEN}[\"'`][^\"'`\n]{{48,}}"
"""A value in quotes, of any length."""

_NOT_NAMES = re.compile(
    r"(?i)(?:tokens|tokeni[sz]|secrets?[_-]?manager|max|num|total|count|limit|usage|"
    r"(?:pad|eos|bos|unk|sep|cls|mask|next|page|continuation|cancel|cancellation|input|output|prompt|stop|special)"
    r"[_ -]?tokens?)"
)
_NOT_ENDS = re.compile(
    r"(?i)(?:name|names|arn|path|file|url|uri|field|type|length|len|policy|hash|hashed|digest|"
    r"expir\w*|ttl|count|label|hint|placeholder|version|ref|env|var|reset|manager|rotation|"
    r"validator|strength|enabled|required|min|max|size|format|prompt|error|invalid|limit|usage|"
    r"title|description|header|store|storage|provider|service|endpoint|column|input|id)$"
)


class Assigned(NamedTuple):
    start: int
    end: int
    kind: str
    score: float


@cache
def _words() -> re.Pattern[bytes]:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = False
    options.log_errors = False
    # Without groups RE2 needs but its automaton to tell where a match ends.
    every: re.Pattern[bytes] = re2.compile(re.sub(r"\(\?P<\w+>", "(?:", _WHOLE).encode(), options)
    return every


_PARTED = re.compile(f"(?i){_WHOLE}")
_IS_TYPED = re.compile(f"(?i){_TYPED}")


def assigned(text: str, data: bytes, *, placeholders: bool = False) -> Iterator[Assigned]:
    """What is given as a secret, in the order of the places.

    Args:
        data: the text with one byte for each character.
        placeholders: whether those of documentation count.
    """
    for found in _words().finditer(data):
        start, end = found.span()
        parts = _PARTED.match(text, start, end)
        if parts is None:
            continue
        lead = parts["lead"] or parts["spoken"] or parts["named"]
        group = parts.lastgroup or "bare"
        first, last = parts.span(group)
        if group not in _IN_QUOTES:
            last = _bare_end(text, first, last)
        word = text[first:last]
        form = _form(lead)
        if form in _LOGIN_KINDS:
            score = 0.8 if _is_login(word, form) else 0.0
            kind = _LOGIN_KINDS[form]
        elif _is_other_name(text, start, lead) or (lead[-1] == "(" and group != "quoted"):
            continue
        elif form == "command":
            kind, score = "password", _of_password(word, "sign", is_quoted=group in _IN_QUOTES)
        elif _IS_TYPED.search(lead):
            if lead[:4].lower() == "pass" and not lead[4:5].isalpha() and word.isidentifier():
                continue  # the name of a test that passed
            score, kind = _of_password(word, form, is_quoted=group in _IN_QUOTES), "password"
        else:
            score, kind = _of_code(word, form, lead), "generic_secret"
        if score and (placeholders or not is_placeholder(word)):
            yield Assigned(first, last, kind, score)


def _bare_end(text: str, start: int, end: int) -> int:
    """Where a value without quotes ends: before the next parameter of a query, or a full stop."""
    amp = text.find("&", start, end)
    if amp > start and "=" in text[amp:end]:
        end = amp
    return start + len(text[start:end].rstrip(".,:;?*])"))


_IN_QUOTES = {"quoted", "word"}
_LOGIN_KINDS = {
    "bearer": "bearer_token",
    "basic": "basic_auth_credentials",
    "login": "basic_auth_credentials",
}


def _form(lead: str) -> str:
    low = lead.lower()
    if low.startswith("curl"):
        return "login"
    if low.startswith(("sshpass", "mysql", "convertto", "wifi:")):
        return "command"
    if low.startswith(("authorization", "bearer")):
        return "basic" if low.endswith("basic ") else "bearer"
    if low.rstrip(" \t")[-1:] in ":=>|(" or low.startswith("-"):
        return "sign"
    return "verb" if _VERBS.search(low) else "direct"


_VERBS = re.compile(r"(?:is|was|are|as|to|now|be|being|called|reads|lautet|ist|est|es)[ \t]*$")


def _is_other_name(text: str, start: int, lead: str) -> bool:
    head = _HEAD.search(text, max(start - 24, 0), start)
    return _names_other((head.group() if head else "") + lead)


@lru_cache(maxsize=1024)
def _names_other(name: str) -> bool:
    """Whether the word is part of a name that holds something else: max_tokens, secret_name."""
    own = _OWN_NAME.match(name)
    return _NOT_NAMES.search(name) is not None or (
        own is not None and _NOT_ENDS.search(own.group()) is not None
    )


_HEAD = re.compile(r"[0-9A-Za-z_-]*$")
_OWN_NAME = re.compile(r"[0-9A-Za-z_-]+")
_WORDY = re.compile(r"[^\W\d_]+(?:[-_. /][^\W\d_]+)*[.!?:]?")
_TURNS = re.compile(r"[a-z](?=[A-Z])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[a-z]{2,6})+")
_CODE = re.compile(r"[0-9A-Za-z_+/=.~:$!%@-]+")
_NUMERIC = re.compile(r"[\d.,:/+-]+")
_PARTS = re.compile(
    r"(?<![A-Za-z])[A-Za-z][a-z]{2,13}(?![A-Za-z])|(?<![a-z])[A-Z][a-z]{3,13}(?![a-z])"
)


def _is_login(value: str, form: str) -> bool:
    if form == "login":
        return len(value) >= 4 and _WORDY.fullmatch(value) is None
    return len(value) >= 16 and _CODE.fullmatch(value) is not None and _entropy(value) >= 2.5


def _of_password(value: str, form: str, *, is_quoted: bool) -> float:
    if not 5 <= len(value) <= 128 or " " in value or _is_reference(value):
        return 0.0
    if _WORDY.fullmatch(value) and len(_TURNS.findall(value)) < 2:
        return (
            0.5 if form != "direct" and is_quoted and value.islower() and value.isalpha() else 0.0
        )
    if _NUMERIC.fullmatch(value):
        return 0.6 if value.isdigit() and len(value) >= 6 and form != "direct" else 0.0
    if form == "sign":
        return 0.9
    has_digit = any(map(str.isdigit, value))
    if form == "verb":
        return (
            0.8 if len(value) >= 6 and (has_digit or not value.replace("-", "").isalpha()) else 0.0
        )
    return 0.7 if len(value) >= 7 and has_digit and any(map(str.isalpha, value)) else 0.0


def _of_code(value: str, form: str, lead: str) -> float:
    if _CODE.fullmatch(value) is None or _is_reference(value):
        return 0.0
    digits = sum(map(str.isdigit, value))
    is_mixed = not value.islower() and not value.isupper()
    if digits == len(value) or _is_words(value):
        return 0.0
    if _ONLY_KEY.match(lead) and (not is_mixed or not digits or len(value) < 20 or "/" in value):
        return 0.0
    least = {"sign": 16, "verb": 16, "direct": 20}[form]
    if digits or (is_mixed and len(value) >= 24):
        if len(value) >= least and _entropy(value) >= (3.0 if digits else 3.5):
            return 0.85 if form == "sign" else 0.75
        is_short = 8 <= len(value) < least and form != "direct" and "secret" in lead.lower()
        return 0.6 if is_short and (is_mixed or digits >= 3) else 0.0
    return 0.0


# A lone `key` is often that of a table: its value must look like nothing else.
_ONLY_KEY = re.compile(r"(?i)key\b")


def _is_reference(value: str) -> bool:
    return (
        "://" in value or value.startswith(("/", "./", "~/", "$(")) or bool(_MAIL.fullmatch(value))
    )


def _is_words(value: str) -> bool:
    """Whether a value is mostly words, as names and versions are, and codes are not."""
    wordy = sum(len(part) for part in _PARTS.findall(value))
    return 5 * wordy >= 3 * len(value)


def _entropy(value: str) -> float:
    """Shannon's entropy of the characters, in bits a character."""
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
