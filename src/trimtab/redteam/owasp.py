"""OWASP's list of risks of LLM applications, 2025, and what Trimtab honestly does about each.

The items are those of https://genai.owasp.org/llm-top-10/. `stance` is the plain word: what is
detected with a measured rate, what is only made rarer or smaller, and what is out of reach of a
program between an application and its model. Nothing here is "prevented".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from trimtab.redteam.rates import Rate

Stance = Literal["detected", "reduced", "out of reach"]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One risk: `does` is what there is against it and `parts` where, `cannot` what is not done.

    `families` are the red team's, which try it; empty where none does.
    """

    id: str
    title: str
    stance: Stance
    does: str
    cannot: str
    parts: tuple[str, ...]
    families: tuple[str, ...] = ()


ITEMS: tuple[Item, ...] = (
    Item(
        id="LLM01",
        title="Prompt injection",
        stance="reduced",
        does="Prompts, retrieved passages and results of tools are read by rules, a linear model "
        "and a store of known attacks; the red team says how many get through.",
        cannot="Stop an attack that is worded anew: no detector does, and none here claims to.",
        parts=("signals/injection", "signals/unicode", "guards", "redteam"),
        families=("encoding", "role_play", "splitting", "many_shot", "indirect"),
    ),
    Item(
        id="LLM02",
        title="Sensitive information disclosure",
        stance="detected",
        does="Keys, cards, accounts, e-mail addresses, telephone numbers and other structured "
        "data are found with checksums; keys are redacted before anything is stored, and personal "
        "data where a policy says so.",
        cannot="Find names, places and what is only sensitive in its context, without a model for "
        "that; see what a model learnt in its training.",
        parts=("signals/pii", "signals/secrets", "guards"),
        families=("pii",),
    ),
    Item(
        id="LLM03",
        title="Supply chain",
        stance="reduced",
        does="Lock files, names that imitate packages and pickles in model files are looked at; "
        "without a database of vulnerabilities the answer is unknown, never clean.",
        cannot="Vouch for a provider, its models or its hardware.",
        parts=("doctor", "releases"),
    ),
    Item(
        id="LLM04",
        title="Data and model poisoning",
        stance="reduced",
        does="Datasets have versions, hashes and the trace that each row came from; duplicates "
        "and overlaps are listed, and a gate shows when a release got worse.",
        cannot="See poison in the weights of a model, or a row that is wrong on purpose.",
        parts=("datasets", "experiments"),
    ),
    Item(
        id="LLM05",
        title="Improper output handling",
        stance="detected",
        does="Links, images, HTML, terminal escapes, SQL and shell in answers are found, links "
        "that carry data away are removed, and structured answers are held to their schema.",
        cannot="Make up for an application that runs what it is given.",
        parts=("signals/exfiltration", "signals/sinks", "signals/structured", "guards"),
        families=("indirect",),
    ),
    Item(
        id="LLM06",
        title="Excessive agency",
        stance="reduced",
        does="A rule of the signal `tools` holds the calls that a model makes to an allow-list, to "
        "schemas, limits and patterns of their arguments, and to values that no stranger wrote; "
        "calls are on the trace.",
        cannot="See a tool that the application calls by itself, past the gateway, or that a "
        "provider runs; hold anything where no such rule is written.",
        parts=("signals/tools", "guards", "gateway"),
        families=("agency",),
    ),
    Item(
        id="LLM07",
        title="System prompt leakage",
        stance="detected",
        does="A canary, and runs of words that an answer shares with the prompt in use.",
        cannot="See a paraphrase or a translation; keep no secret in a prompt.",
        parts=("signals/leak", "guards"),
        families=("leak",),
    ),
    Item(
        id="LLM08",
        title="Vector and embedding weaknesses",
        stance="reduced",
        does="Retrieved passages are read for instructions before they reach the model; corpora "
        "belong to a project.",
        cannot="Tell who of your users may read which passage, or undo what an embedding gives "
        "away about its text.",
        parts=("signals/injection", "guards", "retrieval"),
        families=("indirect",),
    ),
    Item(
        id="LLM09",
        title="Misinformation",
        stance="reduced",
        does="Answers are scored for what their passages support, for citations, and by judges "
        "that have been measured against people.",
        cannot="Know what is true where no source is given.",
        parts=("signals/groundedness", "scorers", "experiments"),
    ),
    Item(
        id="LLM10",
        title="Unbounded consumption",
        stance="detected",
        does="Limits of tokens, cost, requests and size by key, user, team and project, taken "
        "before a call is made; every call is priced.",
        cannot="Limit what is spent past the gateway.",
        parts=("governance", "gateway"),
        families=("consumption",),
    ),
)


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """An item with what a run measured of it; None where no attack of a run was about it."""

    item: Item
    measured: Rate | None = None


def coverage(measured: Sequence[Rate] = ()) -> list[Covered]:
    """Every item, with the success rate of a run's attacks on it.

    Args:
        measured: rates by OWASP item.
    """
    rates = {each.name: each for each in measured}
    return [Covered(item=item, measured=rates.get(item.id)) for item in ITEMS]
