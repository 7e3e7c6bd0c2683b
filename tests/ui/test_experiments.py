"""Runs and comparisons in a browser: what came of them, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.api.conftest import publish
from tests.serving import Served, configured, served
from tests.ui import judged
from tests.ui.axe import violations
from tests.ui.conftest import opened

COMPARED = "/compare?base=base&new=better"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Without the runs that the shared records do not have anyway, so that the lists are known."""
    with served(configured(tmp_path_factory.mktemp("judged") / "data")) as running:
        judged.datasets(running)
        judged.runs(running)
        yield running


def rows(page: Page, of: str = "Runs") -> Locator:
    return page.get_by_role("grid", name=of).get_by_role("row")


def test_runs_are_listed_with_their_state_and_compared_by_keys(page: Page) -> None:
    page.goto("/experiments")
    expect(rows(page)).to_have_count(6)
    expect(rows(page).nth(2).get_by_role("progressbar", name="running")).to_be_visible()
    for metric, value in (("right", "94.9 %"), ("latency", "120 ms")):
        heads = page.get_by_role("columnheader").all_inner_texts()
        cells = rows(page).nth(4).get_by_role("gridcell")
        expect(cells.nth(heads.index(metric))).to_have_text(value)
    for key in ("j", "j", "j", "x", "j", "x", "c"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile("base=base&new=better"))
    expect(page.get_by_text("Whether docs@2 can replace docs@1 is not decided")).to_be_visible()


def test_looks_of_probes_are_left_out_until_they_are_asked_for(page: Page, site: Served) -> None:
    answers, passed = {0: "four hours"}, {0: True}
    judged.run(site, "look", answers, passed, at=6, name="probe/nightly", suite="probe/nightly")
    page.goto("/experiments")
    expect(rows(page)).to_have_count(6)
    page.get_by_label("Looks of probes as well").check()
    expect(rows(page)).to_have_count(7)
    page.reload()
    expect(rows(page)).to_have_count(7)


def test_a_run_that_stopped_is_no_failure_of_the_page(page: Page, site: Served) -> None:
    judged.run(site, "cut", {0: "four hours"}, {0: True}, at=1, end=False, suite="probe/cut")
    end = {"status": "interrupted", "done": 1, "error": "somebody pressed Ctrl C"}
    site.client.post("/api/v1/runs/cut/end", end)
    page.goto("/experiments/cut")
    expect(page.get_by_text("interrupted after 1 of 40 answers")).to_be_visible()
    expect(page.get_by_text("somebody pressed Ctrl C")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.goto("/experiments/cut?tab=answers")
    expect(rows(page, "Answers")).to_have_count(2)


def test_a_run_shows_what_came_of_it_and_why(page: Page) -> None:
    page.goto("/experiments")
    page.get_by_role("link", name="better").click()
    expect(page.get_by_text("docs@2 came to its end with 40 answers")).to_be_visible()
    right = page.get_by_role("row", name="right")
    expect(right).to_contain_text("84.9 to 100.0 %")
    expect(right.get_by_role("img", name="84.9 to 100.0 %")).to_be_visible()
    right.get_by_role("button", name="97.5 %").click()
    expect(rows(page, "Answers")).to_have_count(2)
    expect(page.get_by_text("right: there is no answer")).to_be_visible()
    rows(page, "Answers").nth(1).click()
    answer = page.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("the model was away")
    expect(answer).to_contain_text("not scored · there is no answer")


def test_answers_are_gone_through_by_keys(page: Page) -> None:
    page.goto("/experiments/base")
    expect(page.get_by_role("heading", name="Metrics")).to_be_visible()
    page.keyboard.press("2")
    answers = rows(page, "Answers")
    expect(answers.nth(1)).to_contain_text("How long does paint 0 take?")
    expect(page.get_by_text("40 of 40")).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_text("20 of 40")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    answer = page.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("✕ no · compared with the label")
    expect(answer.locator("del")).to_have_text("four")
    trace = answer.get_by_role("link", name="Open the trace")
    expect(trace).to_have_attribute("href", f"/traces/{judged.ROWS[3]['source_trace']}")
    assert "answer=e03" in page.url
    page.keyboard.press("Escape")
    expect(answer).to_be_hidden()


def test_a_comparison_shows_regressions_with_their_reasons_by_keys(page: Page) -> None:
    page.goto(COMPARED)
    metric = page.get_by_role("row", name="right", exact=False).first
    expect(metric).to_contain_text("points")
    expect(metric).to_contain_text("▲ better")
    expect(metric.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"right: \+"))
    cases = rows(page, "Changed cases")
    expect(page.get_by_text("40 cases changed, 3 of them for the worse")).to_be_visible()
    expect(cases.nth(1)).to_contain_text("▼ worse")
    expect(cases.nth(1).locator("del")).to_have_text("two")
    expect(cases.nth(1).locator("ins")).to_have_text("four")
    expect(cases.nth(1)).to_contain_text("✓ → ✕")
    page.keyboard.press("r")
    expect(cases).to_have_count(4)
    assert "only=regressions" in page.url
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    case = page.get_by_role("region", name="Case")
    expect(case).to_contain_text("now: compared with the label")
    expect(case.get_by_role("link", name="Both traces")).to_be_visible()
    page.keyboard.press("Escape")
    expect(case).to_be_hidden()


def test_groups_of_cases_are_compared(page: Page) -> None:
    page.goto(COMPARED)
    page.get_by_role("tab", name="Slices").click()
    expect(page.get_by_role("row", name="wood")).to_contain_text("+100.0 points")
    groups = page.get_by_label("Groups by")
    groups.fill("split")
    groups.press("Enter")
    expect(page.get_by_role("row", name="golden")).to_contain_text("29 of 30")
    expect(page.get_by_role("row", name="calibration")).to_contain_text("too few")


def test_runs_that_are_the_same_are_said_to_be(page: Page) -> None:
    page.goto("/compare?base=better&new=same")
    expect(page.get_by_role("heading", name="Every case is as it was")).to_be_visible()


def test_a_comparison_is_turned_round_and_chosen(page: Page) -> None:
    page.goto(COMPARED)
    expect(page.get_by_text("only 39 of 40 examples (97.5 %)")).to_be_visible()
    page.get_by_role("button", name="swap").click()
    expect(page.get_by_text("docs@1 fails: right: 0.49 against 0.95")).to_be_visible()
    page.get_by_label("Baseline").select_option("same")
    expect(page).to_have_url(re.compile("base=same"))
    page.goto("/compare")
    expect(page.get_by_role("heading", name="Choose two runs")).to_be_visible()


def test_runs_that_cannot_be_compared_say_why(page: Page) -> None:
    page.allowed = ("409",)  # type: ignore[attr-defined]  # the page's fixture reads it
    page.goto("/compare?base=better&new=better")
    expect(page.get_by_role("alert")).to_contain_text("To do:")


def test_an_experiment_is_started_and_followed(page: Page, site: Served) -> None:
    publish(site)
    page.goto("/experiments")
    expect(rows(page).nth(1)).to_be_visible()
    page.keyboard.press("n")
    page.get_by_label("Release").select_option("widgets@1")
    page.get_by_label("Dataset").select_option("paint")
    page.get_by_label("Rows of").select_option("calibration")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("The experiment runs")).to_be_visible()
    expect(page.get_by_text("widgets@1 came to its end with 10 answers")).to_be_visible(
        timeout=20_000
    )
    expect(page.get_by_role("heading", name="Metrics")).to_be_visible()


def test_hostile_answers_are_text(page: Page) -> None:
    page.goto("/experiments/hostile?tab=Answers")
    rows(page, "Answers").nth(1).click()
    answer = page.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("<script>alert(2)</script>")
    expect(page.locator("#content img")).to_have_count(0)
    assert page.evaluate("document.body.scrollWidth <= innerWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/experiments/better", "Metrics"),
        ("/experiments/better?tab=Answers&answer=e04", "Error"),
        (f"{COMPARED}&case=e00", "Scores"),
        (f"{COMPARED}&tab=Slices", "right"),
    ],
)
def test_it_is_accessible(browser: Browser, site: Served, path: str, seen: str, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto(path)
        expect(page.get_by_role("heading", name=seen, exact=True)).to_be_visible()
        assert violations(page) == []
