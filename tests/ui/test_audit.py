"""The audit: who changed what, narrowed and paged, and a way to what was changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.serving import Served, configured, served
from tests.ui.records import HOSTILE

PROMPTS = 250


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("audit") / "data")) as running:
        post = running.client.post
        for number in range(PROMPTS):
            body = {
                "name": f"p{number % 5}",
                "messages": [{"role": "user", "content": f"{number}"}],
            }
            post("/api/v1/prompts", body)
        examples = [{"example_id": "a", "input": "Which port?"}]
        post("/api/v1/datasets", {"name": "golden", "examples": examples})
        running.client.put("/api/v1/approved-models", {"model": "far/*"})
        allowance = {"kind": "user", "name": HOSTILE, "daily_usd": 1}
        running.client.put("/api/v1/allowances", allowance)
        yield running


def rows(page: Page) -> Locator:
    return page.get_by_role("grid", name="Changes").locator(".table-row")


def go(page: Page, path: str = "/audit") -> None:
    page.goto(path)
    expect(rows(page).first).to_be_visible()


def test_changes_are_newest_first_and_hostile_names_are_text(page: Page) -> None:
    go(page)
    expect(rows(page).first).to_contain_text("allowance.put")
    expect(rows(page).first).to_contain_text("<img src=x onerror=alert(1)>")
    expect(rows(page).first).to_contain_text("⟨202E⟩gnp.exe")
    assert page.locator(".table img").count() == 0
    expect(rows(page).nth(1)).to_contain_text("model.approve")


def test_the_list_goes_on_to_the_first_change(page: Page) -> None:
    go(page)
    grid = page.get_by_role("grid", name="Changes")
    grid.focus()
    grid.press("End")
    expect(grid).to_have_attribute("aria-rowcount", str(PROMPTS + 4))
    grid.press("End")
    expect(rows(page).last.locator("[role=gridcell]").last).to_have_text("1")


def test_it_is_narrowed_by_what_was_done_to_what(page: Page) -> None:
    go(page)
    page.get_by_label("Of what").fill("golden")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    assert page.url.endswith("/audit?object=golden")
    page.get_by_role("button", name="Show all").click()
    page.get_by_role("link", name="model.approve").click()
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_label("What", exact=True)).to_have_value("model.approve")


def test_without_a_mouse(page: Page) -> None:
    go(page)
    page.keyboard.press("/")
    page.keyboard.type("golden")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_url("**/datasets/golden")


def test_keys_have_names_and_what_was_changed_is_led_to(page: Page, site: Served) -> None:
    held = site.client.post("/api/v1/keys", {"name": "till"})["key"]["key_id"]
    site.client.put("/api/v1/routes/chat", {"targets": [{"model": "trimtab/extract"}]})
    site.client.put("/api/v1/guards/policies/careful", {"extends": "default"})
    go(page)
    link = rows(page).filter(has_text="key.add").get_by_role("link", name="till")
    expect(link).to_have_attribute("href", f"/gateway/keys?key={held}")
    for action, name, href in (
        ("route.put", "chat", "/gateway?route=chat"),
        ("guard_policy.put", "careful", "/guards/policies?policy=careful"),
    ):
        link = rows(page).filter(has_text=action).get_by_role("link", name=name)
        expect(link).to_have_attribute("href", href)


def test_a_link_shows_who_did_it(page: Page) -> None:
    go(page, "/audit?principal=local&action=dataset")
    expect(rows(page)).to_have_count(1)
    page.goto("/audit?principal=nobody")
    expect(page.get_by_text("Nothing of that was changed")).to_be_visible()
