"""What real SDKs put on the wire, recorded into fixtures and read back.

The recorder is a small HTTP server that answers what each SDK needs to hear and keeps every
request: method, path, query, headers but for secrets, and the body as it came (of a chunked one,
the bytes without their chunks). From the repository's root:

    python -m tests.compat.recording ENVIRONMENTS [SDK...]

ENVIRONMENTS is the folder that `dev/sdks/install.sh` built. Ids and times differ between two
recordings; requests, paths and shapes should not.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.compat import provider
from tests.compat.sdks import RECORDED_ONLY, SDKS, Sdk, emit, python
from tests.upstream import upstream_in_thread

FIXTURES = Path(__file__).parent / "fixtures"
LIMIT_BYTES = 60_000  # of one SDK's fixtures together
KEPT = re.compile(
    r"accept|accept-encoding|authorization|content-.*|user-agent|x-.*|langsmith-.*|.*workspace|transfer-encoding"
)
CREDENTIALS = re.compile(r"authorization|x-api-key|x-opik-client-id")


class Sent(NamedTuple):
    """One request of an SDK, as it was on the wire."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


def recorded(sdk: str) -> list[Sent]:
    """The requests recorded from one SDK, in order."""
    heads = sorted((FIXTURES / sdk).glob("*.json"))
    return [
        Sent(**json.loads(head.read_text()), body=head.with_suffix(".body").read_bytes())
        for head in heads
    ]


class Said(NamedTuple):
    status: int
    body: bytes
    content_type: str = "application/json"


@dataclass
class Recorder:
    """A server that keeps what it is sent. `multipart` is what it tells LangSmith it can take."""

    multipart: bool = True
    sent: list[Sent] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> Recorder:
        recorder = self

        class Handler(_Handler):
            def hear(self, sent: Sent) -> Said:
                recorder.sent.append(sent)
                return said(sent, multipart=recorder.multipart)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="recorder")
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def hear(self, sent: Sent) -> Said:
        raise NotImplementedError

    def _answer(self) -> None:
        target = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self.rfile.read(int(headers.get("content-length", 0)))
        answer = self.hear(Sent(self.command, target.path, target.query, headers, body))
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        if answer.status != 204:
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if answer.status != 204:
            self.wfile.write(answer.body)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """`do_GET`, `do_POST` and so on: every method is answered alike."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _chunks(self) -> Iterator[bytes]:
        while size_bytes := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size_bytes)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def said(sent: Sent, *, multipart: bool) -> Said:
    """What the SDK's own platform would answer, as far as the SDK looks at it."""
    for pattern, answer in ANSWERS.items():
        if re.fullmatch(pattern, f"{sent.method} {sent.path}"):
            return answer(sent)
    if sent.path == "/info":
        return _langsmith_info(multipart=multipart)
    if "protobuf" in sent.headers.get("content-type", ""):
        return Said(200, b"", "application/x-protobuf")
    return Said(200, b"{}")


def _json(value: Any, status: int = 200) -> Said:
    return Said(status, json.dumps(value).encode())


def _langsmith_info(*, multipart: bool) -> Said:
    limits = {
        "use_multipart_endpoint": multipart,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
    }
    flags = {"zstd_compression_enabled": multipart}
    return _json({"version": "0.15.0", "instance_flags": flags, "batch_ingest_config": limits})


def _ingested(sent: Sent) -> Said:
    events = json.loads(sent.body)["batch"]
    successes = [{"id": event["id"], "status": 201} for event in events]
    return _json({"successes": successes, "errors": []}, 207)


def _experiment(sent: Sent) -> Said:
    experiment = {
        "experiment_id": "7",
        "name": "helpdesk",
        "artifact_location": "mlflow-artifacts:/7",
        "lifecycle_stage": "active",
    }
    return _json({"experiment": experiment})


def _mlflow_trace(sent: Sent) -> Said:
    trace = json.loads(sent.body)["trace"]
    trace["trace_info"].setdefault("tags", {})["mlflow.trace.spansLocation"] = "TRACKING_STORE"
    return _json({"trace": trace})


def _assessed(sent: Sent) -> Said:
    assessment = json.loads(sent.body)["assessment"]
    return _json({"assessment": {"assessment_id": "a-1", **assessment}})


ANSWERS: dict[str, Callable[[Sent], Said]] = {
    r"POST /api/public/ingestion": _ingested,
    r"GET /version": lambda sent: Said(200, b"3.17.2", "text/plain"),
    r"GET /v1/info": lambda sent: _json({"project_name": "helpdesk", "project_url": ""}),
    r"GET /api/2.0/mlflow/experiments/.*": _experiment,
    r"POST /api/3.0/mlflow/traces": _mlflow_trace,
    r"POST /api/3.0/mlflow/traces/[^/]+/assessments": _assessed,
    r"(POST|PUT|PATCH) /api/v1/private/.*": lambda sent: Said(204, b""),
}


def record(sdk: Sdk, program: list[str], *, multipart: bool = True) -> list[Sent]:
    """Run an emitter against a recorder; what it sent."""
    with (
        tempfile.TemporaryDirectory() as home,
        upstream_in_thread(handler=provider.answer) as upstream,
        Recorder(multipart) as recorder,
    ):
        emit(sdk, program, url=recorder.url, provider_url=upstream.base_url, home=Path(home))
    return recorder.sent


def keep(name: str, requests: list[Sent]) -> None:
    """Write a fixture, in place of an older one."""
    folder = FIXTURES / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    size_bytes = 0
    for number, sent in enumerate(requests, start=1):
        headers = {
            key: _censored(key, value) for key, value in sent.headers.items() if KEPT.fullmatch(key)
        }
        head = {"method": sent.method, "path": sent.path, "query": sent.query, "headers": headers}
        path = folder / f"{number:03}.json"
        path.write_text(json.dumps(head, indent=1, sort_keys=True) + "\n")
        path.with_suffix(".body").write_bytes(sent.body)
        size_bytes += len(sent.body)
    assert size_bytes <= LIMIT_BYTES, f"{name} is {size_bytes} bytes"


def _censored(key: str, value: str) -> str:
    """A credential's scheme without the credential."""
    if not CREDENTIALS.fullmatch(key):
        return value
    scheme, found, _ = value.partition(" ")
    return f"{scheme} SECRET" if found else "SECRET"


def main(environments: Path, names: list[str]) -> None:
    known = {**SDKS, **RECORDED_ONLY}
    # An older LangSmith server takes neither multipart nor compression, and the SDK obeys.
    older = {"langsmith-batch": SDKS["langsmith"]}
    for name in names or [*SDKS, *older]:
        sdk = older.get(name) or known[name]
        program = python(environments, sdk) if sdk.environment else ["node"]
        requests = record(sdk, program, multipart=name not in older)
        keep(name, requests)
        for sent in requests:
            sys.stdout.write(f"{name}\t{sent.method}\t{sent.path}\t{len(sent.body)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
