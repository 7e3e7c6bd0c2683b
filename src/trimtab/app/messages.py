"""What the processes of one server tell each other, and where each of them is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from trimtab.gateway.figures import Calls, Checks, Labels, RuleLabels
from trimtab.stores.limits.address import socket_path
from trimtab.tracing.delivery import Placed

OWNER = "the process that keeps the records"


class Spans(msgspec.Struct, frozen=True, array_like=True):
    """Spans of a worker, with their places in its spool."""

    worker: int
    placed: Sequence[Placed]


class Clearance(msgspec.Struct, frozen=True):
    """Whose cached answers are to be forgotten."""

    project: str
    route: str | None = None


class Measured(msgspec.Struct, frozen=True):
    """What a worker counted since it began; `life` is another one after each start."""

    life: str
    calls: list[tuple[Labels, Calls]]
    gauges: dict[str, float]
    checks: list[tuple[RuleLabels, Checks]] = []


def api_socket(data: Path) -> Path:
    """Where the owner answers the requests of the API. Raises ConfigError, as the others."""
    return socket_path(data, "api.sock")


def owner_socket(data: Path) -> Path:
    return socket_path(data, "owner.sock")


def worker_socket(data: Path, number: int) -> Path:
    return socket_path(data, f"worker-{number}.sock")


def limits_socket(data: Path) -> Path:
    return socket_path(data)


def spool_directory(data: Path, number: int) -> Path:
    return data / f"spool-{number}"
