"""Whether several answers to one question agree: a sign of knowledge, where no truth is at hand.

Pure: sampled answers (temperature above 0) in, numbers out. A model can be wrong consistently, so
agreement bounds nothing from above.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from trimtab.errors import MeasureError
from trimtab.measures.overlap import ngrams
from trimtab.measures.text import sentences, words

__all__ = ["Majority", "SentenceSurprise", "majority", "semantic_entropy", "unsupported"]


class Majority(NamedTuple):
    """The commonest label, the share of samples with it, and whether another is as common."""

    label: Hashable
    share: float
    tied: bool


class SentenceSurprise(NamedTuple):
    """A sentence with the mean and the highest surprise of its words, in nats."""

    sentence: str
    mean: float
    highest: float


def majority(labels: Sequence[Hashable]) -> Majority:
    """The answer most samples give, as self-consistency takes it (Wang et al. 2023).

    arXiv:2203.11171. Of tied labels the first to appear is named.

    Args:
        labels: final answers of the samples, normalised so that equal ones are equal.

    >>> majority(["42", "42", "41"])
    Majority(label='42', share=0.6666666666666666, tied=False)
    """
    if not labels:
        raise MeasureError("agreement needs a sample")
    ordered = Counter(labels).most_common(2)
    label, times = ordered[0]
    return Majority(label, times / len(labels), len(ordered) > 1 and ordered[1][1] == times)


def semantic_entropy(
    clusters: Sequence[Hashable], logprobs: Sequence[float] | None = None
) -> float:
    """Entropy in bits over what the samples mean; 0 when all agree (Farquhar et al. 2024).

    "Detecting hallucinations in large language models using semantic entropy", Nature 630. Without
    log probabilities each sample counts the same (their discrete variant).

    Args:
        clusters: for each sample which meaning it has, told by a judge or an entailment model.
        logprobs: for each sample its log probability, best the mean of a token; what a meaning
            weighs is the sum over its samples, normalised over all of them.

    >>> semantic_entropy(["Paris", "Paris", "Lyon", "Lyon"])
    1.0
    """
    if not clusters or (logprobs is not None and len(logprobs) != len(clusters)):
        raise MeasureError(
            "a sample is needed, and for each one its cluster",
            clusters=len(clusters),
            logprobs=None if logprobs is None else len(logprobs),
        )
    weights = [1.0] * len(clusters)
    if logprobs is not None:
        if not all(map(math.isfinite, logprobs)):
            raise MeasureError("a log probability is NaN or infinite")
        highest = max(logprobs)
        weights = [math.exp(value - highest) for value in logprobs]
    mass: dict[Hashable, float] = {}
    for cluster, weight in zip(clusters, weights, strict=True):
        mass[cluster] = mass.get(cluster, 0.0) + weight
    total = math.fsum(weights)
    shares = [part / total for part in mass.values()]
    return max(0.0, -math.fsum(share * math.log2(share) for share in shares if share))


def unsupported(answer: str, samples: Sequence[str], *, n: int = 1) -> list[SentenceSurprise]:
    """How surprising each sentence of an answer is to an n-gram model of the other samples.

    SelfCheckGPT's n-gram variant (Manakul et al. 2023, arXiv:2303.08896, sec. 5.3): the model is
    trained on the samples and the answer itself, so no n-gram has probability 0; -log p is then
    averaged over a sentence, or its maximum taken, which the paper found the better sign with n=1.
    For n > 1 the probability is that of an n-gram among all n-grams.

    Args:
        samples: other answers to the same question.

    >>> found = unsupported("It is blue. It is big.", ["It is blue.", "It is blue, so blue."])
    >>> found[0].highest < found[1].highest
    True
    """
    if not samples:
        raise MeasureError("agreement needs a sample beside the answer")
    if n < 1:
        raise MeasureError("an n-gram has at least one token", n=n)
    counts: Counter[Hashable] = Counter()
    split = [(sentence, words(sentence)) for sentence in sentences(answer)]
    for text in samples:
        for sentence in sentences(text):
            counts += ngrams(words(sentence), n)
    for _, tokens in split:
        counts += ngrams(tokens, n)
    total = counts.total()
    found: list[SentenceSurprise] = []
    for sentence, tokens in split:
        grams = ngrams(tokens, n)
        surprises = {gram: -math.log(counts[gram] / total) for gram in grams}
        if surprises:
            mean = math.fsum(surprises[gram] * times for gram, times in grams.items())
            highest = max(surprises.values())
            found.append(SentenceSurprise(sentence, mean / grams.total(), highest))
    return found
