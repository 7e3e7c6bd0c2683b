"""Scorers, judges and their calibration cards in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.serving import Served
from tests.ui import judged
from tests.ui.axe import violations
from tests.ui.conftest import opened


@pytest.fixture(scope="module", autouse=True)
def _records(site: Served) -> None:
    judged.cards(site)


def rows(page: Page) -> Locator:
    return page.get_by_role("grid", name="Scorers").get_by_role("row")


def test_a_judge_is_found_and_its_card_read_by_keys(page: Page) -> None:
    page.goto("/scorers")
    expect(page.get_by_text("built in · 2 calibration cards")).to_be_visible()
    page.keyboard.press("4")
    page.keyboard.press("/")
    page.keyboard.type("correctness")
    page.keyboard.press("Escape")
    expect(rows(page).nth(1)).to_contain_text("correctness")
    page.keyboard.press("Enter")
    one = page.get_by_role("region", name="Scorer")
    expect(one).to_contain_text("60 of 64 labelled rows judged")
    expect(one.get_by_role("img", name="Kappa: 0.55 to 0.85")).to_be_visible()
    expect(one.get_by_role("img", name="True positive rate: 55.0 to 85.0 %")).to_be_visible()
    expect(one).to_contain_text("no interval")
    page.keyboard.press("Escape")
    expect(one).to_be_hidden()


def test_scorers_are_narrowed_and_explained_by_mouse(page: Page) -> None:
    page.goto("/scorers")
    page.get_by_role("tab", name="Code").click()
    expect(rows(page).nth(1)).to_contain_text("code")
    page.get_by_label("Find a scorer").fill("as a pattern")
    page.get_by_role("row", name="regex").click()
    one = page.get_by_role("region", name="Scorer")
    expect(one.get_by_role("cell", name="pattern", exact=True)).to_be_visible()
    one.get_by_role("button", name="Copy").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == "trimtab scorers show regex"


def test_what_a_scorer_says_is_running_text_and_its_parameters_a_table(page: Page) -> None:
    page.goto("/scorers?show=code&name=contains")
    expect(page.get_by_role("tab", name="Code")).to_have_attribute("aria-selected", "true")
    one = page.get_by_role("region", name="Scorer")
    expect(one.get_by_role("row", name="ignore_case")).to_contain_text("case does not count.")
    expect(one).not_to_contain_text("Args:")


def test_a_judge_without_a_card_says_what_to_do(page: Page) -> None:
    page.goto("/scorers?name=toxicity")
    expect(page.get_by_text("trimtab judge calibrate toxicity")).to_be_visible()


def test_cards_of_anybody_are_text(page: Page) -> None:
    page.goto("/scorers")
    expect(rows(page).nth(1)).to_be_visible()
    page.keyboard.press("5")
    cards = page.get_by_role("article")
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text("<script>alert(2)</script>")
    expect(page.locator("#content img:not([role])")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/scorers?name=correctness", "/scorers?show=Calibration+cards"])
def test_it_is_accessible(browser: Browser, site: Served, path: str, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto(path)
        expect(page.get_by_role("article").first).to_be_visible()
        assert violations(page) == []
