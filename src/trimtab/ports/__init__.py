"""Every seam of Trimtab, as a small Protocol. Adapters implement them; stations only know these.

Methods that touch disk or a database are blocking and are called from worker threads; methods on
the request path are async. Errors are those of `trimtab.errors`; an adapter translates foreign ones
at its boundary. Each port has a conformance suite in `trimtab.testing` that every adapter passes.
"""

from __future__ import annotations

from trimtab.ports.access import (
    AllowanceStore,
    ApprovedModelStore,
    GuardPolicyStore,
    KeyStore,
    RouteStore,
    Spend,
    SpendKey,
    SpendStore,
    StoredPolicy,
    StoredRoute,
)
from trimtab.ports.answering import (
    LearntShares,
    PlanStore,
    ProbeStore,
    PromptStore,
    ReleaseStore,
    ShareStore,
)
from trimtab.ports.blobs import BlobStore
from trimtab.ports.clock import Clock
from trimtab.ports.embedding import Embedder
from trimtab.ports.guarding import Edit, Guard, GuardSubject, GuardText, Opinion, Place, Ruling
from trimtab.ports.judging import Chat, ChatReply, Judge, JudgeAnswer, Question
from trimtab.ports.metadata import (
    CardStore,
    CursorStore,
    DatasetStore,
    MetadataStore,
    RunStore,
    ViewStore,
)
from trimtab.ports.models import Call, Provider, Reply, Template
from trimtab.ports.retrieval import Retriever, Retrievers
from trimtab.ports.scoring import Response, Scorer, Subject, Task
from trimtab.ports.telemetry import (
    Compacted,
    Cost,
    Erased,
    Erasure,
    FacetValue,
    Group,
    GroupField,
    HourBucket,
    Overview,
    Point,
    ProjectTraffic,
    RouteScore,
    RouteSpan,
    ScoreQuery,
    ScoreSummary,
    Sequenced,
    ShortFile,
    SpanHead,
    SpanQuery,
    Table,
    TelemetryStore,
    TraceSort,
    TraceSummary,
    Written,
)
from trimtab.ports.traffic import Grant, Limiter, Quota, Recorder
from trimtab.ports.upstream import Upstream, UpstreamResponse

__all__ = [
    "AllowanceStore",
    "ApprovedModelStore",
    "BlobStore",
    "Call",
    "CardStore",
    "Chat",
    "ChatReply",
    "Clock",
    "Compacted",
    "Cost",
    "CursorStore",
    "DatasetStore",
    "Edit",
    "Embedder",
    "Erased",
    "Erasure",
    "FacetValue",
    "Grant",
    "Group",
    "GroupField",
    "Guard",
    "GuardPolicyStore",
    "GuardSubject",
    "GuardText",
    "HourBucket",
    "Judge",
    "JudgeAnswer",
    "KeyStore",
    "LearntShares",
    "Limiter",
    "MetadataStore",
    "Opinion",
    "Overview",
    "Place",
    "PlanStore",
    "Point",
    "ProbeStore",
    "ProjectTraffic",
    "PromptStore",
    "Provider",
    "Question",
    "Quota",
    "Recorder",
    "ReleaseStore",
    "Reply",
    "Response",
    "Retriever",
    "Retrievers",
    "RouteScore",
    "RouteSpan",
    "RouteStore",
    "Ruling",
    "RunStore",
    "ScoreQuery",
    "ScoreSummary",
    "Scorer",
    "Sequenced",
    "ShareStore",
    "ShortFile",
    "SpanHead",
    "SpanQuery",
    "Spend",
    "SpendKey",
    "SpendStore",
    "StoredPolicy",
    "StoredRoute",
    "Subject",
    "Table",
    "Task",
    "TelemetryStore",
    "Template",
    "TraceSort",
    "TraceSummary",
    "Upstream",
    "UpstreamResponse",
    "ViewStore",
    "Written",
]
