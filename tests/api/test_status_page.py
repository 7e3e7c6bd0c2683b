"""GET /status: a page for people that runs no script, whatever people put into it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import publish
from tests.serving import Reply, Served, configured, served

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</style><style>*{display:none}</style>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; ' \" ` \0 \u202e 日本 🙂",
]
VOID = {"meta", "link", "img", "br", "hr", "input", "wbr"}


class Page(HTMLParser):
    """What a browser would see: elements with attributes, and texts; all of them closed."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.style = ""
        self.feed(reply.body.decode())
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.style += data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page(server: Served) -> tuple[Reply, Page]:
    reply = server.ask("GET", "/status")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return reply, Page(reply)


def assert_runs_nothing(reply: Reply, found: Page) -> None:
    """No script, no handler, nothing loaded, and a policy that would forbid each of them."""
    names = {tag for tag, _ in found.elements}
    assert not names & {"script", "img", "iframe", "object", "embed", "form", "base", "link"}
    for _, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        link = attributes.get("href") or ""
        assert not re.match(r"\s*(javascript|data|https?):", link, re.IGNORECASE), link
    policy = dict(
        directive.strip().partition(" ")[::2]
        for directive in reply.headers["content-security-policy"].split(";")
    )
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == f"'sha256-{digest}'", "the one style sheet is the one allowed"
    assert "script-src" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["x-frame-options"] == "DENY"


def test_an_empty_store_has_a_page_that_says_how_to_begin(tmp_path: Path) -> None:
    with served(configured(tmp_path / "data")) as server:
        reply, found = page(server)
    assert_runs_nothing(reply, found)
    assert "Nothing yet" in found.text
    assert "No release yet" in found.text
    assert "trimtab/extract" in found.text


def test_the_first_call_it_suggests_goes_to_the_server_that_shows_it(tmp_path: Path) -> None:
    with served(configured(tmp_path / "data")) as server:
        _, found = page(server)
        assert f"{server.url}/v1/chat/completions" in found.text


@pytest.fixture(scope="module")
def hostile(widgets: Served) -> Served:
    """Hostile text in every place that the page shows text from."""
    for index, text in enumerate(HOSTILE):
        parameters = {"abstain_below": (index + 1) / 100}
        publish(widgets, note=text, parameters=parameters)
        trace_id = widgets.client.chat("widgets", text)["trace_id"]
        name = re.sub(r"[^a-z]", "", text.lower()) + "x"
        widgets.client.score(trace_id, name, passed=False, reason=text)
        rows = [{"example_id": "1", "input": text}]
        dataset = {"name": f"rows {index} <i>", "examples": rows, "note": text}
        widgets.client.post("/api/v1/datasets", dataset)
        run = {"release": "widgets@1", "dataset": dataset["name"], "name": text}
        *_, finished = widgets.client.watch(widgets.client.post("/api/v1/runs", run)["run_id"])
        assert finished["status"] == "done"
    return widgets


def test_hostile_text_is_shown_and_never_becomes_markup(hostile: Served) -> None:
    reply, found = page(hostile)
    assert_runs_nothing(reply, found)
    shown = "".join(found.text.split())
    for text in HOSTILE:
        spelt_out = text.replace("\0", "\\x00").replace("\u202e", "\\u202e")
        visible = "".join(spelt_out.split())
        assert shown.count(visible) >= 4, f"{text!r}: a note, a dataset, a run and a call"
    assert {tag for tag, _ in found.elements} == {tag for tag, _ in page(hostile)[1].elements}


def test_a_hostile_project_name_is_only_text(hostile: Served) -> None:
    reply = hostile.ask(
        "GET", "/status", headers={"x-trimtab-project": "<script>alert(1)</script>"}
    )
    if reply.status == 200:
        assert_runs_nothing(reply, Page(reply))
    else:
        assert reply.status == 400, "or it is refused"


def test_a_full_store_shows_each_section_with_its_figures(widgets: Served, hostile: Served) -> None:
    _, found = page(hostile)
    headings = [tag for tag, _ in found.elements if tag in ("h1", "h2")]
    assert len(headings) == 7
    for words in ("Last 24 hours", "Scores", "Releases", "Runs", "Datasets", "Newest traces"):
        assert words in found.text
    calls = widgets.client.get("/api/v1/metrics/overview")["calls"]
    assert f"model calls {calls} " in found.text


def test_every_link_of_the_page_answers(hostile: Served) -> None:
    links = {
        attributes["href"] for _, attributes in page(hostile)[1].elements if "href" in attributes
    }
    assert len(links) > 5
    for link in links:
        assert hostile.ask("GET", f"/{link}").status == 200, link


def test_the_page_shows_the_newest_of_many_and_stays_small(widgets: Served) -> None:
    for n in range(30):
        widgets.client.chat("trimtab/extract", f"{n} " + "long " * 5_000)
    reply, found = page(widgets)
    rows = sum(
        1 for tag, about in found.elements if (about.get("href") or "").startswith("api/v1/traces/")
    )
    assert rows == 20
    assert len(reply.body) < 200_000


def test_headings_and_tables_can_be_read_aloud(hostile: Served) -> None:
    _, found = page(hostile)
    about: list[tuple[str, dict[str, Any]]] = list(found.elements)
    assert ("html", {"lang": "en"}) in about
    sections = [attributes for tag, attributes in about if tag == "section"]
    assert all(attributes.get("aria-label") for attributes in sections)
    tables = sum(tag == "table" for tag, _ in about)
    assert tables == sum(tag == "thead" for tag, _ in about)
