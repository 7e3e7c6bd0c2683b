"""The overview: figures that agree with the records, and lead to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.serving import Served, configured, served
from tests.ui.conftest import opened


def figure(page: Page, name: str) -> str:
    """What stands under a name in the line of figures."""
    return page.get_by_label("Figures of the period").get_by_text(name).locator("..").inner_text()


def test_the_first_page_is_the_overview(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    page.wait_for_url("**/overview")


def test_figures_agree_with_the_records(site: Served, page: Page) -> None:
    page.goto("/overview")
    page.get_by_label("Figures of the period").get_by_text("61").wait_for()
    figures = site.client.get("/api/v1/metrics/overview", {"hours": 24})
    assert figure(page, "Traces").split()[1] == str(figures["traces"]) == "61"
    assert figure(page, "Model calls").split()[2] == str(figures["calls"]) == "121"
    assert figure(page, "Calls that failed").split()[3:] == ["6", "5.0", "%"]
    assert "1 unpriced" in figure(page, "Cost")


def test_a_figure_leads_to_its_traces_by_keyboard(page: Page) -> None:
    page.goto("/overview")
    failed = page.get_by_role("link", name=re.compile("Calls that failed"))
    failed.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/traces?**")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value(
        "-has:run kind:llm status:error"
    )
    expect(page.locator(".table-row")).to_have_count(6)


@pytest.mark.parametrize("chart", ["Traces", "Cost", "Tokens"])
def test_a_bar_leads_to_the_traces_of_its_step(page: Page, chart: str) -> None:
    page.goto("/overview")
    page.get_by_role("slider", name=chart).focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url("**/traces?**until=**")
    expect(page.locator(".table-row").first).to_be_visible()


def test_the_period_is_narrowed_by_drawing_over_a_line(page: Page) -> None:
    page.goto("/overview")
    page.wait_for_load_state("networkidle")  # it is drawn anew as long as answers come
    plot = page.locator(".u-over")
    plot.wait_for()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 20, steps=4)
    page.mouse.up()
    page.wait_for_url("**/overview?**until=**")
    expect(page.get_by_role("group", name="Period").first).to_contain_text("–")


@pytest.mark.parametrize(
    ("tile", "link", "condition"),
    [
        ("Models", "gpt-4o-mini", "model:gpt-4o-mini"),
        ("Users", "user-1", "user:user-1"),
        ("Scores", "helpful", "score.helpful:false"),
    ],
)
def test_tops_and_scores_lead_to_their_traces(
    page: Page, tile: str, link: str, condition: str
) -> None:
    page.goto("/overview")
    page.get_by_role("region", name=tile).get_by_role("link", name=link, exact=True).click()
    page.wait_for_url("**/traces?**")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value(f"-has:run {condition}")
    expect(page.locator(".table-row").first).to_be_visible()


def test_lists_are_asked_for_when_the_charts_have_their_figures(page: Page) -> None:
    seen: list[str] = []
    page.on("request", lambda request: seen.append(f"asked {urlsplit(request.url).path}"))
    page.on("response", lambda response: seen.append(f"came {urlsplit(response.url).path}"))
    page.goto("/overview")
    expect(page.get_by_role("link", name="gpt-4o-mini", exact=True)).to_be_visible()
    charts = seen.index("came /api/v1/metrics/series")
    assert charts < seen.index("asked /api/v1/metrics/groups")
    assert charts < seen.index("asked /api/v1/metrics/scores")


def test_charts_without_an_answer_say_so_and_the_lists_come_all_the_same(page: Page) -> None:
    page.allowed = ["503"]  # type: ignore[attr-defined]
    page.route("**/api/v1/metrics/series**", lambda route: route.fulfill(status=503, json={}))
    page.goto("/overview")
    expect(page.get_by_role("alert")).to_contain_text("503")
    expect(page.get_by_role("link", name="gpt-4o-mini", exact=True)).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_score_has_its_interval(page: Page) -> None:
    page.goto("/overview")
    scores = page.get_by_role("region", name="Scores")
    # Wilson's interval of 10 in 20
    expect(scores.get_by_role("img", name="50.0 % pass, between 29.9 % and 70.1 %")).to_be_visible()


def test_hostile_names_are_text(page: Page) -> None:
    page.goto("/overview")
    users = page.get_by_role("region", name="Users")
    expect(users.get_by_role("link").nth(1)).to_be_visible()
    assert page.locator("main img:not([role])").count() == 0


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that has recorded nothing."""
    with served(configured(tmp_path_factory.mktemp("bare") / "data")) as running:
        yield running


@pytest.mark.parametrize("path", ["/overview", "/traces", "/sessions", "/users"])
def test_where_nothing_is_recorded_a_page_says_what_brings_something(
    browser: Browser, bare: Served, path: str
) -> None:
    with opened(browser, bare) as page:
        page.goto(path)
        expect(page.get_by_role("button", name="Copy").first).to_be_visible()
        expect(page.get_by_role("heading", level=2, name=re.compile("^No .* yet$"))).to_be_visible()
