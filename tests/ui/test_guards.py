"""The pages of guards: report, events with what was found, policies, reviews, and a scan."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.serving import Served, configured, served
from tests.ui import operated
from tests.ui.axe import violations
from tests.ui.conftest import opened


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("guards") / "data"
    with served(configured(data, operated.TEXT)) as running:
        operated.operate(running)
        yield running


def test_the_report_says_what_would_have_been_blocked_and_leads_to_it(page: Page) -> None:
    page.goto("/guards")
    expect(page.get_by_label("Verdicts of the period")).to_contain_text(
        re.compile("Would have blocked1")
    )
    page.get_by_role("row", name=re.compile("^injection input")).click()
    expect(page).to_have_url(re.compile(r"/guards/events\?rule=injection"))
    page.get_by_role("row", name="would block").click()
    mark = page.locator("mark").first
    expect(mark).to_contain_text("instruction_override")
    expect(page.get_by_text("fires from")).to_be_visible()


def test_what_was_found_is_marked_at_its_place_and_hostile_text_is_text(page: Page) -> None:
    page.goto("/guards/events?rule=ask")
    row = page.get_by_role("row", name="ask input").first
    expect(row).to_contain_text("<script>alert(2)</script>")  # the call itself
    page.keyboard.press("Enter")
    marked = page.locator("mark")
    expect(marked).to_have_text(re.compile("^unsure"))
    expect(page.locator(".guards-texts")).to_contain_text("<script>alert(2)</script>")
    expect(page.locator(".guards-texts")).to_contain_text("⟨202E⟩")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".guards-texts")).to_contain_text("which port it is")
    page.keyboard.press("Escape")
    expect(marked).to_have_count(0)


def test_reviews_are_decided_by_keys_and_can_be_taken_back(page: Page, site: Served) -> None:
    page.goto("/guards/reviews")
    rows = page.get_by_role("grid", name="Reviews").get_by_role("row", name="ask")
    expect(rows).to_have_count(2)
    expect(page.locator("mark")).to_be_visible()
    page.get_by_label("Why").focus()
    page.keyboard.type("a harmless word")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(rows).to_have_count(1)
    page.keyboard.press("u")
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
    decided = site.client.get("/api/v1/guards/reviews", {"decision": "all"})["data"]
    assert {(one["decision"], one["reason"]) for one in decided} == {
        ("dismissed", "a harmless word"),
        ("upheld", None),
    }
    for left in (1, 2):
        page.get_by_role("button", name="Undo").first.click()
        expect(rows).to_have_count(left)


def test_a_review_is_decided_with_the_mouse(page: Page, site: Served) -> None:
    page.goto("/guards/reviews")
    page.get_by_role("grid", name="Reviews").get_by_role("row", name="ask").last.click()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("Dismissed: ask")).to_be_visible()
    page.get_by_role("tab", name="dismissed").click()
    expect(page.get_by_text("Decided by")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="No such decision")).to_be_visible()


def test_the_cursor_stands_on_the_policy_that_is_shown(page: Page) -> None:
    page.goto("/guards/policies?policy=internal")
    row = page.get_by_role("grid", name="Policies").get_by_role("row", name="internal")
    expect(row).to_have_attribute("data-active", "true")


def test_a_policy_is_enforced_after_a_look_at_what_that_means(page: Page, site: Served) -> None:
    page.goto("/guards/policies")
    page.get_by_role("row", name="support").click()
    page.get_by_role("button", name="enforce", exact=True).click()
    dialog = page.get_by_role("dialog", name="Enforce support?")
    expect(dialog).to_contain_text(re.compile(r"it would have blocked 1, changed \d"))
    expect(dialog.get_by_role("row", name="pii input")).to_contain_text("tokenise 1")
    expect(dialog.get_by_role("row", name="injection input")).to_contain_text("block 1")
    enforce = dialog.get_by_role("button", name="Enforce it")
    expect(enforce).to_be_disabled()
    dialog.get_by_role("checkbox").check()
    enforce.click()
    expect(page.get_by_role("row", name="support")).to_contain_text("enforce")
    assert site.client.get("/api/v1/guards/policies/support")["in_mode"] == "enforce"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("row", name="support")).to_contain_text("shadow")
    page.get_by_role("row", name="regulated").click()
    expect(page.get_by_text("It comes with Trimtab and keeps its mode")).to_be_visible()
    expect(page.get_by_role("button", name="enforce", exact=True)).to_have_count(0)


def test_a_mode_is_set_by_keys_alone(page: Page, site: Served) -> None:
    page.goto("/guards/policies?policy=support")
    flag = page.get_by_role("button", name="flag", exact=True)
    flag.focus()
    page.keyboard.press("Enter")
    expect(flag).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="shadow", exact=True).focus()
    page.keyboard.press("Enter")
    expect(flag).to_have_attribute("aria-pressed", "false")
    assert site.client.get("/api/v1/guards/policies/support")["in_mode"] == "shadow"


def test_a_text_is_scanned_without_the_mouse_and_stays_out_of_the_address(page: Page) -> None:
    page.goto("/guards/scan")
    page.get_by_label("Text", exact=True).focus()
    page.keyboard.type("mail ann@example.org <b>now</b>")
    page.keyboard.press("Control+Enter")
    expect(page.locator("mark")).to_have_text(re.compile(r"^ann@example\.org"))
    expect(page.get_by_role("heading", name="Fires: pii")).to_be_visible()
    expect(page.locator(".guards-scanned")).to_contain_text("<b>now</b>")
    assert page.url.endswith("/guards/scan")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (700, 900)])
def test_panes_below_each_other_are_as_high_as_their_content(
    page: Page, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto("/guards/scan")
    expect(page.get_by_role("button", name="Scan")).to_be_in_viewport(ratio=1)
    page.goto("/guards/policies")
    expect(page.get_by_role("grid").get_by_role("row").last).to_be_visible()
    expect(page.get_by_role("table")).to_be_visible()
    boxes = [page.locator(place).bounding_box() for place in (".table-row >> nth=-1", ".pane")]
    last, pane = boxes
    assert last is not None
    assert pane is not None
    assert 0 <= pane["y"] - (last["y"] + last["height"]) <= 4


def test_a_list_of_policies_beside_less_room_shows_all_of_its_columns(page: Page) -> None:
    page.set_viewport_size({"width": 1024, "height": 700})
    page.goto("/guards/policies")
    expect(page.get_by_role("columnheader", name="Routes")).to_be_in_viewport(ratio=1)
    cell = page.get_by_role("gridcell", name="Trimtab").first
    assert cell.evaluate("one => one.scrollWidth <= one.clientWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/guards/events?rule=ask", "/guards/policies?policy=support"])
def test_what_is_open_is_accessible(browser: Browser, site: Served, path: str, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto(path)
        page.get_by_role("row", name="ask").first.click()
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
