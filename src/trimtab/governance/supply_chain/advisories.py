"""Known vulnerabilities of packages, from an OSV database: its HTTP API, or its files.

What was not answered is unknown: a package is clean only if a database was asked about its very
version and had nothing to say.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.error import HTTPError
from urllib.request import Request, build_opener

import msgspec

from trimtab.errors import ConfigError
from trimtab.governance.supply_chain.component import Component, normal_name

OSV_URL = "https://api.osv.dev"
_BATCH = 500  # of the thousand queries that the API takes at once
_MOST_PAGES = 20
_MOST_BYTES = 64 * 1024**2


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a database says of one package; `ids` are those of its advisories, sorted."""

    component: Component
    status: Literal["clean", "vulnerable", "unknown"]
    ids: tuple[str, ...] = ()
    reason: str | None = None


class Database(Protocol):
    """Where advisories are looked up."""

    def look_up(self, components: Sequence[Component]) -> list[Known]:
        """One answer for each package, in their order; raises nothing for a database away."""
        ...


class Nowhere:
    """No database: everything is unknown."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def look_up(self, components: Sequence[Component]) -> list[Known]:
        """All of them, unknown."""
        return [_unknown(one, self._reason) for one in components]


class OsvApi:
    """The API of osv.dev, or of a mirror: POST /v1/querybatch (https://google.github.io/osv.dev).

    Names and versions of packages are sent, nothing else. After one failure no more is asked.

    Args:
        url: http or https, without /v1.
        timeout_s: for each request.
    """

    def __init__(self, url: str = OSV_URL, *, timeout_s: float = 20.0) -> None:
        if not re.match(r"https?://[^/]", url):
            fix = "give a URL that begins with https://, or the path of a folder or a zip file"
            raise ConfigError(f"{url} is no address of an OSV database", fix=fix)
        self._scheme, _, self._place = url.rstrip("/").partition("://")
        self._timeout_s = timeout_s

    def look_up(self, components: Sequence[Component]) -> list[Known]:
        """Asked in batches; what has no version, or came after a failure, is unknown."""
        found: dict[Component, Known] = {}
        asked = [one for one in components if one.version]
        try:
            for start in range(0, len(asked), _BATCH):
                for known in self._batch(asked[start : start + _BATCH]):
                    found[known.component] = known
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = _why(error)
        else:
            reason = "no version is fixed"
        return [found.get(one) or _unknown(one, reason) for one in components]

    def _batch(self, some: Sequence[Component]) -> Iterator[Known]:
        ids: dict[Component, set[str]] = {one: set() for one in some}
        left: Sequence[tuple[Component, str | None]] = [(one, None) for one in some]
        for _ in range(_MOST_PAGES):
            results = self._asked([_query(one, page) for one, page in left])
            if len(results) != len(left):
                raise ValueError("an answer for each query is missing")
            more: list[tuple[Component, str | None]] = []
            for (one, _page), result in zip(left, results, strict=True):
                ids[one].update(str(entry["id"]) for entry in result.get("vulns") or ())
                if result.get("next_page_token"):
                    more.append((one, str(result["next_page_token"])))
            left = more
            if not left:
                break
        unread = {one for one, _page in left}
        for one, named in ids.items():
            if one in unread and not named:
                yield _unknown(one, "the answer has too many pages")
            else:
                yield _known(one, named)

    def _asked(self, queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        request = Request(f"https://{self._place}/v1/querybatch")
        request.type = self._scheme
        request.data = json.dumps({"queries": queries}).encode()
        request.add_header("content-type", "application/json")
        with build_opener().open(request, timeout=self._timeout_s) as response:
            results: list[dict[str, Any]] = json.loads(response.read(_MOST_BYTES))["results"]
        return results


class OsvFiles:
    """Advisories in OSV's JSON, in a folder (at any depth) or in a zip such as OSV exports.

    An ecosystem without any advisory in the files is unknown: the files may be of another one.

    Raises:
        ConfigError: there is no such file, or nothing in it is an advisory.
    """

    def __init__(self, path: Path) -> None:
        self._by_name: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        for advisory in _advisories(path):
            if advisory.get("withdrawn"):
                continue
            for affected in advisory.get("affected") or ():
                package = affected.get("package") or {}
                ecosystem, name = package.get("ecosystem"), package.get("name")
                if ecosystem in ("PyPI", "npm") and isinstance(name, str):
                    key = (ecosystem, normal_name(name, ecosystem))
                    self._by_name[key].append((str(advisory["id"]), affected))
        self._ecosystems = {ecosystem for ecosystem, _ in self._by_name}
        if not self._by_name:
            fix = "give a folder or zip of advisories in OSV's format"
            raise ConfigError(f"{path} holds no advisory for PyPI or npm", fix=fix)

    def look_up(self, components: Sequence[Component]) -> list[Known]:
        """Judged by the versions and ranges of each advisory."""
        return [self._one(one) for one in components]

    def _one(self, one: Component) -> Known:
        if not one.version:
            return _unknown(one, "no version is fixed")
        if one.ecosystem not in self._ecosystems:
            return _unknown(one, f"the files hold nothing about {one.ecosystem}")
        ids: set[str] = set()
        is_open = False
        for name, affected in self._by_name.get((one.ecosystem, one.name), ()):
            hit = is_affected(one.version, affected)
            is_open |= hit is None
            if hit:
                ids.add(name)
        if is_open and not ids:
            return _unknown(one, "an advisory's range could not be compared with its version")
        return _known(one, ids)


def is_affected(version: str, affected: dict[str, Any]) -> bool | None:
    """Whether an advisory's `affected` holds a version; None where that cannot be told.

    >>> some = [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}]
    >>> is_affected("1.1.9", {"ranges": some}), is_affected("1.2.0", {"ranges": some})
    (True, False)
    """
    if version in (affected.get("versions") or ()):
        return True
    here = _ordered(version)
    is_open = False
    for one in affected.get("ranges") or ():
        if one.get("type") not in ("SEMVER", "ECOSYSTEM"):
            continue
        hit = _in_range(here, one.get("events") or ())
        if hit:
            return True
        is_open |= hit is None
    # PyPI's advisories list every version; a range that cannot be read then says nothing more.
    return None if is_open and not affected.get("versions") else False


_Order = tuple[tuple[int, ...], tuple[tuple[int, int, str], ...]]
_VERSION = re.compile(
    r"v?(\d+(?:\.\d+)*)(?:[-.]?((?:a|b|c|rc|alpha|beta|pre|dev|[a-z]+\.)[\w.-]*))?"
)


def _ordered(version: str) -> _Order | None:
    """A key that sorts versions: releases by number, those before a release before it."""
    found = _VERSION.fullmatch(version.partition("+")[0].lower())
    if found is None:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    if not found[2]:
        return tuple(numbers), ((2, 0, ""),)
    before = re.findall(r"\d+|[a-z]+", found[2])
    parts = [(1, 0, part) if part.isalpha() else (0, int(part), "") for part in before]
    return tuple(numbers), tuple((1, *part[1:]) if part[0] else part for part in parts)


def _in_range(here: _Order | None, events: Iterable[dict[str, str]]) -> bool | None:
    marks: list[tuple[_Order, int]] = []
    for event in events:
        for kind, version in event.items():
            order = ((), ((0, 0, ""),)) if version == "0" else _ordered(version)
            if here is None or order is None:
                return None
            marks.append((order, {"introduced": 1, "fixed": 0, "last_affected": 2}.get(kind, 3)))
    if here is None:
        return None
    inside = False
    for order, rank in sorted(marks):
        if rank == 1 and here >= order:
            inside = True
        elif (rank == 0 and here >= order) or (rank == 2 and here > order):
            inside = False
    return inside


def _advisories(path: Path) -> Iterator[dict[str, Any]]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield from _parsed(file.read_bytes())
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".json") and entry.file_size <= _MOST_BYTES:
                    yield from _parsed(archive.read(entry))
    else:
        fix = "give a folder or a zip file of advisories, or a URL"
        raise ConfigError(f"{path} is neither a folder nor a zip file", fix=fix)


def _parsed(raw: bytes) -> Iterator[dict[str, Any]]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict) and isinstance(found.get("id"), str):
        yield found


def _query(one: Component, page: str | None) -> dict[str, Any]:
    query: dict[str, Any] = {
        "package": {"name": one.name, "ecosystem": one.ecosystem},
        "version": one.version,
    }
    return query | {"page_token": page} if page else query


def _known(one: Component, ids: set[str]) -> Known:
    status: Literal["clean", "vulnerable"] = "vulnerable" if ids else "clean"
    return Known(component=one, status=status, ids=tuple(sorted(ids)))


def _unknown(one: Component, reason: str) -> Known:
    return Known(component=one, status="unknown", reason=reason)


def _why(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the database answered with status {error.code}"
    if isinstance(error, OSError):
        return "the database could not be reached"
    return "the database's answer is not OSV's"
