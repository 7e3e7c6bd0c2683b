"""The SDKs that Trimtab promises to serve: their environments, and the variables that aim them.

An emitter runs in an environment of its own (`dev/sdks/install.sh`) with no variables but those of
its SDK, aimed at one address, and those of the openai package, aimed at `provider`.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
SECRET = "sk-compat-0123456789"  # what every SDK is given as its key
KEYS = {
    "LANGFUSE_PUBLIC_KEY": "pk-lf-compat",
    "LANGFUSE_SECRET_KEY": SECRET,
}


@dataclass(frozen=True)
class Sdk:
    """One emitter in one environment.

    In `variables`, `{url}`, `{grpc_port}` and `{key}` are filled in. `argument` is the emitter's,
    where one emitter tells several stories.
    """

    name: str
    environment: str
    emitter: str
    variables: dict[str, str] = field(default_factory=dict)
    argument: str = ""


OTLP = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "{url}",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20{key}",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
}
LANGFUSE = {"LANGFUSE_BASE_URL": "{url}", **KEYS}
LANGSMITH = {
    "LANGSMITH_ENDPOINT": "{url}",
    "LANGSMITH_API_KEY": "{key}",
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_PROJECT": "helpdesk",
}
SDKS = {
    sdk.name: sdk
    for sdk in [
        Sdk("otel-indexed", "otel", "opentelemetry.py", OTLP, "indexed"),
        Sdk("otel-events", "otel", "opentelemetry.py", OTLP, "events"),
        Sdk("otel-messages", "otel", "opentelemetry.py", OTLP, "messages"),
        Sdk(
            "otel-official",
            "otel",
            "opentelemetry.py",
            {**OTLP, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only"},
            "official",
        ),
        Sdk(
            "otel-logs",
            "oldotel",
            "opentelemetry.py",
            {**OTLP, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
            "logs",
        ),
        Sdk(
            "phoenix",
            "otel",
            "phoenix.py",
            {"PHOENIX_COLLECTOR_ENDPOINT": "{url}", "PHOENIX_API_KEY": "{key}"},
        ),
        Sdk(
            "traceloop",
            "otel",
            "traceloop.py",
            {"TRACELOOP_BASE_URL": "{url}", "TRACELOOP_API_KEY": "{key}"},
        ),
        Sdk("langfuse", "otel", "langfuse.py", LANGFUSE),
        Sdk("langfuse2", "langfuse2", "langfuse2.py", LANGFUSE),
        Sdk("langsmith", "otel", "langsmith.py", LANGSMITH),
        Sdk(
            "langsmith-plain",
            "otel",
            "langsmith.py",
            {**LANGSMITH, "LANGSMITH_DISABLE_RUN_COMPRESSION": "true"},
        ),
        Sdk(
            "opik",
            "opik",
            "opik.py",
            {
                "OPIK_URL_OVERRIDE": "{url}/api",
                "OPIK_API_KEY": "{key}",
                "OPIK_WORKSPACE": "default",
                "OPIK_PROJECT_NAME": "helpdesk",
                "OPIK_SENTRY_ENABLE": "false",
            },
        ),
        Sdk(
            "mlflow",
            "mlflow",
            "mlflow.py",
            {"MLFLOW_TRACKING_URI": "{url}", "MLFLOW_TRACKING_TOKEN": "{key}"},
        ),
        Sdk(
            "logfire",
            "otel",
            "logfire.py",
            {
                "LOGFIRE_BASE_URL": "{url}",
                "LOGFIRE_TOKEN": "{key}",
                "LOGFIRE_IGNORE_NO_CONFIG": "1",
            },
        ),
        Sdk(
            "laminar",
            "otel",
            "laminar.py",
            {"LMNR_BASE_URL": "{url}", "LMNR_PROJECT_API_KEY": "{key}"},
        ),
    ]
}
# These speak gRPC, which the recorder does not; what they say is what their HTTP twins say.
UNRECORDED = {
    sdk.name: sdk
    for sdk in [
        Sdk(
            "otel-grpc",
            "otel",
            "opentelemetry.py",
            {
                **OTLP,
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:{grpc_port}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            },
            "messages",
        ),
        Sdk(
            "phoenix-grpc",
            "otel",
            "phoenix.py",
            {
                "PHOENIX_COLLECTOR_ENDPOINT": "{url}",
                "PHOENIX_GRPC_PORT": "{grpc_port}",
                "PHOENIX_API_KEY": "{key}",
            },
            "grpc",
        ),
    ]
}
# In JavaScript: recorded where Node has its packages, never run by the tests.
RECORDED_ONLY = {"vercel-ai": Sdk("vercel-ai", "", "vercel_ai.mjs", OTLP)}


class EmitterFailed(Exception):
    """The emitter did not end well; the message is what it wrote."""


def emit(
    sdk: Sdk, program: list[str], *, url: str, grpc_port: int = 0, provider_url: str, home: Path
) -> dict[str, str]:
    """Run one emitter to its end, aimed at a server.

    Args:
        program: what runs the emitter: the environment's Python, or Node.
        url: where the SDK sends what it records, and `grpc_port` where it does so with gRPC.
        provider_url: the model provider's base URL, `/v1` included.
        home: an empty folder for whatever the SDK keeps of its own.
    Returns:
        the ids the SDK gave to what it emitted.
    """
    places = {"url": url, "grpc_port": grpc_port, "key": SECRET}
    aimed = {name: text.format(**places) for name, text in sdk.variables.items()}
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENAI_BASE_URL": provider_url,
        "OPENAI_API_KEY": SECRET,
        **aimed,
    }
    command = [
        *program,
        str(HERE / "emitters" / sdk.emitter),
        *([sdk.argument] * bool(sdk.argument)),
    ]
    done = subprocess.run(
        command, env=environment, cwd=home, capture_output=True, text=True, timeout=90, check=False
    )
    if done.returncode:
        raise EmitterFailed(f"{sdk.name} ended with {done.returncode}:\n{done.stderr}")
    told = [line for line in done.stdout.splitlines() if line.startswith('{"')]
    if not told:
        raise EmitterFailed(f"{sdk.name} told no ids:\n{done.stdout}\n{done.stderr}")
    ids: dict[str, str] = json.loads(told[-1])
    return ids


def python(environments: Path, sdk: Sdk) -> list[str]:
    """The interpreter of an SDK's environment, told not to import from the emitter's own folder.

    The emitters are named after their SDKs, which they would otherwise hide.
    """
    return [str(environments / sdk.environment / "bin" / "python"), "-P"]
