"""What a page may weigh: bytes of scripts on the wire, elements in the page, requests."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Response
from tests.serving import Served
from tests.ui.conftest import opened
from tests.ui.test_every_page import PLAIN

from trimtab import ui

TRACES_SCRIPT_BYTES = 150_000
SCRIPT_BYTES = 200_000
TRACES_ELEMENTS = 900


def script_bytes(responses: list[Response]) -> int:
    """As gzip has them, whatever the browser took."""
    names = [
        found[0]
        for one in responses
        if (found := re.search(r"assets/[^?]+\.js", one.url)) is not None
    ]
    bodies = [ui.assets()[name].bodies for name in set(names)]
    return sum(len(body.get("gzip", body["identity"])) for body in bodies)


@pytest.mark.parametrize("path", PLAIN)
def test_a_page_loads_no_more_script_than_it_may(browser: Browser, site: Served, path: str) -> None:
    with opened(browser, site) as page:
        responses: list[Response] = []

        def on_response(response: Response) -> None:
            responses.append(response)

        page.on("response", on_response)
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert script_bytes(responses) > 0
        most = TRACES_SCRIPT_BYTES if path == "/traces" else SCRIPT_BYTES
        assert script_bytes(responses) <= most


def test_a_long_list_is_a_small_page(browser: Browser, site: Served) -> None:
    with opened(browser, site) as page:
        page.goto("/traces")
        page.get_by_role("row").nth(20).wait_for()
        assert page.evaluate("document.querySelectorAll('*').length") <= TRACES_ELEMENTS
