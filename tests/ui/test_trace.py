"""One trace: its tree and its spans, by mouse and by keys alone; scores, code, comparison."""

from __future__ import annotations

import ast
import gzip
import json
import re
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.serving import Served
from tests.ui import records
from tests.ui.axe import violations
from tests.ui.conftest import opened
from tests.waiting import until

ASKED = records.identifier("t", 0, 32)
FAILED = records.identifier("t", 7, 32)
HOSTILE = records.identifier("hostile", 0, 32)
WATCHED = records.identifier("watched", 0, 32)
LARGE = records.identifier("large", 0, 32)
DEEP = records.identifier("deep", 0, 32)
LEVELS = 20
LONG_MODEL = "m" * 200
TRACEBACK = "\n".join(
    [
        "Traceback (most recent call last):",
        *(f"  frame {n}" for n in range(50)),
        "PaymentError: payments answered with 503",
    ]
)
LARGE_SPANS = 3_000
BYTES_OF_A_SPAN = 40


@pytest.fixture(scope="module", autouse=True)
def _more(site: Served) -> None:
    now_ns = time.time_ns()
    bundle = {"route": "shop", "targets": [{"model": "trimtab/extract"}]}
    release = site.client.post("/api/v1/releases", bundle)["release_id"]
    records.send(site, [*watched(now_ns), *large(now_ns), *deep(now_ns, str(release))])
    for name, value in (("cost", 0), ("latency", 1_530)):
        site.client.post("/api/v1/scores", {"name": name, "value": value, "trace_id": DEEP})
    found = [{"at": "user/0/text/0", "start": 2, "end": 5, "kind": "name"}]
    score = {"name": "guard.pii", "passed": False, "source": "code", "trace_id": WATCHED}
    span = records.identifier("watched", 0, 16)
    metadata = {"stage": "input", "mode": "shadow", "would": "flag", "findings": found}
    site.client.post("/api/v1/scores", {**score, "span_id": span, "metadata": metadata})


def watched(now_ns: int) -> Iterator[dict[str, object]]:
    """A call with a picture, in whose words a guard found something."""
    url = "data:image/png;base64," + "A" * 4_000
    picture = {"type": "image_url", "image_url": {"url": url}}
    words = {"type": "text", "text": "🙂 Ann asks"}
    yield {
        **records.hostile(now_ns)[0],
        "trace_id": WATCHED,
        "span_id": records.identifier("watched", 0, 16),
        "name": "watched",
        "input": [{"role": "user", "content": [words, picture]}],
        "output": [{"role": "assistant", "content": "Yes."}],
    }


def large(now_ns: int) -> Iterator[dict[str, object]]:
    """A trace of thousands of spans, the last of which failed."""
    for n in range(LARGE_SPANS):
        failed = {"status": "error", "error": "gave up"} if n == LARGE_SPANS - 1 else {}
        yield {
            **records.hostile(now_ns + n * records.MS)[0],
            "trace_id": LARGE,
            "span_id": records.identifier("large", n, 16),
            "parent_id": records.identifier("large", (n - 1) // 3, 16) if n else None,
            "name": f"step {n}",
            "kind": "agent" if n == 0 else "tool",
            "input": {"n": n},
            "output": None,
            **failed,
        }


def deep(now_ns: int, release: str) -> Iterator[dict[str, object]]:
    """Spans one below the other; the model of the first has a long name, its tool failed."""
    for n in range(LEVELS):
        yield {
            **records.hostile(now_ns)[0],
            "trace_id": DEEP,
            "span_id": records.identifier("deep", n, 16),
            "parent_id": records.identifier("deep", n - 1, 16) if n else None,
            "name": "asks" if n == 0 else "pay" if n == 1 else f"level {n}",
            "kind": "tool" if n == 1 else "llm",
            "model": LONG_MODEL if n == 0 else None,
            "release": release if n == 0 else None,
            "start_ns": now_ns + n * records.MS,
            "end_ns": now_ns + (128 - n) * records.MS,
            "input": [{"role": "user", "content": "Pay."}],
            "output": [{"role": "assistant", "tool_calls": [CALL]}] if n == 0 else None,
            **({"status": "error", "error": TRACEBACK} if n == 1 else {}),
        }


CALL = {"id": "c1", "name": "pay", "arguments": "{}"}


def spans(page: Page) -> Locator:
    return page.get_by_role("treeitem")


def pane(page: Page) -> Locator:
    return page.get_by_role("region", name="The chosen span")


def test_a_trace_shows_its_figures_and_its_spans_in_order(page: Page) -> None:
    page.goto(f"/traces/{ASKED}")
    expect(page.get_by_role("heading", level=1)).to_have_text("ask")
    expect(spans(page)).to_have_count(5)
    names = [one.inner_text().split("\n") for one in spans(page).all()]
    assert [next(word for word in name if word in ORDER) for name in names] == ORDER
    facts = page.locator(".trace-facts")
    for text in ("1,136", "800 input", "200 from the cache", "16 reasoning", "$0.000217"):
        expect(facts).to_contain_text(text)
    expect(facts.get_by_role("link", name="user-0")).to_have_attribute("href", "/users/user-0")
    expect(facts).to_contain_text("helpful ✕ fail")
    expect(page.locator(".trace-legend")).to_contain_text("critical path, 5 spans")


ORDER = ["ask", "search", "plan", "lookup", "answer"]


def test_a_call_of_a_tool_stands_beside_its_result(page: Page) -> None:
    page.goto(f"/traces/{ASKED}")
    spans(page).filter(has_text="plan").click()
    expect(page).to_have_url(re.compile("span="))
    call = pane(page).locator(".trace-call")
    expect(call).to_contain_text('"colour": "green"')
    expect(call).to_contain_text('"hours": 4')
    expect(pane(page)).to_contain_text("from the cache")
    expect(pane(page)).to_contain_text("<$0.00001")
    call.get_by_role("button", name="Open the span").click()
    expect(pane(page).get_by_role("heading", level=2)).to_have_text("lookup")
    expect(page).to_have_url(re.compile(records.identifier("0lookup", 0, 16)))
    page.goto(page.url)  # a link shows what its sender saw
    expect(pane(page).get_by_role("heading", level=2)).to_have_text("lookup")


def test_a_tool_that_failed_and_its_error_are_told_apart_from_an_answer(page: Page) -> None:
    page.goto(f"/traces/{DEEP}")
    call = pane(page).locator(".trace-call")
    expect(call).to_contain_text("✕ failed")
    expect(call).not_to_contain_text("came back")
    failure = call.get_by_role("note", name="Error")
    expect(failure.locator("strong")).to_have_text("PaymentError: payments answered with 503")
    expect(call.get_by_role("button", name="Open the span")).to_have_css(
        "text-decoration-line", "underline"
    )
    call.get_by_role("button", name="Open the span").click()
    error = pane(page).get_by_role("note", name="Error")
    expect(error.locator("strong")).to_have_text("PaymentError: payments answered with 503")
    expect(error).to_contain_text("frame 3")
    expect(error).not_to_contain_text("frame 9")
    expect(pane(page).get_by_role("heading", name="Input")).to_be_in_viewport()
    error.get_by_role("button", name="Show all").click()
    expect(error).to_contain_text("frame 49")


def test_a_trace_names_its_release_and_its_figures_have_units(page: Page) -> None:
    page.goto(f"/traces/{DEEP}")
    release = page.locator(".trace-facts").get_by_role("link", name="shop@1")
    expect(release).to_have_attribute("href", "/releases/shop?release=1")
    scores = pane(page).get_by_role("listitem").filter(has_text="user · local")
    expect(scores.filter(has_text="cost")).to_contain_text("$0")
    expect(scores.filter(has_text="latency")).to_contain_text("1.53 s")


@pytest.mark.parametrize("width", [1440, 1280, 1024])
def test_times_names_and_bars_have_their_room(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for trace, least in ((DEEP, 2), (ASKED, 2), (LARGE, 2), (HOSTILE, 2)):
        page.goto(f"/traces/{trace}")
        times = page.locator(".trace-times > span")
        expect(times.nth(least - 1)).to_be_visible()
        boxes = [box for one in times.all() if (box := one.bounding_box())]
        ruler = page.locator(".trace-times").bounding_box()
        assert ruler is not None
        for box, after in pairwise(boxes):
            assert box["x"] + box["width"] < after["x"], times.all_inner_texts()
        last = boxes[-1]
        assert last["x"] + last["width"] <= ruler["x"] + ruler["width"] + 1
    page.goto(f"/traces/{DEEP}")
    row = spans(page).filter(has_text="level 19")
    name = row.locator(".trace-name > .cut")
    assert name.evaluate("it => it.scrollWidth <= it.clientWidth"), "the name is cut"
    if width == 1440:
        bar = row.locator(".trace-bar").bounding_box()
        assert bar is not None
        assert bar["width"] >= 200
        expect(page.locator(".trace-ruler .trace-tokens")).to_be_visible()


def test_a_long_name_of_a_model_is_cut_in_the_pane(page: Page) -> None:
    page.goto(f"/traces/{DEEP}")
    model = pane(page).locator(".trace-took-line > .cut").first
    expect(model).to_contain_text(LONG_MODEL)
    room, box = pane(page).bounding_box(), model.bounding_box()
    assert room is not None
    assert box is not None
    assert box["x"] + box["width"] <= room["x"] + room["width"]
    assert (
        model.evaluate("it => it.scrollWidth > it.clientWidth && getComputedStyle(it).textOverflow")
        == "ellipsis"
    )
    assert pane(page).locator(".trace-pane-body").evaluate("it => it.scrollWidth <= it.clientWidth")


def test_the_traces_of_a_list_are_read_one_after_another(page: Page) -> None:
    page.goto(f"/traces/{ASKED}")
    expect(spans(page).first).to_be_visible()
    expect(page.get_by_role("button", name="Next trace")).to_have_count(0)  # it came from no list
    page.goto("/traces?filter=name:ask")
    links = page.get_by_role("grid").locator('a[href^="/traces/"]')
    expect(links.nth(2)).to_be_visible()
    first, second, third = (links.nth(n).get_attribute("href") or "?" for n in range(3))
    links.nth(1).click()
    place = page.locator(".trace-beside-list")
    expect(place).to_contain_text(re.compile(r"2 of \d+"))
    page.get_by_role("button", name="Next trace").click()
    expect(page).to_have_url(re.compile(third))
    expect(place).to_contain_text("3 of")
    expect(spans(page).first).to_be_visible()
    page.keyboard.press("j")  # the next trace begins with its own first span
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile(f"{second}$"))
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile(first))
    expect(page.get_by_role("button", name="Trace before")).to_have_attribute(
        "aria-disabled", "true"
    )
    page.keyboard.press("p")  # there is none before it
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile(second))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next trace of the list")
    page.keyboard.press("Escape")
    page.go_back()
    expect(page).to_have_url(re.compile(r"/traces\?filter="))


def test_renderings_are_chosen_and_remembered(page: Page) -> None:
    page.goto(f"/traces/{ASKED}")
    spans(page).filter(has_text="plan").click()
    page.get_by_role("tab", name="Text").click()
    expect(pane(page)).to_contain_text("system:\nYou answer about paint.", use_inner_text=True)
    page.keyboard.press("v")
    expect(page.get_by_role("tab", name="JSON")).to_have_attribute("aria-selected", "true")
    expect(pane(page).locator(".json").first).to_contain_text("role: ")
    page.goto(f"/traces/{FAILED}")
    expect(page.get_by_role("tab", name="JSON")).to_have_attribute("aria-selected", "true")


def test_a_trace_is_walked_by_keys_alone(page: Page) -> None:
    page.goto(f"/traces/{FAILED}")
    heading = pane(page).get_by_role("heading", level=2)
    expect(heading).to_have_text("ask")
    for key, name in [
        ("j", "search"),
        ("]", "plan"),
        ("[", "search"),
        ("e", "answer"),
        ("k", "lookup"),
        ("h", "ask"),
        ("l", "search"),
        ("h", "ask"),
    ]:
        page.keyboard.press(key)
        expect(heading).to_have_text(name)
    page.keyboard.press("h")  # closes the branch
    expect(spans(page)).to_have_count(1)
    page.keyboard.press("e")  # opens it for what it looks for
    expect(spans(page)).to_have_count(5)
    expect(pane(page)).to_contain_text("the provider answered with 500")
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Whole trace")).to_be_visible()
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Whole trace")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next error")


def test_the_tree_is_searched(page: Page) -> None:
    page.goto(f"/traces/{LARGE}")
    expect(spans(page).first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("step 2999")
    expect(page.get_by_text("1 found")).to_be_visible()
    page.keyboard.press("Enter")
    expect(pane(page).get_by_role("heading", level=2)).to_have_text("step 2999")
    page.keyboard.press("Escape")
    chosen = page.get_by_role("treeitem", selected=True)
    expect(chosen).to_contain_text("step 2999")
    expect(chosen).to_be_in_viewport()
    expect(pane(page)).to_contain_text("gave up")


def test_many_spans_are_few_bytes_and_few_elements(site: Served, page: Page) -> None:
    page.goto(f"/traces/{LARGE}")
    expect(page.locator(".trace-facts")).to_contain_text("3,000")
    assert page.evaluate("document.querySelectorAll('*').length") < 1_500
    reply = site.ask("GET", f"/api/v1/traces/{LARGE}/tree", headers={"accept-encoding": "gzip"})
    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.body) < LARGE_SPANS * BYTES_OF_A_SPAN
    told = json.loads(gzip.decompress(reply.body))["columns"]
    assert len(told["span_ids"]) == LARGE_SPANS


def test_an_annotation_is_stored_undone_and_withdrawn(site: Served, page: Page) -> None:
    def judged() -> list[tuple[object, ...]]:
        scores = site.ask("GET", f"/api/v1/scores?trace_id={FAILED}&name=polite").json["data"]
        return [(one["status"], one["passed"], one["source"], one["reason"]) for one in scores]

    page.goto(f"/traces/{FAILED}")
    expect(pane(page)).to_contain_text("ask")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.get_by_label("Score", exact=True)).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("polite")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.type("says please")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # on Pass
    row = pane(page).get_by_role("listitem").filter(has_text="polite")
    expect(row).to_contain_text("✓ pass")
    until(lambda: judged() == [("scored", True, "human", "says please")])
    page.get_by_role("button", name="Undo").click()
    expect(row).to_have_count(0)
    until(lambda: [one[0] for one in judged()] == ["unscored"])

    page.get_by_role("button", name="Annotate the span").click()
    page.get_by_label("Value").fill("0.25")
    page.get_by_role("button", name="Store").click()
    row = pane(page).get_by_role("listitem").filter(has_text="polite")
    expect(row).to_contain_text("0.25")
    row.get_by_role("button", name="Withdraw").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").last.click()
    expect(row).to_contain_text("0.25")


def test_findings_of_guards_stand_out_and_pictures_are_not_fetched(page: Page) -> None:
    page.goto(f"/traces/{WATCHED}")
    mark = pane(page).locator("mark")
    expect(mark).to_have_text("Annpii: name")
    expect(pane(page)).to_contain_text("would flag")
    expect(pane(page)).to_contain_text("image/png")
    expect(pane(page)).to_contain_text("3,000 B")
    assert page.locator("main img").count() == 0


def test_hostile_text_is_only_text(page: Page) -> None:
    page.goto(f"/traces/{HOSTILE}")
    expect(pane(page)).to_contain_text("<script>alert(2)</script> ⟨202E⟩gnp.exe")
    expect(pane(page).get_by_text("5 M characters")).to_be_visible()
    for rendering in ("Text", "JSON"):
        page.get_by_role("tab", name=rendering).click()
        expect(pane(page)).to_contain_text("⟨0007⟩")
    assert page.locator("main img, main script").count() == 0
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 1440


def test_a_call_is_taken_along_as_code(page: Page) -> None:
    page.goto(f"/traces/{ASKED}")
    spans(page).filter(has_text="plan").click()
    expect(pane(page).get_by_role("heading", level=2)).to_have_text("plan")
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("pre")).to_contain_text("/v1/chat/completions")
    for shape in ("Python", "pytest"):
        dialog.get_by_role("tab", name=shape).click()
        expect(dialog.locator("pre")).to_contain_text("from openai import OpenAI")
        code = dialog.locator("pre").text_content() or ""
        ast.parse(code)
        assert "You answer about paint." in code
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == code
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_trace_is_saved_and_its_link_is_copied(page: Page) -> None:
    page.goto(f"/traces/{ASKED}")
    with page.expect_download() as saving:
        page.get_by_role("button", name="JSON", exact=True).first.click()
    trace = json.loads(saving.value.path().read_text())
    assert trace["trace_id"] == ASKED
    assert len(trace["spans"]) == 5
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_two_traces_are_compared(page: Page) -> None:
    page.goto(f"/traces/{ASKED}")
    expect(spans(page)).to_have_count(5)
    page.keyboard.press("d")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("link").first).to_be_visible()
    page.keyboard.type(FAILED)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/traces/{ASKED}/diff/{FAILED}"))
    facts = page.locator(".trace-facts")
    expect(facts).to_contain_text("1,332 → 1,136 −196")
    rows = page.get_by_role("grid").get_by_role("row")
    expect(rows).to_have_count(6)
    page.keyboard.press("c")  # only what changed
    expect(rows).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    changed = page.get_by_role("region", name="The chosen span in both traces")
    expect(changed.locator("del").first).to_have_text("error")
    expect(changed.locator("ins").first).to_have_text("ok")
    page.keyboard.press("s")
    expect(page).to_have_url(re.compile(f"/traces/{FAILED}/diff/{ASKED}"))


def test_only_traces_of_the_same_name_are_offered(page: Page, site: Served) -> None:
    now_ns = time.time_ns()
    alone = []
    for n in (901, 902):
        (_, _, plan, *_) = records.conversation(n, now_ns + n)
        alone.append({**plan, "parent_id": None})
    records.send(site, alone)
    page.goto(f"/traces/{records.identifier('t', 901, 32)}")
    expect(spans(page)).to_have_count(1)
    page.keyboard.press("d")
    offered = page.get_by_role("dialog").locator(".trace-others a")
    expect(offered).to_have_count(1)
    expect(offered).to_have_attribute("href", re.compile(records.identifier("t", 902, 32)))


def test_an_unknown_trace_says_so(page: Page) -> None:
    page.allowed = ("404",)  # type: ignore[attr-defined]  # the page's fixture reads it
    page.goto(f"/traces/{'ab' * 16}")
    expect(page.get_by_role("alert")).to_contain_text(f"no trace {'ab' * 16}")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        f"/traces/{FAILED}",
        f"/traces/{WATCHED}",
        f"/traces/{DEEP}",
        f"/traces/{ASKED}/diff/{FAILED}",
    ],
)
def test_the_pages_are_accessible(browser: Browser, site: Served, path: str, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.keyboard.press("j")
        page.keyboard.press("a")
        assert violations(page) == []
