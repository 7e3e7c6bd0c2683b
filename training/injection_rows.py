"""What the injection signal is trained on: licensed rows, texts of our own, generated texts."""

from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import Path
from typing import Any, NamedTuple

from training.generate.carriers import carried
from training.generate.grammar import rules, sample
from training.generate.mutate import mutated

TEXTS = Path(__file__).parent / "texts"
GRAMMARS = ("words", "attacks", "benign", "stories", "languages")
EACH = 700
REPOSITORY = (("docs", "*.md", "own_documentation"), ("src", "*.py", "own_code"))
ABOUT_ATTACKS = re.compile(r"signals|redteam|guard|injection|attack|testing|demo")
LICENSED = {
    "clinc150": "CC-BY-3.0",
    "halueval_user_query": "MIT",
    "fuzzyai_benign": "Apache-2.0",
    "inthewild_jailbreak": "MIT",
}
ASIDES = {"davidson": "MIT", "edos": "CC0-1.0"}
PASSAGES = {"halueval_knowledge": "MIT", "bipia_mails": "MIT"}
UNSEEN = ("neuralchemy", "deepset_train")


class Row(NamedTuple):
    """A text, 1 for an attack, its source; the span of the attack where it is one part of many."""

    text: str
    label: int
    source: str
    start: int = 0
    end: int = 0
    kind: str = ""


def texts(path: Path) -> list[str]:
    """The texts of a file of `training/texts`, one a line, without its comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        line.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
        for line in lines
        if line.strip() and (not line.startswith("# ") or "\\n" in line)
    ]


def written() -> list[Row]:
    """Texts of our own making; a file is a source."""
    return [
        Row(text, int(not path.stem.startswith("benign")), f"own_{path.stem}")
        for path in sorted(TEXTS.glob("*.txt"))
        if path.stem.startswith(("attacks_", "jailbreaks_", "benign_"))
        for text in texts(path)
    ]


def repository() -> list[Row]:
    """Pieces of this repository's documentation and code, but for what is about attacks."""
    rng = random.Random(1)
    rows = []
    for folder, pattern, source in REPOSITORY:
        found = []
        for path in sorted((TEXTS.parents[1] / folder).rglob(pattern)):
            if ABOUT_ATTACKS.search(str(path)) is None:
                text = path.read_text(encoding="utf-8")
                for _ in range(1 + len(text) // 600):
                    at = rng.randrange(max(1, len(text) - 100))
                    at = text.rfind("\n", 0, at) + 1
                    found.append(text[at : at + rng.choice((120, 300, 600, 1_500))])
        picked = rng.sample(found, min(1_000, len(found)))
        rows += [Row(text, 0, source) for text in picked if text.strip()]
    return rows


def generated() -> list[Row]:
    """Texts of the grammars; a family is a source."""
    grammar = rules(*GRAMMARS)
    return [
        Row(text, int(name.startswith("a_")), f"made_{name[2:]}_{name[0]}")
        for name in grammar
        if name.startswith(("a_", "b_"))
        for text in sample(name, grammar, EACH, 1)
    ]


def licensed(data: Path) -> list[Row]:
    """Rows of others whose licence lets weights be trained on them."""
    return [row for row in _injection(data) if row.source in LICENSED]


def unseen(data: Path) -> list[Row]:
    """Rows without a licence: for measuring only."""
    return [row for row in _injection(data) if row.source in UNSEEN]


def _injection(data: Path) -> list[Row]:
    rows = _lines(data / "injection.jsonl.gz")
    return [Row(r["text"], r["label"], r["source"], kind=str(r.get("kind") or "")) for r in rows]


def asides(data: Path) -> list[Row]:
    """Harmless in this respect: posts of Davidson (MIT) and EDOS (CC0), whatever else they are."""
    found = [
        Row(row["text"], 0, row["source"])
        for row in _lines(data / "toxicity.jsonl.gz")
        if row["source"] in ASIDES
    ]
    return random.Random(1).sample(found, 3000)


def long_texts(data: Path) -> list[Row]:
    """Harmless passages: the e-mails of BIPIA, the knowledge of HaluEval (both MIT)."""
    known = {r["context"] for r in _lines(data / "groundedness.jsonl.gz") if "halu" in r["source"]}
    mails = [r["text"] for r in _lines(data / "indirect_injection.jsonl.gz") if not r["label"]]
    return [Row(text, 0, "halueval_knowledge") for text in sorted(known)] + [
        Row(text, 0, "bipia_mails") for text in mails
    ]


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def carriers(rows: list[Row], passages: list[Row], seed: int = 1) -> list[Row]:
    """Long texts of harmless parts, as many with an attack as without."""
    rng = random.Random(seed)
    plain = [r.text for r in rows if not r.label and len(r.text) < 600]
    plain += 3 * [row.text[:2000] for row in passages]
    short = [
        r for r in rows if r.label and len(r.text) < 400 and r.source.startswith(("own", "made"))
    ]
    found = []
    for _ in range(1500):
        found.append(Row(carried(plain, None, rng).text, 0, "long"))
        attack = rng.choice(short)
        text, start, end = carried(plain, attack.text, rng)
        found.append(Row(text, 1, "long_" + attack.source, start, end))
    return found


def noisy(rows: list[Row], seed: int = 1) -> list[Row]:
    """The same rows, the generated and our own with noise on some of them."""
    rng = random.Random(seed)
    return [
        row._replace(text=mutated(row.text, rng)) if row.source.startswith("made") else row
        for row in rows
    ] + [row._replace(text=mutated(row.text, rng)) for row in rows if row.source.startswith("own")]


def everything(data: Path) -> list[Row]:
    """All that the shipped weights are trained on; of equal texts, the first."""
    passages = long_texts(data)
    rows = noisy(
        _once([*written(), *repository(), *generated(), *licensed(data), *passages, *asides(data)])
    )
    return rows + carriers(rows, passages)


def _once(rows: list[Row]) -> list[Row]:
    """Without texts that differ only in case, spaces and punctuation."""
    kept: dict[str, Row] = {}
    for row in rows:
        kept.setdefault(" ".join(re.findall(r"\w+", row.text.lower())), row)
    return list(kept.values())
