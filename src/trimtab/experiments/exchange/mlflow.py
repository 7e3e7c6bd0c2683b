"""A run to MLflow, over its own REST API: metrics, what it was made of, and the table of answers.

Nothing of MLflow has to be installed. The table is an artifact of the kind that MLflow's page on
evaluation shows (`mlflow.loggedArtifacts`), sent through the server's artifact proxy.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from trimtab.errors import InvalidRequest, StoreError
from trimtab.experiments.exchange.table import Row
from trimtab.kit.clock import NS_PER_MS
from trimtab.records import Run

_TABLE = "trimtab_results.json"
_API = "/api/2.0/mlflow"
_PROXY = "mlflow-artifacts:/"
# What MLflow takes of a parameter, of a tag, and in one batch.
_MOST_PARAMETER, _MOST_TAG, _MOST_METRICS = 6_000, 5_000, 900
_TIMEOUT_S = 30.0


def export(run: Run, table: Sequence[Row], *, url: str, experiment: str) -> str:
    """Write a run to an MLflow tracking server; returns the id it has there.

    Raises:
        InvalidRequest: not a URL of a server.
        StoreError: the server does not answer, or refuses.
    """
    server = _Server(url)
    made = server.call(
        "POST",
        "/runs/create",
        {
            "experiment_id": server.experiment(experiment),
            "run_name": run.name[:250],
            "start_time": run.started_ns // NS_PER_MS,
            "tags": [{"key": "trimtab.run_id", "value": run.run_id}],
        },
    )["run"]["info"]
    run_id = str(made["run_id"])
    for body in _batches(run, run_id):
        server.call("POST", "/runs/log-batch", body)
    server.artifact(str(made["artifact_uri"]), _TABLE, _columns(table))
    ended = (run.ended_ns or run.started_ns) // NS_PER_MS
    status = {"done": "FINISHED", "failed": "FAILED"}.get(run.status, "KILLED")
    server.call("POST", "/runs/update", {"run_id": run_id, "status": status, "end_time": ended})
    return run_id


def _batches(run: Run, run_id: str) -> list[dict[str, Any]]:
    """Metrics with their bounds and coverage as metrics of their own, and facts."""
    at = (run.ended_ns or run.started_ns) // NS_PER_MS
    metrics = []
    for name, own in run.metrics.items():
        parts = {"": own.value, "_low": own.low, "_high": own.high, "_coverage": own.coverage}
        metrics += [
            {"key": f"{_key(name)}{suffix}", "value": value, "timestamp": at, "step": 0}
            for suffix, value in parts.items()
            if value is not None
        ]
    facts = {
        "dataset": run.dataset,
        "dataset_digest": run.dataset_digest,
        "task": run.task or run.release or "",
        "scorers": ", ".join(scorer.name for scorer in run.scorers),
        "seed": run.seed,
        "repeats": run.repeats,
        "cost_usd": run.cost_usd,
        "commit": run.commit,
        **{f"variant.{key}": value for key, value in run.variant.items()},
    }
    params = [
        {"key": _key(name), "value": str(value)[:_MOST_PARAMETER]}
        for name, value in facts.items()
        if value not in (None, "")
    ]
    verdict = [] if run.verdict is None else [("trimtab.verdict", run.verdict.outcome)]
    table = json.dumps([{"path": _TABLE, "type": "table"}])
    tags = [
        {"key": key, "value": value[:_MOST_TAG]}
        for key, value in [*verdict, ("mlflow.loggedArtifacts", table)]
    ]
    first = {"run_id": run_id, "metrics": metrics[:_MOST_METRICS], "params": params, "tags": tags}
    rest = range(_MOST_METRICS, len(metrics), _MOST_METRICS)
    return [
        first,
        *({"run_id": run_id, "metrics": metrics[n : n + _MOST_METRICS]} for n in rest),
    ]


def _key(name: str) -> str:
    """A name with the characters that MLflow takes."""
    return "".join(char if char.isalnum() or char in "_-. /" else "_" for char in name)[:250]


def _columns(table: Sequence[Row]) -> bytes:
    """As pandas writes a table split by column, which is what MLflow reads."""
    names = list(table[0]) if table else []
    data = [[row[name] for name in names] for row in table]
    return json.dumps({"columns": names, "data": data}, default=str).encode()


class _Server:
    """A tracking server, spoken to over one connection a call."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequest(
                f"not a server: {url.rpartition('@')[2][:200]!r}",
                where="--to",
                fix="give the URL of an MLflow tracking server, as http://127.0.0.1:5000",
            )
        self._parts = parts

    def experiment(self, name: str) -> str:
        """The id of an experiment, which is made where there is none."""
        path = f"/experiments/get-by-name?experiment_name={quote(name, safe='')}"
        status, body = self._ask("GET", f"{_API}{path}", None)
        if status == 200:
            return str(json.loads(body)["experiment"]["experiment_id"])
        return str(self.call("POST", "/experiments/create", {"name": name})["experiment_id"])

    def artifact(self, root: str, name: str, content: bytes) -> None:
        if not root.startswith(_PROXY):
            raise StoreError(
                "the MLflow server does not take artifacts itself",
                where=root[:200],
                fix="start it with --serve-artifacts, or export a file and log it yourself",
            )
        place = root.removeprefix(_PROXY).lstrip("/")
        path = f"/api/2.0/mlflow-artifacts/artifacts/{quote(place)}/{quote(name)}"
        self._checked("PUT", path, content)

    def call(self, method: str, path: str, body: Any) -> dict[str, Any]:
        found = self._checked(method, _API + path, json.dumps(body).encode())
        answer: dict[str, Any] = json.loads(found or b"{}")
        return answer

    def _checked(self, method: str, path: str, body: bytes) -> bytes:
        status, found = self._ask(method, path, body)
        if status >= 400:
            said = found.decode("utf-8", "replace")[:300]
            raise StoreError(f"MLflow refuses with {status}: {said}", where=path.partition("?")[0])
        return found

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        https = self._parts.scheme == "https"
        factory = http.client.HTTPSConnection if https else http.client.HTTPConnection
        host = self._parts.hostname or ""
        connection = factory(host, self._parts.port, timeout=_TIMEOUT_S)
        try:
            target = self._parts.path.rstrip("/") + path
            connection.request(method, target, body, {"content-type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise StoreError(
                f"the MLflow server does not answer: {error}", where=f"{host}:{self._parts.port}"
            ) from None
        finally:
            connection.close()
