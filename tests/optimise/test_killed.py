"""A job that is killed carries on with --resume, and asks nothing that was answered."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.optimise.jobs import optimised
from tests.optimise.simulator import MODEL, PROMPT, REFLECTOR, Simulator, rows, simulated
from tests.upstream import Answer, Request

from trimtab.optimiser.journal import contents_of

ROWS = rows(2)
AT_ONCE = 4
PROGRAM = """
import json, sys
import asyncio
import trimtab
from trimtab.evals.chat import chat_at
from trimtab.evals.outage import Outage

given = json.load(open(sys.argv[1]))

async def work():
    chat = chat_at(given.pop("url"), None, Outage())
    await trimtab.aoptimise(given.pop("prompt"), given.pop("rows"), ["exact"], chat=chat, **given)

asyncio.run(work())
"""


@pytest.mark.parametrize("after", [5, 150, 420])
def test_what_was_answered_before_a_kill_is_not_asked_again(tmp_path: Path, after: int) -> None:
    killed = threading.Event()
    process: list[subprocess.Popen[bytes]] = []

    def kill_then(_: Request) -> Answer | None:
        if len(simulator.bodies) == after and process:
            process[0].kill()
            killed.set()
        return None

    simulator = Simulator(before=kill_then)
    settings = {"algo": "auto", "calls": 1200, "folder": str(tmp_path / "jobs")}
    with simulated(simulator) as upstream:
        told = {
            "url": upstream.base_url,
            "prompt": PROMPT,
            "rows": ROWS,
            "model": MODEL,
            "reflect_model": REFLECTOR,
            "concurrency": AT_ONCE,
            **settings,
        }
        (tmp_path / "told.json").write_text(json.dumps(told))
        (tmp_path / "job.py").write_text(PROGRAM)
        process.append(
            subprocess.Popen([sys.executable, tmp_path / "job.py", tmp_path / "told.json"])
        )
        assert process[0].wait(60) != 0
        assert killed.is_set()
        before = simulator.calls
        [path] = (tmp_path / "jobs").glob("*/job.journal")
        kept = contents_of(path)
        assert kept.taken.calls >= before - 1, "a call is written down before it is made"
        assert len(kept.replies) >= before - AT_ONCE - 1
        found = optimised(upstream, ROWS, concurrency=AT_ONCE, resume=True, **settings)
    assert found.promoted
    assert simulator.repeated <= AT_ONCE, "only what had no answer yet is asked once more"
    assert simulator.calls <= 1200
    assert found.taken.calls >= simulator.calls
    with simulated(Simulator()) as upstream:
        straight = optimised(upstream, ROWS, concurrency=AT_ONCE, algo="auto", calls=1200)
    assert found.comparisons == straight.comparisons
    assert found.difference == straight.difference
