"""The systems compared: how each is started, fed and asked, as its own users would do it.

Each has its default store in a directory of its own. What a system answers is checked, so that an
error page is never timed as an answer.
"""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import duplicate
from server import Call, Launch, Server, System, Window

ROOT = Path(__file__).resolve().parents[2]


class Trimtab:
    name = "trimtab"
    headers: dict[str, str] = {}
    duplicates = False

    ready = "/readyz"

    def launch(self, data: Path, port: int) -> Launch:
        trimtab = os.environ.get("TELEMETRY_BENCH_TRIMTAB", str(ROOT / ".venv/bin/trimtab"))
        return Launch([trimtab, "serve", "--data", str(data), "--port", str(port)])

    def count(self, server: Server) -> int:
        found = json.loads(server.ask(Call("GET", "/api/v1/spans/count")))
        return int(found["count"])

    def latest(self) -> list[Call]:
        return [Call("GET", "/api/v1/traces?limit=50")]

    def trace(self, trace_id: str) -> list[Call]:
        return [Call("GET", f"/api/v1/traces/{trace_id}")]

    def tree(self, trace_id: str) -> list[Call]:
        return [Call("GET", f"/api/v1/traces/{trace_id}?payloads=false")]

    def aggregate(self, window: Window) -> list[Call]:
        return [Call("GET", f"/api/v1/metrics/overview?hours={window.hours:.0f}")]

    def by_model(self, window: Window) -> list[Call]:
        calls = f"kind%3Allm+since%3A{window.hours:.0f}h"
        return [Call("GET", f"/api/v1/metrics/groups?by=model&filter={calls}")]

    def copy(self, data: Path, times: int) -> None:
        duplicate.spans(data / "telemetry.duckdb", times)


class Phoenix:
    name = "phoenix"
    headers: dict[str, str] = {}
    duplicates = True
    project = "UHJvamVjdDox"  # the GraphQL id of the project `default`

    ready = "/healthz"

    def launch(self, data: Path, port: int) -> Launch:
        environment = {
            "PHOENIX_WORKING_DIR": str(data),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(port + 1),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }
        return Launch([str(peers() / "phoenix/bin/phoenix"), "serve"], environment)

    def count(self, server: Server) -> int:
        return rows(server.data / "phoenix.db", "spans")

    def latest(self) -> list[Call]:
        return [self.ask(PHOENIX_LIST)]

    def trace(self, trace_id: str) -> list[Call]:
        return [self.ask(PHOENIX_TRACE, trace=trace_id)]

    def tree(self, trace_id: str) -> list[Call]:
        return [self.ask(PHOENIX_TREE, trace=trace_id)]

    def aggregate(self, window: Window) -> list[Call]:
        return [self.ask(PHOENIX_AGGREGATE, range=self.between(window))]

    def by_model(self, window: Window) -> list[Call]:
        return [self.ask(PHOENIX_BY_MODEL, range=self.between(window))]

    def between(self, window: Window) -> dict[str, str]:
        return {"start": window.start.isoformat(), "end": window.end.isoformat()}

    def ask(self, query: str, **variables: object) -> Call:
        body = {"query": query, "variables": {"id": self.project, **variables}}
        return Call("POST", "/graphql", body)

    def copy(self, data: Path, times: int) -> None:
        tables = ("project_sessions", "traces", "spans", "span_costs", "span_cost_details")
        unique = {"project_sessions": ["session_id"], "traces": ["trace_id"]}
        unique["spans"] = ["span_id", "parent_id"]
        duplicate.rows(data / "phoenix.db", tables, unique, times)


# The fields that the web UI of 20.26 shows in its list of traces, in a trace and on its dashboard.
# A page of spans is at most 1,000 long, so that is all a long trace shows at once.
PHOENIX_LIST = """query($id: ID!) { node(id: $id) { ... on Project {
  spans(first: 50, sort: {col: startTime, dir: desc}, filterCondition: "parent_id is None") {
    edges { node { id name spanKind statusCode startTime latencyMs cumulativeTokenCountTotal
      input { truncatedValue } output { truncatedValue } context { spanId traceId }
      trace { id traceId numSpans costSummary { total { cost } } } } }
    pageInfo { endCursor hasNextPage } } } } }"""
PHOENIX_TRACE = """query($id: ID!, $trace: ID!) { node(id: $id) { ... on Project {
  trace(traceId: $trace) { latencyMs costSummary { total { cost } }
    spans(first: 1000) { edges { node { id spanId name spanKind statusCode startTime endTime
      parentId latencyMs tokenCountTotal attributes input { value } output { value }
      events { name message timestamp } } } } } } } }"""
PHOENIX_TREE = """query($id: ID!, $trace: ID!) { node(id: $id) { ... on Project {
  trace(traceId: $trace) { latencyMs costSummary { total { cost } }
    spans(first: 1000) { edges { node { id spanId name spanKind statusCode startTime endTime
      parentId latencyMs tokenCountTotal } } } } } } }"""
PHOENIX_AGGREGATE = """query($id: ID!, $range: TimeRange!) { node(id: $id) { ... on Project {
  recordCount(timeRange: $range) traceCount(timeRange: $range)
  costSummary(timeRange: $range) { total { cost tokens } }
  p50: latencyMsQuantile(probability: 0.5, timeRange: $range)
  p99: latencyMsQuantile(probability: 0.99, timeRange: $range)
  traceCountByStatusTimeSeries(timeRange: $range) { data { timestamp okCount errorCount } }
  traceLatencyMsPercentileTimeSeries(timeRange: $range) { data { timestamp p50 p99 } }
  traceTokenCountTimeSeries(timeRange: $range) { data { timestamp totalTokenCount } }
  traceTokenCostTimeSeries(timeRange: $range) { data { timestamp totalCost } } } } }"""
PHOENIX_BY_MODEL = """query($id: ID!, $range: TimeRange!) { node(id: $id) { ... on Project {
  topModelsByCost(timeRange: $range) { name
    costSummary(projectId: $id, timeRange: $range) { total { cost tokens } } } } } }"""


class MLflow:
    name = "mlflow"
    headers = {"x-mlflow-experiment-id": "0"}
    duplicates = True

    ready = "/health"

    def launch(self, data: Path, port: int) -> Launch:
        store = f"sqlite:///{data}/mlflow.db"  # where it would be by default in this directory
        mlflow = [str(peers() / "mlflow/bin/mlflow"), "server", "--backend-store-uri", store]
        return Launch([*mlflow, "--port", str(port)], {"MLFLOW_DISABLE_TELEMETRY": "true"})

    def count(self, server: Server) -> int:
        return rows(server.data / "mlflow.db", "spans")

    def latest(self) -> list[Call]:
        where = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
        order = ["timestamp_ms DESC"]
        body = {"locations": [where], "max_results": 50, "order_by": order}
        return [Call("POST", "/api/3.0/mlflow/traces/search", body)]

    def trace(self, trace_id: str) -> list[Call]:
        return [Call("GET", f"/api/3.0/mlflow/traces/get?trace_id=tr-{trace_id}")]

    def tree(self, trace_id: str) -> list[Call]:
        return self.trace(trace_id)

    def aggregate(self, window: Window) -> list[Call]:
        """What its overview page asks: one call for each metric and grouping."""
        total, number = [{"aggregation_type": "SUM"}], [{"aggregation_type": "COUNT"}]
        quantiles = [{"aggregation_type": "PERCENTILE", "percentile_value": p} for p in (50, 99)]
        hourly = {"time_interval_seconds": 3600}
        by_status = {"dimensions": ["trace_status"], **hourly}
        return [
            self.metric(window, "TRACES", "trace_count", number, by_status),
            self.metric(window, "TRACES", "latency", quantiles, {}),
            self.metric(window, "TRACES", "latency", quantiles, hourly),
            self.metric(window, "TRACES", "total_tokens", total, hourly),
            self.metric(window, "SPANS", "total_cost", total, hourly),
        ]

    def by_model(self, window: Window) -> list[Call]:
        total, models = [{"aggregation_type": "SUM"}], {"dimensions": ["span_model_name"]}
        return [self.metric(window, "SPANS", "total_cost", total, models)]

    def metric(self, window: Window, view: str, name: str, of: object, by: dict[str, Any]) -> Call:
        start_ms, end_ms = (int(when.timestamp() * 1000) for when in window)
        body = {"experiment_ids": ["0"], "view_type": view, "metric_name": name, "aggregations": of}
        times = {"start_time_ms": start_ms, "end_time_ms": end_ms, "max_results": 1000}
        return Call("POST", "/api/3.0/mlflow/traces/metrics", {**body, **times, **by})

    def copy(self, data: Path, times: int) -> None:
        tables = ("trace_info", "trace_tags", "trace_request_metadata", "spans")
        unique = {name: ["request_id"] for name in tables[:3]}
        unique["spans"] = ["trace_id"]
        duplicate.rows(data / "mlflow.db", tables, unique, times)


SYSTEMS: dict[str, System] = {each.name: each for each in (Trimtab(), Phoenix(), MLflow())}


def peers() -> Path:
    return Path(os.environ.get("TELEMETRY_BENCH_PEERS", ROOT / ".peers")).absolute()


def rows(path: Path, table: str) -> int:
    """Rows of a table, read beside the server so that counting costs it nothing."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()
