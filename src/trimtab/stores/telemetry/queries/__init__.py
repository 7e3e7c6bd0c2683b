"""Every question asked of the telemetry schema, in one place: SQL text and its parameters."""

from trimtab.stores.telemetry.queries.composing import HOUR_NS, MAX_NS, Query, fill, matching
from trimtab.stores.telemetry.queries.figures import MAX_POINTS, counts, facet, groups, series
from trimtab.stores.telemetry.queries.periods import ROLLUP_SUMS, Period, projects
from trimtab.stores.telemetry.queries.scores import (
    newest_scores,
    score_summaries,
    scores_by_id,
    scores_from,
)
from trimtab.stores.telemetry.queries.spans import (
    SPAN,
    Places,
    before_next_call,
    everything_after,
    heads_of_trace,
    newest_seqs,
    one_span,
    route_scores,
    route_spans,
    span_count,
    spans_after,
    spans_by_seqs,
    spans_of_trace,
)
from trimtab.stores.telemetry.queries.traces import (
    ROOT_OR_FIRST,
    first_traces,
    roots,
    start_of_nth_newest,
    started_earlier,
    sums_of_traces,
)

__all__ = [
    "HOUR_NS",
    "MAX_NS",
    "MAX_POINTS",
    "ROLLUP_SUMS",
    "ROOT_OR_FIRST",
    "SPAN",
    "Period",
    "Places",
    "Query",
    "before_next_call",
    "counts",
    "everything_after",
    "facet",
    "fill",
    "first_traces",
    "groups",
    "heads_of_trace",
    "matching",
    "newest_scores",
    "newest_seqs",
    "one_span",
    "projects",
    "roots",
    "route_scores",
    "route_spans",
    "score_summaries",
    "scores_by_id",
    "scores_from",
    "series",
    "span_count",
    "spans_after",
    "spans_by_seqs",
    "spans_of_trace",
    "start_of_nth_newest",
    "started_earlier",
    "sums_of_traces",
]
