"""What importing costs: `import trimtab` next to nothing, the client nothing of the server."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import trimtab

# Everything the interpreter does in the meantime, and everybody who looks at the environment.
WATCHED = """
import json, os, sys

events, looked_at = [], []

class Environment(type(os.environ)):
    def __getitem__(self, key):
        looked_at.append(key)
        return super().__getitem__(key)

    def __contains__(self, key):
        looked_at.append(key)
        return super().__contains__(key)

    def __iter__(self):
        looked_at.append("*")
        return super().__iter__()

watching = False

def hook(event, args):
    if watching and (event == "open" or event.startswith(("socket.", "subprocess.", "os.system"))):
        events.append([event, str(args[0])])

os.environ.__class__ = Environment
sys.addaudithook(hook)
before = set(sys.modules)
watching = True
{code}
watching = False
print(json.dumps({{
    "modules": sorted(set(sys.modules) - before), "events": events, "environment": looked_at,
}}))
"""
SERVER = {
    "alembic", "duckdb", "httptools", "jinja2", "numpy", "snowballstemmer", "sqlalchemy",
    "starlette", "uvicorn", "uvloop", "yaml", "click", "rich",
}  # fmt: skip


def watched(code: str) -> dict[str, Any]:
    """Run code in a new interpreter; what it imported, opened and read of the environment."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", WATCHED.format(code=code)],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "TRIMTAB_PORT": "1", "TRIMTAB_URL": "http://nowhere"},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def is_code(path: str) -> bool:
    """Whether reading a file is part of importing: a module, its cached bytecode, an extension."""
    return path.endswith((".py", ".pyc", ".so", ".pyd", ".dylib"))


def packages(found: dict[str, Any]) -> set[str]:
    return {module.partition(".")[0] for module in found["modules"]}


def test_the_watch_sees_what_it_is_to_see() -> None:
    """Else the tests below would pass for nothing."""
    found = watched(
        "import socket\nsocket.socket().close()\nopen('/dev/null').close()\n"
        "os.environ.get('TRIMTAB_PORT')\nos.getenv('TRIMTAB_URL')\nimport trimtab.client"
    )
    events = [event for event, _ in found["events"]]
    assert "socket.__new__" in events
    assert ["open", "/dev/null"] in found["events"]
    assert {"TRIMTAB_PORT", "TRIMTAB_URL"} <= set(found["environment"])
    assert "trimtab.client" in found["modules"]


@pytest.mark.parametrize(
    "code", ["import trimtab", "from trimtab import *", "import trimtab.client"]
)
def test_importing_opens_no_socket_and_no_file_and_reads_no_setting(code: str) -> None:
    found = watched(code)
    opened = [args for event, args in found["events"] if event == "open" and not is_code(args)]
    # OpenTelemetry's SDK imports psutil where it happens to be installed.
    opened = [path for path in opened if path != "/proc/stat"]
    others = [event for event, _ in found["events"] if event != "open"]
    assert opened == []
    assert others == []
    assert [name for name in found["environment"] if name.startswith("TRIMTAB")] == []


def test_importing_the_package_reads_no_environment_variable_and_loads_little() -> None:
    found = watched("import trimtab")
    assert found["environment"] == []
    assert len(found["modules"]) <= 120
    assert {name for name in found["modules"] if name.startswith("trimtab")} == {"trimtab"}


def test_the_client_is_within_the_budget_too_and_knows_nothing_of_the_server() -> None:
    found = watched("import trimtab\ntrimtab.Client")
    assert len(found["modules"]) <= 120
    assert packages(found) & SERVER == set()
    ours = {name for name in found["modules"] if name.startswith("trimtab.")}
    halves = {name.split(".")[1] for name in ours}
    assert halves <= {"client", "errors", "kit"}


def test_making_a_client_opens_no_connection() -> None:
    found = watched("import trimtab\ntrimtab.Client('http://127.0.0.1:1')")
    assert [event for event, _ in found["events"] if event.startswith("socket")] == []
    assert [name for name in found["environment"] if name.startswith("TRIMTAB")] == []


def test_the_help_of_the_command_imports_none_of_what_it_would_run() -> None:
    found = watched(
        "import trimtab.cli.shell as shell\n"
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    assert shell.root.main(['--help'], standalone_mode=False) == 0\n"
    )
    assert packages(found) & (SERVER - {"click"}) == set()


def test_the_moves_of_releases_need_no_numbers() -> None:
    """Approving and promoting are part of every start; arithmetic is for who watches."""
    assert "numpy" not in packages(watched("import trimtab.releases.lifecycle"))


@pytest.mark.parametrize("name", sorted(trimtab.__all__))
def test_everything_public_can_be_had_and_says_what_it_is(name: str) -> None:
    value = getattr(trimtab, name)
    assert name in dir(trimtab)
    if name != "__version__":
        assert value.__doc__


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = trimtab.nonsense  # type: ignore[attr-defined]
    assert sorted(trimtab.__all__) == trimtab.__all__
