"""Legal language, in which `without restriction` is said of a licence and not of a model.

The weights were learned from few licences, terms and contracts, and take their permissions and
conditions for orders. A window that is full of legal terms, and in which no rule names more than
their wordings, is believed less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from trimtab.signals.injection.rules import NAMES, Hit

DOUBT = 3.5
"""Log-odds that such a window loses."""

_LEAST = 5
"""Different terms in a window: attacks have one or two of them."""

_WORDINGS = frozenset(
    map(NAMES.index, ("unbound", "unfiltered", "concatenate", "above_verbatim", "comment"))
)
_TERMS = re.compile(
    r"\b(?:licen[cs]|copyright|redistribut|distribut|sublicen[cs]|warrant|disclaim|liab|permission"
    r"|permitted|hereby|herein|thereof|provided that|provisions?\b|following conditions"
    r"|terms and conditions|source code|binary form|derivative|modification|modif(?:y|ied)\b"
    r"|merchantab|damages|patent|trademark|contributor|recipient|third part|trade secret|indemn"
    r"|the foregoing|pursuant|notwithstanding|shall\b|agreement|reserved|free of charge"
    r"|including without limitation|without limitation|without restriction|public domain"
    r"|foundation|portions|notice|general public|gnu\b|the terms of|this licen[cs]e|complies"
    r"|perpetual|royalty|mit\b|bsd\b|apache\b|expat\b|artistic\b|author(?:s|ship)\b|licensor"
    r"|covered work)"
)


_OF_MODELS = re.compile(
    r"\b(?:prompts?|chat ?bots?|assistants?|language models?|llms?|gpt|ai|jailbreak\w*|im_start"
    r"|im_end"
    r"|your (?:developers?|creators?|instructions|rules|guidelines|programming)"
    r"|you (?:are now|have no|will now)"
    r"|no (?:more )?(?:restrictions|limitations|limits|rules|filters))\b"
)
"""Said of a model, or to one."""


def is_legal(text: str, hits: Iterable[Hit]) -> bool:
    """Whether a window of a view is legal language, and its hits are no more than that.

    >>> is_legal("you are hereby permitted to distribute modified copies of the software without "
    ...          "restriction, provided that this copyright notice is included", [])
    True
    """
    if not all(hit.family in _WORDINGS for hit in hits) or _OF_MODELS.search(text):
        return False
    return len(set(_TERMS.findall(text))) >= _LEAST
