"""Users, and what is recorded of one."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_a_user_is_found_and_opened_with_the_mouse(page: Page) -> None:
    page.goto("/users")
    rows = page.get_by_role("grid", name="Users").locator(".table-row")
    expect(rows).to_have_count(8)
    rows.filter(has_text="user-6").click()
    page.wait_for_url("**/users/user-6")
    figures = page.get_by_label("Figures of the user")
    expect(figures).to_contain_text("Traces\n8", use_inner_text=True)
    scores = page.get_by_role("region", name="Scores")
    # of traces 6, 27 and 48 those with an odd number passed
    expect(scores.get_by_role("row").nth(1)).to_contain_text("33.3 %")
    figures.get_by_role("link").first.click()
    page.wait_for_url("**/traces?filter=user%3Auser-6")
    expect(page.locator(".table-row")).to_have_count(8)


def test_a_user_leads_to_sessions_by_keyboard_alone(page: Page) -> None:
    page.goto("/users/user-6")
    sessions = page.get_by_role("grid", name="Sessions of the user")
    expect(sessions.locator(".table-row").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions/session-*")


def test_a_user_of_whom_nothing_is_recorded(page: Page) -> None:
    page.goto("/users/nobody")
    expect(page.get_by_text("Nothing is recorded of this user")).to_be_visible()
