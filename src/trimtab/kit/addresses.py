"""Where a server that makes requests for others must not be sent.

Addresses are judged as they are connected to, after names are resolved, so that a name cannot lead
elsewhere once it was found harmless.

Sources: the special-purpose registries (https://www.iana.org/assignments/iana-ipv4-special-registry
and ipv6), RFC 6890, RFC 6052; the clouds' pages on instance metadata.
"""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds hand out a machine's own credentials: to whoever asks from that machine.
_METADATA = tuple(
    map(
        ipaddress.ip_network,
        (
            "169.254.0.0/16",  # AWS, Azure, Google, and link-local altogether
            "fd00:ec2::/32",  # AWS
            "fe80::/10",
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle
        ),
    )
)
_METADATA_NAMES = frozenset({"metadata", "metadata.goog", "metadata.google.internal"})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def address_of(host: str) -> Address | None:
    """The address that a host is written as, in any spelling that a resolver takes; else None.

    >>> [str(address_of(host)) for host in ("[::1]", "2852039166", "0x7f.1", "example.com")]
    ['::1', '169.254.169.254', '127.0.0.1', 'None']
    """
    text = host.strip("[]").partition("%")[0]
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, UnicodeEncodeError):
        return None


def serves_metadata(host: str) -> bool:
    """Whether a machine's own credentials may be had there. Names that only resolve to such an
    address are not known here; the connector asks again with the address.

    >>> [serves_metadata(host) for host in ("169.254.169.254", "::ffff:a9fe:a9fe", "10.0.0.1")]
    [True, True, False]
    """
    if host.lower().rstrip(".") in _METADATA_NAMES:
        return True
    address = address_of(host)
    return address is not None and any(_plain(address) in network for network in _METADATA)


def is_private(host: str) -> bool:
    """Whether it is this machine or this network, not the internet; a name only if it says so.

    >>> [is_private(host) for host in ("localhost", "192.168.1.9", "0.0.0.0", "8.8.8.8")]
    [True, True, True, False]
    """
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return True
    address = address_of(host)
    return address is not None and not _plain(address).is_global


def _plain(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where there is one that is connected to."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
