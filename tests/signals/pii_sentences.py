"""Sentences with personal data of many kinds, and near misses: all values are made up.

One JSON object a line: `text`, and `spans` as [start, end, kind]. Names, places and streets are not
labelled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from trimtab.signals.pii.signal import Pii
from trimtab.signals.text import Text

Spans = set[tuple[int, int, str]]
SEVEN = (
    "credit_card",
    "domain_name",
    "email_address",
    "iban_code",
    "ip_address",
    "phone_number",
    "us_ssn",
)
UNLABELLED = {"address", "location", "person"}


class Sentence(NamedTuple):
    text: str
    spans: Spans


def sentences() -> list[Sentence]:
    lines = (Path(__file__).parent / "data" / "pii.jsonl").read_text("utf-8").splitlines()
    rows = map(json.loads, lines)
    return [Sentence(row["text"], {tuple(span) for span in row["spans"]}) for row in rows]


def spans(text: str, pii: Pii) -> Spans:
    found = pii.read(Text(text)).findings
    return {(one.start, one.end, one.kind) for one in found if one.kind not in UNLABELLED}
