"""GET /api/v1/config: the settings in force, where each stands, and what a reload would do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.api.test_reload import RELOAD, running
from tests.serving import configured, served

from trimtab.client import Client
from trimtab.errors import Forbidden

IN_FORCE = "/api/v1/config"
SECRET = "a-secret-of-the-operator-0123456789"


def test_each_setting_comes_with_its_place_and_no_secret(tmp_path: Path) -> None:
    text = (
        "limits: {drain_s: 5}\n"
        "providers:\n"
        "  - {name: far, kind: openai_compatible, base_url: 'http://127.0.0.1:1', "
        f"api_key: {SECRET}, models: [{{id: m}}]}}\n"
    )
    with running(tmp_path, text) as (server, file):
        found = server.client.get(IN_FORCE)
    assert found["path"] == str(file.path)
    assert found["settings"]["limits"]["drain_s"] == 5
    assert found["origins"]["limits.drain_s"].endswith("trimtab.yaml:1")
    assert found["origins"]["providers[0].kind"].endswith("trimtab.yaml:3")
    assert found["origins"]["limits.concurrency"] == "default"
    assert found["settings"]["providers"][0]["api_key"] == "***"
    assert SECRET not in json.dumps(found)
    assert (found["changed"], found["needs_restart"], found["problem"]) == ([], [], None)


def test_what_was_written_since_is_told_before_it_is_taken(tmp_path: Path) -> None:
    with running(tmp_path, "limits: {drain_s: 5}\n") as (server, file):
        file.write("limits: {drain_s: 6}\nworkers: 2\n")
        waiting = server.client.get(IN_FORCE)
        assert waiting["settings"]["limits"]["drain_s"] == 5
        assert (waiting["changed"], waiting["needs_restart"]) == (["limits.drain_s"], ["workers"])
        assert not {"limits.drain_s", "workers"} & set(waiting["origins"])
        server.client.post(RELOAD)
        taken = server.client.get(IN_FORCE)
        assert taken["settings"]["limits"]["drain_s"] == 6
        assert (taken["changed"], taken["needs_restart"]) == ([], ["workers"])


def test_a_file_that_cannot_be_read_any_more_is_told_beside_what_is_in_force(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "limits: {drain_s: 5}\n") as (server, file):
        file.write("limits: {drain: 6}\n")
        found = server.client.get(IN_FORCE)
    assert found["settings"]["limits"]["drain_s"] == 5
    assert "trimtab.yaml:1" in found["problem"]
    assert found["origins"] == {}


def test_the_settings_of_all_projects_need_a_key_that_names_them(tmp_path: Path) -> None:
    text = f"""
access:
  keys:
    - {{name: everything, key: {SECRET}}}
    - {{name: operator, key: {SECRET}-2, permissions: ["admin:read"]}}
"""
    with served(configured(tmp_path / "data", text)) as server:
        with pytest.raises(Forbidden, match="may not admin:read"):
            Client(server.url, key=SECRET).get(IN_FORCE)
        found = Client(server.url, key=f"{SECRET}-2").get(IN_FORCE)
        assert SECRET not in json.dumps(found)
        assert (found["path"], found["origins"]) == (None, {})
