"""The systems compared: how each is put in front of the mock, tuned as its own documents advise.

Each runs as one worker with one upstream and is asked as its own clients would ask it. What is left
out favours the peer: no database, no limits and no record of the calls, except for Trimtab, which
runs with its defaults (a key, durable spans).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rig import Target

ROOT = Path(__file__).resolve().parents[2]
KEY = "bench-key-0123456789abcdefghij"
BEARER = {"authorization": f"Bearer {KEY}"}


Ask = Callable[[str, str], tuple[int, bytes]]  # method and path to status and body


class Launch(NamedTuple):
    command: Sequence[str]
    environment: Mapping[str, str] = {}


class Place(NamedTuple):
    """Where a system runs: a directory of its own, a free port, and the port of the mock."""

    directory: Path
    port: int
    upstream: int

    @property
    def log(self) -> Path:
        return self.directory / "server.log"


class System:
    """A gateway in front of the mock."""

    name: str
    ready = "/"
    path = "/v1/chat/completions"
    model = "mock-model"
    headers: Mapping[str, str] = BEARER
    ending: str | None = None

    def launch(self, place: Place) -> Launch | None:
        """What to start; None: the mock itself."""
        raise NotImplementedError

    def target(self, port: int) -> Target:
        return Target(port, self.path, self.model, self.headers, self.ending)

    def port(self, place: Place) -> int:
        """Where it listens; one that finds a port itself says so in its log."""
        return place.port

    def stored(self, _ask: Ask) -> int | None:
        """Calls that are in its store; None for one that keeps none."""
        return None


class Direct(System):
    """No gateway: the ceiling of the rig."""

    name = "direct"

    def launch(self, _place: Place) -> Launch | None:
        return None


class Nginx(System):
    """A reverse proxy that only forwards: the reference."""

    name = "nginx"

    def launch(self, place: Place) -> Launch:
        file = place.directory / "nginx.conf"
        file.write_text(NGINX.format(**place._asdict()))
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        log = str(place.directory / "error.log")
        return Launch([nginx, "-c", str(file), "-p", str(place.directory), "-e", log])


NGINX = """
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_max_body_size 64m; client_body_buffer_size 1m;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


class Trimtab(System):
    name = "trimtab"
    ready = "/readyz"
    model = "mock/mock-model"

    def launch(self, place: Place) -> Launch:
        trimtab = os.environ.get("GATEWAY_BENCH_TRIMTAB", str(ROOT / ".venv/bin/trimtab"))
        file = place.directory / "trimtab.yaml"
        file.write_text(json.dumps(self.configuration(place.upstream)))
        data = ["--data", str(place.directory / "data"), "--port", str(place.port)]
        return Launch([trimtab, "serve", "--config", str(file), *data])

    def configuration(self, upstream: int) -> dict[str, object]:
        provider = {
            "name": "mock",
            "kind": "openai_compatible",
            "base_url": f"http://127.0.0.1:{upstream}/v1",
            "api_key": "sk-mock",
        }
        return {"providers": [provider], "access": {"keys": [{"name": "bench", "key": KEY}]}}

    def stored(self, ask: Ask) -> int | None:
        status, found = ask("GET", "/api/v1/spans/count")
        return int(json.loads(found)["count"]) if status == 200 else 0


class TrimtabUnscored(Trimtab):
    """Without the checks of answers that run beside the traffic by default."""

    name = "trimtab-unscored"

    def configuration(self, upstream: int) -> dict[str, object]:
        return {**super().configuration(upstream), "scoring": {"scorers": []}}


class TrimtabUnguarded(Trimtab):
    """Without the guards that look on, and the secrets that are hidden in records, by default."""

    name = "trimtab-unguarded"

    def configuration(self, upstream: int) -> dict[str, object]:
        return {**super().configuration(upstream), "guards": {"mode": "off"}}


class TrimtabInternal(Trimtab):
    """A preset of guards that acts."""

    name = "trimtab-internal"

    def configuration(self, upstream: int) -> dict[str, object]:
        preset = self.name.removeprefix("trimtab-")
        guards = {"policy": preset, "mode": "enforce"}
        return {**super().configuration(upstream), "guards": guards}


class TrimtabCustomerFacing(TrimtabInternal):
    name = "trimtab-customer-facing"


class TrimtabRegulated(TrimtabInternal):
    name = "trimtab-regulated"


class LiteLLM(System):
    """Production mode, quiet, no retries, its own price map; uvloop and httptools installed."""

    name = "litellm"
    ready = "/health/liveliness"

    def launch(self, place: Place) -> Launch:
        model = {
            "model": "openai/mock-model",
            "api_base": f"http://127.0.0.1:{place.upstream}/v1",
            "api_key": "sk-mock",
        }
        configuration = {
            "model_list": [{"model_name": "mock-model", "litellm_params": model}],
            "litellm_settings": {"num_retries": 0, "telemetry": False},
            "router_settings": {"num_retries": 0},
            "general_settings": {"master_key": f"sk-{KEY}"},
        }
        (place.directory / "litellm.yaml").write_text(json.dumps(configuration))
        command = [str(peers() / "litellm/bin/litellm"), "--config", "litellm.yaml"]
        environment = {
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        listen = ["--host", "127.0.0.1", "--port", str(place.port), "--num_workers", "1"]
        return Launch([*command, *listen], environment)

    headers = {"authorization": f"Bearer sk-{KEY}"}


class Portkey(System):
    """Told on every request where the provider is, as its open gateway has no keys."""

    name = "portkey"

    def launch(self, place: Place) -> Launch:
        self.headers = {
            **BEARER,
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{place.upstream}/v1",
        }
        start = peers() / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
        command = ["node", str(start), f"--port={place.port}", "--headless"]
        return Launch(command, {"NODE_ENV": "production"})


class MLflow(System):
    """Its gateway alone, with a file of endpoints, started as its own runner starts it.

    Its streams end without [DONE], so they are held to end with the usage.
    """

    name = "mlflow"
    ready = "/health"
    path = "/gateway/chat/invocations"
    model = ""  # the path says it, and the body must not
    ending = '"usage"'

    def launch(self, place: Place) -> Launch:
        model = {
            "provider": "openai",
            "name": "mock-model",
            "config": {
                "openai_api_key": "sk-mock",
                "openai_api_base": f"http://127.0.0.1:{place.upstream}/v1",
            },
        }
        endpoint = {"name": "chat", "endpoint_type": "llm/v1/chat", "model": model}
        file = place.directory / "gateway.yaml"
        file.write_text(json.dumps({"endpoints": [endpoint]}))
        worker = ["--workers", "1", "--worker-class", "uvicorn.workers.UvicornWorker"]
        command = [str(peers() / "mlflow-gateway/bin/python"), "-m", "gunicorn"]
        bind = ["--bind", f"127.0.0.1:{place.port}", "mlflow.gateway.app:create_app_from_env()"]
        environment = {"MLFLOW_GATEWAY_CONFIG": str(file), "MLFLOW_DISABLE_TELEMETRY": "true"}
        return Launch([*command, *worker, *bind], environment)


class TensorZero(System):
    """The gateway in its Python wheel, which listens on a port that it finds itself.

    Observability and authentication are off: they need ClickHouse and PostgreSQL.
    """

    name = "tensorzero"
    path = "/openai/v1/chat/completions"
    model = "tensorzero::model_name::mock"

    def launch(self, place: Place) -> Launch:
        (place.directory / "tensorzero.toml").write_text(TENSORZERO.format(upstream=place.upstream))
        (place.directory / "serve.py").write_text(SERVE_TENSORZERO)
        return Launch(
            [str(peers() / "tensorzero/bin/python"), "serve.py"], {"MOCK_API_KEY": "sk-mock"}
        )

    def port(self, place: Place) -> int:
        end = time.perf_counter() + 60
        while time.perf_counter() < end:
            found = re.search(rb"listening \S+:(\d+)/", place.log.read_bytes())
            if found:
                return int(found[1])
            time.sleep(0.01)
        raise SystemExit(f"TensorZero did not say where it listens: see {place.log}")


TENSORZERO = """
[gateway]
observability.enabled = false
[models.mock]
routing = ["mock"]
[models.mock.providers.mock]
type = "openai"
api_base = "http://127.0.0.1:{upstream}/v1/"
model_name = "mock-model"
api_key_location = "env::MOCK_API_KEY"
"""
SERVE_TENSORZERO = """
import signal
from tensorzero import _start_http_gateway
gateway = _start_http_gateway(
    config_file="tensorzero.toml", clickhouse_url=None, postgres_url=None, valkey_url=None,
    async_setup=False,
)
print("listening", gateway.base_url, flush=True)
signal.sigwait({signal.SIGTERM, signal.SIGINT})
gateway.close()
"""

SYSTEMS: dict[str, type[System]] = {
    each.name: each
    for each in (
        Direct,
        Nginx,
        Trimtab,
        TrimtabUnscored,
        TrimtabUnguarded,
        TrimtabInternal,
        TrimtabCustomerFacing,
        TrimtabRegulated,
        TensorZero,
        MLflow,
        Portkey,
        LiteLLM,
    )
}


def peers() -> Path:
    return Path(os.environ.get("GATEWAY_BENCH_PEERS", ROOT / ".peers")).absolute()
