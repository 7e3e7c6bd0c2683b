"""`trimtab version`: what is installed."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib import metadata

from click.testing import CliRunner

from trimtab.cli.shell import root
from trimtab.version import __version__


def test_the_version_is_the_first_line():
    result = CliRunner().invoke(root, ["version"])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == f"trimtab {__version__}"


def test_as_json_it_names_python_platform_and_libraries():
    found = json.loads(CliRunner().invoke(root, ["version", "--json"]).stdout)
    assert found["version"] == __version__
    assert found["python"].startswith(platform.python_version())
    assert found["platform"] == platform.platform()
    for name, version in found["libraries"].items():
        assert version == metadata.version(name)


def test_no_library_is_imported_to_name_its_version():
    code = (
        "import sys\nfrom trimtab.cli import main\n"
        "try:\n    main(['version'])\nfinally:\n"
        "    print(*{'duckdb', 'sqlalchemy', 'numpy', 'uvicorn'} & set(sys.modules), sep='', "
        "file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert "duckdb" in done.stdout
    assert done.stderr == "\n"
