"""Plans: their runs step by step; cancelled, resumed and replayed, with the mouse and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.scripted import scripted
from tests.serving import Served, configured, served
from tests.ui import operations
from tests.ui.axe import violations
from tests.ui.conftest import opened
from tests.ui.operations import Model

RUNS: dict[str, str] = {}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("plans") / "data"
    with scripted(data, operations.PROVIDER, model) as world:
        RUNS.update(operations.plans(world.server))
        yield world.server


def rows(page: Page, grid: str = "Runs of plans") -> Locator:
    return page.get_by_role("grid", name=grid).locator(".table-row")


def state(page: Page) -> Locator:
    return page.locator(".frame-head .badge")


def begin(site: Served, mail: str) -> str:
    body = {"inputs": {"mail": mail}}
    run: str = site.client.post("/api/v1/plans/answer-mail/runs", body)["plan_run_id"]
    return run


def test_a_run_is_shown_step_by_step_and_what_was_said_is_text(page: Page) -> None:
    page.goto("/plans")
    expect(rows(page)).to_have_count(2)
    rows(page).filter(has_text="done").click()
    steps = rows(page, "Steps")
    expect(steps).to_have_count(7)
    expect(steps.nth(2)).to_contain_text("item 0")
    expect(steps.nth(5)).to_contain_text("skipped")
    steps.filter(has_text="reply").click()
    detail = page.locator(".plans-detail")
    expect(detail).to_contain_text("<img src=x onerror=alert(1)>")
    expect(detail).to_contain_text("⟨202E⟩gnp.exe")
    assert detail.locator("img").count() == 0
    assert page.url.endswith(f"/plans/{RUNS['done']}?step=reply")


def test_a_failed_run_goes_on_when_what_failed_is_mended(page: Page, model: Model) -> None:
    page.goto(f"/plans/{RUNS['failed']}?step=reply")
    expect(state(page)).to_contain_text("failed")
    expect(page.locator(".plans-detail")).to_contain_text("this cannot be answered")
    model.fails = False
    asked = len(model.asked)
    page.get_by_role("button", name="Go on").click()
    expect(state(page)).to_contain_text("done")
    assert len(model.asked) == asked + 1


def test_a_replay_asks_nobody_and_one_from_a_step_on_asks_that_step(
    page: Page, model: Model
) -> None:
    page.goto(f"/plans/{RUNS['done']}")
    asked = len(model.asked)
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("all of it")).to_be_visible()
    expect(state(page)).to_contain_text("done")
    assert len(model.asked) == asked
    page.goto(f"/plans/{RUNS['done']}?step=reply")
    page.get_by_role("button", name="Ask anew from reply").click()
    page.get_by_role("dialog").get_by_role("button", name="Ask anew").click()
    expect(page.get_by_text("from reply on", exact=True)).to_be_visible()
    expect(state(page)).to_contain_text("done")
    assert len(model.asked) == asked + 1


def test_a_run_is_begun_cancelled_and_taken_up_again_without_a_mouse(page: Page) -> None:
    page.goto("/plans/declared")
    expect(page.get_by_role("button", name="Run it")).to_be_visible()
    page.keyboard.press("n")
    page.get_by_role("textbox", name="mail").focus()
    page.keyboard.type("WAIT")
    page.keyboard.press("Control+Enter")
    expect(state(page)).to_have_text("running")
    expect(rows(page, "Steps").filter(has_text="not yet")).to_have_count(1)
    page.keyboard.press("c")
    expect(state(page)).to_contain_text("interrupted")
    page.keyboard.press("r")
    expect(state(page)).to_have_text("running")
    page.keyboard.press("c")
    expect(state(page)).to_contain_text("interrupted")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".plans-detail h2")).to_have_text("answers")
    page.keyboard.press("Escape")
    expect(rows(page).first).to_contain_text("interrupted")


def test_a_cancelled_run_is_taken_up_again_by_undo(page: Page, site: Served) -> None:
    page.goto(f"/plans/{begin(site, 'WAIT')}")
    page.get_by_role("button", name="Cancel").click()
    expect(state(page)).to_contain_text("interrupted")
    page.get_by_role("button", name="Undo").click()
    expect(state(page)).to_have_text("running")
    page.get_by_role("button", name="Cancel").click()
    expect(state(page)).to_contain_text("interrupted")


def test_an_input_that_is_missing_is_said_where_it_was_written(page: Page) -> None:
    page.goto("/plans/declared?plan=answer-mail@1")
    expect(page.get_by_label("Version")).to_have_value("1")
    page.get_by_role("button", name="Run it").click()
    page.get_by_role("dialog").get_by_role("button", name="Run it").click()
    missing = page.get_by_role("textbox", name="mail").evaluate(
        "field => field.validity.valueMissing"
    )
    assert missing is True


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_run_is_accessible(browser: Browser, site: Served, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto(f"/plans/{RUNS['done']}?step=reply")
        expect(page.locator(".plans-detail h2")).to_be_visible()
        assert violations(page) == []
        page.goto("/plans/declared")
        page.locator(".plans-step summary").first.click()
        assert violations(page) == []
        page.get_by_role("button", name="Run it").click()
        assert violations(page) == []


def test_without_a_plan_there_is_one_to_begin_with(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (
        served(configured(tmp_path_factory.mktemp("none") / "data")) as empty,
        opened(browser, empty) as page,
    ):
        page.goto("/plans")
        expect(page.get_by_text("No plan was run yet")).to_be_visible()
        expect(page.get_by_text("trimtab plans put hello.yaml")).to_be_visible()
        page.goto("/probes")
        expect(page.get_by_text("No probe yet")).to_be_visible()
