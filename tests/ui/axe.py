"""What axe finds on a page; its policy stays in force, so axe goes in by the debugger.

Small targets are looked for too (WCAG 2.2, 2.5.8), which axe leaves out unless it is asked.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page
from tests.ui.conftest import AXE

OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


def violations(page: Page) -> list[str]:
    """Each broken rule with the elements that break it."""
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE.read_text()})
    found: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", OPTIONS)
    return [
        f"{rule['id']}: {node['html'][:200]} ({node['failureSummary'][:200]})"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
