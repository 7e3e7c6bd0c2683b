"""The list of traces: narrowed, followed, chosen from and saved, with the mouse and without."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect
from tests.serving import Served
from tests.ui import records
from tests.ui.conftest import opened
from tests.waiting import until

PARAMETER = "new URLSearchParams(location.search).get"


def rows(page: Page) -> Locator:
    return page.get_by_role("grid", name="Traces").locator(".table-row")


def shown(page: Page, name: str) -> str | None:
    """A parameter of the address."""
    value: str | None = page.evaluate(f"name => {PARAMETER}(name)", name)
    return value


def go(page: Page, path: str = "/traces") -> None:
    page.goto(path)
    expect(rows(page).first).to_be_visible()


def arrive(server: Served, n: int) -> str:
    """One more trace, recorded now; its question."""
    records.send(server, list(records.conversation(n, time.time_ns())))
    return f"How long does green paint number {n} take to dry?"


def test_hostile_text_is_text(page: Page) -> None:
    go(page)
    first = rows(page).first
    expect(first).to_contain_text("<img src=x onerror=alert(1)>")
    expect(first).to_contain_text("⟨202E⟩gnp.exe")
    assert page.locator(".table img").count() == 0
    box = first.bounding_box()
    assert box is not None
    assert box["height"] == 28


def test_values_add_conditions_and_exclude(page: Page) -> None:
    go(page)
    values = page.get_by_label("Values", exact=True)
    values.get_by_role("button", name="error 6").click()
    expect(rows(page)).to_have_count(6)
    assert shown(page, "filter") == "status:error"
    values.get_by_role("button", name="error 6").click()
    expect(rows(page).first).to_contain_text("<img")
    assert shown(page, "filter") is None
    values.get_by_role("button", name="production").click(modifiers=["Alt"])
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("-environment:production")
    values.get_by_role("button", name="staging").press("Alt+Enter")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value(
        "-environment:production -environment:staging"
    )
    expect(rows(page)).to_have_count(1)


def test_scores_that_calls_failed_are_values_too(page: Page, site: Served) -> None:
    trace_id = site.client.traces(limit=1)[0]["trace_id"]
    site.client.score(trace_id, "says please", passed=False)
    site.client.score(trace_id, "says thanks", passed=True)
    go(page)
    values = page.get_by_label("failed score", exact=True)
    expect(values.get_by_role("button", name="helpful")).to_be_visible()
    expect(values.get_by_role("button", name="says thanks")).to_have_count(0)
    values.get_by_role("button", name="says please 1").click()
    expect(rows(page)).to_have_count(1)
    assert shown(page, "filter") == 'score."says please":false'


def test_the_values_stay_while_others_are_asked_for(page: Page) -> None:
    go(page)
    values = page.get_by_label("Values", exact=True)
    expect(values.get_by_role("button").first).to_be_visible()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/facets**", hold)
    page.route("**/api/v1/metrics/scores**", hold)
    with page.expect_request("**/api/v1/facets**"):
        values.get_by_role("button", name="error 6").click()
    expect(rows(page)).to_have_count(6)
    assert values.get_by_role("button").count() > 5
    page.unroute_all()
    expect(values.get_by_role("button", name="ok")).to_have_count(0)


def test_the_way_back_from_a_trace_is_to_the_list_it_stood_in(page: Page) -> None:
    go(page, "/traces?filter=status:error")
    page.keyboard.press("Enter")
    expect(page.get_by_role("treeitem").first).to_be_visible()
    page.keyboard.press("u")
    expect(rows(page)).to_have_count(6)
    assert shown(page, "filter") == "status:error"


def test_the_dearest_and_the_longest_come_first_when_asked(page: Page, site: Served) -> None:
    def first_of(sort: str) -> str:
        found: str = site.client.traces(sort=sort, limit=1)[0]["trace_id"]
        return found

    first = page.locator(".table-row .table-link").first
    go(page)
    page.get_by_role("columnheader", name="Cost").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="Cost")).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(first).to_have_attribute("href", re.compile(first_of("cost")))
    assert shown(page, "sort") == "cost"
    page.go_back()
    expect(first).to_have_attribute("href", re.compile(first_of("start")))
    page.keyboard.press("o")
    expect(first).to_have_attribute("href", re.compile(first_of("duration")))
    assert shown(page, "sort") == "duration"
    page.keyboard.press("l")  # what is recorded now comes first
    expect(page.get_by_role("columnheader", name="When")).to_have_attribute(
        "aria-sort", "descending"
    )
    assert shown(page, "sort") is None


def scrolled(page: Page) -> int:
    """How far down the list is, in pixels."""
    top: int = page.get_by_role("grid", name="Traces").evaluate("(list) => list.scrollTop")
    return top


def at_the_end(page: Page) -> str:
    """Goes to the last row; where that leads."""
    page.get_by_role("slider", name="Traces").wait_for()  # it takes room from the list
    page.get_by_role("grid", name="Traces").press("End")
    last = page.locator(".table-row[data-active]")
    expect(last).to_have_attribute("aria-rowindex", re.compile(r"\d\d"))
    until(lambda: scrolled(page) > 0)
    return last.locator(".table-link").get_attribute("href") or ""


def test_another_order_or_filter_begins_at_its_top(page: Page) -> None:
    active = page.locator(".table-row[data-active]")
    for change in ("columnheader:Cost", "columnheader:When", "button:Without runs"):
        go(page)
        if change.endswith("When"):
            page.keyboard.press("o")
            until(lambda: shown(page, "sort"))
        at_the_end(page)
        role, name = change.split(":")
        head = page.get_by_role(role, name=name)  # type: ignore[arg-type]  # one of those above
        (head.get_by_role("button") if role == "columnheader" else head).click()
        until(lambda: scrolled(page) == 0)
        expect(active).to_have_attribute("aria-rowindex", "2")


def test_back_leads_to_where_the_reader_stood(page: Page) -> None:
    for path in ("/traces", "/traces?sort=tokens"):
        go(page, path)
        row = at_the_end(page)
        stood = scrolled(page)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{row}")
        page.go_back()
        active = page.locator(".table-row[data-active]")
        expect(active.locator(".table-link")).to_have_attribute("href", row)
        expect(active).to_be_in_viewport()
        assert scrolled(page) == stood
        active.locator(".table-link").click()
        page.wait_for_url(f"**{row}")
        page.go_back()
        expect(active.locator(".table-link")).to_have_attribute("href", row)
        assert scrolled(page) == stood
    page.get_by_role("columnheader", name="Cost").get_by_role("button").click()
    until(lambda: scrolled(page) == 0)
    page.go_back()  # to the list as it was sorted before
    until(lambda: scrolled(page) == stood)
    page.get_by_role("link", name="Traces").first.click()  # anew, and not back
    until(lambda: shown(page, "sort") is None)
    expect(page.locator(".table-row[data-active]")).to_have_attribute("aria-rowindex", "2")
    assert scrolled(page) == 0


def test_an_order_without_a_column_is_said_and_passed_over(page: Page) -> None:
    go(page, "/traces?columns=when,name,took&sort=spans")
    expect(page.get_by_text("by spans")).to_be_visible()
    page.keyboard.press("o")
    until(lambda: shown(page, "sort") is None)
    page.keyboard.press("o")
    until(lambda: shown(page, "sort") == "duration")
    page.keyboard.press("o")
    until(lambda: shown(page, "sort") is None)
    go(page, "/traces?sort=errors")
    expect(page.get_by_text("by errors")).to_be_visible()
    expect(rows(page).first).to_contain_text("1 span failed")


def test_the_newest_are_first_without_a_button_that_says_it(page: Page) -> None:
    go(page)
    when = page.get_by_role("columnheader", name="When")
    expect(when).to_have_attribute("aria-sort", "descending")
    expect(when).to_have_text("When")
    expect(when.get_by_role("button")).to_have_count(0)
    page.keyboard.press("o")
    when.get_by_role("button").click()
    until(lambda: shown(page, "sort") is None)


def test_what_is_followed_has_no_other_order(page: Page) -> None:
    go(page, "/traces?live=1&sort=cost")
    live = page.get_by_role("button", name="Live")
    expect(live).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_text("following")).to_have_count(0)
    page.keyboard.press("l")
    expect(page.get_by_text("following")).to_be_visible()
    expect(live).to_have_attribute("aria-pressed", "true")
    assert shown(page, "sort") is None


def test_a_view_keeps_its_order_and_one_without_takes_it_back(site: Served, page: Page) -> None:
    for name, path in (("Dearest", "/traces?sort=cost"), ("Failed", "/traces?filter=status:error")):
        go(page, path)
        page.keyboard.press("v")
        page.get_by_label("Save what is shown as").fill(name)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").get_by_text(name)).to_be_visible()
        page.keyboard.press("Escape")
    expect(rows(page)).to_have_count(6)
    for name, sort in (("Dearest", "cost"), ("Failed", None)):
        page.get_by_role("button", name=re.compile("Dearest|Failed|Views")).first.click()
        page.get_by_role("button", name=name, exact=True).last.click()
        until(lambda: shown(page, "sort") == sort)  # noqa: B023
    for name in ("Dearest", "Failed"):
        site.client.delete("/api/v1/views", {"page": "traces", "name": name})


def test_chosen_traces_stay_chosen_in_another_order(page: Page) -> None:
    go(page)
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    chosen = page.get_by_role("region", name="Chosen traces")
    expect(chosen).to_contain_text("2 traces chosen")
    page.keyboard.press("o")
    expect(page.get_by_role("columnheader", name="Took")).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(chosen).to_contain_text("2 traces chosen")


def test_the_usual_columns_have_room(page: Page) -> None:
    for width in (1024, 1280, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        go(page)
        hidden = "(list) => list.scrollWidth - list.clientWidth"
        assert page.get_by_role("grid", name="Traces").evaluate(hidden) == 0


def test_scores_are_a_column_asked_for_with_one_request(page: Page, site: Served) -> None:
    trace_id = site.client.traces(limit=1)[0]["trace_id"]
    site.client.score(trace_id, "column-helpful", passed=True)
    site.client.score(trace_id, "column-stars", value=4)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/api/v1/scores" in one.url else None)
    go(page, "/traces?columns=name,scores")
    expect(rows(page).first).to_contain_text("column-helpful ✓ pass")
    expect(rows(page).first).to_contain_text("column-stars 4")
    page.wait_for_load_state("networkidle")
    assert len(asked) == 1


def test_a_trace_of_which_a_span_failed_says_so(page: Page) -> None:
    go(page, "/traces?filter=status:error")
    expect(rows(page).first).to_contain_text("✕ 1 span failed")


def test_what_experiments_asked_is_left_out_and_shown_by_a_key(page: Page, site: Served) -> None:
    (asked, *_) = records.conversation(3_000, time.time_ns())
    records.send(site, [{**asked, "run": "run-1"}])
    go(page)
    expect(rows(page).first).to_contain_text("number 3000 take")
    page.keyboard.press("r")
    expect(rows(page).first).not_to_contain_text("number 3000 take")
    assert shown(page, "filter") == "-has:run"
    button = page.get_by_role("button", name="Without runs")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("calls of applications")).to_be_visible()
    button.click()
    expect(rows(page).first).to_contain_text("number 3000 take")
    site.client.post("/api/v1/erase", {"trace_ids": [records.identifier("t", 3_000, 32)]})


def test_a_filter_a_choice_and_a_trace_by_keyboard_alone(page: Page) -> None:
    go(page)
    page.keyboard.press("/")
    page.keyboard.type("status:error session:session-1")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    expect(page.get_by_role("region", name="Chosen traces")).to_contain_text("1 trace chosen")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Chosen traces")).to_be_hidden()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/traces/{records.identifier('t', 7, 32)}")


def test_a_trace_that_somebody_rests_on_is_asked_for_before_it_is_opened(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    with page.expect_request("**/tree"):
        go(page)
    links = [rows(page).nth(n).get_by_role("link").get_attribute("href") for n in range(8)]
    trees = [f"/api/v1{urlsplit(str(link)).path}/tree" for link in links]
    assert trees[0] in asked, "the row that Enter opens"
    with page.expect_request(f"**{trees[6]}"):
        rows(page).nth(6).hover()
    rows(page).nth(6).click()
    expect(page.get_by_role("treeitem").first).to_be_visible()
    assert asked.count(trees[6]) == 1


def test_what_is_wrong_with_a_filter_stands_below_it(page: Page) -> None:
    page.allowed = ("400",)  # type: ignore[attr-defined]  # the page's fixture reads it
    page.goto("/traces?filter=status:eror")
    wrong = page.get_by_text("did you mean error?")
    expect(wrong).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_period_is_drawn_stepped_and_widened(page: Page) -> None:
    go(page)
    page.wait_for_load_state("networkidle")  # it is drawn anew as long as answers come
    chart = page.get_by_role("slider", name="Traces")
    chart.wait_for()
    box = chart.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, middle)
    page.mouse.up()
    until(lambda: shown(page, "until"))
    since = shown(page, "since") or ""
    assert since < (shown(page, "until") or "")
    expect(rows(page).first).to_be_visible()
    page.keyboard.press("[")
    until(lambda: shown(page, "until") == since)
    earlier = shown(page, "since") or ""
    assert earlier < since
    page.get_by_role("button", name="a longer period").click()
    until(lambda: (shown(page, "since") or "") < earlier)
    page.get_by_role("group", name="Period", exact=True).first.get_by_role(
        "button", expanded=False
    ).click()
    page.get_by_role("button", name="Last 24 hours").click()
    until(lambda: (shown(page, "since"), shown(page, "until")) == ("24h", None))
    expect(rows(page).first).to_be_visible()


def test_the_chart_is_of_all_that_the_list_is_of(site: Served, page: Page) -> None:
    old = time.time_ns() - 84 * 3_600_000 * records.MS
    records.send(site, list(records.conversation(4_000, old)))
    go(page)
    chart = page.get_by_role("slider", name="Traces")
    axis = page.locator(".bars-axis")
    expect(axis).to_have_text(re.compile(r"^\d+ \w+, \d\d:\d\d"))
    chart.focus()
    page.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r": 1 ok$"))
    page.keyboard.press("l")
    expect(
        page.get_by_role("slider", name=re.compile(r"last \d+ (min|h) of 3.5 days"))
    ).to_be_visible()
    site.client.post("/api/v1/erase", {"trace_ids": [records.identifier("t", 4_000, 32)]})


def test_the_chart_is_read_and_drawn_over_by_keyboard(page: Page) -> None:
    go(page)
    chart = page.get_by_role("slider", name="Traces")
    chart.focus()
    page.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuenow", "1")
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r"\d ok"))
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    until(lambda: shown(page, "until"))
    expect(rows(page)).not_to_have_count(0)


def test_columns_are_chosen_and_kept(page: Page) -> None:
    go(page)
    page.keyboard.press("c")
    page.get_by_label("Session", exact=True).check()
    page.get_by_label("Input", exact=True).uncheck()
    page.keyboard.press("Escape")
    head = page.get_by_role("columnheader", name="Session")
    expect(head).to_be_visible()
    assert shown(page, "columns") == "status,when,name,output,model,session,took,tokens,cost"
    go(page)
    expect(head).to_be_visible()
    expect(page.get_by_role("columnheader", name="Input")).to_have_count(0)


def test_a_view_is_saved_shared_preferred_and_deleted(
    browser: Browser, site: Served, page: Page
) -> None:
    go(page, "/traces?filter=status:error&since=24h")
    page.keyboard.press("v")
    page.keyboard.type("Failed today")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").get_by_text("Failed today")).to_be_visible()
    (view,) = site.client.get("/api/v1/views", {"page": "traces"})["data"]
    assert view["state"] == {"filter": "status:error", "since": "24h"}
    with opened(browser, site) as other:
        go(other)
        other.get_by_role("button", name="Views").click()
        other.get_by_role("button", name="Failed today", exact=True).click()
        expect(rows(other)).to_have_count(6)
        other.get_by_role("button", name="Failed today").click()
        other.get_by_role("button", name="open the page with Failed today").click()
        other.goto("/traces")
        expect(rows(other)).to_have_count(6)
        assert shown(other, "filter") == "status:error"
        other.get_by_role("button", name="Failed today").click()
        other.get_by_role("button", name="delete Failed today").click()
        other.get_by_role("button", name="Undo").click()
        expect(other.get_by_role("button", name="Failed today", exact=True).last).to_be_visible()
        other.get_by_role("button", name="delete Failed today").click()
        expect(other.get_by_text("No view is saved yet.")).to_be_visible()
    assert site.client.get("/api/v1/views", {"page": "traces"})["data"] == []


def test_live_traces_come_by_themselves_and_wait_for_who_reads(site: Served, page: Page) -> None:
    go(page)
    with page.expect_response("**/traces/tail**"):
        page.keyboard.press("l")
    expect(page.get_by_text("following")).to_be_visible()
    question = arrive(site, 1_001)
    expect(rows(page).first).to_contain_text(question)
    page.keyboard.press("j")
    held = arrive(site, 1_002)
    waiting = page.get_by_role("button", name="1 new")
    expect(waiting).to_be_visible()
    expect(rows(page).first).to_contain_text(question)
    page.keyboard.press("n")
    expect(rows(page).first).to_contain_text(held)
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.get_by_role("button", name="Pause").click()
    late = arrive(site, 1_003)
    expect(waiting).to_be_visible()
    page.keyboard.press("p")
    expect(rows(page).first).to_contain_text(late)
    page.keyboard.press("l")
    expect(page.get_by_text("following")).to_have_count(0)


def test_two_hundred_spans_a_second_are_followed_in_bounds(site: Served, page: Page) -> None:
    go(page, "/traces?live=1")
    expect(page.get_by_text("following")).to_be_visible()
    started = time.time_ns()
    many = [
        span
        for n in range(2_000, 2_100)
        for span in records.conversation(n, started + (n - 2_000) * records.MS)
    ]
    records.send(site, many)
    expect(rows(page).first).to_contain_text("number 2099 take")
    assert page.evaluate("document.querySelectorAll('*').length") < 1_200


def test_chosen_traces_become_rows_of_a_dataset(site: Served, page: Page) -> None:
    go(page, "/traces?filter=session:session-2")
    expect(rows(page)).to_have_count(4)
    page.keyboard.press("x")
    rows(page).nth(1).get_by_role("checkbox").check()
    page.keyboard.press("d")
    page.get_by_role("combobox", name="Dataset").fill("paint")
    expect(page.get_by_text("A new one begins.")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("paint@1 has 2 rows")).to_be_visible()
    added = list(site.client.rows("paint"))
    assert sorted(row["input"][-12:] for row in added) == sorted(
        f"{n} take to dry?"[-12:] for n in (8, 9)
    )
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    expect(page.get_by_text("paint@1")).to_have_count(0)


def kept(page: Page) -> int:
    """How many traces the tab keeps as chosen, in the server's own project."""
    text: str | None = page.evaluate("sessionStorage.getItem('trimtab.chosen.')")
    return len((text or "").split())


def test_chosen_traces_stay_so_in_their_tab_and_project(page: Page) -> None:
    chosen = page.get_by_role("region", name="Chosen traces")
    go(page, "/traces?filter=session:session-3")
    for nth in (0, 2):
        rows(page).nth(nth).get_by_role("checkbox").check()
    expect(chosen).to_contain_text("2 traces chosen")
    page.reload()
    expect(chosen).to_contain_text("2 traces chosen")
    expect(rows(page).nth(2).get_by_role("checkbox")).to_be_checked()
    go(page, "/traces?filter=session:session-4")
    expect(chosen).to_contain_text("2 traces chosen")
    page.keyboard.press("x")
    expect(chosen).to_contain_text("3 traces chosen")
    page.goto("/traces?project=nobodys")
    expect(page.get_by_text("Nothing is recorded in the project nobodys")).to_be_visible()
    expect(chosen).to_be_hidden()
    go(page)
    expect(chosen).to_contain_text("3 traces chosen")
    chosen.get_by_role("button", name="Choose none").click()
    expect(chosen).to_be_hidden()
    assert kept(page) == 0


def test_a_chosen_trace_that_is_gone_does_not_count(site: Served, page: Page) -> None:
    for n in (1_021, 1_022):
        arrive(site, n)
    ids = [records.identifier("t", n, 32) for n in (1_021, 1_022)]
    go(page, f"/traces?filter=trace_id:{','.join(ids)}")
    for nth in (0, 1):
        rows(page).nth(nth).get_by_role("checkbox").check()
    chosen = page.get_by_role("region", name="Chosen traces")
    expect(chosen).to_contain_text("2 traces chosen")
    site.client.post("/api/v1/erase", {"trace_ids": ids[:1]})
    page.reload()
    expect(chosen).to_contain_text("1 trace chosen")
    until(lambda: kept(page) == 1)
    site.client.post("/api/v1/erase", {"trace_ids": ids[1:]})
    page.reload()
    until(lambda: kept(page) == 0)
    expect(chosen).to_be_hidden()


def test_chosen_traces_outlast_a_server_that_does_not_answer(page: Page) -> None:
    page.allowed = ("Failed to load resource",)  # type: ignore[attr-defined]  # as above
    go(page)
    page.keyboard.press("x")
    chosen = page.get_by_role("region", name="Chosen traces")
    expect(chosen).to_contain_text("1 trace chosen")
    page.route("**/api/v1/traces?filter=trace_id**", lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: "filter=trace_id" in request.url):
        page.reload()
    expect(rows(page).first).to_be_visible()
    expect(chosen).to_be_hidden()
    page.unroute("**/api/v1/traces?filter=trace_id**")
    page.reload()
    expect(chosen).to_contain_text("1 trace chosen")


@pytest.mark.parametrize("shape", ["csv", "jsonl", "parquet"])
def test_what_a_filter_finds_is_saved_as_a_file(page: Page, tmp_path: Path, shape: str) -> None:
    go(page, "/traces?filter=session:session-5")
    page.keyboard.press("e")
    page.get_by_label("Format").select_option(shape)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the file").press("Enter")
    saved = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(saved)
    assert saved.name == f"traces.{shape}"
    content = saved.read_bytes()
    if shape == "csv":
        assert len(list(csv.DictReader(io.StringIO(content.decode())))) == 4
    elif shape == "jsonl":
        assert len([json.loads(line) for line in content.splitlines()]) == 4
    else:
        assert content[:4] == content[-4:] == b"PAR1"


def test_erasing_asks_once_and_says_how_much_goes(site: Served, page: Page) -> None:
    go(page, "/traces?filter=session:session-14")
    expect(rows(page)).to_have_count(4)
    rows(page).first.get_by_role("checkbox").check()
    page.keyboard.press("Delete")
    question = page.get_by_role("dialog", name="Erase 1 trace?")
    expect(question).to_contain_text("5 spans go for good")
    question.get_by_role("button", name="Leave it").click()
    expect(rows(page)).to_have_count(4)
    page.keyboard.press("Delete")
    question.get_by_role("button", name="Erase 1 trace").press("Enter")
    expect(rows(page)).to_have_count(3)
    assert len(site.client.traces("session:session-14")) == 3


def test_a_server_that_does_not_answer_is_said_and_asked_again(page: Page) -> None:
    page.allowed = ("Failed to load resource",)  # type: ignore[attr-defined]  # as above
    dead = [True]

    def answer(route: Route) -> None:
        if dead[0]:
            route.abort()
        else:
            route.fallback()

    page.route("**/api/v1/traces?**", answer)
    page.goto("/traces")
    said = page.get_by_role("alert")
    expect(said).to_contain_text("The server does not answer.")
    dead[0] = False
    said.get_by_role("button", name="Try again").click()
    expect(rows(page).first).to_be_visible()
    expect(said).to_have_count(0)
