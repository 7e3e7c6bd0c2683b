"""The pages of releases: what answers, what a canary does, and every move of a release."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.serving import Served, configured, served
from tests.ui import operated
from tests.ui.axe import violations
from tests.ui.conftest import opened


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("releases") / "data"
    with served(configured(data, operated.TEXT)) as running:
        operated.operate(running)
        yield running


def made(site: Served, route: str, versions: int) -> None:
    """A route of its own, so that a test moves nothing of another's."""
    for n in range(1, versions + 1):
        body = {
            "route": route,
            "targets": [{"model": "trimtab/extract"}],
            "parameters": {"max_sentences": n},
        }
        site.client.post("/api/v1/releases", body)


def release(site: Served, ref: str) -> Any:
    return site.client.get(f"/api/v1/releases/{ref}")


def test_the_list_leads_to_a_route_and_to_its_canary(page: Page) -> None:
    page.goto("/releases")
    row = page.get_by_role("row", name="docs")
    expect(row).to_contain_text(re.compile("version 1.*version 2, 50 %.*version 3"))
    row.click()
    expect(page.get_by_role("heading", name="docs", level=1)).to_be_visible()
    page.get_by_role("tab", name="canary").click()
    figures = page.get_by_role("table", name="Figures of the canary")
    expect(figures.get_by_role("row", name="error")).to_contain_text("not known")
    expect(figures.get_by_role("img").first).to_have_attribute(
        "aria-label", re.compile("between .* and .* at 97.5 %")
    )
    expect(page.get_by_text("ends by itself when worse")).to_be_visible()


def test_the_cursor_and_the_buttons_are_of_the_release_that_is_shown(page: Page) -> None:
    page.goto("/releases/docs")
    tried = page.get_by_role("row", name="canary 50 %")
    expect(tried).to_have_attribute("data-active", "true")
    expect(page.get_by_role("group", name="What can be done with docs@2")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    can = page.get_by_role("group", name="What can be done with docs@1")
    expect(can).to_contain_text("docs@1")
    expect(page.get_by_role("row", name="live")).to_have_attribute("data-active", "true")
    page.goto("/releases/docs?release=3&view=HISTORY")
    expect(page.get_by_role("table", name="History")).to_be_visible()
    expect(page.get_by_role("row", name="candidate")).to_have_attribute("data-active", "true")


def test_views_are_reached_by_keys(page: Page) -> None:
    page.goto("/releases/docs")
    page.get_by_role("row", name="candidate").wait_for()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.keyboard.press("2")
    changes = page.get_by_role("table", name="Changes")
    expect(changes.get_by_role("row", name="parameters.max_sentences")).to_contain_text("13")
    page.get_by_label("Compared with").select_option("2")
    expect(changes.get_by_role("row", name="parameters.max_sentences")).to_contain_text("23")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="diff").focus()
    page.keyboard.press("4")
    history = page.get_by_role("table", name="History")
    expect(history).to_contain_text("canary, 50 %, watched")
    expect(history).to_contain_text("<script>alert(2)</script>")


def test_a_release_is_tried_on_a_share_and_taken_back_again(page: Page, site: Served) -> None:
    made(site, "tried", 2)
    site.client.post("/api/v1/releases/tried@1/promote", {})
    page.goto("/releases/tried?release=2")
    page.get_by_role("button", name="Canary").click()
    page.get_by_label("Share", exact=True).fill("10%")
    page.get_by_label("Teams").fill("search, docs")
    page.get_by_label("Slow calls").fill("4000")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("row", name="canary 10 %")).to_be_visible()
    found = release(site, "tried@2")
    assert (found["share"], found["segment"]["teams"]) == (0.1, ["search", "docs"])
    figures = [(one["figure"], one["margin"]) for one in found["watch"]["figures"]]
    assert figures == [("error", 0.01), ("blocked", 0.01), ("slow", 0.02)]
    page.get_by_role("button", name="Change the share").click()
    page.get_by_label("Share", exact=True).fill("20%")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("row", name="canary 20 %")).to_be_visible()
    assert release(site, "tried@2")["segment"] == found["segment"], "it stays"
    page.get_by_role("button", name="End the canary").click()
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_role("row", name="candidate")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("row", name="canary 20 %")).to_be_visible()
    assert release(site, "tried@2")["watch"] == found["watch"]


def test_without_a_verdict_a_promotion_needs_a_reason(page: Page, site: Served) -> None:
    page.allowed = ("409",)  # type: ignore[attr-defined]  # the browser reports it as an error
    made(site, "forced", 2)
    site.client.post("/api/v1/releases/forced@1/promote", {})
    page.goto("/releases/forced?release=2")
    page.get_by_role("button", name="Promote").click()
    page.get_by_role("button", name="Promote it").click()
    expect(page.get_by_role("alert")).to_contain_text("conflict")
    page.get_by_role("tab", name="without a verdict").click()
    promote = page.get_by_role("button", name="Promote it without a verdict")
    expect(promote).to_be_disabled()
    page.get_by_label("Reason").fill("a wrong link")
    promote.click()
    expect(page.get_by_text("forced@2 is live").first).to_be_visible()
    last = release(site, "forced@2")["approvals"][-1]
    assert (last["action"], last["reason"]) == ("promote", "a wrong link")


def test_a_release_is_promoted_and_rolled_back_by_keys_alone(page: Page, site: Served) -> None:
    made(site, "quick", 1)
    page.goto("/releases/quick")
    page.get_by_role("row", name="candidate").wait_for()
    page.keyboard.press("p")
    page.get_by_label("Environment").focus()
    page.keyboard.type("staging")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="staging")).to_be_visible()
    page.keyboard.press("w")
    page.get_by_label("Reason").focus()
    page.keyboard.type("tried enough")
    page.keyboard.press("Enter")
    expect(page.get_by_text("does not answer in staging any more")).to_be_visible()
    assert release(site, "quick@1")["live_in"] == []
    page.keyboard.press("p")
    page.get_by_label("Environment").press("Enter")
    expect(page.get_by_role("row", name="live")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_evidence_is_what_a_promotion_rests_on(page: Page, site: Served) -> None:
    made(site, "judged", 2)
    site.client.post("/api/v1/releases/judged@1/promote", {})
    page.goto("/releases/judged?release=2")
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text("No run of this release was compared")).to_be_visible()
    page.get_by_role("button", name="Leave it").click()
    page.get_by_role("row", name="live").click()
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("button", name="Roll it back")).to_be_disabled()


def test_a_promotion_stands_where_nobody_had_to_approve(page: Page, site: Served) -> None:
    made(site, "alone", 1)
    body = {"reason": "it is the first"}
    site.client.post("/api/v1/releases/alone@1/promote", body)
    page.goto("/releases/alone")
    expect(page.get_by_text("Promoted by local: it is the first.")).to_be_visible()
    expect(page.get_by_text("Nobody has approved it.")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 700, 1024])
def test_every_move_of_a_canary_is_within_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/releases/docs?release=2")
    expect(page.get_by_role("button", name="Roll back")).to_be_in_viewport(ratio=1)
    for button in page.locator(".frame-head button").all():
        expect(button).to_be_in_viewport(ratio=1)


def test_a_hostile_name_is_a_name(page: Page) -> None:
    page.goto("/releases")
    page.get_by_role("row", name=operated.NAME).click()
    expect(page.get_by_role("heading", name=operated.NAME, level=1)).to_be_visible()
    assert page.url.endswith(f"/releases/{quote(operated.NAME, safe='()')}")
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", ["release", "diff", "canary", "history"])
def test_a_view_is_accessible(browser: Browser, site: Served, view: str, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto(f"/releases/docs?release=2&view={view}")
        page.get_by_role("row", name="two sentences").first.wait_for()
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
