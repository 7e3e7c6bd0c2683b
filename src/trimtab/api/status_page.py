"""GET /: a status page without JavaScript: what runs, what it recorded, what the gate said."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from trimtab.api.http import Endpoint, Request, Response
from trimtab.kit.clock import iso
from trimtab.ports import SpanQuery
from trimtab.version import __version__

_NS_PER_HOUR = 3_600_000_000_000


async def page(request: Request) -> Response:
    await request.app.tracing.flush()
    facts = await asyncio.to_thread(_facts, request)
    template, style = _template()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return Response(
        body=template.render(style=style, **facts).encode(),
        media_type="text/html; charset=utf-8",
        headers={"content-security-policy": policy, "cache-control": "no-store"},
    )


def _facts(request: Request) -> dict[str, Any]:
    app, project = request.app, request.project
    now_ns = app.clock.now_ns()
    return {
        "version": __version__,
        "project": project,
        "now": iso(now_ns),
        "overview": app.telemetry.overview(
            project, since_ns=now_ns - 24 * _NS_PER_HOUR, until_ns=now_ns + 1
        ),
        "traces": app.telemetry.traces(SpanQuery(project=project, limit=20)),
        "releases": app.metadata.releases.list(project)[:20],
        "runs": app.metadata.runs.list(project, limit=10),
        "datasets": app.metadata.datasets.list(project),
        "models": app.gateway.snapshot.names(project),
    }


@cache
def _template() -> tuple[Any, str]:
    """The compiled page and its style sheet, read once."""
    import jinja2

    folder = resources.files("trimtab.api") / "pages"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"iso": iso, "figure": figure, "percent": percent}
    source = (folder / "status.html").read_text(encoding="utf-8")
    style = (folder / "status.css").read_text(encoding="utf-8")
    return environment.from_string(source), style


def figure(value: float | None, unit: str = "") -> str:
    """A number with three significant digits and its unit.

    >>> figure(1234.5, " ms"), figure(0.01234), figure(None)
    ('1,230 ms', '0.0123', '–')
    """
    if value is None:
        return "–"
    number = float(f"{float(value):.3g}")
    text = f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:g}"
    return text + unit


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/",
        permission="status:read",
        handler=page,
        summary="The status page, for people",
    )
]
