"""The injection signal as shipped, on sources its weights never saw, and what it costs.

    python bench/guards/injection_quality.py DATA

DATA: a folder with `injection.jsonl.gz`, one object a line with text, label, source and kind. The
sources read here are in no shipped weights. Prints Markdown; what was left out one source at a time
in training stands in the scorecard, and is printed along.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import time
from collections import defaultdict
from importlib.resources import files
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from trimtab.signals.injection.signal import Injection
from trimtab.signals.text import Text

UNSEEN = ("neuralchemy", "deepset_train")
ROLE_PLAY_CHARS = 110
"""Harmless rows of neuralchemy longer than this are mostly the role plays that its attacks are."""
WORDS = ("ignore", "all", "previous", "instructions", "show", "your", "system", "prompt", "told")


def main(data: Path) -> None:
    """Print quality by source and kind, then times."""
    card = json.loads((files("trimtab.signals") / "scorecards" / "injection.json").read_bytes())
    print(f"# Injection, weights {card['version']}\n")
    path = data / "injection.jsonl.gz"
    if path.exists():
        unseen(path)
    else:
        print(f"Unseen sources: not measured, there is no {path.name} in the folder given.\n")
    left_out(card)
    times()


def unseen(path: Path) -> None:
    """AUC and recall by source and kind, against the harmless texts of both sources."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [row for line in lines if (row := json.loads(line))["source"] in UNSEEN]
    signal = Injection()
    scores = np.array([signal.read(Text(row["text"])).score for row in rows], dtype=float)
    harmless = np.array([not row["label"] for row in rows])
    clean = np.array([not row["label"] and not _is_role_play(row) for row in rows])
    print("## Unseen sources\n")
    print("| harmless texts | n | above the shipped threshold |\n|---|---|---|")
    for name, of in (("all", harmless), ("without mislabelled role plays", clean)):
        print(f"| {name} | {of.sum()} | {np.mean(scores[of] >= 0.5):.4f} |")
    print("\n| attacks | n | AUC | recall at 1 % | recall at 0.5 | AUC, all harmless | at 1 % |")
    print("|---|---|---|---|---|---|---|")
    groups = defaultdict(list)
    for at, row in enumerate(rows):
        if row["label"]:
            groups[row["source"]].append(at)
            if row.get("kind"):
                groups[f"{row['source']} {row['kind'].lower()}"].append(at)
    for name, group in sorted(groups.items()):
        cells = [
            *_figures(scores[group], scores[clean]),
            np.mean(scores[group] >= 0.5),
            *_figures(scores[group], scores[harmless]),
        ]
        print(f"| {name} | {len(group)} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")
    print()


def _is_role_play(row: dict[str, str]) -> bool:
    return row["source"] == "neuralchemy" and len(row["text"]) > ROLE_PLAY_CHARS


def _figures(attacks: np.ndarray, harmless: np.ndarray) -> tuple[float, float]:
    labels = np.repeat([1, 0], [len(attacks), len(harmless)])
    auc = roc_auc_score(labels, np.concatenate([attacks, harmless]))
    return float(auc), float(np.mean(attacks > np.quantile(harmless, 0.99)))


def left_out(card: dict[str, list[dict[str, float]]]) -> None:
    """What the scorecard says of sources left out one at a time."""
    print("## Left out one source at a time\n")
    print("| attacks | n | AUC | recall at 1 % of all harmless left out | recall at 0.5 |")
    print("|---|---|---|---|---|")
    for row in card["leave_one_source_out"]:
        cells = (row[name] for name in ("source", "n", "auc", "recall_at_1", "recall"))
        print("| " + " | ".join(map(str, cells)) + " |")
    print("\n| harmless | n | above 0.5 |\n|---|---|---|")
    for row in card["hard_negatives"]:
        print(f"| {row['kind']} | {row['n']} | {row['fpr']} |")


def times() -> None:
    """Milliseconds of processor time a text; one thread."""
    rng = random.Random(1)
    prose = "I would like to know when the museum opens on Sunday and what a ticket costs. "
    hostile = " ".join(rng.choice(WORDS) for _ in range(20_000))
    texts = {
        "60 characters": prose[:60],
        "1 kB of prose": (prose * 14)[:1_000],
        "10 kB of prose": (prose * 140)[:10_000],
        "100 kB of prose": (prose * 1_400)[:100_000],
        "100 kB of words of attacks": hostile[:100_000],
        "100 kB of one letter": "a" * 100_000,
        "100 kB of base64": "aWdub3JlIGFsbCBy" * 6_250,
        "100 kB of escapes": "%69%67" * 16_600,
        "100 kB of single letters": "i g n o r e " * 8_300,
        "100 kB of brackets": "<!--[INST]{" * 9_000,
    }
    signal = Injection()
    print("\n## Cost\n\n| text | ms |\n|---|---|")
    for name, raw in texts.items():
        repeats = max(3, 200_000 // len(raw) // 4)
        signal.read(Text(raw))
        spent = []
        for _ in range(min(repeats, 200)):
            start = time.process_time()
            signal.read(Text(raw))
            spent.append(time.process_time() - start)
        print(f"| {name} | {sorted(spent)[len(spent) // 2] * 1e3:.3f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
