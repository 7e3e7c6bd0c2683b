"""What cannot answer is warned of once, whatever else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.serving import configured, served


def test_a_route_that_cannot_answer_is_warned_of_once_for_each_cause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")

    def warned() -> int:
        return caplog.text.count("'empty' cannot answer")

    text = "gateway: {routes: [{name: empty, targets: [{model: gone/away}]}]}\n"
    with served(configured(tmp_path / "data", text)) as running:
        message = {"role": "system", "content": "Be brief."}
        assert warned() == 1
        for n in range(3):
            running.client.post("/api/v1/prompts", {"name": f"p{n}", "messages": [message]})
        assert warned() == 1
        running.client.put("/api/v1/routes/other", {"targets": []})
        assert (warned(), caplog.text.count("'other' cannot answer")) == (1, 1)
