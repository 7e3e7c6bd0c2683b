"""`trimtab run -- PROGRAM`: the program as it is, recorded, with its own exit code and signals."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.sdk.collector import Collector
from tests.sdk.openai_fake import openai_api
from tests.sdk.programs import Programs, environment
from tests.upstream import upstream_in_thread

from trimtab.cli.shell import root

TRIMTAB = [sys.executable, "-m", "trimtab", "run"]
APP = """\
import os, sys, trimtab
with trimtab.span(" ".join(["app", *sys.argv[1:]])):
    pass
sys.exit(int(os.environ.get("CODE", "0")))
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "shop.py"
    path.write_text(APP)
    return path


@pytest.mark.parametrize(
    "program",
    [
        ["--", sys.executable, "shop.py", "a", "--flag"],
        ["shop.py", "a", "--flag"],
        ["-m", "shop", "a", "--flag"],
        ["--", sys.executable, "-m", "shop", "a", "--flag"],
        ["--", "bash", "-c", f"{sys.executable} shop.py a --flag"],
    ],
    ids=["python", "script", "module", "python -m", "below a shell"],
)
def test_scripts_modules_and_what_they_start_are_recorded(
    programs: Programs, collector: Collector, app: Path, program: list[str]
) -> None:
    options = ["--url", collector.url, "--key", "tt-key", "--service", "till"]
    done = programs.execute(
        [*TRIMTAB, *options, "--environment", "test", *program],
        TRIMTAB_URL="http://127.0.0.1:9",
        CODE="5",
    )
    assert (done.returncode, done.stderr) == (5, "")
    span = collector.one("app a --flag")
    assert span.resource["service.name"] == "till"
    assert span.resource["deployment.environment.name"] == "test"
    assert collector.requests[0][1]["authorization"] == "Bearer tt-key"


def test_an_application_that_knows_nothing_of_trimtab_is_recorded_by_its_client(
    programs: Programs, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "plain.py").write_text(
        "import openai, os\n"
        "client = openai.OpenAI(base_url=os.environ['MODEL_URL'], api_key='k')\n"
        "ask = [{'role': 'user', 'content': 'Hello'}]\n"
        "answer = client.chat.completions.create(model='m', messages=ask)\n"
        "print(answer.choices[0].message.content)\n"
    )
    with upstream_in_thread(handler=openai_api) as upstream:
        done = programs.execute([*TRIMTAB, "plain.py"], MODEL_URL=upstream.base_url)
    assert (done.stdout, done.stderr) == ("You said: Hello\n", "")
    assert collector.one("chat m").resource["service.name"] == "plain"


def test_a_console_script_gets_signals_and_answers_them_itself(
    programs: Programs, collector: Collector, tmp_path: Path
) -> None:
    """uvicorn: a console script with handlers of its own, which it installs after ours."""
    (tmp_path / "web.py").write_text(
        "import trimtab\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan':\n"
        "        while (await receive())['type'] != 'lifespan.shutdown':\n"
        "            with trimtab.span('started'):\n"
        "                await send({'type': 'lifespan.startup.complete'})\n"
        "            print('ready', flush=True)\n"
        "        with trimtab.span('stopped'):\n"
        "            await send({'type': 'lifespan.shutdown.complete'})\n"
    )
    uvicorn = str(Path(sys.executable).parent / "uvicorn")
    process = subprocess.Popen(
        [*TRIMTAB, "--", uvicorn, "--port", "0", "--log-level", "error", "web:app"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment(collector.url, programs.spool, PYTHONPATH=str(tmp_path)),
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    finally:
        process.kill()
        process.communicate()
    collector.wait_for("started", "stopped")
    assert collector.one("started").resource["service.name"] == "uvicorn"


def test_the_sitecustomize_of_others_still_runs(
    programs: Programs, collector: Collector, tmp_path: Path, app: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("print('theirs')\n")
    done = programs.execute([*TRIMTAB, "shop.py"], PYTHONPATH=str(theirs))
    # Once for `trimtab run` itself, once for the program.
    assert (done.stdout.splitlines(), done.stderr) == (["theirs", "theirs"], "")
    assert collector.names() == ["app"]


def test_a_program_runs_though_it_cannot_be_recorded(
    programs: Programs, app: Path, collector: Collector
) -> None:
    done = programs.execute([*TRIMTAB, "shop.py"], TRIMTAB_URL="nonsense", CODE="3")
    assert done.returncode == 3
    assert done.stderr.startswith("trimtab: not recorded: ConfigError")
    assert len(done.stderr.splitlines()) == 1


def test_a_program_that_does_not_exist_is_named() -> None:
    result = CliRunner().invoke(root, ["run", "--", "no-such-program"])
    assert result.exit_code == 2
    assert "no-such-program" in result.output


def test_instrumentations_that_are_installed_are_started_and_one_that_fails_is_reported(
    programs: Programs, collector: Collector, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    info = site / "openinference_instrumentation_shop-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: openinference-shop\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(
        "[openinference_instrumentor]\nshop = shopping:Instrumentor\nbroken = shopping:Absent\n"
        "openai = shopping:MustNotBeStarted\n"
    )
    (site / "shopping.py").write_text(
        "class Instrumentor:\n"
        "    def instrument(self, tracer_provider):\n"
        "        tracer_provider.get_tracer('shopping').start_span('from shopping').end()\n"
    )
    done = programs.run("", PYTHONPATH=str(site))
    assert collector.one("from shopping").scope == "shopping"
    assert done.stderr.startswith("broken is not recorded: AttributeError")
    assert len(done.stderr.splitlines()) == 1
