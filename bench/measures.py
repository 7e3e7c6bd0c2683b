"""Text and ranking measures beside the packages that others use for them.

    python bench/measures.py

Peers that are not installed are left out. Rates are per second of CPU time on one core, the median
of rounds in which the systems take turns, so a busy machine slows all of them alike: trust the
ratios. Every round has texts of its own, as several systems remember texts or words they have seen.
Values are checked to be equal before anything is timed.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import platform
import random
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from trimtab.measures import pools, ranks
from trimtab.measures.bleu import BleuSettings, bleu, tokens_13a
from trimtab.measures.chrf import ChrfSettings, chrf
from trimtab.measures.edit import edit_similarity
from trimtab.measures.overlap import token_f1
from trimtab.measures.rouge import rouge
from trimtab.measures.ter import ter

Pair = tuple[str, str]
MODULES = ["ranks", "rouge", "bleu", "chrf", "ter", "edit", "logprobs", "readability"]


class Row(NamedTuple):
    """One measure: what is timed here and there, on which items of all rounds."""

    name: str
    items: Sequence[Any]
    ours: Callable[[Any], Any]
    peer: str
    theirs: Callable[[Any], Any]


def pairs(count: int, low: int, high: int) -> list[Pair]:
    """References of made-up prose with punctuation; answers with words replaced, lost and moved."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghij", k=chance.randint(2, 9))) for _ in range(3_000)]
    common = ["the", "of", "and", "to", "in", "a", "is", "that", "for", "it"]
    found = []
    for _ in range(count):
        size = chance.randint(low, high)
        reference = [
            chance.choice(common) if chance.random() < 0.3 else chance.choice(words)
            for _ in range(size)
        ]
        answer = [
            chance.choice(words) if chance.random() < 0.25 else word
            for word in reference
            if chance.random() > 0.07
        ]
        start = chance.randrange(len(answer) // 2)
        answer = answer[:start] + answer[start + 4 :] + answer[start : start + 4]
        found.append((prose(answer, chance), prose(reference, chance)))
    return found


def prose(words: list[str], chance: random.Random) -> str:
    return "".join(word + chance.choices([" ", ", ", ". "], [12, 1, 1])[0] for word in words)


def text_rows(rounds: int) -> Iterator[Row]:
    texts = pairs(300 * rounds, 20, 80)
    with suppress(ImportError):
        scorer = importlib.import_module("rouge_score.rouge_scorer").RougeScorer
        kinds = ["rouge1", "rouge2", "rougeL"]
        for stemmed in (False, True):
            other = scorer(kinds, use_stemmer=stemmed)
            yield Row(
                "ROUGE-1, 2 and L" + (", stemmed" if stemmed else ""),
                texts,
                lambda pair, stemmed=stemmed: [
                    value.f1 for value in rouge(*pair, stemmed=stemmed).values()
                ],
                "rouge_score",
                lambda pair, other=other: [
                    value.fmeasure for value in other.score(pair[1], pair[0]).values()
                ],
            )
        lines = [
            (answer.replace(". ", ".\n"), wanted.replace(". ", ".\n")) for answer, wanted in texts
        ]
        summary = scorer(["rougeLsum"])
        yield Row(
            "ROUGE-Lsum",
            lines,
            lambda pair: rouge(*pair, kinds=["rougeLsum"])["rougeLsum"].f1,
            "rouge_score",
            lambda pair: summary.score(pair[1], pair[0])["rougeLsum"].fmeasure,
        )
    with suppress(ImportError):
        metrics = importlib.import_module("sacrebleu.metrics")
        logging.getLogger("sacrebleu").setLevel(logging.ERROR)
        sentence, characters = metrics.BLEU(effective_order=True), metrics.CHRF()
        plus, edits = metrics.CHRF(word_order=2), metrics.TER()
        both = ChrfSettings(word_order=2)
        for name, ours, other, items in (
            ("BLEU of a sentence", bleu, sentence, texts),
            ("chrF", chrf, characters, texts),
            ("chrF++", lambda a, b: chrf(a, b, settings=both), plus, texts),
            ("TER", ter, edits, texts[: 40 * rounds]),
        ):
            yield Row(
                name,
                items,
                lambda pair, ours=ours: ours(*pair).score,
                "sacrebleu",
                lambda pair, other=other: other.sentence_score(pair[0], [pair[1]]).score,
            )
    with suppress(ImportError):
        translated = importlib.import_module("nltk.translate.bleu_score")
        split = [(tokens_13a(answer), tokens_13a(wanted)) for answer, wanted in texts]
        joined = [(" ".join(answer), " ".join(wanted)) for answer, wanted in split]
        bare = BleuSettings(tokens="none", smoothing="none")
        yield Row(
            "BLEU of tokens",
            list(zip(joined, split, strict=True)),
            lambda each: bleu(*each[0], settings=bare).score,
            "nltk",
            lambda each: 100 * float(translated.sentence_bleu([each[1][1]], each[1][0])),
        )


class Query(NamedTuple):
    name: str
    scores: dict[str, float]
    judged: dict[str, int]


def rank_rows(rounds: int) -> Iterator[Row]:
    chance = random.Random(2)
    queries = []
    for number in range(400 * rounds):
        names = [f"doc{chance.randrange(10**6):07}" for _ in range(100)]
        pool = chance.sample(names, 30) + [f"other{n}" for n in range(5)]
        queries.append(
            Query(
                str(number),
                {name: chance.random() * 10 for name in names},
                {name: chance.choice([0, 0, 0, 1, 1, 2, 3]) for name in pool},
            )
        )
    with suppress(ImportError):
        peer = importlib.import_module("pytrec_eval")
        measures = {"map", "ndcg", "ndcg_cut.10", "P.10", "recip_rank"}
        names = ["map", "ndcg", "ndcg_cut_10", "P_10", "recip_rank"]
        every = peer.RelevanceEvaluator({query.name: query.judged for query in queries}, measures)

        def theirs(query: Query) -> list[float]:
            found = every.evaluate({query.name: query.scores})[query.name]
            return [found[name] for name in names]

        yield Row("5 measures of 100 scored documents", queries, from_scores, "pytrec_eval", theirs)
        ready = []
        for query in queries:
            gains = ranks.gains(ranks.ranked(query.scores), query.judged)
            ideal = ranks.gains(list(query.judged), query.judged)
            ready.append((query, gains, ideal))
        yield Row(
            "5 measures of 100 gains in rank order",
            ready,
            lambda each: five(each[1], each[2]),
            "pytrec_eval, from scores",
            lambda each: theirs(each[0]),
        )


def from_scores(query: Query) -> list[float]:
    gains = ranks.gains(ranks.ranked(query.scores), query.judged)
    return five(gains, list(query.judged.values()))


def five(gains: list[float], ideal: list[Any]) -> list[float]:
    relevant = len(ideal) - ideal.count(0)
    return [
        ranks.average_precision(gains, relevant=relevant),
        ranks.ndcg(gains, ideal=ideal),
        ranks.ndcg(gains, k=10, ideal=ideal),
        ranks.precision(gains, k=10),
        ranks.reciprocal_rank(gains),
    ]


def alone() -> Iterator[tuple[str, Callable[[Any], Any], Sequence[Any]]]:
    """Measures without a peer here, for scale."""
    texts = pairs(300, 20, 80)
    yield "token F1", lambda pair: token_f1(*pair), texts
    yield "edit similarity", lambda pair: edit_similarity(*pair), texts
    gains = [float(n % 7 == 0) for n in range(100)]
    known = [n % 3 > 0 or gain > 0 for n, gain in enumerate(gains)]
    yield (
        "bpref of 100 gains",
        lambda _: pools.bpref(gains, known, relevant=20, other=60),
        range(1_000),
    )


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list):
        return all(same(*pair) for pair in zip(ours, theirs, strict=True))
    return abs(ours - theirs) < 1e-6


def rate(work: Callable[[Any], Any], items: Sequence[Any]) -> float:
    started = time.process_time()
    for item in items:
        work(item)
    return len(items) / (time.process_time() - started)


def import_ms(module: str) -> float:
    code = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for _ in range(5)
    ]
    return statistics.median(times) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    print(f"`python bench/measures.py --rounds {rounds}`\n")
    print(f"{platform.machine()}, Python {platform.python_version()}; per second of CPU time\n")
    print("Pairs of 20 to 80 words.\n")
    print("| measure | trimtab | peer | peer's | × peer |")
    print("|---|---|---|---|---|")
    for row in (*text_rows(rounds), *rank_rows(rounds)):
        if not all(same(row.ours(item), row.theirs(item)) for item in row.items[:20]):
            raise SystemExit(f"{row.name}: another value than {row.peer}")
        parts = [row.items[turn::rounds] for turn in range(rounds)]
        turns = [(rate(row.ours, part), rate(row.theirs, part)) for part in parts]
        ours, theirs = (statistics.median(column) for column in zip(*turns, strict=True))
        ratio = statistics.median(a / b for a, b in turns)
        print(f"| {row.name} | {ours:,.0f} | {row.peer} | {theirs:,.0f} | {ratio:.1f} |")
    for name, work, items in alone():
        print(
            f"| {name} | {statistics.median(rate(work, items) for _ in range(rounds)):,.0f} | | | |"
        )
    print("\n| import of | CPU ms |\n|---|---|")
    floor = import_ms("trimtab.errors")
    print(f"| trimtab.errors (floor) | {floor:.0f} |")
    for module in MODULES:
        print(f"| trimtab.measures.{module} | {import_ms(f'trimtab.measures.{module}'):.0f} |")
    for module in ("rouge_score.rouge_scorer", "sacrebleu", "pytrec_eval", "nltk"):
        with suppress(subprocess.CalledProcessError):
            print(f"| {module} | {import_ms(module):.0f} |")


if __name__ == "__main__":
    main()
