"""The report files of an evaluation: Markdown or HTML for people, JUnit XML for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trimtab.cli.options import load_config
from trimtab.client import Client
from trimtab.errors import ConfigError
from trimtab.experiments.reports.view import View

_HTML = (".html", ".htm")
_KINDS = (".md", ".markdown", *_HTML)


def write_reports(
    views: Sequence[View], *, junit: Path | None = None, reports: Sequence[Path] = ()
) -> None:
    """Write what was asked for.

    Raises:
        ConfigError: a file cannot be written, or its name says neither Markdown nor HTML.
    """
    require_known(reports)
    for path in reports:
        _write(path, _report(views, path))
    if junit is not None:
        from trimtab.experiments.reports import junit as as_junit

        _write(junit, as_junit(views))


def require_known(reports: Sequence[Path]) -> None:
    """Raises ConfigError: the name of a report says neither Markdown nor HTML."""
    for path in reports:
        kind = path.suffix.lower()
        if kind not in _KINDS:
            raise ConfigError(
                f"a report of the kind {kind or 'without an ending'} is not known",
                where=str(path),
                fix="call it NAME.md or NAME.html",
            )


def address_of(client: Client, flags: Mapping[str, Any]) -> str | None:
    """Where a run can be looked at later; None where the server ends with a command."""
    from trimtab.kit.datadir import running_server

    if flags.get("url"):
        return client.url
    server = running_server(Path(load_config(flags, secrets=False).config.data))
    return None if server is None or server.lends else client.url


def _report(views: Sequence[View], path: Path) -> str:
    from trimtab.experiments.reports import html, markdown

    return html(views) if path.suffix.lower() in _HTML else markdown(views)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the file cannot be written: {error.strerror}", where=str(path), fix="name another"
        ) from None
