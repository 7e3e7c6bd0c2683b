"""The pages of the gateway: what answers now, keys and what is left of their budgets, spend."""

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
    data = tmp_path_factory.mktemp("gateway") / "data"
    with served(configured(data, operated.TEXT)) as running:
        operated.operate(running)
        yield running


def secret_of(page: Page) -> str:
    return page.get_by_role("region", name="The secret").locator("code").first.inner_text()


def test_a_route_says_who_is_asked_and_why_one_cannot_answer(page: Page) -> None:
    page.goto("/gateway")
    routes = page.get_by_role("grid", name="Routes")
    expect(routes.get_by_role("row", name="broken")).to_contain_text("cannot answer")
    expect(routes.get_by_role("row", name="docs")).to_contain_text("docs@2 50 %, docs@1 the rest")
    expect(routes.get_by_role("row", name="chat")).to_contain_text("13 %")
    figures = page.get_by_label("Calls since the server began")
    expect(figures).to_contain_text(re.compile("Tried again1"))
    routes.get_by_role("row", name="spare").click()
    models = page.get_by_role("table", name="Models of spare")
    expect(models.get_by_role("row", name="far/gone")).to_contain_text(re.compile("down, 10 min"))
    expect(models.get_by_role("row", name="trimtab/extract")).to_contain_text("healthy")
    routes.get_by_role("row", name="broken").click()
    expect(page.get_by_text("there is no model or route 'nobody/x'")).to_be_visible()


def test_routes_and_their_errors_are_reached_by_keys(page: Page) -> None:
    page.goto("/gateway")
    row = page.get_by_role("row", name="lost")
    row.wait_for()
    page.keyboard.press("End")
    for _ in range(20):
        if row.get_attribute("data-active"):
            break
        page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("route=lost"))
    errors = page.get_by_role("table", name="Newest errors")
    expect(errors).to_contain_text("could not be reached")
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("route="))
    expect(row).to_have_attribute("data-active", "true")


def test_a_key_is_issued_used_rotated_and_disabled(page: Page, site: Served) -> None:
    page.goto("/gateway/keys")
    page.get_by_role("button", name="Issue a key").click()
    page.get_by_label("Name").fill("mouse-bot")
    page.get_by_label("Team").fill("support")
    page.get_by_role("button", name="Issue it").click()
    first = secret_of(page)
    assert operated.ask(site, "chat", "Which port?", first) == 200
    budgets = page.get_by_role("table", name="Budgets")
    expect(budgets.get_by_role("row", name="team support, month")).to_contain_text("$200")
    expect(page.get_by_role("table", name="Limits now")).to_contain_text("requests per minute")
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("button", name="Rotate it").click()
    expect(page.get_by_text(first)).to_have_count(0)
    second = secret_of(page)
    assert operated.ask(site, "chat", "Which port?", first) == 401
    page.get_by_role("button", name="Copy the secret").click()
    assert page.evaluate("navigator.clipboard.readText()") == second
    page.get_by_role("button", name="I have it").click()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("row", name="mouse-bot")).to_contain_text("disabled")
    assert operated.ask(site, "chat", "Which port?", second) == 401
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("row", name="mouse-bot")).to_contain_text("usable")
    page.reload()
    expect(page.get_by_role("row", name="mouse-bot")).to_be_visible()
    assert second not in page.content()


def test_a_key_is_issued_and_disabled_by_keys_alone(page: Page, site: Served) -> None:
    page.goto("/gateway/keys")
    page.get_by_role("row", name="till").wait_for()
    page.keyboard.press("n")
    expect(page.get_by_role("dialog", name="Issue a key")).to_be_visible()
    page.keyboard.type("keys-bot")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copy the secret")).to_be_focused()
    secret = secret_of(page)
    page.keyboard.press("d")
    expect(page.get_by_role("row", name="keys-bot")).to_contain_text("disabled")
    assert operated.ask(site, "chat", "Which port?", secret) == 401
    page.keyboard.press("d")
    expect(page.get_by_role("row", name="keys-bot")).to_contain_text("usable")
    page.keyboard.press("Escape")
    expect(page.get_by_role("table", name="Budgets")).to_have_count(0)


def test_a_name_that_is_taken_is_said_in_the_dialog(page: Page) -> None:
    page.allowed = ("409",)  # type: ignore[attr-defined]  # the browser reports it as an error
    page.goto("/gateway/keys")
    page.get_by_role("button", name="Issue a key").click()
    page.get_by_label("Name").fill("till")
    page.get_by_role("button", name="Issue it").click()
    expect(page.get_by_role("alert")).to_contain_text("till")


def test_spend_stands_beside_its_limit(page: Page) -> None:
    page.goto("/gateway/spend")
    expect(page.get_by_role("row", name="team support")).to_contain_text("$200")
    page.get_by_role("tab", name="key").click()
    expect(page.get_by_role("row", name="support-bot")).to_be_visible()
    expect(page.get_by_role("row", name="default")).to_have_count(0)
    expect(page).to_have_url(re.compile("kind=key"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/gateway?route=spare", "/gateway/keys?key=till"])
def test_what_is_open_is_accessible(browser: Browser, site: Served, path: str, theme: str) -> None:
    key = site.client.get("/api/v1/keys/till")["key_id"]
    with opened(browser, site, theme=theme) as page:
        page.goto(path.replace("till", key))
        page.get_by_role("table").last.wait_for()
        assert violations(page) == []
