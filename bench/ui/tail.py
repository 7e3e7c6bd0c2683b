"""The live tail: how the list of traces keeps up, and stays smooth, while spans stream in."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable
from dataclasses import replace

import otlp
from load import RESOURCE, Load
from looks import SIZE, metric
from playwright.sync_api import Browser
from server import Connection, Server
from sites import Site
from turns import CHAIN, Clock, documents_span

REQUEST = 10
WARM_S = 3
JANK_MS = 50
# The newest row is read once a frame; what is read has been painted a task later.
WATCH = """
(jank_ms) => {
  const bench = window.bench = { seen: [], gaps: [], tasks: [], elements: [], frames: 0 };
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) bench.tasks.push(one.duration);
  }).observe({ type: "longtask" });
  let last = performance.now();
  let newest = "";
  const look = (now) => {
    bench.frames += 1;
    if (now - last > jank_ms) bench.gaps.push(now - last);
    if (Math.floor(now / 1000) > Math.floor(last / 1000))
      bench.elements.push(document.querySelectorAll("*").length);
    last = now;
    const name = document.querySelector("[role=grid]")?.textContent.match(/live (\\d+)/)?.[1];
    if (name && name !== newest) {
      newest = name;
      setTimeout(() => bench.seen.push([+name, performance.timeOrigin + performance.now()]));
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""


def table(site: Site, browser: Browser, *, rate: int, seconds: int) -> Iterable[str]:
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.goto(f"{site.url}/traces?live=1")
    page.get_by_text("following").wait_for()
    page.wait_for_timeout(WARM_S * 1000)
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.evaluate(WATCH, JANK_MS)
    worked_s = metric(devtools, "TaskDuration")
    sender = Streaming(site.server, rate, seconds)
    sender.start()
    page.wait_for_timeout((seconds + 1) * 1000)
    sender.join()
    worked_s = metric(devtools, "TaskDuration") - worked_s
    bench = page.evaluate("bench")
    missed = page.get_by_text("passed over").count()
    context.close()
    lags = [(at - sender.sent_ms[n]) for n, at in bench["seen"] if n in sender.sent_ms]
    rows = {
        "spans sent": f"{len(sender.sent_ms):,} in {sender.took_s:.1f} s",
        "newest row on screen": f"{max((n for n, _ in bench['seen']), default=0) + 1:,}",
        "spans passed over": "some" if missed else "none",
        "ingest to row on screen, p50": ms(lags, 0.5),
        "ingest to row on screen, p99": ms(lags, 0.99),
        "times the list changed": f"{len(bench['seen']):,}",
        "frames": f"{bench['frames']:,}",
        f"gaps of more than {JANK_MS} ms between frames": times(bench["gaps"]),
        "work of the page's main thread": f"{worked_s / sender.took_s:.0%} of the time",
        "long tasks": times(bench["tasks"]),
        "elements, at the end and at most": f"{bench['elements'][-1]}, {max(bench['elements'])}",
    }
    yield "| live tail | |"
    yield "|---|---|"
    for name, value in rows.items():
        yield f"| {name} | {value} |"


class Streaming(threading.Thread):
    """Spans at a rate, each a trace of its own, and when the request of each was begun."""

    def __init__(self, server: Server, rate: int, seconds: int) -> None:
        super().__init__(daemon=True)
        self.server, self.rate, self.spans = server, rate, rate * seconds
        self.load, self.rng = Load(self.spans), random.Random(7)
        self.sent_ms: dict[int, float] = {}
        self.took_s = 0.0

    def run(self) -> None:
        connection, began = Connection(self.server), time.perf_counter()
        for first in range(0, self.spans, REQUEST):
            time.sleep(max(0.0, began + first / self.rate - time.perf_counter()))
            numbers = range(first, first + REQUEST)
            body = otlp.request(RESOURCE, {CHAIN: [self.span(n) for n in numbers]})
            self.sent_ms |= dict.fromkeys(numbers, time.time() * 1000)
            status = connection.export(body, compressed=False)
            if status != 200:
                raise SystemExit(f"live tail: the server answers with {status}")
        self.took_s = time.perf_counter() - began

    def span(self, n: int) -> otlp.Span:
        turn = replace(self.load.turn(self.rng, n), trace_id=self.rng.randbytes(16))
        made = documents_span(turn, Clock(time.time_ns(), self.rng), f"live {n}")
        return replace(made, parent_id=b"")


def ms(values: list[float], share: float) -> str:
    ordered = sorted(values)
    return f"{ordered[int(share * (len(ordered) - 1))]:.0f} ms" if ordered else "–"


def times(values: list[float]) -> str:
    return f"{len(values)}, {max(values):.0f} ms at most" if values else "none"
