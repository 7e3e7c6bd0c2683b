"""The playground: columns asked side by side, stopped, saved, run and replayed; also by keys."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests import upstream as play
from tests.playground import far
from tests.serving import Served, configured, served
from tests.ui import records
from tests.ui.axe import violations
from tests.ui.conftest import opened
from tests.upstream import Answer, Request, upstream_in_thread

MODELS = ("echo", *far.MODELS)
PRICE = "price: {input: 1, output: 2}"
PROMPT = {
    "name": "greeting",
    "messages": [{"role": "user", "content": "Say hello to {{ name }}."}],
    "parameters": {"temperature": 0.5},
}
REPLAYED = records.identifier("hostile", 0, 32)


def answer(request: Request) -> Answer:
    """What was asked, for `echo`; otherwise what its model does."""
    body = request.json
    return play.chat_stream(body) if body["model"] == "echo" else far.answer(request)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with upstream_in_thread(handler=answer) as provider:
        models = "".join(f"      - {{id: {one}, {PRICE}}}\n" for one in MODELS)
        text = (
            "providers:\n  - name: far\n    kind: openai_compatible\n"
            f"    base_url: {provider.base_url}\n    models:\n{models}"
        )
        with served(configured(tmp_path_factory.mktemp("site") / "data", text)) as running:
            now_ns = time.time_ns()
            records.send(running, [*records.hostile(now_ns), *records.conversation(0, now_ns)])
            assert running.ask("POST", "/api/v1/prompts", PROMPT).status == 201
            rows = [
                {"example_id": name, "input": {"name": name}, "expected": "hello"}
                for name in ("Ann", "Bo")
            ]
            examples = {"name": "people", "examples": rows}
            assert running.ask("POST", "/api/v1/datasets", examples).status == 201
            yield running


@pytest.fixture
def board(page: Page) -> Page:
    page.goto("/playground?new=1")
    expect(column(page, "A")).to_be_visible()
    return page


def column(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=f"Column {name}", exact=True)


def answered(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=f"Answer of {name}", exact=True)


def question(page: Page) -> Locator:
    return page.get_by_role("group", name="Conversation").get_by_role("textbox").first


def ask(page: Page, *models: str, text: str = "Count.") -> None:
    """A column for each of these models, all asked."""
    for index, model in enumerate(models):
        if index:
            page.get_by_role("button", name=re.compile("^Add a column")).click()
        page.get_by_label("Model or route").nth(index).select_option(f"far/{model}")
    question(page).fill(text)
    page.keyboard.press("Control+Enter")


def test_columns_stream_side_by_side_and_one_that_fails_stops_none(board: Page) -> None:
    ask(board, "slow", "thinker", "tools", "refuses")
    expect(answered(board, "A")).to_contain_text("One two three.")
    expect(answered(board, "A")).to_contain_text(re.compile(r"First token[\d.]+ m?s"))
    expect(answered(board, "A")).to_contain_text(re.compile(r"Tokens\d+ in, 20 out"))
    expect(answered(board, "A")).to_contain_text(re.compile(r"Cost\$0\.0000"))
    expect(answered(board, "B")).to_contain_text("Let me see.")
    expect(answered(board, "C")).to_contain_text(re.compile(r'add\s*\{\s*"a": 1,\s*"b": 2'))
    expect(answered(board, "D")).to_contain_text("the temperature is too high")
    expect(answered(board, "D")).to_contain_text("✕ failed")
    expect(board.get_by_text("3 of 4 answered, 1 failed")).to_be_visible()


def test_one_column_is_stopped_and_then_all(board: Page) -> None:
    ask(board, "hang", "hang", "plain")
    expect(answered(board, "A")).to_contain_text("Begun")
    expect(answered(board, "C")).to_contain_text("✓ answered")
    answered(board, "A").get_by_role("button", name="Stop").click()
    expect(answered(board, "A")).to_contain_text("⊘ stopped")
    expect(answered(board, "B")).to_contain_text("… answering")
    board.keyboard.press("Control+.")
    expect(answered(board, "B")).to_contain_text("⊘ stopped")
    expect(answered(board, "B")).to_contain_text("Begun")


def test_a_question_is_asked_by_keys_alone(board: Page) -> None:
    board.keyboard.press("a")
    expect(column(board, "B")).to_be_visible()
    select = board.get_by_label("Model or route")
    for index in (0, 1):
        for _ in range(60):
            if select.nth(index).evaluate("one => one === document.activeElement"):
                break
            board.keyboard.press("Tab")
        board.keyboard.type("far/echo")
    for _ in range(60):
        board.keyboard.press("Tab")
        if question(board).evaluate("one => one === document.activeElement"):
            break
    board.keyboard.type("Hello there")
    board.keyboard.press("Control+Enter")
    expect(answered(board, "A")).to_contain_text("You said: Hello there")
    expect(answered(board, "B")).to_contain_text("You said: Hello there")


def test_variables_of_a_template_are_asked_for_and_filled_in(board: Page) -> None:
    first = column(board, "A")
    first.get_by_label("Role of message 1").select_option("user")
    first.get_by_label("Text of message 1").fill("Hello {{ name }}, {{ greeting }}")
    board.get_by_label("greeting").fill("{{ not a template }}")
    expect(first).to_contain_text("lacks variables: name")
    board.get_by_label("name").fill("Ann")
    board.get_by_label("Model or route").select_option("far/echo")
    expect(first).to_contain_text(re.compile(r"About \d+ tokens, (<\$0\.00001|\$0\.0000)"))
    board.keyboard.press("Control+Enter")
    expect(answered(board, "A")).to_contain_text("You said: Hello Ann, {{ not a template }}")


def test_what_cannot_be_sent_says_why(board: Page) -> None:
    board.get_by_text("Parameters and tools").click()
    board.get_by_label("Temperature").fill("0.7")
    parameters = board.get_by_label("All parameters, as JSON")
    assert json.loads(parameters.input_value()) == {"temperature": 0.7}
    parameters.fill("{")
    question(board).fill("Count.")
    board.keyboard.press("Control+Enter")
    expect(answered(board, "A").get_by_role("alert")).to_have_text(
        "The parameters are no JSON object."
    )


def test_a_stored_prompt_is_edited_and_saved_as_its_next_version(page: Page, site: Served) -> None:
    page.goto("/playground?prompt=greeting&model=far/echo")
    expect(column(page, "A")).to_contain_text("Say hello to {{ name }}.")
    page.get_by_label("name").fill("Ann")
    question(page).fill("Now.")
    page.get_by_role("button", name="Edit the words").click()
    column(page, "A").get_by_label("Text of message 1").fill("Greet {{ name }} kindly.")
    answered(page, "A").get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name of the prompt")).to_have_value("")
    dialog.get_by_label("Name of the prompt").fill("greeting")
    dialog.get_by_label("Note").fill("kinder")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as greeting@2")).to_be_visible()
    stored = site.client.get("/api/v1/prompts/greeting@2")
    assert stored["messages"][0]["content"] == "Greet {{ name }} kindly."
    assert stored["parameters"] == {"temperature": 0.5}
    expect(column(page, "A")).to_contain_text("version 2")


def test_columns_are_run_on_a_dataset(page: Page, site: Served) -> None:
    page.goto("/playground?prompt=greeting@1&model=far/plain")
    expect(column(page, "A")).to_contain_text("Say hello to")
    page.get_by_role("button", name="Run on a dataset").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Dataset", exact=True).select_option("people")
    expect(dialog).to_contain_text("2 rows")
    dialog.get_by_role("button", name="Start the run").click()
    expect(dialog).to_contain_text("The run has begun.")
    [run] = site.client.get("/api/v1/runs")["data"]
    link = dialog.get_by_role("link")
    expect(link).to_have_attribute("href", f"/experiments/{run['run_id']}")
    assert run["dataset"] == "people@1"


def test_a_recorded_call_is_edited_and_asked_again(page: Page) -> None:
    span = records.identifier("0plan", 0, 16)
    page.goto(f"/playground?from={records.identifier('t', 0, 32)}/{span}")
    words = column(page, "A").get_by_label("Text of message 2")
    expect(words).to_have_value("How long does green paint number 0 take to dry?")
    expect(page.get_by_text("not on record: parameters")).to_be_visible()
    gone = re.compile("gpt-4o-mini is not available here: .+ is chosen")
    expect(page.get_by_text(gone)).to_be_visible()
    words.fill("How long {{ really }}?")
    page.get_by_label("Model or route").select_option("far/echo")
    page.keyboard.press("Control+Enter")
    expect(answered(page, "A")).to_contain_text("You said: How long {{ really }}?")


def test_a_recorded_call_of_any_size_is_asked_again_as_it_stands(page: Page) -> None:
    span = records.identifier("hostile", 0, 16)
    page.goto(f"/playground?from={REPLAYED}/{span}")
    first = column(page, "A")
    expect(first).to_contain_text("sent whole, and too long to be edited here", timeout=20_000)
    expect(first.get_by_text("<script>alert(2)</script>")).to_be_visible()
    expect(first.get_by_role("checkbox")).not_to_be_checked()
    expect(page.get_by_text("answered by gpt-4o-mini")).to_be_visible()
    expect(page.get_by_role("link", name="A recorded call")).to_have_attribute(
        "href", f"/traces/{REPLAYED}?span={span}"
    )


def test_hostile_words_of_an_answer_are_text(board: Page) -> None:
    ask(board, "echo", text=records.HOSTILE.replace("\x07", ""))
    expect(answered(board, "A")).to_contain_text("<script>alert(2)</script>")
    expect(answered(board, "A")).to_contain_text("⟨202E⟩")


def test_a_link_and_the_history_bring_back_what_was_asked(
    board: Page, browser: Browser, site: Served
) -> None:
    ask(board, "echo", text="Remember me")
    expect(answered(board, "A")).to_contain_text("You said: Remember me")
    board.get_by_role("button", name="Copy the link").click()
    expect(board.get_by_text("Copied")).to_be_visible()
    link = board.evaluate("navigator.clipboard.readText()")
    with opened(browser, site) as other:
        other.goto(link)
        expect(question(other)).to_have_value("Remember me")
        expect(other.get_by_label("Model or route")).to_have_value("far/echo")
        expect(answered(other, "A")).to_contain_text("not asked yet")
    board.goto("/playground?new=1")
    expect(question(board)).to_have_value("")
    board.keyboard.press("h")
    board.get_by_role("dialog").get_by_role("button", name="Remember me").click()
    expect(question(board)).to_have_value("Remember me")
    expect(answered(board, "A")).to_contain_text("You said: Remember me")


def test_what_was_written_is_there_again_after_leaving(board: Page) -> None:
    question(board).fill("Half a thought")
    board.goto("/prompts")
    board.goto("/playground")
    expect(question(board)).to_have_value("Half a thought")
    question(board).fill("Another one")
    board.get_by_role("link", name="Prompts").click()
    board.get_by_role("link", name="Playground").click()
    expect(question(board)).to_have_value("Another one")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_answers_are_accessible(browser: Browser, site: Served, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto("/playground?new=1")
        expect(column(page, "A")).to_be_visible()
        page.get_by_text("Parameters and tools").click()
        ask(page, "thinker", "tools", "refuses")
        expect(page.get_by_text("2 of 3 answered, 1 failed")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Tab")
        page.get_by_role("button", name=re.compile("^History")).click()
        assert violations(page) == []
