"""A backup of a serving application is a data directory."""

from __future__ import annotations

from pathlib import Path

from tests.serving import configured, served

from trimtab.testing.telemetry import sample_span


def test_a_backup_made_while_serving_can_be_served(tmp_path: Path) -> None:
    spans = [sample_span(input="x" * 70_000), sample_span()]
    with served(configured(tmp_path / "data")) as server:
        server.app.telemetry.append(spans).result(timeout=60)
        rows = [{"example_id": "1", "input": "Why?"}]
        server.client.post("/api/v1/datasets", {"name": "golden", "examples": rows})
        copy = tmp_path / "copy"
        reply = server.ask("POST", "/api/v1/admin/backup", {"directory": str(copy)})
        assert reply.status == 200, reply.json
        again = server.ask("POST", "/api/v1/admin/backup", {"directory": str(copy)})
        assert (again.status, again.json["where"]) == (400, "directory")
    with served(configured(copy)) as server:
        for span in spans:
            assert server.app.telemetry.trace("default", span.trace_id) == [span]
        assert [row["name"] for row in server.client.get("/api/v1/datasets")["data"]] == ["golden"]
