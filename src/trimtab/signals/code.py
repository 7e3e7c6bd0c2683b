"""`code`: how much of a text is program code, where it stands, and in which language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_READ_CHARS = 20_000
_MOST = 100
_LEAST_SHARE = 0.05

_HINT = re.compile(r"[{};=`<>#$]|\w\(|\)[:\n]|\\n|\b(?:[Ss]elect|SELECT|import|class|return)\b")
_FENCE = re.compile(r"^[ \t]*(```|~~~)[ \t]*([\w+#-]*)[^\n]*$", re.MULTILINE)
_MODIFIERS = (
    r"(?:(?:export|default|async|public|private|protected|static|final|abstract|unsafe|pub) )*"
)
_LINES = (
    # Python, Ruby
    r"(?:async )?def \w+.*|class \w+(?:[(<].*)?:?$|(?:from [\w.]+ )?import [\w.{*][\w.{}*, ]*;?$",
    r"(?:for \w[\w, ]* in|while|if|elif|with|except) [^A-Z].*[\w)\]}\"'] ?:$",
    r"(?:else|try|finally):$",
    r"(?:return|raise|yield|await|assert) [\w.]*[(\[{+*/<>=\"'-].*|(?:fi|done|esac|elif|pass|end)$",
    r"File \".*\", line \d+.*|Traceback \(most recent call last\):|\w*(?:Error|Exception): .+",
    # C, Java, JavaScript, Go, Rust
    _MODIFIERS + r"(?:fn|func|function|void|int|double|bool|char|String|struct) [^.?!]*[{(;].*",
    _MODIFIERS + r"(?:interface|enum|trait|impl|namespace|class) [^.?!]*[{(;].*",
    r"(?:const|let|var|val|auto) [\w{\[, }\]:<>]+ ?:?= ?.*|(?:else|do|try|finally) ?\{.*",
    r"(?:if|for|while|switch|catch|foreach) ?\(.*\) ?[{:]?.*|return(?: .*)?;|at [\w.$<>]+\(.*\)$",
    r"#include ?[<\"].*|#define \w+.*|package [\w.]+;?$|using [\w.:]+;|use [\w:\\]+.*;",
    r"//.*|/\*.*|\*/.*|@\w[\w.]*(?:\(.*\))?$|.*\w.*[;{]$|[})\]]+[;,)]*$",
    r"[\w.\[\]\"'$>-]+ ?(?:[-+*/|&^%]?=|:=|=>) ?[^=].*|[\w.]+\([^)]*\);?$",
    # PHP, shell, SQL, markup, data, assembly
    r"\$\w+ ?=.*|<\?php.*|#!/.*|</?[a-z][\w-]*(?: [^<>]*)?/?>.*|\"[\w-]+\" ?: ?.+,?$",
    r"(?:sudo |\$ )?(?:apt|apt-get|pip3?|npm|git|docker|kubectl|curl|mkdir|chmod)(?: [-\w./:]+)+",
    r"(?i:select .+ from [\w.\"]+(?: .*)?;?|insert into \w+.*|delete from \w+(?: where.*)?;?)",
    r"(?i:update \w+ set .*=.*|(?:create|alter|drop) table .*|where \w+ ?[=<>].*)",
    r"(?:mov|push|pop|xor|jmp|jnz|call|ret|lea|ldr)(?: [\w\[\], #+*-]+)?$",
)
_CODE = re.compile("|".join(_LINES))
_PROSE = re.compile(
    r"[A-Z][a-z']* (?:[a-z']+,? ){2,}.*[.?!]$|.*[a-z]{2,} [a-z]{2,} [a-z]{2,}[.?!]$"
)

_WORDS: dict[str, str] = {
    "python": r"\bdef \w+\(|\bfor \w+ in .*:|^Traceback|\bself\b|\belif\b|\bimport \w+$|\bprint\(",
    "javascript": r"\bconst \w|\blet \w+ ?=|=>|\bfunction\b|console\.log|===|\bawait\b|require\(",
    "typescript": r"\binterface \w+ ?{|: (?:string|number|boolean)\b|\bas const\b|\breadonly\b",
    "java": r"\bpublic (?:static|class|void)\b|System\.out|\bnew \w+<|@Override|\bfinal \w+ \w+",
    "csharp": r"\busing System|\bnamespace \w|\bvar \w+ = new\b|Console\.Write|\bstring\[\]",
    "c": r"#include ?<\w+\.h>|\bprintf\(|\bchar ?\*|\bint main\(|\bmalloc\(|\bstruct \w+ ?[{*]",
    "cpp": r"\bstd::|#include ?<\w+>|\btemplate ?<|\bcout\b|\bnullptr\b",
    "go": r"\bfunc (?:\(\w+ \*?\w+\) )?\w+\(|:=|\bpackage \w+$|\bdefer\b|\bfmt\.",
    "rust": r"\bfn \w+|\blet mut\b|\bimpl\b|\bmatch \w+ ?{|println!|&mut\b|::<|\bpub fn\b",
    "ruby": r"^\s*end$|\bputs\b|\bdo \|\w+\||\battr_\w+|\bdef \w+[?!]?$",
    "php": r"<\?php|\$\w+ ?(?:=|->)|\becho \$|\bfunction \w+\(\$",
    "sql": r"(?i:\bselect\b[^;]*\bfrom\b|\b(?:insert into|group by|(?:alter|create|drop) table)\b)",
    "shell": r"^\s*(?:sudo|\$|apt|pip|npm|git|docker|kubectl|curl|echo|export|cd) |\bfi$|#!/bin/",
    "html": r"<(?:/?(?:div|span|p|a|html|body|script|ul|li|h[1-6]|img|table|form)\b|!doctype)",
    "css": r"[.#]?[\w-]+ ?{ ?$|^\s*[a-z-]+: ?[^;{}]+;$|@media",
    "json": r"^\s*\"[\w-]+\" ?: ?|[{,] ?\"[\w-]+\" ?:",
    "assembly": r"^\s*(?:mov|push|pop|xor|jmp|jnz|lea|ret|ldr|svc)\b",
}
_OF_LANGUAGE = {name: re.compile(pattern, re.MULTILINE) for name, pattern in _WORDS.items()}
_ALIASES = {
    "py": "python", "js": "javascript", "jsx": "javascript", "ts": "typescript", "c++": "cpp",
    "c#": "csharp", "cs": "csharp", "bash": "shell", "sh": "shell", "zsh": "shell",
    "console": "shell", "rb": "ruby", "rs": "rust", "golang": "go", "asm": "assembly",
    "htm": "html", "yml": "yaml", "node": "javascript", "postgres": "sql",
}  # fmt: skip


class Code:
    """The share of a text's characters that is code; `label` guesses the language.

    Fenced blocks count whole; elsewhere, lines that look like code by their keywords and their
    punctuation. One line of code in a paragraph of prose is often missed.

    >>> found = Code().read(Text("Why does it fail?\\n\\ndef half(x):\\n    return x / 2"))
    >>> found.label, round(found.score, 1), [(f.start, f.end) for f in found.findings]
    ('python', 0.6, [(19, 48)])
    """

    name = "code"
    version = "1"
    scale = "risk"
    lookback_chars = None
    is_learned = False

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """The share of code in the first 20,000 characters, and where it stands."""
        del about
        plain = text.plain[:_READ_CHARS]
        if _HINT.search(plain) is None:
            return NOTHING
        blocks = list(_blocks(plain))
        size = sum(end - start for start, end, _ in blocks)
        share = size / len(plain)
        if share < _LEAST_SHARE:
            return NOTHING
        findings = (
            Finding(start=begin, end=stop, kind="code_block")
            for start, end, _ in blocks[:_MOST]
            for begin, stop in (text.raw_span(start, end),)
        )
        return Reading(score=share, findings=tuple(findings), label=_language(plain, blocks))


_Block = tuple[int, int, str]


def _blocks(plain: str) -> Iterator[_Block]:
    """Where code stands, with the language that its fence names, or nothing."""
    done = 0
    fences = _FENCE.finditer(plain)
    for opening in fences:
        closing = next((f for f in fences if f[1] == opening[1] and not f[2]), None)
        yield from _bare(plain, done, opening.start())
        done = closing.end() if closing else len(plain)
        yield opening.start(), done, opening[2].lower()
    yield from _bare(plain, done, len(plain))


def _bare(plain: str, start: int, end: int) -> Iterator[_Block]:
    """Runs of lines outside fences that look like code."""
    begin: int | None = None
    stop = here = start
    for line in plain[start:end].splitlines(keepends=True):
        bare = line.strip()[:160]
        is_inner = begin is not None and line[:2].isspace()  # what a block holds is indented
        if bare and (is_inner or _is_code(bare)):
            begin = here + len(line) - len(line.lstrip()) if begin is None else begin
            stop = here + len(line.rstrip())
        elif bare and begin is not None:
            yield begin, stop, ""
            begin = None
        here += len(line)
    if begin is not None:
        yield begin, stop, ""


def _is_code(line: str) -> bool:
    return _CODE.fullmatch(line) is not None and _PROSE.fullmatch(line) is None


def _language(plain: str, blocks: list[_Block]) -> str | None:
    named = Counter(_ALIASES.get(name, name) for _, _, name in blocks if name)
    if named:
        return named.most_common(1)[0][0]
    code = "\n".join(plain[start:end] for start, end, _ in blocks)[:10_000]
    votes = {name: len(pattern.findall(code)) for name, pattern in _OF_LANGUAGE.items()}
    best = max(votes, key=votes.__getitem__)
    return best if votes[best] else None
