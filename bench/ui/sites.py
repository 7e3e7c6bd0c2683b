"""The web UIs that are looked at: servers with the same spans, and where their pages are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import exchange
from exchange import Sender
from footprint import free_port
from load import TRACE_SPANS, Load
from server import Server
from systems import SYSTEMS
from trees import Tree


class Sign(NamedTuple):
    """What is in the page when its data is: so many elements that hold a text."""

    selector: str
    text: str = ""
    least: int = 1


class Look(NamedTuple):
    """A page; `kind` is what its line goes by."""

    kind: str
    page: str
    path: str
    sign: Sign


class Pages(NamedTuple):
    """Addresses of a web UI; `trace` has the id filled in. And the signs of their data."""

    traces: str
    rows: Sign
    trace: str
    step: Sign
    overview: tuple[str, Sign] | None = None


PAGES = {
    "trimtab": Pages(
        traces="/traces",
        rows=Sign("[role=grid] [role=row]", "support-agent", least=10),
        trace="/traces/{}",
        step=Sign("[role=treeitem]", "step 4"),
        overview=("/overview", Sign(".overview-tile svg, .overview-tile canvas")),
    ),
    "phoenix": Pages(
        traces="/projects/UHJvamVjdDox/traces",
        rows=Sign("tbody tr", "support-agent", least=10),
        trace="/projects/UHJvamVjdDox/traces/{}",
        step=Sign("[role=button]", "step 4"),
    ),
    "mlflow": Pages(
        traces="/#/experiments/0/traces",
        rows=Sign("[role=row]", "ago", least=10),
        trace="/#/experiments/0/traces?selectedEvaluationId=tr-{}",
        step=Sign("span", "step 4"),
    ),
}
SMALL_SPANS = 50


@dataclass(frozen=True)
class Site:
    """A running server of a system with `traces` traces, and a small and a large one."""

    server: Server
    traces: int
    trees: tuple[Tree, ...]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def looks(self) -> list[Look]:
        pages, many = PAGES[self.server.system.name], f"{self.traces:,} traces"
        found = [Look("traces", many, pages.traces, pages.rows)]
        if pages.overview:
            found.append(Look("overview", f"overview of {many}", *pages.overview))
        for kind, tree in zip(("small", "large"), self.trees, strict=False):
            path = pages.trace.format(tree.trace_id)
            found.append(Look(kind, f"a trace of {tree.spans:,} spans", path, pages.step))
        return found


@contextmanager
def filled(name: str, folder: Path, *, traces: int, fed: int, large: int) -> Iterator[Site]:
    """A server that was fed so many traces, copied up to some `traces`, and fed one or two more."""
    load = Load(fed * TRACE_SPANS)
    times = max(round(traces / fed), 1)
    server = Server(SYSTEMS[name], folder, free_port())
    try:
        feed(server, exchange.bodies(load), load.requests * load.per_request)
        if times > 1:
            server.stop()
            server.system.copy(folder, times)
            server = Server(SYSTEMS[name], folder, free_port())
        trees = (Tree("bench-small", SMALL_SPANS),)
        if large:
            trees += (Tree("bench-large", large),)
        for tree in trees:
            feed(server, tree.requests(), tree.spans)
        yield Site(server, fed * times, trees)
    finally:
        server.stop()


def feed(server: Server, requests: Iterator[bytes], spans: int) -> None:
    expected = server.system.count(server) + spans
    sent = Sender(server=server, per_request=0, connections=1).send(requests)
    found, _ = exchange.wait_queryable(server, expected)
    if sent.refused or found < expected:
        raise SystemExit(f"{server.system.name} holds {found} of {expected}: {sent.refused[:5]}")
