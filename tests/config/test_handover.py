"""A configuration arrives in another process as it was, its secrets too."""

from __future__ import annotations

from pathlib import Path

from trimtab.config import load
from trimtab.config.handover import packed, unpacked

TEXT = """
metadata_url: postgresql://ann:p%40ss@db/trimtab
workers: 3
limits: {drain_s: 1.5}
access:
  keys:
    - {name: ops, key: sk-handed-over, permissions: ["gateway:call"]}
providers:
  - name: up
    kind: openai
    api_key: sk-upstream
    headers: {x-team: blue}
    models: [{id: m, price: {input: 0.15, output: 1.1}}]
prices:
  - {model: m, since: 2026-01-31, price: {input: 0.1, output: 2}}
gateway:
  routes:
    - {name: chat, targets: [{model: up/m}], cache: {ttl_s: 60}}
  allowances:
    - {kind: team, name: web, monthly_usd: 10.5}
"""


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "trimtab.yaml"
    path.write_text(TEXT)
    config = load(path, env={}, overrides={}, cwd=tmp_path).config
    handed = unpacked(packed(config))
    assert handed == config
    assert handed.access.keys[0].key.reveal() == "sk-handed-over"
    assert str(handed) == str(config)
    assert "sk-" not in str(handed)
