"""The web UI: its files as they were built, and one page for every address that it knows.

Anybody may fetch it, for it holds no record; what it shows it asks the API for. Files whose names
change with their content are kept by the browser for good. The page may run scripts and styles of
this server and no others, in line or from elsewhere, and may ask nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping

from trimtab import ui
from trimtab.api.http import Endpoint, Request, Response
from trimtab.api.packed import codings
from trimtab.errors import NotFound
from trimtab.ui import Asset

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_FOR_GOOD = "public, max-age=31536000, immutable"
_BASE = b'<base href="./">'
_CODINGS = ("br", "gzip")
_APIS = ("/api/", "/v1/")


async def page(request: Request) -> Response:
    """The one page there is, with the way back to the folder that it was fetched from."""
    index = ui.assets().get("index.html")
    if index is None:
        return Response(
            status=307,
            headers={
                "location": _up(request.target.partition("?")[0]) + "status",
                "cache-control": "no-store",
            },
        )
    return _page(index, request.target, status=200)


def nowhere(target: str, accept: str) -> Response | None:
    """The page that says so to whoever reads pages; None for programs, and below the APIs."""
    index = ui.assets().get("index.html")
    is_page = "text/html" in accept and not target.startswith(_APIS)
    return _page(index, target, status=404) if index is not None and is_page else None


def _page(index: Asset, target: str, *, status: int) -> Response:
    path = target.partition("?")[0]
    # The code of the page comes beside that of the frame, not after it.
    code = [f'<link rel="modulepreload" crossorigin href="./{name}">' for name in ui.code_of(path)]
    head = "".join([f'<base href="{_up(path)}">', *code]).encode()
    return Response(
        status=status,
        body=index.bodies["identity"].replace(_BASE, head, 1),
        media_type=index.media_type,
        headers={"content-security-policy": _POLICY, "cache-control": "no-cache"},
    )


def _up(path: str) -> str:
    """From an address to the folder of the first page, wherever a proxy put that.

    >>> _up("/"), _up("/traces"), _up("/traces/4bf9")
    ('./', './', '../')
    """
    return "../" * (path.count("/") - 1) or "./"


async def asset(request: Request) -> Response:
    """One file, compressed as the browser takes it."""
    name = request.target.partition("?")[0].lstrip("/")
    found = ui.assets().get(name)
    if found is None:
        raise NotFound(f"there is no file {name[:200]}", fix="load the page anew")
    kept = _FOR_GOOD if found.is_fixed else "no-cache"
    headers = {"etag": found.etag, "cache-control": kept, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == found.etag:
        return Response(status=304, media_type=found.media_type, headers=headers)
    coding = _coding(found, request.headers)
    if coding != "identity":
        headers["content-encoding"] = coding
    return Response(body=found.bodies[coding], media_type=found.media_type, headers=headers)


def _coding(found: Asset, headers: Mapping[str, str]) -> str:
    """The best coding that the caller takes."""
    taken = codings(headers)
    return next((one for one in _CODINGS if one in taken and one in found.bodies), "identity")


ENDPOINTS = [
    Endpoint(
        method="GET",
        path=path,
        permission=None,
        handler=handler,
        summary=summary,
        described=False,
    )
    for path, handler, summary in (
        ("/", page, "The web UI"),
        *((f"/{name}", page, "A page of it") for name in ui.PAGES),
        *((f"/{name}/{{rest:path}}", page, "A record in it") for name in ui.PAGES),
        ("/assets/{name:path}", asset, "A file of it"),
        ("/theme.js", asset, "A file of it"),
        ("/icon.svg", asset, "A file of it"),
    )
]
