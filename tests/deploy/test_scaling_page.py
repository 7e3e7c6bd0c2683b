"""The commands of docs/scaling.md, in order, against real databases."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.docs.pages import ROOT, blocks, command_lines
from tests.processes import serving

from trimtab.cli.shell import root

PAGE = ROOT / "docs" / "scaling.md"
TELEMETRY = "clickhouse://trimtab:$CLICKHOUSE_PASSWORD@clickhouse:8123/trimtab"
METADATA = "postgresql://trimtab:$POSTGRES_PASSWORD@postgres:5432/trimtab"
RELEASE = {"route": "helper", "targets": [{"model": "trimtab/extract"}]}
QUESTION = "Which port does the server listen on by default?"


def commands() -> Iterator[list[str]]:
    for block in blocks([PAGE], "sh"):
        yield from command_lines(block)


def test_other_programs_are_given_files_that_exist() -> None:
    seen = set()
    for words in commands():
        seen.add(words[0])
        for word in words:
            if word.startswith("deploy/"):
                assert (ROOT / word).exists(), shlex.join(words)
    assert seen == {"pip", "trimtab", "export", "docker", "kubectl"}


@pytest.mark.slow
@pytest.mark.clickhouse
@pytest.mark.postgres
def test_a_data_directory_is_moved_and_served_as_the_page_says(
    tmp_path: Path, clickhouse_database: str, postgres_database: str
) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        asked = server.client.chat("trimtab/extract", QUESTION)["trace_id"]
        server.client.post("/api/v1/releases", RELEASE)
        assert server.stop() == 0
    places = {TELEMETRY: clickhouse_database, METADATA: postgres_database, ".trimtab": str(data)}
    ours = [words[1:] for words in commands() if words[0] == "trimtab"]
    move, serve = ([places.get(word, word) for word in words] for words in ours)
    result = CliRunner().invoke(root, [*move, "--json"], env={"TRIMTAB_CONFIG": None})
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["telemetry"]["spans"] == 1
    assert serve[:3] == ["serve", "--data", "/var/lib/trimtab"]
    with serving(tmp_path / "elsewhere", *serve[3:]) as server:
        assert [row["trace_id"] for row in server.client.traces(limit=9)] == [asked]
        assert server.client.get("/api/v1/releases/helper@1")["state"] == "candidate"
        assert server.client.get("/readyz")["status"] == "ready"
