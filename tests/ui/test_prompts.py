"""Prompts: found, read, compared, filled in, labelled; by mouse and by keys alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.serving import Served
from tests.ui import records
from tests.ui.axe import violations
from tests.ui.conftest import opened

TOOL = {"type": "function", "function": {"name": "forecast", "parameters": {"type": "object"}}}
DECLARED = [
    {"name": "city", "description": "The town"},
    {"name": "days", "type": "integer", "required": False, "default": 3},
]
CITY = {"role": "user", "content": "<city>{{ city }}</city>"}
WEATHER = {
    "name": "weather",
    "declared": DECLARED,
    "parameters": {"temperature": 0},
    "messages": [
        {"role": "system", "content": "Forecast the next {{ days }} days. Be brief."},
        CITY,
    ],
}
WARMER = {
    **WEATHER,
    "note": "warmer",
    "declared": [*DECLARED, {"name": "name"}],
    "parameters": {"temperature": 0.5, "max_tokens": 100},
    "tools": [TOOL],
    "messages": [
        {"role": "system", "content": "Forecast the next {{ days }} days. Be kind to {{ name }}."},
        CITY,
    ],
}


@pytest.fixture(scope="module", autouse=True)
def _prompts(site: Served) -> None:
    post(site, WEATHER)
    post(site, {**WARMER, "labels": ["staging"]})
    post(site, {**WARMER, "note": "third", "parameters": {}})
    site.client.put("/api/v1/prompts/weather/labels/production", {"version": 1})
    entry = {"folder": "support/mail", "tags": ["polite"], "description": "Says the weather"}
    site.client.patch("/api/v1/prompts/weather/entry", entry)
    words = [{"role": "system", "content": records.HOSTILE + "A" * 200_000}]
    post(site, {"name": "hostile", "messages": words, "note": "\u202e <b>note</b>"})
    post(site, {"name": "greeting", "messages": [{"role": "user", "content": "Hello {{ who }}"}]})


def post(site: Served, prompt: Mapping[str, object]) -> None:
    reply = site.ask("POST", "/api/v1/prompts", prompt)
    assert reply.status == 201, reply.body


def labels(site: Served) -> dict[str, int]:
    found: dict[str, int] = site.client.get("/api/v1/prompts/weather/entry")["labels"]
    return found


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("grid", name="Prompts").get_by_role("row").filter(has_text=name)


def at(page: Page, path: str) -> Locator:
    """The pane of a version, once it is there."""
    page.goto(path)
    pane = page.get_by_role("region", name=re.compile("^Version"))
    expect(pane).to_be_visible()
    return pane


def chosen(page: Page) -> Locator:
    """The version that is looked at, in the list of them."""
    return page.get_by_role("listbox", name="Versions").get_by_role("option", selected=True)


# -- the list --------------------------------------------------------------------------------------


def test_a_prompt_is_found_by_folder_and_label(page: Page) -> None:
    page.goto("/prompts")
    expect(row(page, "greeting")).to_be_visible()
    page.get_by_role("button", name=re.compile("^mail")).click()
    expect(row(page, "greeting")).to_have_count(0)
    expect(row(page, "weather")).to_contain_text("production 1")
    page.get_by_role("button", name=re.compile("^staging")).click()
    expect(page).to_have_url(re.compile(r"folder=support%2Fmail&label=staging"))
    row(page, "weather").click()
    expect(page).to_have_url(re.compile("/prompts/weather$"))


def test_a_prompt_is_found_by_keys_alone(page: Page) -> None:
    page.goto("/prompts")
    expect(row(page, "greeting")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("forecast")  # stands only in the words
    expect(row(page, "greeting")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("weather")


def test_without_prompts_the_page_has_lines_that_store_one(browser: Browser, site: Served) -> None:
    with opened(browser, site) as page:
        page.goto("/prompts?project=bare")
        expect(page.get_by_role("heading", name="No prompt yet")).to_be_visible()
        code = page.locator("figure pre").inner_text()
        asked = code.replace("curl ", "curl -sf ")
        subprocess.run(["bash", "-c", asked], check=True, capture_output=True, timeout=30)
        page.reload()
        expect(row(page, "greeting")).to_contain_text("production 1")


# -- one prompt ------------------------------------------------------------------------------------


def test_versions_are_gone_through_by_keys(page: Page) -> None:
    pane = at(page, "/prompts/weather")
    expect(pane).to_contain_text("name")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("version=1"))
    expect(chosen(page)).to_contain_text("production")
    expect(page.get_by_role("region", name="Version 1")).to_contain_text("Be brief.")
    page.keyboard.press("b")
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile("against=1.*version=2|version=2.*against=1"))
    expect(page.get_by_text("1 of 3 sentences changed")).to_be_visible()


def test_any_two_versions_are_compared(page: Page) -> None:
    pane = at(page, "/prompts/weather?view=changes")
    expect(pane).to_contain_text("temperature")
    expect(pane.locator("del").first).to_have_text("0.5")
    pane.get_by_role("combobox").select_option("1")
    expect(pane.locator("del", has_text="brief")).to_be_visible()
    expect(pane.get_by_role("row", name="tool forecast")).to_contain_text("+ added")
    pane.get_by_role("button", name="The other way round").click()
    expect(page).to_have_url(re.compile("version=1"))
    other = page.get_by_role("region", name="Version 1")
    expect(other.get_by_role("row", name="tool forecast")).to_contain_text("− removed")


def test_what_should_be_mended_is_said_beside_the_words(page: Page) -> None:
    pane = at(page, "/prompts/weather")
    expect(pane.get_by_text("stands in a system message")).to_be_visible()
    expect(pane.get_by_text("To do:").first).to_be_visible()


def test_values_are_filled_in_and_priced(page: Page) -> None:
    pane = at(page, "/prompts/weather?version=1&view=preview")
    expect(pane).to_contain_text("To be filled in: city")
    pane.get_by_label("city").fill("Rome")
    expect(pane.get_by_text("<city>Rome</city>")).to_be_visible()
    expect(pane.get_by_text("the next 3 days")).to_be_visible()
    expect(pane.get_by_role("row", name="trimtab/extract")).to_contain_text("$0")
    pane.get_by_label("days").fill("many")
    expect(pane.get_by_text("Write a whole number.")).to_be_visible()
    pane.get_by_label("days").fill("5")
    expect(pane.get_by_text("the next 5 days")).to_be_visible()
    page.reload()
    expect(page.get_by_text("the next 5 days")).to_be_visible()


def test_calls_and_scores_of_a_version_stand_beside_those_of_another(
    page: Page, site: Served
) -> None:
    asked = {
        "model": "weather@1",
        "trimtab": {"model": "trimtab/extract", "variables": {"city": "Rome"}},
        "messages": [{"role": "user", "content": "Will it rain?"}],
    }
    reply = site.ask("POST", "/v1/chat/completions", asked)
    assert reply.status == 200, reply.body
    trace_id = reply.headers["x-trimtab-trace-id"]
    for passed in (True, False):
        score = {"name": "kind", "passed": passed, "trace_id": trace_id}
        site.client.post("/api/v1/scores", score)
    at(page, "/prompts/weather?version=1&view=scores&against=2")
    mine = page.get_by_role("region", name="Calls with version 1")
    expect(mine.get_by_role("row", name="trimtab/extract")).to_contain_text("1")
    other = page.get_by_role("region", name="Calls with version 2")
    expect(other).to_contain_text("No call with it is recorded.")
    mine.get_by_role("link", name="Its traces").click()
    expect(page).to_have_url(re.compile(r"/traces\?filter=prompt%3Aweather%401"))


def test_the_code_of_a_version_works(page: Page, site: Served) -> None:
    pane = at(page, "/prompts/weather?version=1&view=use")
    expect(pane.get_by_text("--model 'trimtab/extract'")).to_be_visible()
    code = pane.locator("figure", has_text="Through the gateway").locator("pre").inner_text()
    asked = code.replace("curl ", "curl -sf ", 1)
    done = subprocess.run(["bash", "-c", asked], check=True, capture_output=True, timeout=30)
    assert b'"chat.completion"' in done.stdout
    python = pane.locator("figure", has_text="In an application").locator("pre").inner_text()
    assert f'trimtab.prompt("weather", label="production", url="{site.url}/")' in python
    compile(python, "snippet", "exec")


# -- labels and names ------------------------------------------------------------------------------


def test_a_label_is_moved_when_it_was_confirmed_and_moved_back(page: Page, site: Served) -> None:
    at(page, "/prompts/weather?version=2")
    page.get_by_role("button", name=re.compile("^Labels")).click()
    page.get_by_role("button", name="Point to version 2").first.click()
    dialog = page.get_by_role("dialog", name="Move production to version 2")
    expect(dialog).to_contain_text("sentences changed")
    assert labels(site)["production"] == 1
    dialog.get_by_role("button", name="Move it from version 1 to 2").click()
    expect(page.get_by_text("production points to version 2")).to_be_visible()
    assert labels(site)["production"] == 2
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("production points to version 1")).to_be_visible()
    assert labels(site)["production"] == 1


def test_a_label_is_made_and_taken_away_by_keys_alone(page: Page, site: Served) -> None:
    at(page, "/prompts/weather?version=2")
    page.keyboard.press("l")
    field = page.get_by_label("Another label")
    expect(field).to_be_visible()
    for _ in range(12):
        if field.evaluate("one => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.type("beta")
    page.keyboard.press("Enter")
    expect(chosen(page)).to_contain_text("beta")
    assert labels(site)["beta"] == 2
    page.keyboard.press("l")
    taken = page.get_by_role("button", name="Take beta away")
    taken.focus()
    page.keyboard.press("Enter")
    expect(chosen(page)).not_to_contain_text("beta")
    assert "beta" not in labels(site)


def test_a_prompt_is_put_into_another_folder_and_archived(page: Page, site: Served) -> None:
    at(page, "/prompts/greeting")
    page.get_by_role("button", name="Folder and tags").click()
    page.get_by_label("Folder").fill("hello")
    page.get_by_label("Tags").fill("one, two")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="hello")).to_be_visible()
    page.get_by_role("button", name="Folder and tags").click()
    page.get_by_role("button", name="Archive it").click()
    expect(page.get_by_text("Archived: it is not listed")).to_be_visible()
    entry = site.client.get("/api/v1/prompts/greeting/entry")
    assert (entry["folder"], entry["tags"], entry["archived"]) == ("hello", ["one", "two"], True)
    page.locator(".message", has_text="Archived").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("It is as it was")).to_be_visible()
    assert site.client.get("/api/v1/prompts/greeting/entry")["archived"] is False


# -- whatever is in them ---------------------------------------------------------------------------


def test_hostile_words_are_shown_as_text(page: Page) -> None:
    pane = at(page, "/prompts/hostile")
    expect(pane.get_by_text("<script>alert(2)</script>").first).to_be_visible()
    expect(pane.get_by_role("button", name="Show more")).to_be_visible()
    expect(page.get_by_text("⟨202E⟩ <b>note</b>")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_prompt_that_is_not_there_is_said_to_be_missing(page: Page) -> None:
    page.allowed = ("404",)  # type: ignore[attr-defined]
    page.goto("/prompts/nothing")
    expect(page.get_by_role("heading", name="There is no prompt of this name")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", ["words", "changes", "preview", "scores", "use"])
def test_a_version_is_accessible(browser: Browser, site: Served, view: str, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        at(page, f"/prompts/weather?view={view}")
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
