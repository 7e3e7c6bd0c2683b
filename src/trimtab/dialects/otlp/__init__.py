"""OTLP on the wire: exports of spans, logs and metrics, in protobuf and JSON, and the replies.

Bytes in, `RawSpan` and `SpanPatch` out, in slices of bounded size, so that a large export is never
in memory twice. A span that cannot be kept is left out and counted with the reason; only a body
that is no export at all is an error. Pure: no I/O, no state.
"""

from trimtab.dialects.otlp.logs import DecodedLogs, decode_logs, log_slices
from trimtab.dialects.otlp.metrics import count_metrics
from trimtab.dialects.otlp.outcome import Encoding, Rejections
from trimtab.dialects.otlp.replies import (
    MEDIA_TYPES,
    Signal,
    code,
    encoding_of,
    failure,
    said,
    success,
)
from trimtab.dialects.otlp.traces import Decoded, decode_traces, trace_slices

__all__ = [
    "MEDIA_TYPES",
    "Decoded",
    "DecodedLogs",
    "Encoding",
    "Rejections",
    "Signal",
    "code",
    "count_metrics",
    "decode_logs",
    "decode_traces",
    "encoding_of",
    "failure",
    "log_slices",
    "said",
    "success",
    "trace_slices",
]
