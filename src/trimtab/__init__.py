"""Trimtab: the LLMOps loop in one process.

Everything public is here and is imported when it is first used; importing the package itself reads
no environment, opens nothing and loads next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.client import Client
    from trimtab.errors import TrimtabError
    from trimtab.evals.evaluate import Evaluation, aevaluate, evaluate
    from trimtab.experiments.suite import DataRef, Suite, SuiteGate, TaskRef
    from trimtab.guards.inline import guard
    from trimtab.optimiser.optimise import aoptimise, optimise
    from trimtab.prompting import prompt
    from trimtab.records import Example, Prompt, Release, Run, Score, Span
    from trimtab.records.gate import CaseRule, GateRule, Slice
    from trimtab.scorers.definition import scorer
    from trimtab.scorers.judgement import Judgement, Unscored
    from trimtab.sdk.context import metadata, session, tags, user
    from trimtab.sdk.recording import current_span
    from trimtab.sdk.scores import score
    from trimtab.sdk.setup import instrument
    from trimtab.sdk.spans import span, trace
    from trimtab.sdk.state import flush
    from trimtab.version import __version__

_HOME = {
    "CaseRule": "trimtab.records.gate",
    "Client": "trimtab.client",
    "DataRef": "trimtab.experiments.suite",
    "Evaluation": "trimtab.evals.evaluate",
    "Example": "trimtab.records",
    "GateRule": "trimtab.records.gate",
    "Judgement": "trimtab.scorers.judgement",
    "Prompt": "trimtab.records",
    "Release": "trimtab.records",
    "Run": "trimtab.records",
    "Score": "trimtab.records",
    "Slice": "trimtab.records.gate",
    "Span": "trimtab.records",
    "Suite": "trimtab.experiments.suite",
    "SuiteGate": "trimtab.experiments.suite",
    "TaskRef": "trimtab.experiments.suite",
    "TrimtabError": "trimtab.errors",
    "Unscored": "trimtab.scorers.judgement",
    "__version__": "trimtab.version",
    "aevaluate": "trimtab.evals.evaluate",
    "aoptimise": "trimtab.optimiser.optimise",
    "current_span": "trimtab.sdk.recording",
    "evaluate": "trimtab.evals.evaluate",
    "flush": "trimtab.sdk.state",
    "guard": "trimtab.guards.inline",
    "instrument": "trimtab.sdk.setup",
    "metadata": "trimtab.sdk.context",
    "optimise": "trimtab.optimiser.optimise",
    "prompt": "trimtab.prompting",
    "score": "trimtab.sdk.scores",
    "scorer": "trimtab.scorers.definition",
    "session": "trimtab.sdk.context",
    "span": "trimtab.sdk.spans",
    "tags": "trimtab.sdk.context",
    "trace": "trimtab.sdk.spans",
    "user": "trimtab.sdk.context",
}

__all__ = [
    "CaseRule",
    "Client",
    "DataRef",
    "Evaluation",
    "Example",
    "GateRule",
    "Judgement",
    "Prompt",
    "Release",
    "Run",
    "Score",
    "Slice",
    "Span",
    "Suite",
    "SuiteGate",
    "TaskRef",
    "TrimtabError",
    "Unscored",
    "__version__",
    "aevaluate",
    "aoptimise",
    "current_span",
    "evaluate",
    "flush",
    "guard",
    "instrument",
    "metadata",
    "optimise",
    "prompt",
    "score",
    "scorer",
    "session",
    "span",
    "tags",
    "trace",
    "user",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'trimtab' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
