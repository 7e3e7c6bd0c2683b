"""How soon a page answers who goes to another: from the key or click to its frame on screen."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from looks import SIZE, STOPWATCH
from playwright.sync_api import Browser, Page
from sites import PAGES, Site
from trees import Tree

LINE_MS = 50
SPANS = ": its spans"  # data rather than a frame
SPANS_MS = (150, 1_500)  # of the small trace and of the large one
# The title of a page is in its frame, which is there before the page's data.
MOVES = """
for (const kind of ["keydown", "click"])
  addEventListener(kind, (event) => { window.benchActed = event.timeStamp; }, true);
window.benchTo = (title) => {
  const there = () => new RegExp(title).test(document.querySelector("main h1")?.textContent ?? "");
  window.benchMoved = benchWhen(there, 20_000).then((now) => now - benchActed);
};
window.benchToShow = (sign) => {
  window.benchShown = benchWhen(() => benchHas(sign)).then((now) => now - benchActed);
};
"""


class Move(NamedTuple):
    title: str
    key: str


MOVED = (
    Move("Traces", "t"),
    Move("Sessions", "s"),
    Move("Users", "u"),
    Move("Prompts", "p"),
    Move("Playground", "y"),
    Move("Datasets", "d"),
    Move("Experiments", "e"),
    Move("Scorers", "c"),
    Move("Gateway", "g"),
    Move("Guards", "a"),
    Move("Releases", "r"),
    Move("Plans", "l"),
    Move("Probes", "b"),
    Move("Audit", "h"),
    Move("Settings", ","),
    Move("Overview", "o"),
)


def table(site: Site, browser: Browser, rounds: int) -> Iterable[str]:
    yield "| to | by key, first time | again | by click, first time | again |"
    yield "|---|---|---|---|---|"
    figures: dict[str, dict[str, list[float]]] = {}
    for _ in range(rounds):
        for column, title, ms in moved(site, browser):
            figures.setdefault(title, {}).setdefault(column, []).append(ms)
    for title, columns in figures.items():
        cells = [cell(columns.get(name, []), line_ms(title, site)) for name in COLUMNS]
        yield f"| {title} | " + " | ".join(cells) + " |"
    yield ""
    yield f"Lines: {LINE_MS} ms to the frame, {SPANS_MS[0]} and {SPANS_MS[1]:,} ms to the spans."


COLUMNS = ("key first", "key again", "click first", "click again")


def line_ms(title: str, site: Site) -> int:
    if not title.endswith(SPANS):
        return LINE_MS
    return SPANS_MS[0] if title.startswith(sized(site.trees[0])) else SPANS_MS[1]


def sized(tree: Tree) -> str:
    return f"a trace of {tree.spans:,} spans"


def cell(times: list[float], line: int) -> str:
    if not times:
        return "–"
    middle = statistics.median(times)
    text = f"{middle:.0f} ms (at most {max(times):.0f})"
    return text if middle <= line else f"**{text}**"


def moved(site: Site, browser: Browser) -> Iterator[tuple[str, str, float]]:
    """Every page twice, by key in one browser and by click in another."""
    for how in ("key", "click"):
        context = browser.new_context(viewport=SIZE)
        context.add_init_script(STOPWATCH + MOVES)
        page = context.new_page()
        page.goto(f"{site.url}/overview")
        for when in ("first", "again"):
            for move in MOVED:
                yield f"{how} {when}", move.title, to(page, move, how)
            for title, ms in opened(site, page, how):
                yield f"{how} {when}", title, ms
            page.goto(f"{site.url}/overview")  # the first move is one to another page
        context.close()


def to(page: Page, move: Move, how: str) -> float:
    page.wait_for_load_state("networkidle")
    page.evaluate("(title) => benchTo(title)", f"^{move.title}")
    if how == "click":
        page.get_by_role("navigation").get_by_role("link", name=f"{move.title} g").click()
    else:
        page.keyboard.press("g")
        page.keyboard.press(move.key)
    return took(page)


def opened(site: Site, page: Page, how: str) -> Iterator[tuple[str, float]]:
    """Traces from the list, until their frame is there and until their spans are; and back."""
    for tree in site.trees:
        size = sized(tree)
        page.goto(f"{site.url}/traces?filter=name:{tree.name}")
        page.get_by_role("row").nth(1).wait_for()
        page.wait_for_load_state("networkidle")
        page.evaluate("benchTo('^(?!Traces).')")
        page.evaluate("(sign) => benchToShow(sign)", list(PAGES["trimtab"].step))
        if how == "click":
            page.get_by_role("row").nth(1).get_by_role("gridcell").nth(2).click()
        else:
            page.keyboard.press("Enter")
        yield f"{size}, from the list", took(page)
        yield f"{size}{SPANS}", float(page.evaluate("benchShown"))
        page.wait_for_load_state("networkidle")
        page.evaluate("benchTo('^Traces')")
        page.keyboard.press("u")
        yield f"the list, from {size}", took(page)


def took(page: Page) -> float:
    return float(page.evaluate("benchMoved"))
