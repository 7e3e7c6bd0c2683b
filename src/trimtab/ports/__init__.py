"""Every seam of Trimtab, as a small Protocol. Adapters implement them; stations only know these.

Methods that touch disk or a database are blocking and are called from worker threads; methods on
the request path are async. Errors are those of `trimtab.errors`; an adapter translates foreign ones
at its boundary. Each port has a conformance suite in `trimtab.testing` that every adapter passes.
"""

from __future__ import annotations

from trimtab.ports.blobs import BlobStore
from trimtab.ports.clock import Clock
from trimtab.ports.metadata import (
    CursorStore,
    DatasetStore,
    MetadataStore,
    PromptStore,
    ReleaseStore,
    RunStore,
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
    ScoreQuery,
    ScoreSummary,
    Sequenced,
    ShortFile,
    SpanHead,
    SpanQuery,
    Table,
    TelemetryStore,
    TraceSummary,
    Written,
)
from trimtab.ports.traffic import Grant, Limiter, Recorder

__all__ = [
    "BlobStore",
    "Call",
    "Clock",
    "Compacted",
    "Cost",
    "CursorStore",
    "DatasetStore",
    "Erased",
    "Erasure",
    "FacetValue",
    "Grant",
    "Group",
    "GroupField",
    "HourBucket",
    "Limiter",
    "MetadataStore",
    "Overview",
    "Point",
    "PromptStore",
    "Provider",
    "Recorder",
    "ReleaseStore",
    "Reply",
    "Response",
    "Retriever",
    "Retrievers",
    "RunStore",
    "ScoreQuery",
    "ScoreSummary",
    "Scorer",
    "Sequenced",
    "ShortFile",
    "SpanHead",
    "SpanQuery",
    "Subject",
    "Table",
    "Task",
    "TelemetryStore",
    "Template",
    "TraceSummary",
    "Written",
]
