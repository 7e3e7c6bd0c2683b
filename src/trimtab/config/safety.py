"""The rule that keeps an open server off the network."""

from __future__ import annotations

import ipaddress

from trimtab.config.schema import Config
from trimtab.errors import ConfigError


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`.

    A name other than `localhost` is not: what it resolves to can change.

    >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "example.com")]
    [True, True, True, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_safe(config: Config) -> None:
    """Refuse to listen on the network without credentials.

    Raises:
        ConfigError: `host` is not a loopback address and `access.keys` is empty.
    """
    if is_loopback(config.host) or config.access.keys:
        return
    raise ConfigError(
        f"listening on {config.host} would let anyone on the network use this server",
        where="host",
        fix="add a key under access.keys, or set host to 127.0.0.1",
        key="host",
        got=config.host,
        allowed="a loopback address, or any address once access.keys is not empty",
    )
