"""Probes: what their looks found, the reference, and making one, with the mouse and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.scripted import scripted
from tests.serving import Served
from tests.ui import operations
from tests.ui.axe import violations
from tests.ui.conftest import opened
from tests.ui.operations import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("probes") / "data"
    with scripted(data, operations.PROVIDER, model) as world:
        operations.probes(world.server, model)
        yield world.server


def rows(page: Page, grid: str) -> Locator:
    return page.get_by_role("grid", name=grid, exact=True).locator(".table-row")


def finding(page: Page) -> Locator:
    return page.locator(".frame-head .badge")


def test_the_list_says_what_the_last_look_found(page: Page) -> None:
    page.goto("/probes")
    expect(rows(page, "Probes")).to_have_count(1)
    expect(rows(page, "Probes")).to_contain_text("drifted")
    rows(page, "Probes").click()
    looks = rows(page, "Looks")
    expect(looks).to_have_count(3)
    expect(looks.nth(1)).to_contain_text("same")
    expect(looks.nth(2)).to_contain_text("in use")


def test_a_new_reference_is_taken_and_given_back(page: Page, model: Model) -> None:
    page.goto("/probes/nightly")
    page.get_by_role("button", name="New reference").click()
    page.get_by_role("button", name="Ask and take it").click()
    looks = rows(page, "Looks")
    expect(looks).to_have_count(4)
    expect(looks.first).to_contain_text("in use")
    page.get_by_role("button", name="Look now").click()
    expect(finding(page)).to_contain_text("same")
    looks.last.get_by_role("button", name="Go back to it").click()
    expect(looks.last).to_contain_text("in use")
    page.get_by_role("button", name="Undo").last.click()
    expect(looks.nth(1)).to_contain_text("in use")


def test_a_probe_is_made_changed_and_asked_without_a_mouse(page: Page, model: Model) -> None:
    model.manner = "The answer to:"
    page.goto("/probes")
    page.get_by_role("button", name="New probe").wait_for()
    page.keyboard.press("n")
    page.get_by_label("Name").focus()
    for text in ("weekly", "far/one", "pinned"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/probes/weekly")
    expect(finding(page)).to_have_text("no look yet")
    page.keyboard.press("l")
    expect(finding(page)).to_contain_text("reference")
    page.keyboard.press("e")
    page.get_by_label("Repeats for a reference").fill("5")
    page.keyboard.press("Enter")
    expect(page.locator(".figures")).to_contain_text("5")
    page.keyboard.press("Escape")
    expect(rows(page, "Probes")).to_have_count(2)


def test_what_cannot_be_asked_is_said_in_the_form(page: Page) -> None:
    page.allowed = ["400", "404"]  # type: ignore[attr-defined]  # what the console may say
    page.goto("/probes")
    page.get_by_role("button", name="New probe").click()
    page.get_by_label("Name").fill("odd")
    page.get_by_label("Asks").fill("nobody/none")
    page.get_by_label("Dataset of questions").fill("pinned")
    page.get_by_role("button", name="Store it").click()
    expect(page.get_by_role("alert")).to_contain_text("nobody")
    page.get_by_label("Parameters").fill("{")
    page.get_by_role("button", name="Store it").click()
    expect(page.get_by_role("alert")).to_have_text("The parameters are not JSON.")


def test_a_probe_is_switched_off_and_deleted_once_it_was_asked(page: Page, site: Served) -> None:
    probe = {"ask": "far/one", "dataset": "pinned", "every_s": 86_400, "enabled": False}
    site.client.put("/api/v1/probes/gone", probe)
    page.goto("/probes/gone")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Leave it").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    page.wait_for_url("**/probes")
    expect(rows(page, "Probes").filter(has_text="gone")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_probe_is_accessible(browser: Browser, site: Served, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto("/probes/nightly")
        expect(page.locator("canvas")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("button", name="Change").click()
        assert violations(page) == []
