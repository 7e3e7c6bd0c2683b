"""`instrument`: one line that records a process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from opentelemetry import trace as otel
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util.types import AttributeValue

from trimtab.sdk import settings
from trimtab.sdk.delivery import Delivery
from trimtab.sdk.exits import Exits
from trimtab.sdk.processor import Processor
from trimtab.sdk.spool import Spool
from trimtab.sdk.state import ACTIVE
from trimtab.version import __version__

log = logging.getLogger("trimtab.sdk")


def instrument(
    url: str | None = None,
    key: str | None = None,
    service: str | None = None,
    environment: str | None = None,
    *,
    content: bool = True,
    skip: Sequence[str] = (),
    spool: str | os.PathLike[str] | None = None,
    spool_bytes: int = settings.SPOOL_BYTES,
) -> None:
    """Record what this process does with models, and deliver it in the background.

    Call it once, before the work starts; a second call changes nothing. A tracer provider that is
    installed is added to, not replaced. It opens no connection and waits for nobody.

    Args:
        url: a Trimtab server; default TRIMTAB_URL, else OTEL_EXPORTER_OTLP_ENDPOINT with its
            headers (any OTLP/HTTP backend), else http://127.0.0.1:8321.
        key: sent as a bearer token; default TRIMTAB_KEY.
        service: what this process is called; default OTEL_SERVICE_NAME, else the script's name.
        environment: where it runs, such as "production".
        content: whether messages, inputs and outputs are recorded.
        skip: what to leave alone: "openai" and "anthropic", the clients; the name of an installed
            `openinference-instrumentation-*`; "clients", all of them; "threads", which otherwise
            work in the context of whoever starts them.
        spool: the directory where spans wait while the server is away, "off" for none; default
            TRIMTAB_SPOOL, else one in the user's cache directory.
        spool_bytes: what may wait there.
    Raises:
        ConfigError: the URL or the key cannot be one.
    """
    if ACTIVE.delivery is not None:
        return
    to = settings.destination(url, key)
    directory = settings.spool_directory(spool, to)
    kept = Spool(directory, limit_bytes=spool_bytes) if directory is not None else None
    delivery = Delivery(to, kept)
    provider = _provide(delivery, service, environment)
    ACTIVE.content = content
    ACTIVE.url, ACTIVE.key = url, key
    ACTIVE.delivery = delivery
    ACTIVE.provider = provider
    ACTIVE.tracer = provider.get_tracer("trimtab", __version__)
    if "threads" not in skip:
        from trimtab.sdk.wiring import threads as wired_threads

        wired_threads.wire()
    if "clients" not in skip:
        from trimtab.sdk import wiring

        wiring.wire(provider, frozenset(skip))
    _name_all()
    delivery.attend_spool()


def _name_all() -> None:
    """Look up what the application may use while the interpreter ends and nothing can be imported,
    such as a span in the `finally` of a generator that was left open."""
    for name in ("current_span", "flush", "metadata", "score", "session", "span", "tags", "user"):
        getattr(sys.modules["trimtab"], name)


def _provide(delivery: Delivery, service: str | None, environment: str | None) -> TracerProvider:
    """The tracer provider of this process, which from now on delivers to us too."""
    found: Any = otel.get_tracer_provider()
    added = isinstance(found, TracerProvider)
    named: dict[str, AttributeValue] = {}
    if environment:
        named["deployment.environment.name"] = environment
    name = service if added else settings.service_name(service)
    if name:
        named["service.name"] = name
    # The resource of a provider that is there is not ours to change.
    processor = Processor(delivery, named if added else {})
    provider = (
        found if added else TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    )
    provider.add_span_processor(processor)
    Exits(processor, delivery).install()
    if isinstance(found, otel.ProxyTracerProvider):
        otel.set_tracer_provider(provider)
    elif not added:
        log.warning("a foreign tracer provider is installed; its spans are not delivered")
    return provider
