"""Instrumentations of other libraries that are installed: `openinference-instrumentation-*`."""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint, entry_points

from opentelemetry.trace import TracerProvider

log = logging.getLogger("trimtab.sdk")


def activate(provider: TracerProvider, skip: frozenset[str]) -> None:
    """Start each that announces itself, but those named; one that fails leaves the others."""
    for found in entry_points(group="openinference_instrumentor"):
        if found.name not in skip:
            _activate(found, provider)


def _activate(found: EntryPoint, provider: TracerProvider) -> None:
    try:
        found.load()().instrument(tracer_provider=provider)
    except Exception as error:
        log.warning("%s is not recorded: %s: %s", found.name, type(error).__name__, error)
