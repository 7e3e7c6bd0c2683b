"""Fixtures that start real servers, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Sequence
from typing import TypeVar

import pytest
from tests.services import (
    clickhouse_database,
    clickhouse_url,
    postgres_database,
    postgres_url,
    redis_url,
)

__all__ = [
    "clickhouse_database",
    "clickhouse_url",
    "postgres_database",
    "postgres_url",
    "redis_url",
]

pytest.register_assert_rewrite("trimtab.testing")

R = TypeVar("R", pytest.TestReport, pytest.CollectReport)

# Reasons that hold in CI too: data that is not part of the repository, another operating system.
ALLOWED_SKIPS = ("shared data", "platform")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _failed_if_skipped(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _failed_if_skipped(report)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, so that no process is left alone with a file at the end."""
    long = {item.path for item in items if _takes_long(item)}
    items.sort(key=lambda item: item.path not in long)


def pytest_sessionstart() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """The tests themselves are most of the heap and never garbage: no search for it has them."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()


def _takes_long(item: pytest.Item) -> bool:
    fixtures: Sequence[str] = getattr(item, "fixturenames", ())
    return item.get_closest_marker("slow") is not None or "browser" in fixtures


def _failed_if_skipped(report: R) -> R:
    if not (os.environ.get("CI") and report.skipped) or hasattr(report, "wasxfail"):
        return report
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = said.removeprefix("Skipped: ")
    if not reason.startswith(ALLOWED_SKIPS):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI skips nothing: {reason}"
    return report
