"""Where the SDK sends to and as whom: arguments first, then the environment, then the defaults."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from trimtab.errors import ConfigError
from trimtab.kit.hashing import sha256_hex

DEFAULT_URL = "http://127.0.0.1:8321"
SPOOL_BYTES = 256 * 1024 * 1024


class Destination(NamedTuple):
    """What takes the spans, and the scores if it is a Trimtab (`scores_url` None: it is not)."""

    traces_url: str
    scores_url: str | None
    headers: dict[str, str]

    @property
    def digest(self) -> str:
        """The same for the same server and credential, which it does not reveal."""
        headers = sorted(self.headers.items())
        return sha256_hex(repr((self.traces_url, headers)).encode())[:16]


def destination(
    url: str | None, key: str | None, env: Mapping[str, str] = os.environ
) -> Destination:
    """The server of `instrument(url, key)`.

    Without a URL it is TRIMTAB_URL, else OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (used as it is), else
    OTEL_EXPORTER_OTLP_ENDPOINT, else a Trimtab on this machine. The headers of
    OTEL_EXPORTER_OTLP_HEADERS go along whichever it is.

    Raises:
        ConfigError: the URL or a header cannot be one.

    >>> destination("http://127.0.0.1:8321/", "k", {}).headers
    {'authorization': 'Bearer k'}
    """
    headers = _headers(env)
    key = key or env.get("TRIMTAB_KEY")
    ours = url or env.get("TRIMTAB_URL")
    traces = env.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    other = env.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if key:
        headers["authorization"] = _header_value(f"Bearer {key}", "key")
    if not ours and (traces or other):
        full = traces or f"{str(other).rstrip('/')}/v1/traces"
        return Destination(_checked(full), None, headers)
    base = _checked((ours or DEFAULT_URL).rstrip("/"))
    return Destination(f"{base}/v1/traces", f"{base}/api/v1/scores", headers)


def service_name(given: str | None, env: Mapping[str, str] = os.environ) -> str | None:
    """What the process is called; None leaves it to OpenTelemetry's own variables."""
    if given or env.get("OTEL_SERVICE_NAME") or "service.name=" in _resource(env):
        return given
    script = Path(sys.argv[0] if sys.argv and sys.argv[0] not in ("", "-c", "-m") else "python")
    return script.parent.name if script.name == "__main__.py" else script.stem


def spool_directory(given: str | os.PathLike[str] | None, to: Destination) -> Path | None:
    """Where spans wait for their server, one directory per server and credential; None: nowhere."""
    chosen = os.fspath(given) if given is not None else os.environ.get("TRIMTAB_SPOOL")
    if chosen is not None and chosen.lower() in ("", "off"):
        return None
    try:
        root = Path(chosen).expanduser() if chosen else _cache() / "trimtab" / "spool"
    except RuntimeError:  # A user without a home directory.
        return None
    return root / to.digest


def _cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    given = os.environ.get("XDG_CACHE_HOME")
    return Path(given) if given else Path.home() / ".cache"


def _resource(env: Mapping[str, str]) -> str:
    return env.get("OTEL_RESOURCE_ATTRIBUTES", "")


def _headers(env: Mapping[str, str]) -> dict[str, str]:
    """`name=value,name=value`, percent-encoded (OpenTelemetry, OTLP exporter configuration)."""
    found: dict[str, str] = {}
    for variable in ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"):
        for pair in env.get(variable, "").split(","):
            name, equals, value = pair.partition("=")
            if equals and name.strip():
                found[name.strip().lower()] = _header_value(unquote(value.strip()), variable)
    return found


def _header_value(value: str, where: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ConfigError(
            "the value cannot be sent in an HTTP header",
            where=where,
            fix="use printable ASCII characters only",
            key=where,
        )
    return value


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            "the URL of the server is not one",
            where="url",
            fix=f"give one such as {DEFAULT_URL}",
            key="url",
        )
    return url
