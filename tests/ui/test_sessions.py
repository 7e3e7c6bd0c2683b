"""Sessions and one of them as a conversation."""

from __future__ import annotations

import json
import time
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect
from tests.serving import Served
from tests.ui import records

LONG = "The paint is green. " * 40


def rows(page: Page) -> Locator:
    return page.get_by_role("grid", name="Sessions").locator(".table-row")


def said(session: str, n: int, question: str, answer: str) -> dict[str, object]:
    """A turn of a session, a minute after the one before."""
    start_ns = time.time_ns() - (100 - n) * 60_000 * records.MS
    return {
        "trace_id": records.identifier(f"{session}t", n, 32),
        "span_id": records.identifier(f"{session}s", n, 16),
        "parent_id": None,
        "project": "default",
        "name": "chat",
        "kind": "llm",
        "start_ns": start_ns,
        "end_ns": start_ns + 200 * records.MS,
        "status": "ok",
        "session": session,
        "user": "a/b",
        "model": "gpt-4o-mini",
        "provider": "openai",
        "open": False,
        "revision": 0,
        "input": [{"role": "user", "content": question}],
        "output": [{"role": "assistant", "content": answer}],
    }


def test_sessions_are_sorted_filtered_and_opened_by_keyboard(page: Page) -> None:
    page.goto("/sessions")
    expect(rows(page).first).to_contain_text("<img src=x")
    page.get_by_role("button", name="Cost").click()
    expect(page.get_by_role("columnheader", name="Cost")).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(rows(page).first).to_contain_text("session-14")
    page.keyboard.press("/")
    page.keyboard.type("user:user-3")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(9)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions/session-*")
    expect(page.get_by_role("article").first).to_be_visible()


def test_a_session_is_a_conversation_from_its_beginning(page: Page) -> None:
    page.goto("/sessions/session-0")
    turns = page.get_by_role("article")
    expect(turns).to_have_count(4)
    expect(turns.first).to_contain_text("paint number 3 take to dry")
    expect(turns.last).to_contain_text("Paint 0 takes four hours to dry.")
    expect(turns.first).to_contain_text("helpful ✓")
    expect(turns.last).to_contain_text("helpful ✕")
    expect(turns.last).to_contain_text("$0.000")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(turns.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/traces/{records.identifier('t', 2, 32)}")


def test_what_is_longer_than_a_list_shows_is_read_in_whole(site: Served, page: Page) -> None:
    session = "long/one 100%"
    records.send(site, [said(session, n, f"{n}: {LONG}", LONG) for n in range(3)])
    page.goto(f"/sessions/{quote(session, safe='')}")
    first = page.get_by_role("article").first
    expect(first).to_contain_text(f"0: {LONG}".strip())
    expect(page.get_by_role("heading", level=1, name=f"Session {session}")).to_be_visible()
    page.get_by_role("link", name="a/b").click()
    page.wait_for_url("**/users/a%2Fb")
    expect(page.get_by_role("heading", level=1, name="User a/b")).to_be_visible()


def test_many_turns_come_some_at_a_time(site: Served, page: Page) -> None:
    records.send(site, [said("many", n, f"question {n:02}", "yes") for n in range(60)])
    page.goto("/sessions/many")
    turns = page.get_by_role("article")
    expect(turns).to_have_count(50)
    expect(turns.first).to_contain_text("question 10")
    page.get_by_role("button", name="Show 50 earlier").click()
    expect(turns).to_have_count(60)
    expect(turns.first).to_contain_text("question 00")


def test_hostile_turns_are_text_and_long_ones_are_cut(page: Page) -> None:
    page.goto("/sessions")
    rows(page).first.click()
    turn = page.get_by_role("article")
    expect(turn.get_by_text("<script>alert(2)</script> ⟨202E⟩gnp.exe").first).to_be_visible()
    more = turn.get_by_role("button", name="Show more")
    expect(more).to_be_visible()
    more.click()
    expect(turn.get_by_text("220 k of 5 M characters")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_session_that_is_not_there_says_so(page: Page) -> None:
    page.goto("/sessions/nowhere")
    expect(page.get_by_text("Nothing is recorded of this session")).to_be_visible()
    page.get_by_role("link", name="All sessions").click()
    expect(rows(page).first).to_be_visible()


def test_many_lines_are_folded(page: Page, site: Served) -> None:
    asked = json.dumps({f"key {n}": n for n in range(200)})
    turn = said("folded", 0, "", "Yes.") | {"input": json.loads(asked)}
    records.send(site, [turn])
    page.goto("/sessions/folded")
    article = page.get_by_role("article")
    expect(article).to_contain_text("key 5")
    expect(article).not_to_contain_text("key 150")
    article.get_by_role("button", name="Show all 202 lines").click()
    expect(article).to_contain_text("key 150")
