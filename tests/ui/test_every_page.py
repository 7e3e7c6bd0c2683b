"""Every page there is: it opens, it is accessible in both themes, and the server knows it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect
from tests.serving import Served
from tests.ui.axe import violations
from tests.ui.conftest import ROOT, opened

from trimtab import ui

PATHS = re.findall(r'path: "(/[^"]*)"', (ROOT / "ui" / "src" / "pages.ts").read_text())
PLAIN = [path for path in PATHS if ":" not in path]


def test_the_server_answers_every_page_and_no_other() -> None:
    assert {path.split("/")[1] for path in PATHS} - {""} == set(ui.PAGES)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_asks_for_its_code_at_once(path: str) -> None:
    files = ui.code_of(re.sub(r":\w+", "some%20record", path))
    assert files
    assert set(files) <= set(ui.assets())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PLAIN)
def test_a_page_is_accessible(browser: Browser, site: Served, path: str, theme: str) -> None:
    with opened(browser, site, theme=theme) as page:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
