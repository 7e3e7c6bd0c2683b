"""GET /status: a page without JavaScript: what runs, what it recorded, what the gate said."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

from trimtab.api.http import Endpoint, Request, Response
from trimtab.kit.clock import iso
from trimtab.measures.intervals import wilson
from trimtab.ports import SpanQuery
from trimtab.version import __version__

_NS_PER_HOUR = 3_600_000_000_000
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")


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
        "url": _url(request),
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
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, finalize=_visible
    )
    environment.filters |= {"iso": iso, "moment": moment, "figure": figure, "percent": percent}
    environment.globals |= {"interval": interval}
    source = (folder / "status.html").read_text(encoding="utf-8")
    style = (folder / "status.css").read_text(encoding="utf-8")
    return environment.from_string(source), style


def _visible(value: Any) -> Any:
    """Text with control characters spelt out: no NUL in the page, no text that runs backwards."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode()
        for char in value
    )


def _url(request: Request) -> str:
    """Where the browser that asks for the page reached this server."""
    host = request.headers.get("host", "")
    return f"http://{host}" if _HOST.fullmatch(host) else "http://127.0.0.1:8321"


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


def moment(text: str) -> str:
    """An RFC 3339 time to the second, without its zone.

    >>> moment("2026-11-21T10:49:39.940Z")
    '2026-11-21 10:49:39'
    """
    return text[:19].replace("T", " ")


def interval(passed: int, scored: int) -> str:
    """The Wilson interval of a rate, at 95 %.

    >>> interval(9, 10)
    '59.6 % to 98.2 %'
    """
    low, high = wilson(passed, scored)
    return f"{percent(low)} to {percent(high)}"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/status",
        permission="status:read",
        handler=page,
        summary="The status page, for people",
    )
]
