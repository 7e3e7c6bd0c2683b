"""Quality by source: `trimtab guard scan` over files of labelled texts.

    python bench/guards/quality.py DATA

DATA: a folder with `injection.jsonl.gz`, `toxicity.jsonl.gz` and `groundedness.jsonl.gz`, one
object a line with text (and context), label and source; what is not there is said to be missing.
Of each source at most 500 rows of each label are read. Most of these sources are in the training of
the shipped weights, so this is a check of the command and of the weights, not of how well they do
on what is new: that stands in the scorecards, with each source left out. Prints Markdown.
"""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.guards.thresholds import threshold
from trimtab.measures.discrimination import roc_auc

MOST = 500
FILES = {"injection": "risk", "toxicity": "risk", "groundedness": "unit"}


def main(data: Path) -> None:
    """Print a table for each signal."""
    print("# Guards: quality by source\n")
    for name, scale in FILES.items():
        path = data / f"{name}.jsonl.gz"
        print(f"## {name}\n")
        if not path.exists():
            print(f"Not measured: there is no {path.name} in the folder given.\n")
            continue
        table(name, scale, chosen(path))


def chosen(path: Path) -> list[dict[str, Any]]:
    """Some rows of each source and label, the same ones every time."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            groups[row["source"], row["label"]].append(row)
    drawn = random.Random(7)
    return [row for rows in groups.values() for row in drawn.sample(rows, min(MOST, len(rows)))]


def scanned(name: str, rows: list[dict[str, Any]]) -> list[float | None]:
    """The scores of a signal, by the command."""
    given = ({key: row[key] for key in ("text", "context") if key in row} for row in rows)
    text = "".join(json.dumps(row) + "\n" for row in given)
    command = [sys.executable, "-m", "trimtab", "guard", "scan", "-", "--jsonl", "--signal", name]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    return [json.loads(line)["scores"][name] for line in done.stdout.splitlines()]


def table(name: str, scale: str, rows: list[dict[str, Any]]) -> None:
    """AUC of sources with both labels; what fires of each label at the shipped threshold."""
    level = threshold(name)
    scores = scanned(name, rows)
    print(f"Threshold {level:g}.\n")
    print("| source | AUC | harmless that fire | n | others that fire | n | no score |")
    print("|---|---|---|---|---|---|---|")
    for source in sorted({row["source"] for row in rows}):
        mine = [
            (row["label"], s)
            for row, s in zip(rows, scores, strict=True)
            if row["source"] == source
        ]
        known = [(label, s) for label, s in mine if s is not None]
        labels = np.array([label for label, _ in known])
        values = np.array([s for _, s in known], dtype=float)
        fired = values < level if scale == "unit" else values >= level
        auc = "-"
        if 0 < labels.sum() < len(labels):
            auc = f"{roc_auc(-values if scale == 'unit' else values, labels):.3f}"
        cells = [
            cell
            for label in (0, 1)
            for cell in (share(fired[labels == label]), str(int((labels == label).sum())))
        ]
        print(f"| {source} | {auc} | {' | '.join(cells)} | {len(mine) - len(known)} |")
    print()


def share(fired: np.ndarray[Any, Any]) -> str:
    return f"{fired.mean():.3f}" if len(fired) else "-"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
