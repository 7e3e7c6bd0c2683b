"""What a page costs who looks: time to data on screen, scripts, elements and heap."""

from __future__ import annotations

import gzip
import json
import statistics
import urllib.request
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from playwright.sync_api import Browser, BrowserContext, CDPSession, Error
from sites import Look, Site

SIZE = {"width": 1440, "height": 900}
# A frame in which the sign is there has been painted when the task after it runs.
STOPWATCH = """
performance.setResourceTimingBufferSize(5000);
window.benchWhen = (there, longest_ms = 60_000) => new Promise((done, failed) => {
  const began = performance.now();
  const look = () => {
    if (there()) setTimeout(() => done(performance.now()));
    else if (performance.now() - began > longest_ms) failed(new Error("not there in a minute"));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
window.benchHas = ([selector, text, least]) => {
  let found = 0;
  for (const one of document.querySelectorAll(selector))
    if (one.textContent.includes(text) && ++found >= least) return true;
  return false;
};
"""
AWAIT = "window.benchSeen = benchWhen(() => benchHas(%s)); benchSeen.catch(() => {});"


HEAD = (
    "| system | page | first visit | again | main thread | scripts, gzip | on the wire |"
    " requests | elements | heap |\n" + "|---" * 10 + "|"
)


class Seen(NamedTuple):
    ms: float
    work_ms: float
    script_bytes: int
    wire_bytes: int
    requests: int
    elsewhere: int
    elements: int
    heap_bytes: float


class Goal(NamedTuple):
    """Lines a page is held to; None where there is none."""

    ms: int | None = None
    elements: int | None = None
    script_kb: int | None = None


def table(site: Site, browser: Browser, rounds: int, goals: dict[str, Goal]) -> Iterable[str]:
    """A row for each page of a site: the middle of the rounds, and the extremes of the first."""
    name = site.server.system.name
    for look in site.looks:
        try:
            yield row(
                name, look, *visits(site, browser, look, rounds), goals.get(look.kind, Goal())
            )
        except Error as error:
            why = error.message.splitlines()[0]
            yield f"| {name} | {look.page} | {why} |" + " – |" * 7


def visits(site: Site, browser: Browser, look: Look, rounds: int) -> tuple[list[Seen], list[Seen]]:
    """Each round is a browser that has nothing kept, and the same once more with its files kept."""
    first, again = [], []
    for _ in range(rounds):
        context = browser.new_context(viewport=SIZE)
        context.add_init_script(STOPWATCH + AWAIT % json.dumps(look.sign))
        first.append(seen(context, site.url + look.path))
        again.append(seen(context, site.url + look.path))
        context.close()
    return first, again


def seen(context: BrowserContext, url: str) -> Seen:
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(url, wait_until="commit")
    ms = page.evaluate("benchSeen")
    quiet(page)
    elements = page.evaluate("document.querySelectorAll('*').length")
    work_ms = 1000 * metric(devtools, "TaskDuration")
    devtools.send("HeapProfiler.collectGarbage")
    heap_bytes = metric(devtools, "JSHeapUsedSize")
    entries: list[dict[str, Any]] = page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".map(({ name, encodedBodySize }) => ({ name, encodedBodySize }))"
    )
    page.close()
    scripts = {name for entry in entries if (name := entry["name"].split("?")[0]).endswith("js")}
    return Seen(
        ms=ms,
        work_ms=work_ms,
        script_bytes=sum(script_bytes(name) for name in scripts),
        wire_bytes=sum(entry["encodedBodySize"] for entry in entries),
        requests=len(asked),
        elsewhere=sum(
            not each.startswith((url[: url.index("/", 8)], "data:", "blob:")) for each in asked
        ),
        elements=elements,
        heap_bytes=heap_bytes,
    )


def quiet(page: Any) -> None:
    """Scripts that a page asks for late are its own too; one that never rests is taken as it is."""
    try:
        page.wait_for_load_state("networkidle", timeout=10_000)
    except Error:
        return


def metric(devtools: CDPSession, name: str) -> float:
    """Durations are seconds of CPU time of the page's main thread."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == name))


@cache
def script_bytes(url: str) -> int:
    """As gzip has it, whether or not the server compresses."""
    request = urllib.request.Request(url, headers={"accept-encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        body = reply.read()
        return len(body if reply.headers["content-encoding"] == "gzip" else gzip.compress(body))


def row(name: str, look: Look, first: list[Seen], again: list[Seen], goal: Goal) -> str:
    one = first[0]
    times = sorted(each.ms for each in first)
    took = statistics.median(times)
    later = statistics.median(each.ms for each in again)
    cells = [
        held(took, f"{took:.0f} ms ({times[0]:.0f} to {times[-1]:.0f})", goal.ms),
        f"{later:.0f} ms",
        f"{statistics.median(each.work_ms for each in first):.0f} ms",
        held(one.script_bytes / 1000, f"{one.script_bytes / 1000:,.0f} kB", goal.script_kb),
        f"{one.wire_bytes / 1000:,.0f} kB",
        str(one.requests) + (f", {one.elsewhere} to elsewhere" if one.elsewhere else ""),
        held(one.elements, f"{one.elements:,}", goal.elements),
        f"{one.heap_bytes / 1e6:.0f} MB",
    ]
    return f"| {name} | {look.page} | " + " | ".join(cells) + " |"


def held(value: float, text: str, line: int | None) -> str:
    """A figure with the line it is held to; bold where it is over."""
    if line is None:
        return text
    return f"{text}, line {line:,}" if value <= line else f"**{text}**, line {line:,}"
