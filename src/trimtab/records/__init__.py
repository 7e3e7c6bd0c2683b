"""The six nouns every part of Trimtab speaks: Span, Score, Example, Prompt, Release, Run.

Frozen, slotted, keyword-only, typed; no I/O and no behaviour that needs any. A change is a new
value (`msgspec.structs.replace`). Absence is a state or `None`, never NaN, 0 or "".
"""

from trimtab.records.access import Allowance, ApprovedModel, VirtualKey
from trimtab.records.audit import AuditEntry
from trimtab.records.card import CalibrationCard
from trimtab.records.example import Dataset, Example
from trimtab.records.filter import AllOf, AnyOf, Condition, Filter, Not
from trimtab.records.guard import GuardPolicy, GuardRule, ModelSlot, RecordRules, RouteGuards
from trimtab.records.message import Message, Passage, TokenLogprob, ToolCall, text_of
from trimtab.records.model import (
    ModelCard,
    Price,
    TieredPrice,
    Usage,
    cost_of_answers,
    cost_parts,
    cost_usd,
)
from trimtab.records.otel import RawSpan
from trimtab.records.patch import SpanPatch
from trimtab.records.plan import Plan, PlanBudget, PlanRun, Step, StepRecord
from trimtab.records.principal import Principal
from trimtab.records.probe import Probe, ProbeLook
from trimtab.records.prompt import Partial, Prompt, PromptBundle, PromptEntry, Shot, Shots, Variable
from trimtab.records.record import Record
from trimtab.records.release import (
    Approval,
    ModelTarget,
    Release,
    Retrieval,
    Segment,
    Watch,
    Watched,
)
from trimtab.records.result import Result
from trimtab.records.route import Bandit, Route
from trimtab.records.run import AppliedScorer, Comparison, Estimate, Run, Verdict
from trimtab.records.score import Score, Target
from trimtab.records.span import Span
from trimtab.records.view import View

__all__ = [
    "AllOf",
    "Allowance",
    "AnyOf",
    "AppliedScorer",
    "Approval",
    "ApprovedModel",
    "AuditEntry",
    "Bandit",
    "CalibrationCard",
    "Comparison",
    "Condition",
    "Dataset",
    "Estimate",
    "Example",
    "Filter",
    "GuardPolicy",
    "GuardRule",
    "Message",
    "ModelCard",
    "ModelSlot",
    "ModelTarget",
    "Not",
    "Partial",
    "Passage",
    "Plan",
    "PlanBudget",
    "PlanRun",
    "Price",
    "Principal",
    "Probe",
    "ProbeLook",
    "Prompt",
    "PromptBundle",
    "PromptEntry",
    "RawSpan",
    "Record",
    "RecordRules",
    "Release",
    "Result",
    "Retrieval",
    "Route",
    "RouteGuards",
    "Run",
    "Score",
    "Segment",
    "Shot",
    "Shots",
    "Span",
    "SpanPatch",
    "Step",
    "StepRecord",
    "Target",
    "TieredPrice",
    "TokenLogprob",
    "ToolCall",
    "Usage",
    "Variable",
    "Verdict",
    "View",
    "VirtualKey",
    "Watch",
    "Watched",
    "cost_of_answers",
    "cost_parts",
    "cost_usd",
    "text_of",
]
