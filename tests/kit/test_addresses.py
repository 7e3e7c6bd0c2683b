from __future__ import annotations

import pytest

from trimtab.kit.addresses import is_private, serves_metadata

METADATA = [
    *("169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376"),
    *("::ffff:169.254.169.254", "[::ffff:a9fe:a9fe]", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
    *("fd00:ec2::254", "fe80::1", "fe80::1%eth0", "100.100.100.200", "168.63.129.16"),
    *("metadata.google.internal", "Metadata.Google.Internal.", "metadata"),
]
PRIVATE = [
    *("127.0.0.1", "127.1", "localhost", "a.localhost", "::1", "[::1]", "0.0.0.0", "::"),
    *("10.1.2.3", "172.16.0.1", "192.168.0.1", "100.64.0.1", "fc00::1", "::ffff:10.0.0.1"),
    *("printer.local", "vault.internal"),
]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "api.example.com", "172.32.0.1", "localhost.example.com"]


@pytest.mark.parametrize("host", METADATA)
def test_where_a_machines_own_credentials_are(host: str) -> None:
    assert serves_metadata(host)


@pytest.mark.parametrize("host", PRIVATE)
def test_this_machine_and_this_network(host: str) -> None:
    assert is_private(host)
    assert not serves_metadata(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_the_internet(host: str) -> None:
    assert not is_private(host)
    assert not serves_metadata(host)
