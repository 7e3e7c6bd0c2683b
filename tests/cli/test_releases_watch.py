"""Canaries and bandits on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.api.splits import BANDIT, SPLIT, answered, said, split
from tests.serving import Served, configured, served

from trimtab.cli.shell import root


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("watch") / "data")) as running:
        message = {"role": "system", "content": "Answer from these.\n{{ passages }}"}
        running.client.post("/api/v1/prompts", {"name": "widgets", "messages": [message]})
        yield running


def said_by(server: Served, *arguments: str) -> str:
    found = CliRunner().invoke(root, [*arguments, "--url", server.url])
    assert found.exit_code == 0, found.output
    return found.output


def test_a_canary_is_shown_beside_what_it_runs_beside(here: Served) -> None:
    split(here, "shown")
    here.client.delete("/api/v1/routes/shown")
    here.client.post("/api/v1/releases/shown@2/canary", {"share": 0.5})
    answered(here, "shown", [{}] * 20)
    text = said_by(here, "releases", "watch", "shown@2")
    assert "shown@2 beside shown@1" in text
    assert "50% of the requests: nobody watches it" in text
    rows = {line.split()[0]: line for line in text.splitlines()[1:]}
    assert "not known yet" in rows["error"]
    assert "0%" in rows["blocked"]
    text = said_by(here, "releases", "watch", "shown@2", "--figures", "cost=1,slow=1", "--once")
    assert {"cost", "slow"} <= {line.split()[0] for line in text.splitlines()}
    found = json.loads(said_by(here, "releases", "watch", "shown@2", "--json"))
    assert [one["figure"] for one in found["figures"]] == ["error", "blocked"]
    here.client.delete("/api/v1/releases/shown@2/canary")
    assert "it is candidate now" in said_by(here, "releases", "watch", "shown@2")


def test_two_releases_of_a_split_are_shown_beside_each_other(here: Served) -> None:
    split(here, "two")
    answered(here, "two", [{}] * 20)
    text = said_by(here, "releases", "experiment", "two", "--figures", "error,slow=5000")
    assert text.startswith("two@2 beside two@1 since")
    rows = {line.split()[0]: line for line in text.splitlines()[1:]}
    assert {"error", "slow"} <= set(rows)
    assert rows["figure"].split()[1:3] == ["two@2", "two@1"]
    turned = ("--base", "two@2", "--new", "1", "--alpha", "0.2", "--since", "1h", "--json")
    found = json.loads(said_by(here, "releases", "experiment", "two", *turned))
    assert (found["base"], found["new"]) == ("two@2", "two@1")
    sessions = [one["canary"]["sessions"] + one["main"]["sessions"] for one in found["figures"]]
    assert sessions == [20, 20]


def test_the_stretches_of_a_watch_can_be_set(here: Served) -> None:
    split(here, "timed")
    here.client.delete("/api/v1/routes/timed")
    timing = ("--watch", "error", "--alpha", "0.1", "--every", "5", "--window", "600")
    said_by(here, "releases", "canary", "timed@2", "--share", "5%", *timing)
    watch = here.client.get("/api/v1/releases/timed@2")["watch"]
    assert (watch["alpha"], watch["every_s"], watch["window_s"]) == (0.1, 5.0, 600.0)
    found = CliRunner().invoke(
        root, ["releases", "canary", "timed@2", "--share", "5%", "--window", "60"]
    )
    assert "go with --watch" in found.output


def test_what_a_bandit_has_learnt_is_shown_and_forgotten(here: Served, tmp_path: Path) -> None:
    split(here, "learnt")
    said(here, "learnt", 12)
    file = tmp_path / "route.yaml"
    file.write_text(json.dumps({"name": "learnt", "split": SPLIT, "bandit": BANDIT}))
    said_by(here, "routes", "put", "--file", str(file))
    text = said_by(here, "routes", "show", "learnt")
    assert "shares follow helpful" in text
    assert "learnt@2 has" in text
    assert "the best with" in text
    found = json.loads(said_by(here, "routes", "show", "learnt", "--json"))
    assert sum(one["sessions"] for one in found["learnt"]["arms"]) == 12
    text = said_by(here, "routes", "reset", "learnt")
    assert "shares follow helpful, as written" in text
    assert "over 0 sessions" in text
