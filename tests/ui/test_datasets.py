"""Datasets in a browser: looked through, imported, made of calls, compared, cleaned, removed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.serving import Served
from tests.ui import judged
from tests.ui.axe import violations
from tests.ui.conftest import opened

CSV = b"q;answer;topic\nWhich port?;7711;ports\nHow long?;four hours;paint\n"


@pytest.fixture(scope="module", autouse=True)
def _records(site: Served) -> None:
    judged.datasets(site)


def rows(page: Page, of: str = "Datasets") -> Locator:
    return page.get_by_role("grid", name=of).get_by_role("row")


def given(page: Page, name: str, body: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": body}
    page.get_by_label("File", exact=True).set_input_files([file])


def test_datasets_are_looked_through_by_keys(page: Page) -> None:
    page.goto("/datasets")
    expect(rows(page)).to_have_count(4)
    page.keyboard.press("/")
    page.keyboard.type("checked")
    expect(rows(page)).to_have_count(2)
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("paint")
    table = rows(page, "Rows of paint@2")
    expect(table.nth(1)).to_contain_text("How long does paint 0 take?")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    row = page.get_by_role("region", name="Row")
    expect(row).to_contain_text("Paint 1 takes four hours.")
    assert "row=e01" in page.url
    expect(table.nth(2)).to_have_attribute("data-active", "true")
    source = judged.ROWS[1]["source_trace"]
    link = row.get_by_role("link", name=str(source)[:8])
    expect(link).to_have_attribute("href", f"/traces/{source}")
    page.keyboard.press("Escape")
    expect(row).to_be_hidden()


def test_versions_are_compared_word_by_word(page: Page) -> None:
    page.goto("/datasets/paint")
    page.get_by_role("tab", name="Changes").click()
    expect(page.get_by_text("1 row came, 0 went, 1 changed, 38 are the same.")).to_be_visible()
    expect(page.locator("del")).to_have_text("four")
    expect(page.locator("ins")).to_have_text("six")
    page.get_by_label("Version", exact=True).select_option("1")
    expect(page.get_by_text("not the newest version")).to_be_visible()
    page.keyboard.press("4")
    expect(rows(page, "Versions")).to_have_count(3)
    page.get_by_role("row", name="the first rows").click()
    expect(rows(page, "Rows of paint@1").nth(1)).to_be_visible()
    assert "version=1" in page.url


def test_a_file_is_mapped_looked_at_and_imported(page: Page) -> None:
    page.goto("/datasets")
    page.get_by_role("button", name="Import a file").click()
    given(page, "ports.csv", CSV)
    expect(page.get_by_label("Dataset", exact=True)).to_have_value("ports")
    expect(page.get_by_role("alert")).to_contain_text("choose it above")
    page.get_by_label("Between cells").select_option("semicolon")
    expect(page.get_by_role("columnheader", name="topic")).to_be_visible()
    page.get_by_label("Input", exact=True).select_option("q")
    expect(page.get_by_text("Kept in the metadata of a row: topic.")).to_be_visible()
    expect(page.get_by_role("cell", name="four hours")).to_be_visible()
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ports")
    expect(page.get_by_text("ports@1 has 2 rows")).to_be_visible()
    expect(rows(page, "Rows of ports@1").nth(2)).to_contain_text("How long?")


def test_parquet_is_read_and_what_is_none_is_said(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.sql(f"COPY (SELECT 'Which port?' AS question, '7711' AS answer) TO '{path}'")
    page.allowed = ("400",)  # type: ignore[attr-defined]  # as the fixture reads it
    page.goto("/datasets")
    expect(rows(page).nth(1)).to_be_visible()
    page.keyboard.press("i")
    given(page, "broken.parquet", b"PAR0 is not it")
    expect(page.get_by_text("broken.parquet cannot be read as Parquet")).to_be_visible()
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    given(page, "rows.parquet", path.read_bytes())
    expect(page.get_by_role("button", name="Import 1 rows")).to_be_enabled()


def test_recorded_calls_become_rows_by_keys_alone(page: Page) -> None:
    page.goto("/datasets")
    expect(rows(page).nth(1)).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_role("list", name="The newest that match")).to_contain_text("green paint")
    page.get_by_label("Dataset", exact=True).focus()
    page.keyboard.type("of calls")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("of calls")
    expect(page.get_by_text("7 of recorded calls")).to_be_visible()
    table = rows(page, "Rows of of calls@1")
    table.nth(2).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("of calls")
    assert "/traces/" in page.url
    assert "span=" in page.url


def test_repeated_rows_are_found_and_left_out_by_keys(page: Page) -> None:
    page.goto("/datasets/again")
    expect(rows(page, "Rows of again@1").nth(1)).to_be_visible()
    page.keyboard.press("3")
    expect(page.get_by_text("Rows with the input of an earlier row: 2 of 4.")).to_be_visible()
    page.get_by_role("button", name="Next version without the repeated").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("again@2 has 2 rows, none of them repeated")).to_be_visible()
    expect(rows(page, "Rows of again@2")).to_have_count(3)


def test_rows_are_put_into_splits_and_exported(page: Page) -> None:
    page.goto("/datasets/paint")
    page.get_by_role("button", name="Splits").click()
    shares = page.get_by_label("Splits and their shares")
    shares.fill("train")
    expect(page.get_by_text("Write names with shares")).to_be_visible()
    shares.fill("train 50, test 50")
    page.get_by_role("button", name="Make the next version").click()
    expect(page.get_by_text("paint@3 has the splits")).to_be_visible()
    page.keyboard.press("e")
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    assert saved.value.suggested_filename == "paint@3.csv"
    assert Path(saved.value.path()).read_text().count("How long does paint") == judged.SIZE


def test_a_dataset_is_removed_after_one_question(page: Page, site: Served) -> None:
    site.client.post(judged.DATASETS, {"name": "old", "examples": judged.ROWS[:1]})
    page.goto("/datasets?search=old")
    page.get_by_role("link", name="old").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("dialog")).to_contain_text("Its one version goes for good")
    page.get_by_role("button", name="Remove the dataset").click()
    expect(page.get_by_text("old is removed")).to_be_visible()
    expect(page.get_by_role("link", name="paint")).to_be_visible()
    expect(page.get_by_role("link", name="old")).to_have_count(0)
    assert site.ask("GET", f"{judged.DATASETS}/old").status == 404


def test_hostile_rows_are_text(page: Page) -> None:
    page.goto("/datasets/hostile")
    rows(page, "Rows of hostile@1").nth(1).click()
    row = page.get_by_role("region", name="Row")
    expect(row).to_contain_text("<script>alert(2)</script>")
    expect(row).to_contain_text("⟨202E⟩")
    expect(page.locator("#content img")).to_have_count(0)
    assert page.evaluate("document.body.scrollWidth <= innerWidth")


def test_what_is_not_there_is_said_and_asked_for_again(page: Page, site: Served) -> None:
    page.allowed = ("404",)  # type: ignore[attr-defined]  # as the fixture reads it
    page.goto("/datasets/none")
    expect(page.get_by_role("alert")).to_contain_text("none")
    site.client.post(judged.DATASETS, {"name": "none", "examples": judged.ROWS[:1]})
    page.get_by_role("button", name="Try again").click()
    expect(rows(page, "Rows of none@1")).to_have_count(2)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_one_dataset_is_accessible(browser: Browser, site: Served, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto("/datasets/paint?version=2&row=e01")
        expect(page.get_by_role("region", name="Row")).to_be_visible()
        assert violations(page) == []
        for tab, seen in (("Changes", "row came"), ("Repeated rows", "of an earlier row:")):
            page.get_by_role("tab", name=tab).click()
            expect(page.get_by_text(seen)).to_be_visible()
            assert violations(page) == []
        page.keyboard.press("i")
        given(page, "ports.csv", CSV.replace(b";", b","))
        expect(page.get_by_role("alert")).to_be_visible()
        assert violations(page) == []
