"""A grammar of texts: rules with alternatives, expanded at random from a seed.

A rule file has one rule a paragraph: a line `@name` and below it one alternative a line. Inside an
alternative `{name}` is another rule, `[a|b|]` a choice in place, `\\n` a line break. Words may be
listed on one line, cut by ` ; `, when the name ends in `*`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
_CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


def rules(*names: str) -> dict[str, list[str]]:
    """The rules of the files of those names, together."""
    found: dict[str, list[str]] = {}
    for name in names:
        rule: list[str] = []
        words = False
        for line in (HERE / f"{name}.grammar").read_text(encoding="utf-8").splitlines():
            if line.startswith("# ") or not line.strip():
                continue
            if line.startswith("@"):
                words = line.endswith("*")
                rule = found.setdefault(line[1:].rstrip("*"), [])
            else:
                rule += [w.strip() for w in line.split(" ; ")] if words else [line]
    return found


def expand(name: str, grammar: Mapping[str, list[str]], rng: random.Random) -> str:
    """One text of a rule."""
    text = rng.choice(grammar[name])
    for _ in range(200):
        choice = _CHOICE.search(text)
        slot = _SLOT.search(text)
        if choice is not None:
            picked = rng.choice(choice.group(1).split("|"))
            text = text[: choice.start()] + picked + text[choice.end() :]
        elif slot is not None:
            text = text[: slot.start()] + rng.choice(grammar[slot.group(1)]) + text[slot.end() :]
        else:
            break
    return re.sub(r" {2,}", " ", text.replace("\\n", "\n")).strip()


def sample(name: str, grammar: Mapping[str, list[str]], n: int, seed: int) -> list[str]:
    """Up to `n` different texts of a rule, in a fixed order."""
    rng = random.Random(f"{name}:{seed}")
    seen: dict[str, None] = {}
    for _ in range(n * 3):
        seen[expand(name, grammar, rng)] = None
        if len(seen) >= n:
            break
    return list(seen)
