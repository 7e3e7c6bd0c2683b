"""A browser on a real server; pages are watched for errors and for requests to elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)
from tests.serving import Served, configured, served
from tests.ui import records

from trimtab import ui

ROOT = Path(__file__).parents[2]
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
SIZE = {"width": 1440, "height": 900}
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
Opened = Callable[..., Page]


def _missing() -> str | None:
    if not ui.assets():
        return "the web UI is not built: run `make ui`"
    if not AXE.is_file():
        return "the packages of the web UI are not installed: run `make ui`"
    if shutil.which("chromium") is None:
        return "there is no Chromium: run `make services`"
    return None


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    why = _missing()
    if why and os.environ.get("TRIMTAB_REQUIRE_SERVICES"):
        pytest.fail(why)
    if why:
        pytest.skip(why)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with some of everything that pages show; the tests of a module share it."""
    with served(configured(tmp_path_factory.mktemp("site") / "data")) as running:
        records.record(running)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with the module: as long as it lives, nothing else of the process may have a loop."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@contextmanager
def opened(browser: Browser, server: Served, *, theme: str = "light") -> Iterator[Page]:
    """A page that fails its test when a script fails or something outside is asked for."""
    context = browser.new_context(
        base_url=server.url,
        viewport=SIZE,
        color_scheme="dark" if theme == "dark" else "light",
        bypass_csp=False,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    wrong: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            wrong.append(f"console: {message.text}")

    def on_request(request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(server.url).netloc and not (
            request.url.startswith(("data:", "blob:"))
        ):
            wrong.append(f"asked elsewhere: {request.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("request", on_request)
    try:
        yield page
    finally:
        context.close()
    allowed = getattr(page, "allowed", ())
    assert [one for one in wrong if not any(word in one for word in allowed)] == []


@pytest.fixture
def page(browser: Browser, site: Served) -> Iterator[Page]:
    with opened(browser, site) as there:
        yield there
