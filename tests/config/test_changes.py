"""What another configuration changes in a running server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from trimtab.config import Config, ConnectionUrl, Secret
from trimtab.config.changes import NEEDS_RESTART, changes
from trimtab.config.schema import Access, AccessKey, Keep, Limits, Log, Scoring, Tls

OTHER: dict[str, Any] = {
    "data": "elsewhere",
    "host": "::1",
    "port": 1,
    "tls": Tls(certificate="a", key="b"),
    "listener": "uvicorn",
    "workers": 2,
    "grpc_port": 4317,
    "metadata_url": ConnectionUrl("postgresql://u:secret-word@h/d"),
    "telemetry_url": ConnectionUrl("clickhouse://h/d"),
    "valkey_url": ConnectionUrl("redis://h"),
    "limits": Limits(ingest_bytes=1, sharers=2, spool_bytes=3, concurrency=4),
    "scoring": Scoring(sample=0.5),
    "retention": (Keep(project="p", days=1),),
    "project": "other",
    "log": Log(level="debug"),
    "access": Access(keys=(AccessKey(name="a", key=Secret("secret-word")),)),
}


def held() -> Iterator[str]:
    """The dotted keys that need a restart, as far down as `OTHER` changes them."""
    yield from (key for key in NEEDS_RESTART if key != "scoring")
    yield "scoring.sample"


def test_nothing_changes_between_equal_configurations() -> None:
    assert changes(Config(), Config()) == (Config(), (), ())


def test_what_needs_a_restart_is_told_apart_and_keeps_its_value() -> None:
    now, given = Config(), Config(**OTHER)
    found = changes(now, given)
    assert set(found.needs_restart) == set(held())
    assert found.taken == ("access.keys", "limits.concurrency", "log.level", "project")
    for key in NEEDS_RESTART:
        one, other = found.config, now
        for name in key.split("."):
            one, other = getattr(one, name), getattr(other, name)
        assert one == other
    assert (found.config.project, found.config.limits.concurrency) == ("other", 4)
    assert found.config.access == given.access
    assert "secret-word" not in repr(found)


@pytest.mark.parametrize("name", OTHER)
def test_what_was_taken_is_no_change_any_more_and_what_was_held_still_is(name: str) -> None:
    given = Config(**{name: OTHER[name]})
    first = changes(Config(), given)
    again = changes(first.config, given)
    assert (again.taken, again.needs_restart) == ((), first.needs_restart)
    assert first.taken or first.needs_restart
