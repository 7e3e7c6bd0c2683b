"""Personal data of seven structured kinds: ours beside Presidio's pattern recognisers, one run.

    sh dev/peers/guards/install.sh && python bench/guards/pii.py [FILE.json.gz ...] [--json OUT]

Texts: the sentences of tests/signals/data/pii.jsonl, and files of presidio-research's format (a
list of `full_text` and `spans`). A finding counts where its place and kind are exactly the label's.
Presidio's URL is read as a domain name, but where a URL is the label neither counts; of its
findings that overlap the surest is taken. Times are per text, one tool after the other.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from trimtab.signals.pii.signal import Pii
from trimtab.signals.text import Text

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PRESIDIO = ROOT / ".peers" / "guards" / "presidio" / "bin" / "python"
SEVEN = {
    "credit_card",
    "domain_name",
    "email_address",
    "iban_code",
    "ip_address",
    "phone_number",
    "us_ssn",
}
PROSE = (
    "The committee met again in the spring to talk about the plans for the new library, and "
    "whether it would be ready before the end of 2027. Nobody could say what would happen to "
    "the reading room, and the 12 people who had come agreed to wait for a second opinion. "
)

Spans = set[tuple[int, int, str]]


class Row(NamedTuple):
    text: str
    spans: Spans
    urls: Spans


class Answer(NamedTuple):
    spans: Spans
    ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    given = parser.parse_args()
    sets = {"sentences": own_sentences()} | {file.name: labelled(file) for file in given.files}
    tools: dict[str, Callable[[list[str]], list[Answer]]] = {"trimtab": ours}
    if PRESIDIO.exists():
        tools["presidio"] = presidio
    figures = {
        name: {tool: quality(rows, ask([row.text for row in rows])) for tool, ask in tools.items()}
        for name, rows in sets.items()
    }
    figures["speed"] = {tool: speed(ask) for tool, ask in tools.items()}
    sys.stdout.write(table(figures))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


def own_sentences() -> list[Row]:
    lines = (ROOT / "tests/signals/data/pii.jsonl").read_text("utf-8").splitlines()
    rows = map(json.loads, lines)
    return [row_of(row["text"], {tuple(span) for span in row["spans"]}) for row in rows]


def labelled(file: Path) -> list[Row]:
    rows = json.loads(gzip.decompress(file.read_bytes()))
    places = ("start_position", "end_position")
    return [
        row_of(
            row["full_text"],
            {
                (*(span[key] for key in places), span["entity_type"].lower())
                for span in row["spans"]
            },
        )
        for row in rows
    ]


def row_of(text: str, spans: Spans) -> Row:
    return Row(text, seven(spans), {span for span in spans if span[2] == "url"})


def seven(spans: Iterable[tuple[int, int, str]]) -> Spans:
    return {span for span in spans if span[2] in SEVEN}


def ours(texts: list[str]) -> list[Answer]:
    pii = Pii()
    pii.read(Text("Write to ann@example.org or call (212) 555-0143."))
    answers = []
    for text in texts:
        began = time.perf_counter()
        found = pii.read(Text(text)).findings
        spent_ms = (time.perf_counter() - began) * 1e3
        answers.append(Answer(seven((one.start, one.end, one.kind) for one in found), spent_ms))
    return answers


def presidio(texts: list[str]) -> list[Answer]:
    finished = subprocess.run(
        [PRESIDIO, HERE / "adapters" / "presidio.py"],
        input="\n".join(map(json.dumps, texts)),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = []
    for line in finished.stdout.splitlines():
        answer = json.loads(line)
        kept: list[tuple[int, int, str]] = []
        for start, end, kind, _ in sorted(answer["findings"], key=lambda one: (-one[3], one[0])):
            if all(end <= first or last <= start for first, last, _ in kept):
                kept.append((start, end, "domain_name" if kind == "url" else kind))
        answers.append(Answer(seven(kept), answer["ms"]))
    return answers


def quality(rows: list[Row], answers: list[Answer]) -> dict[str, dict[str, float]]:
    right, extra, missed = Counter[str](), Counter[str](), Counter[str]()
    for row, answer in zip(rows, answers, strict=True):
        urls = {(start, end, "domain_name") for start, end, _ in row.urls}
        found = answer.spans - urls
        for counts, spans in (
            (right, found & row.spans),
            (extra, found - row.spans),
            (missed, row.spans - found),
        ):
            counts.update(span[2] for span in spans)
            counts.update("micro" for _ in spans)
    figures = {
        kind: rates(right[kind], extra[kind], missed[kind]) for kind in (*sorted(SEVEN), "micro")
    }
    figures["ms a text"] = {"p50": round(statistics.median(one.ms for one in answers), 4)}
    return figures


def rates(right: int, extra: int, missed: int) -> dict[str, float]:
    return {
        "precision": round(right / max(1, right + extra), 4),
        "recall": round(right / max(1, right + missed), 4),
        "f1": round(2 * right / max(1, 2 * right + extra + missed), 4),
        "n": right + missed,
    }


def speed(ask: Callable[[list[str]], list[Answer]]) -> dict[str, dict[str, float]]:
    """Milliseconds for prose that holds none of the kinds."""
    sizes = {"100 characters": 100, "1 kB": 1_000, "10 kB": 10_000}
    return {
        name: {
            "p50": round(statistics.median(one.ms for one in ask([(PROSE * 50)[:size]] * 100)), 4)
        }
        for name, size in sizes.items()
    }


def table(figures: dict[str, dict[str, dict[str, dict[str, float]]]]) -> str:
    lines = []
    for name, tools in figures.items():
        lines.append(f"\n{name}")
        for row in next(iter(tools.values())):
            cells = (
                f"{tool}: " + " ".join(f"{key} {value:g}" for key, value in each[row].items())
                for tool, each in tools.items()
            )
            lines.append(f"  {row:16} " + "   ".join(cells))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
