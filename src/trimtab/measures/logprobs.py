"""How sure a model was of its own answer, from the log probabilities it returned. Pure.

Log probabilities are natural, one for each token of the answer, <= 0, as model APIs return them.
They say how likely the model found its words, not how likely these are true, and they cannot be
compared between models with different tokenisers, except per byte.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from trimtab.errors import MeasureError

__all__ = [
    "bits_per_byte",
    "mean_logprob",
    "mean_token_entropy",
    "min_logprob",
    "perplexity",
    "token_entropy",
]


def mean_logprob(logprobs: Sequence[float]) -> float:
    """Mean log probability of a token, in nats; the log likelihood with length taken out.

    >>> mean_logprob([-1.0, -3.0])
    -2.0
    """
    found = _checked(logprobs)
    return math.fsum(found) / len(found)


def min_logprob(logprobs: Sequence[float]) -> float:
    """Log probability of the least likely token, in nats: one weak token in a sure answer shows.

    >>> min_logprob([-0.1, -4.0])
    -4.0
    """
    return min(_checked(logprobs))


def perplexity(logprobs: Sequence[float]) -> float:
    """exp of the mean surprise of a token, >= 1: among how many equal choices it could have been.

    >>> perplexity([math.log(0.25)] * 3)
    4.0
    """
    mean = mean_logprob(logprobs)
    try:
        return math.exp(-mean)
    except OverflowError:
        raise MeasureError("a perplexity beyond the range of a double", mean_logprob=mean) from None


def bits_per_byte(logprobs: Sequence[float], text: str) -> float:
    """Surprise of the whole text in bits per byte of its UTF-8, one scale for all tokenisers.

    Args:
        logprobs: of all tokens of `text` and no others.

    >>> bits_per_byte([math.log(0.25), math.log(0.25)], "four")
    1.0
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if not size:
        raise MeasureError("an empty text has no bytes to spread over")
    return -math.fsum(_checked(logprobs)) / (size * math.log(2))


def token_entropy(top: Sequence[float]) -> float:
    """Entropy in bits of one token's choice, from the log probabilities of the likeliest tokens.

    A lower bound: what is missing to 1 counts as one more token, as nobody knows how it is split.

    >>> token_entropy([math.log(0.5), math.log(0.25)])
    1.5
    """
    shares = [math.exp(value) for value in _checked(top)]
    known = math.fsum(shares)
    if known > 1 + 1e-3:  # providers round
        raise MeasureError("the probabilities of one token's choices exceed 1", total=known)
    shares.append(max(0.0, 1 - known))
    if shares[-1] < 1e-12:
        shares.pop()
    return max(0.0, -math.fsum(share * math.log2(share) for share in shares if share))


def mean_token_entropy(tops: Sequence[Sequence[float]]) -> float:
    """Mean of `token_entropy` over the tokens of an answer, in bits.

    >>> mean_token_entropy([[0.0], [math.log(0.5), math.log(0.5)]])
    0.5
    """
    if not tops:
        raise MeasureError("an answer without tokens has no log probabilities")
    return math.fsum(token_entropy(top) for top in tops) / len(tops)


def _checked(logprobs: Sequence[float]) -> Sequence[float]:
    if not logprobs:
        raise MeasureError("an answer without tokens has no log probabilities")
    for value in logprobs:
        if not -math.inf < value <= 1e-6:  # some servers return a rounding error above 0
            raise MeasureError(
                "a log probability is finite and not above 0",
                got=str(value),
                fix="ask the provider for logprobs, natural logarithms",
            )
    return logprobs
