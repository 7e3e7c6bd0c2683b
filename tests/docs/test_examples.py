"""The examples of the documentation, run: shell and Python against a real server, YAML and JSON
through the code that reads them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from click.testing import CliRunner
from tests.docs.pages import PAGES, README, ROOT, Block, blocks, command_lines
from tests.serving import Served, configured, served

from trimtab.cli.shell import root
from trimtab.config import load, require_safe
from trimtab.demo import assistant
from trimtab.records import Example, Retrieval, Span

pytestmark = pytest.mark.slow


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ROWS = [
    {"example_id": "a", "input": "Which port does the server use?", "expected": "8321"},
    {"example_id": "b", "input": "Who won the cup?", "metadata": {"answerable": False}},
]
HOSTS = re.compile(r"http://(127\.0\.0\.1|trimtab\.example\.com):8321")
# Started, installed or stopped by other tests, or not ours.
NOT_RUN = {"make", "pip", "python3", ".", "git", "cd", "export"}
NOT_RUN_OF_OURS = {"serve", "demo", "doctor", "run"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the docs assistant and the trace that the pages speak of."""
    with served(configured(tmp_path_factory.mktemp("docs") / "data")) as running:
        running.client.post("/api/v1/prompts", assistant.PROMPT)
        running.client.post("/api/v1/releases", assistant.FIRST)
        # Not the one that a page creates, which would be refused as the same again.
        second = assistant.SECOND | {"parameters": {"abstain_below": 0.4}}
        running.client.post("/api/v1/releases", second)
        span = Span(trace_id=TRACE, span_id="ab" * 8, name="example", start_ns=1, end_ns=2)
        running.app.telemetry.append(spans=[span]).result(30)
        yield running


def prepared(server: Served, text: str) -> str:
    """Bring the server into the state that an example starts from; the example, filled in."""
    client = server.client
    client.post("/api/v1/datasets", {"name": "golden", "examples": ROWS})
    live = "docs-assistant@2" if "rollback" in text else "docs-assistant@1"
    for ref in ("docs-assistant@1", live):
        if client.get(f"/api/v1/releases/{ref}")["state"] != "live":
            promotion = {"force": True, "reason": "set up by a test"}
            client.post(f"/api/v1/releases/{ref}/promote", promotion)
    if "RUN_ID" in text:
        run_id = passing_run(server)
        text = text.replace("RUN_ID", run_id)
    return HOSTS.sub(server.url, text)


def passing_run(server: Served) -> str:
    ids = []
    for release in ("docs-assistant@1", "docs-assistant@2"):
        request = {"release": release, "dataset": "golden", "scorers": ["refusal"]}
        *_, run = server.client.watch(server.client.post("/api/v1/runs", request)["run_id"])
        ids.append(run["run_id"])
    rules = [{"metric": "refusal", "margin": 10}]
    body = {"baseline": ids[0], "rules": rules, "store": True}
    server.client.post(f"/api/v1/runs/{ids[1]}/comparison", body)
    return str(ids[1])


# -- shell -------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks([*PAGES, README], "bash"), ids=str)
def test_every_shell_example_does_what_it_is_there_for(
    server: Served, block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TRIMTAB_DATA", str(tmp_path / "data"))  # what an evaluation keeps
    for line in command_lines(block._replace(text=prepared(server, block.text))):
        words = [*dropwhile(lambda word: re.fullmatch(r"\w+=.*", word), line)]
        if words[0] == "curl":
            curl(server, words)
        elif words[0] == "trimtab":
            trimtab(server, words[1:])
        else:
            assert words[0] in NOT_RUN, words


def curl(server: Served, words: list[str]) -> None:
    """Send what curl would send; it succeeds."""
    headers, body, urls, rest = {}, None, [], words[1:]
    while rest:
        word = rest.pop(0)
        if word == "-H":
            name, _, value = rest.pop(0).partition(":")
            headers[name.lower()] = value.strip()
        elif word == "-d":
            body = rest.pop(0).encode()
        elif word.startswith("-"):
            assert word in ("-i", "-s"), word
        else:
            urls.append(urlsplit(word))
    (url,) = urls
    assert f"http://{url.netloc}" == server.url, "an example asks the server of the examples"
    target = url.path + (f"?{url.query}" if url.query else "")
    reply = server.ask("GET" if body is None else "POST", target, body, headers)
    assert reply.status < 300, reply.body
    assert body is None or headers["content-type"] == "application/json"


def trimtab(server: Served, words: list[str]) -> None:
    if words[0] in NOT_RUN_OF_OURS:
        return
    local = words[0] in ("config", "version")
    result = CliRunner().invoke(root, words if local else [*words, "--url", server.url])
    judges = "--baseline" in words or words[0] == "redteam"
    allowed = (0, 1, 3) if judges else (0,)
    assert result.exit_code in allowed, f"{words}: {result.output}"
    assert result.stdout.strip()
    if "--json" in words:
        json.loads(result.stdout)


# -- Python ------------------------------------------------------------------------------------

PYTHON_PAGES = [page for page in [*PAGES, README] if blocks([page], "python")]


@pytest.mark.parametrize("page", PYTHON_PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs_from_top_to_bottom(
    server: Served, page: Path, tmp_path: Path
) -> None:
    text = "\n\n".join(block.text for block in blocks([page], "python"))
    text = prepared(server, text).replace("trimtab.Client()", f"trimtab.Client({server.url!r})")
    script = tmp_path / "page.py"
    script.write_text(text, "utf-8")
    done = python(script, {"TRIMTAB_KEY": "example"})
    assert done.returncode == 0, done.stderr
    if "print(" in text:
        assert done.stdout.strip()


def test_the_first_answer_in_the_readme_is_the_answer(server: Served, tmp_path: Path) -> None:
    (block,) = blocks([README], "python")
    script = tmp_path / "readme.py"
    script.write_text(prepared(server, block.text), "utf-8")
    shown = re.findall(r"^# (.*)$", block.text, re.MULTILINE)[-1]
    promised = re.sub(r"\[.*", "", shown).strip()
    assert promised in " ".join(python(script, {}).stdout.split())


def python(script: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=kept | environment,
    )


def test_the_loop_runs_in_under_a_hundred_lines(server: Served) -> None:
    script = ROOT / "examples" / "loop.py"
    assert len(script.read_text("utf-8").splitlines()) < 100
    done = python(script, {"TRIMTAB_URL": server.url})
    assert done.returncode == 0, done.stderr
    assert re.search(r"loop-example@1: \d failing calls", done.stdout)
    assert re.search(r"^gate: (pass|fail|inconclusive): .", done.stdout, re.MULTILINE)
    assert re.search(r"loop-example@2 is \w+, loop-example@1 is \w+$", done.stdout)


# -- YAML and JSON -------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks([*PAGES, README], "yaml"), ids=str)
def test_every_yaml_example_is_a_configuration(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "trimtab.yaml"
    path.write_text(block.text, "utf-8")
    names = re.findall(r"\$\{(\w+)", block.text)
    environment = dict.fromkeys(names, "0123456789abcdef0123456789abcdef")
    loaded = load(path, env=environment, cwd=tmp_path)
    require_safe(loaded.config)
    assert loaded.literal_secrets == (), "an example shows no secret in a file"


def json_block(page: str) -> Any:
    block, *_ = blocks([ROOT / "docs" / page], "json")
    return json.loads(block.text)


def test_the_row_that_is_shown_is_an_example() -> None:
    row = json_block("datasets.md")
    assert set(row) <= set(Example.__struct_fields__)
    msgspec.convert(row, Example)


def test_the_retrieval_settings_that_are_shown_are_all_there_are(server: Served) -> None:
    given = json_block("retrieval.md")
    assert set(given) == set(Retrieval.__struct_fields__)
    defaults = msgspec.to_builtins(Retrieval(corpus=given["corpus"]))
    assert given == defaults, "the example shows the defaults"


def test_the_errors_that_are_shown_are_those_the_server_sends(server: Served) -> None:
    message = {"role": "user", "content": "x"}
    chat = server.ask("POST", "/v1/chat/completions", {"model": "gtp", "messages": [message]})
    assert chat.json == json_block("errors.md")
    shown = json_block("http-api.md")
    unknown = "0af7651916cd43dd8448eb211c80319c"
    found = server.ask("GET", f"/api/v1/traces/{unknown}").json
    assert found == {**shown, "detail": shown["detail"].replace(TRACE, unknown)}


def test_every_language_of_an_example_is_one_that_is_run() -> None:
    # What needs databases or machines of its own is "sh": its commands are checked, not run.
    # What GitHub, GitLab and pytest read is "yml" and "py": tests/deploy/test_ci_page.py.
    languages = {"bash", "python", "yaml", "json", "ini", "sh", "yml", "py", "text", ""}
    for page in [*PAGES, README]:
        for language in re.findall(r"^```(\w+)$", page.read_text("utf-8"), re.MULTILINE):
            assert language in languages, page.name
