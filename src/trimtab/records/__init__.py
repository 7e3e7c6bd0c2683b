"""The six nouns every part of Trimtab speaks: Span, Score, Example, Prompt, Release, Run.

Frozen, slotted, keyword-only, typed; no I/O and no behaviour that needs any. A change is a new
value (`msgspec.structs.replace`). Absence is a state or `None`, never NaN, 0 or "".
"""

from trimtab.records.example import Dataset, Example
from trimtab.records.message import Message, Passage, text_of
from trimtab.records.model import ModelCard, Price, Usage, cost_usd
from trimtab.records.principal import Principal
from trimtab.records.prompt import Prompt
from trimtab.records.record import Record
from trimtab.records.release import Approval, ModelTarget, Release, Retrieval
from trimtab.records.run import Comparison, Estimate, Run, Verdict
from trimtab.records.score import Score, Target
from trimtab.records.span import Span

__all__ = [
    "Approval",
    "Comparison",
    "Dataset",
    "Estimate",
    "Example",
    "Message",
    "ModelCard",
    "ModelTarget",
    "Passage",
    "Price",
    "Principal",
    "Prompt",
    "Record",
    "Release",
    "Retrieval",
    "Run",
    "Score",
    "Span",
    "Target",
    "Usage",
    "Verdict",
    "cost_usd",
    "text_of",
]
