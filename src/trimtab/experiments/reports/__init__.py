"""Reports of runs: Markdown, HTML, JUnit XML and text for a terminal, each from `View`s."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.experiments.reports.html_page import html
    from trimtab.experiments.reports.junit_xml import junit
    from trimtab.experiments.reports.markdown_page import markdown
    from trimtab.experiments.reports.plain_text import terminal
    from trimtab.experiments.reports.view import View

_HOME = {
    "View": "view",
    "html": "html_page",
    "junit": "junit_xml",
    "markdown": "markdown_page",
    "terminal": "plain_text",
}

__all__ = ["View", "html", "junit", "markdown", "terminal"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
