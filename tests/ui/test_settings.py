"""Settings: what is in force and from where, allowances, approved models, and care of the data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.api.test_reload import File, running
from tests.serving import Served, configured, served
from tests.ui import records
from tests.ui.axe import violations
from tests.ui.conftest import opened
from tests.waiting import until

PROJECTS = "/api/v1/projects"

TEXT = """
limits: {drain_s: 5}
retention:
  - {project: payments, days: 400}
gateway:
  allowances:
    - {kind: team, name: support, monthly_usd: 100}
"""
FILES: list[File] = []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running(tmp_path_factory.mktemp("settings"), TEXT) as (server, file):
        FILES.append(file)
        records.record(server)
        yield server


def rows(page: Page, grid: str) -> Locator:
    return page.get_by_role("grid", name=grid).locator(".table-row")


def test_each_setting_says_where_it_was_written(page: Page) -> None:
    page.goto("/settings")
    page.get_by_label("Find a setting").fill("drain")
    expect(rows(page, "Settings in force")).to_have_count(1)
    expect(rows(page, "Settings in force")).to_contain_text("trimtab.yaml:2")
    page.get_by_label("Find a setting").fill("limits.body_bytes")
    expect(rows(page, "Settings in force")).to_contain_text("20971520 20 MiB")
    page.get_by_label("Find a setting").fill("")
    page.get_by_role("button", name="that were set").click()
    found = rows(page, "Settings in force")
    expect(found.filter(has_text="retention[0].days")).to_have_count(1)
    expect(found.filter(has_text="limits.concurrency")).to_have_count(0)


def test_what_was_written_since_is_read_again_without_a_mouse(page: Page) -> None:
    (file,) = FILES
    file.write(TEXT.replace("drain_s: 5", "drain_s: 6") + "workers: 2\n")
    page.goto("/settings?search=drain_s")
    waiting = page.locator(".settings-waiting")
    expect(waiting).to_contain_text("in use after reading again: limits.drain_s")
    expect(waiting).to_contain_text("after a new start: workers")
    page.keyboard.press("r")
    expect(page.get_by_text("Changed: limits.drain_s; needs a restart: workers")).to_be_visible()
    expect(rows(page, "Settings in force")).to_contain_text("6")
    file.write("limits: {drain: 6}\n")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("cannot be read")
    file.write(TEXT)


def test_a_project_is_found_in_the_list_and_opened(page: Page, site: Served) -> None:
    asked = {"model": "trimtab/extract", "messages": [{"role": "user", "content": "Which port?"}]}
    headers = {"x-trimtab-project": "shop", "content-type": "application/json"}
    assert site.ask("POST", "/v1/chat/completions", asked, headers).status == 200
    until(lambda: "shop" in {one["name"] for one in site.client.get(PROJECTS)["data"]})
    page.goto("/settings/projects")
    found = rows(page, "Projects")
    expect(found).to_have_count(3)
    expect(found.filter(has_text="payments")).to_contain_text("never")
    expect(found.filter(has_text="shop")).to_contain_text(re.compile("this hour|1 h"))
    expect(found.filter(has=page.get_by_text("open", exact=True))).to_contain_text("default")
    found.get_by_role("link", name="shop").click()
    expect(page).to_have_url(re.compile(r"/overview\?project=shop$"))
    expect(page.get_by_label("Project", exact=True)).to_have_value("shop")


def test_the_navigation_offers_the_projects_without_a_mouse(page: Page) -> None:
    page.goto("/settings/projects?project=nobodys")
    expect(page.get_by_text("Nothing is recorded in the project that is open")).to_be_visible()
    field = page.get_by_label("Project", exact=True)
    field.focus()
    offered = page.locator("datalist option")
    expect(offered.filter(has=page.locator("xpath=self::*[@value='payments']"))).to_have_count(1)
    field.fill("payments")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/settings/projects\?project=payments$"))
    opened_now = rows(page, "Projects").filter(has=page.get_by_text("open", exact=True))
    expect(opened_now).to_contain_text("payments")


def test_an_allowance_is_set_changed_and_taken_away_with_a_way_back(page: Page) -> None:
    page.goto("/settings/allowances")
    expect(rows(page, "Allowances")).to_have_count(1)
    page.get_by_role("button", name="Set an allowance").click()
    page.get_by_label("Of a").select_option("user")
    page.get_by_label("Name").fill("<b>ann</b>")
    page.get_by_label("US dollars a day").fill("2.5")
    page.get_by_label("Models").fill("openai/*, far/one")
    page.get_by_role("button", name="Set it").click()
    own = rows(page, "Allowances").filter(has_text="<b>ann</b>")
    expect(own).to_contain_text("$2.5")
    own.click()
    page.get_by_label("Calls a minute").fill("60")
    page.get_by_role("button", name="Set it").click()
    expect(own).to_contain_text("60")
    own.click()
    page.get_by_role("button", name="Remove it").click()
    expect(own).to_have_count(0)
    page.get_by_role("button", name="Undo").last.click()
    expect(own).to_contain_text("60")


def test_the_allowance_of_a_key_is_shown_by_its_name(page: Page, site: Served) -> None:
    held = site.client.post("/api/v1/keys", {"name": "till"})["key"]["key_id"]
    allowance = {"kind": "key", "name": held, "daily_usd": 3}
    site.client.put("/api/v1/allowances", allowance)
    page.goto("/settings/allowances")
    own = rows(page, "Allowances").filter(has_text="$3")
    expect(own).to_contain_text("till")
    own.click()
    expect(page.get_by_role("dialog", name="Allowance of the key till")).to_be_visible()
    site.client.delete("/api/v1/allowances", {"kind": "key", "name": held})


def test_an_allowance_of_the_file_is_only_shown(page: Page) -> None:
    page.goto("/settings/allowances")
    rows(page, "Allowances").filter(has_text="support").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("is changed there")
    expect(dialog.get_by_role("button", name="Set it")).to_have_count(0)


def test_a_model_is_approved_and_withdrawn_without_a_mouse(page: Page, site: Served) -> None:
    page.goto("/settings/models")
    expect(page.get_by_text("No model is approved by name")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_text("It is the first entry")).to_be_visible()
    page.get_by_label("Model", exact=True).focus()
    page.keyboard.type("far/*")
    page.keyboard.press("Tab")
    page.keyboard.type("<i>drafts</i>")
    page.keyboard.press("Enter")
    expect(rows(page, "Approved models")).to_contain_text("<i>drafts</i>")
    page.keyboard.press("Enter")
    remove = page.get_by_role("button", name="Withdraw it")
    remove.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("No model is approved by name")).to_be_visible()
    assert site.client.get("/api/v1/approved-models")["data"] == []


@pytest.mark.parametrize(
    ("path", "opens", "name", "does"),
    [
        ("allowances", "Set an allowance", "Name", "Set it"),
        ("models", "Approve a model", "Model", "Approve it"),
    ],
)
def test_what_is_wrong_with_an_entry_stands_in_its_form(
    page: Page, path: str, opens: str, name: str, does: str
) -> None:
    page.allowed = ("400",)  # type: ignore[attr-defined]  # the page's fixture reads it
    page.goto(f"/settings/{path}")
    page.get_by_role("button", name=opens).click()
    page.get_by_label(name, exact=True).fill(" ")
    page.get_by_role("button", name=does).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name=does)).to_be_enabled()


def test_a_user_is_erased_after_counting_and_one_question(page: Page, site: Served) -> None:
    page.goto("/settings/data")
    expect(page.get_by_role("region", name="Retention")).to_contain_text("400")
    page.get_by_label("Name").fill("user-3")
    page.get_by_role("button", name="Count, then erase").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("45 spans go for good")
    dialog.get_by_role("button", name="Leave it").click()
    page.get_by_role("button", name="Count, then erase").click()
    dialog.get_by_role("button", name="Erase 9 traces").click()
    expect(page.get_by_text("nothing of it can be found")).to_be_visible()
    assert site.client.get("/api/v1/traces", {"filter": "user:user-3"})["data"] == []
    page.get_by_role("button", name="Count, then erase").click()
    expect(page.get_by_text("Nothing is on record of the user user-3")).to_be_visible()


def test_data_is_copied_compacted_and_repriced(page: Page, tmp_path: Path) -> None:
    page.allowed = ["400"]  # type: ignore[attr-defined]  # what the console may say
    page.goto("/settings/data")
    page.get_by_label("Directory").fill("not/absolute")
    page.get_by_role("button", name="Copy everything").click()
    expect(page.get_by_text("not an absolute path")).to_be_visible()
    page.get_by_label("Directory").fill(str(tmp_path / "copy"))
    page.get_by_role("button", name="Copy everything").click()
    expect(page.get_by_text("All data is copied into")).to_be_visible()
    assert (tmp_path / "copy" / "metadata.db").is_file()
    page.get_by_role("button", name="Compact").click()
    expect(page.get_by_text("MiB before")).to_be_visible()
    page.get_by_role("button", name="Reprice all calls").click()
    question = page.get_by_role("dialog", name="Reprice all calls?")
    expect(question).to_contain_text("not kept")
    expect(page.get_by_text("cost something else now")).to_have_count(0)
    question.get_by_role("button", name="Reprice all calls").click()
    expect(page.get_by_text("cost something else now")).to_be_visible()


def test_who_may_not_read_the_settings_is_told_what_is_missing(
    browser: Browser, tmp_path: Path
) -> None:
    secret = "a-secret-of-the-operator-0123456789"
    text = f"access:\n  keys:\n    - {{name: ann, key: {secret}}}\n"
    with (
        served(configured(tmp_path / "data", text)) as guarded,
        opened(browser, guarded) as page,
    ):
        page.allowed = ["401", "403"]  # type: ignore[attr-defined]  # what the console may say
        page.goto("/settings")
        page.get_by_label("Key", exact=True).fill(secret)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("admin:read")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_forms_are_accessible(browser: Browser, site: Served, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto("/settings/allowances")
        page.get_by_role("button", name="Set an allowance").click()
        assert violations(page) == []
        page.goto("/settings/models")
        page.get_by_role("button", name="Approve a model").click()
        assert violations(page) == []


def test_the_parts_of_the_settings_are_within_a_narrow_window(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/settings")
    parts = page.get_by_role("navigation", name="Settings").get_by_role("link")
    expect(parts).to_have_count(5)
    for part in parts.all():
        expect(part).to_be_in_viewport(ratio=1)
