"""The web UI as files: compressed, kept for good, found below any prefix, and no others."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping

import pytest
from tests.serving import Served

from trimtab import ui
from trimtab.ui import Asset


def an_asset(name: str, kind: str, body: bytes, **compressed: bytes) -> Asset:
    return Asset(name=name, media_type=kind, bodies={"identity": body, **compressed}, etag='"e1"')


SCRIPT = b"console.log('built')\n" * 100
BUILT = {
    "index.html": an_asset("index.html", "text/html", b'<html><base href="./"></html>'),
    "assets/a-1.js": an_asset(
        "assets/a-1.js", "text/javascript", SCRIPT, gzip=gzip.compress(SCRIPT, mtime=0), br=b"br"
    ),
    "pages.json": an_asset(
        "pages.json",
        "application/json",
        b'[["/overview", ["assets/o-1.js"]], ["/traces/:id", ["assets/t-1.js", "assets/u-1.js"]]]',
    ),
    "icon.svg": an_asset("icon.svg", "image/svg+xml", b"<svg/>"),
}


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui, "assets", lambda: BUILT)


@pytest.fixture
def not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Mapping[str, Asset] = {}
    monkeypatch.setattr(ui, "assets", lambda: nothing)


@pytest.mark.parametrize(
    ("path", "base"),
    [("/", "./"), ("/traces", "./"), ("/traces/a%2Fb", "../"), ("/traces/a/diff/b", "../../../")],
)
def test_a_page_finds_its_files_below_any_prefix(
    server: Served, built: None, path: str, base: str
) -> None:
    reply = server.ask("GET", path)
    assert reply.status == 200
    assert f'<base href="{base}">' in reply.body.decode()
    assert reply.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "names"),
    [("/", ["o"]), ("/traces/4bf9?span=a", ["t", "u"]), ("/traces/a/b", []), ("/traces", [])],
)
def test_a_page_names_the_files_of_its_code(
    server: Served, built: None, path: str, names: list[str]
) -> None:
    said = server.ask("GET", path).body.decode()
    links = [f'<link rel="modulepreload" crossorigin href="./assets/{n}-1.js">' for n in names]
    assert re.findall(r"<link[^>]*>", said) == links
    assert said.index("<base") < said.find("<link") or not links


def test_a_page_may_run_nothing_but_its_own_scripts(server: Served, built: None) -> None:
    policy = server.ask("GET", "/traces").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert not re.search(r"unsafe-(inline|eval)|\*|https?:", policy)


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
def test_a_file_comes_compressed_as_the_browser_takes_it(
    server: Served, built: None, accepts: str, coding: str | None
) -> None:
    reply = server.ask("GET", "/assets/a-1.js", headers={"accept-encoding": accepts})
    assert reply.headers.get("content-encoding") == coding
    assert reply.headers["vary"] == "accept-encoding"
    assert "immutable" in reply.headers["cache-control"]
    assert reply.body == BUILT["assets/a-1.js"].bodies[coding or "identity"]


def test_a_file_that_the_browser_has_is_not_sent_again(server: Served, built: None) -> None:
    reply = server.ask("GET", "/icon.svg", headers={"if-none-match": '"e1"'})
    assert (reply.status, reply.body) == (304, b"")
    assert server.ask("GET", "/icon.svg").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["/assets/b-2.js", "/assets/../index.html", "/assets/%2e%2e/%2e%2e/errors.py", "/nothing"],
)
def test_there_is_no_other_file(server: Served, built: None, path: str) -> None:
    assert server.ask("GET", path).status == 404


def test_a_server_whose_ui_was_not_built_shows_its_status(server: Served, not_built: None) -> None:
    reply = server.ask("GET", "/traces/a")
    assert (reply.status, reply.headers["location"]) == (307, "../status")
    assert server.ask("GET", "/status").status == 200


def test_pages_are_no_part_of_the_api(server: Served) -> None:
    described = server.client.get("/api/v1/openapi.json")["paths"]
    assert not {"/", "/traces", "/assets/{name}"} & set(described)


BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(("path", "base"), [("/nowhere", "./"), ("/nowhere/at/all?a=/", "../../")])
def test_a_browser_at_an_unknown_address_gets_the_page_that_says_so(
    server: Served, built: None, path: str, base: str
) -> None:
    reply = server.ask("GET", path, headers=BROWSER)
    assert reply.status == 404
    assert reply.headers["content-type"] == "text/html"
    assert f'<base href="{base}">' in reply.body.decode()
    assert "default-src 'none'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/nowhere", {"accept": "application/json"}),
        ("GET", "/api/v1/nowhere", BROWSER),
        ("GET", "/v1/nowhere", BROWSER),
        ("POST", "/nowhere", BROWSER),
    ],
)
def test_a_program_at_an_unknown_address_is_told_as_programs_are(
    server: Served, built: None, method: str, path: str, headers: dict[str, str]
) -> None:
    reply = server.ask(method, path, headers=headers)
    assert reply.status == 404
    assert reply.headers["content-type"].startswith("application/")
