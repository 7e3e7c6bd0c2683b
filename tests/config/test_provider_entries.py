"""What may be said about a provider, and what is said about mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.kit.test_addresses import METADATA, PRIVATE, PUBLIC

from trimtab.config import Secret, dump, load
from trimtab.config.checks import safe_base_url
from trimtab.errors import ConfigError

Load = Callable[[str], Any]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    def read(text: str) -> Any:
        path = tmp_path / "trimtab.yaml"
        path.write_text(f"providers:\n{text}", "utf-8")
        return load(path, env={"KEY": "gw-0123456789"}, cwd=tmp_path)

    return read


def test_everything_a_provider_may_have_is_read_and_shown_without_its_secrets(
    loaded: Load, tmp_path: Path
) -> None:
    found = loaded(
        """
  - name: a
    kind: azure
    base_url: https://a.example
    api_version: 2024-10-21
    speaks: [openai.chat]
    headers: {X-Gateway-Key: "${KEY}"}
    credentials: {secret_access_key: "${KEY}"}
    region: eu-west-1
  - {name: b, kind: openai}
"""
    )
    first, second = found.config.providers
    assert first.headers == {"X-Gateway-Key": Secret("gw-0123456789")}
    assert first.credentials == {"secret_access_key": Secret("gw-0123456789")}
    assert (first.speaks, first.api_version) == (("openai.chat",), "2024-10-21")
    assert (second.base_url, second.headers, second.models) == (None, {}, ())
    shown = dump(found.config, found.origins)
    assert "gw-0123456789" not in shown + repr(found.config)
    assert 'X-Gateway-Key: "***"' in shown
    assert found.literal_secrets == ()
    path = tmp_path / "shown.yaml"
    path.write_text(dump(found.config), "utf-8")
    again = load(path, env={}, cwd=tmp_path).config.providers
    assert [each.kind for each in again] == ["azure", "openai"]
    assert again[1] == second


@pytest.mark.parametrize(
    ("entry", "key", "says"),
    [
        ("{name: a, kind: azure}", "providers[0]", "needs a `base_url`"),
        ("{name: a, kind: openai_compatible}", "providers[0]", "needs a `base_url`"),
        ("{name: a, kind: opnai}", "providers[0].kind", "must be one of"),
        (
            "{name: a, kind: openai, speaks: [openai]}",
            "providers[0].speaks[0]",
            "must be one of",
        ),
        ("{name: a, kind: openai, headers: [a]}", "providers[0].headers", "a section"),
        ("{name: a, kind: openai, headers: {Host: x}}", "providers[0].headers.Host", "itself"),
        ("{name: a, kind: openai, headers: {x y: z}}", "providers[0].headers", "named with"),
        (
            '{name: a, kind: openai, headers: {x: "a\\nb"}}',
            "providers[0].headers.x",
            "printable ASCII",
        ),
        ("{name: a, kind: openai, credentials: {A-B: z}}", "providers[0].credentials", "small"),
        (
            "{name: a, kind: azure, base_url: 'https://a', api_version: 'a&b'}",
            "providers[0].api_version",
            "must be",
        ),
    ],
)
def test_mistakes_are_named(loaded: Load, entry: str, key: str, says: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        loaded(f"  - {entry}\n")
    assert str(refusal.value.fields["key"]).startswith(key)
    assert says in str(refusal.value)


def url(host: str) -> str:
    return f"http://[{host.strip('[]')}]/v1" if ":" in host else f"http://{host}/v1"


@pytest.mark.parametrize("host", [host for host in METADATA if "%" not in host])
def test_no_provider_is_where_a_machines_credentials_are(loaded: Load, host: str) -> None:
    assert safe_base_url(url(host), allow_private=True)
    with pytest.raises(ConfigError, match="metadata"):
        loaded(f"  - {{name: a, kind: vllm, base_url: '{url(host)}'}}\n")


@pytest.mark.parametrize("host", PRIVATE)
def test_only_the_file_may_name_this_machine_and_its_network(host: str) -> None:
    assert safe_base_url(url(host), allow_private=True) is None
    assert "this machine" in str(safe_base_url(url(host), allow_private=False))


@pytest.mark.parametrize("host", PUBLIC)
def test_the_internet_may_be_called(host: str) -> None:
    assert safe_base_url(url(host), allow_private=False) is None
