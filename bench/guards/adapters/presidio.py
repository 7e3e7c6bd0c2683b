"""Presidio's pattern recognisers over a blank spaCy pipeline: texts in, findings and times out.

Run by bench/guards/pii.py with the interpreter of Presidio's own environment. Standard input: one
JSON text a line. Standard output: one object a line, `findings` as [start, end, kind, score], `ms`.
"""

from __future__ import annotations

import json
import logging
import sys
import time

import spacy
import tldextract.tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

logging.disable(logging.CRITICAL)
# The list of public suffixes that it was installed with: it would ask the network for a newer one.
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())


class BlankEngine(SpacyNlpEngine):
    """Tokens, and nothing that a model would add."""

    def __init__(self) -> None:
        super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
        self.nlp = {"en": spacy.blank("en")}


def main() -> None:
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    analyzer = AnalyzerEngine(
        registry=registry, nlp_engine=BlankEngine(), supported_languages=["en"]
    )
    analyzer.analyze("Write to ann@example.org or call (212) 555-0143.", language="en")
    for line in sys.stdin:
        text = json.loads(line)
        began = time.perf_counter()
        found = analyzer.analyze(text, language="en")
        spent_ms = (time.perf_counter() - began) * 1e3
        findings = [[one.start, one.end, one.entity_type.lower(), one.score] for one in found]
        sys.stdout.write(json.dumps({"findings": findings, "ms": spent_ms}) + "\n")


if __name__ == "__main__":
    main()
