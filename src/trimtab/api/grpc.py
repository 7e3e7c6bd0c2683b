"""OTLP over gRPC: the same exports on a port of their own. Needs the extra [grpc]."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from trimtab.api.intake import Intake
from trimtab.api.otlp import PERMISSION, export
from trimtab.app import App
from trimtab.dialects import otlp
from trimtab.errors import ConfigError, MissingExtra, StoreError, TrimtabError
from trimtab.governance import access

try:
    import grpc
    from grpc import aio
except ImportError:
    raise MissingExtra.named("grpc", needed_for="exports over gRPC (grpc_port)") from None

_log = logging.getLogger("trimtab.api")

_SERVICES: dict[otlp.Signal, str] = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
_RETRY_AFTER_S = 1.0


class ExportServer:
    """The export services of an App, listening; `port` is the one it got.

    Args:
        intake: the limit shared with exports over HTTP.
        port: 0 takes any free one.
    Raises:
        ConfigError: the address is taken or not this machine's.
    """

    def __init__(self, app: App, intake: Intake, *, host: str, port: int) -> None:
        limit_bytes = app.config.limits.inflated_bytes
        self._server = aio.server(
            options=[("grpc.max_receive_message_length", limit_bytes), ("grpc.so_reuseport", 0)]
        )
        for signal, service in _SERVICES.items():
            # Without serialisers bytes come in and go out as they are.
            method = grpc.unary_unary_rpc_method_handler(_exporter(app, intake, signal))
            handler = grpc.method_handlers_generic_handler(service, {"Export": method})
            self._server.add_generic_rpc_handlers((handler,))
        address = f"[{host.strip('[]')}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self.port: int = self._server.add_insecure_port(address)
        except RuntimeError:
            raise ConfigError(
                f"cannot listen for gRPC on {host} port {port}",
                where="grpc_port",
                fix="stop what uses it, or give another with --grpc-port (0 takes any free one)",
                key="grpc_port",
                got=port,
            ) from None

    async def start(self) -> None:
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Take nothing new, and give what was begun time to finish."""
        await self._server.stop(grace_s)


def _exporter(
    app: App, intake: Intake, signal: otlp.Signal
) -> Callable[[bytes, Any], Awaitable[bytes]]:
    async def take(body: bytes, context: Any) -> bytes:
        metadata = context.invocation_metadata() or ()
        headers = {key: value for key, value in metadata if isinstance(value, str)}
        try:
            principal = app.access.principal(headers)
            access.require(principal, PERMISSION)
            with intake.share() as share:
                share.take(len(body))
                return await export(app, signal, principal.project, body, "protobuf")
        except TrimtabError as error:
            failure = error
            if isinstance(error, StoreError):
                _log.error("gRPC export of %s: %s", signal, error)
        except Exception:
            _log.exception("gRPC export of %s failed", signal)
            failure = TrimtabError(
                "Trimtab failed to handle this request", fix="the server's log has the details"
            )
        return await _abort(context, failure)

    return take


async def _abort(context: Any, error: TrimtabError) -> NoReturn:
    """End a call as a failure; one worth repeating says after how long (google.rpc.RetryInfo)."""
    wait_s = error.fields.get("retry_after_s")
    if wait_s is None and error.status == 503:
        wait_s = _RETRY_AFTER_S
    text = otlp.said(error)
    details = otlp.failure(error.status, text, "protobuf", retry_after_s=wait_s)
    await context.abort(
        _STATUS_CODES[otlp.code(error.status)], text, (("grpc-status-details-bin", details),)
    )
    raise AssertionError("abort does not return")
