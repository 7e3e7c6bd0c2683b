"""What was recorded: traces, spans, scores, what they add up to, and how they go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trimtab.client.api import Api, api_path
from trimtab.kit import sse


class Traces(Api):
    """Traces, their spans and their scores."""

    def score(self, trace_id: str, name: str, **judgement: Any) -> dict[str, Any]:
        """Add a judgement of a trace: one of `value`, `label` or `passed`, and what explains it."""
        body = {"trace_id": trace_id, "name": name, **judgement}
        score: dict[str, Any] = self.post("/api/v1/scores", body)
        return score

    def traces(self, filter: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """The newest traces that a filter means; `limit`, `route`, `release`, `run` narrow them.

        `sort` brings those with most "cost", "duration", "tokens", "spans" or "errors" first.
        """
        return self._page("/api/v1/traces", {"filter": filter, **query})

    def spans(self, filter: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """The newest spans that a filter means, with payloads; narrowed like `traces`."""
        return self._page("/api/v1/spans", {"filter": filter, **query})

    def trace(self, trace_id: str, *, payloads: bool = True) -> dict[str, Any]:
        """One trace with its spans and scores; `payloads` False leaves out what was said."""
        query = None if payloads else {"payloads": "false"}
        trace: dict[str, Any] = self.get(api_path("traces", trace_id), query)
        return trace

    def span(self, trace_id: str, span_id: str) -> dict[str, Any]:
        """One span with its payloads."""
        span: dict[str, Any] = self.get(api_path("traces", trace_id, "spans", span_id))
        return span

    def groups(self, by: str, filter: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """What spans add up to by a field: `groups("model", "since:7d")`."""
        return self._page("/api/v1/metrics/groups", {"by": by, "filter": filter, **query})

    def series(self, filter: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """What spans add up to over time: `series("model:gpt-4o since:7d", step="1h")`."""
        return self._page("/api/v1/metrics/series", {"filter": filter, **query})

    def sql(self, text: str, *, max_rows: int = 1000) -> dict[str, Any]:
        """The answer to one SELECT over `spans` and `scores`: columns, types and rows."""
        table: dict[str, Any] = self.post("/api/v1/sql", {"sql": text, "max_rows": max_rows})
        return table

    def tail(self, filter: str | None = None, *, what: str = "traces") -> Iterator[sse.Event]:
        """Events as they happen, until the server stops: `name` says of what, `data` is JSON."""
        decoder = sse.Decoder()
        for chunk in self.stream("/api/v1/traces/tail", {"filter": filter, "what": what}):
            for event in decoder.feed(chunk):
                if event.data is not None:
                    yield event

    def export(self, filter: str | None = None, **query: Any) -> Iterator[bytes]:
        """A file of everything that a filter means, in pieces; `what` and `format` say of what."""
        return self.stream("/api/v1/export", {"filter": filter, **query})

    def erase(self, **named: Any) -> dict[str, Any]:
        """Erase for good by `trace_ids`, `sessions`, `users` or `before_ns`; `dry_run` counts."""
        report: dict[str, Any] = self.post("/api/v1/erase", named)
        return report
