"""The settings: every key, its type, its default, and what it means.

These structs are the only place a setting is declared; the error messages, `config show`, the JSON
schema and the names of the environment variables are read from them.
"""

from __future__ import annotations

import inspect
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from trimtab.config.checks import (
    base_url,
    complete_provider,
    day,
    header_name,
    header_value,
    not_reserved,
    price,
    word,
)
from trimtab.config.gateway import GatewaySection
from trimtab.config.guards import GuardsSection
from trimtab.config.prompts import PromptsSection
from trimtab.config.releases import ReleasesSection
from trimtab.config.secret import ConnectionUrl, Secret
from trimtab.records import Price
from trimtab.records.principal import permission_complaint

MIB = 1024 * 1024
_Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$(?!\n)",
        extra={"words": "a name of at most 64 letters, digits, `_`, `-` and `.`"},
    ),
]
_Permission = Annotated[
    str,
    Meta(
        pattern=r"^(\*|[a-z_]+:(\*|[a-z_]+))$(?!\n)",
        extra={
            "words": "a permission: `noun:verb`, `noun:*` or `*`",
            "check": permission_complaint,
        },
    ),
]

_Day = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d{2}-\d{2}$(?!\n)",
        extra={"words": "a day, written 2026-01-31", "check": day},
    ),
]


Kind = Literal[
    "anthropic",
    "azure",
    "bedrock",
    "gemini",
    "ollama",
    "openai",
    "openai_compatible",
    "vertex",
    "vllm",
]
Spoken = Literal[
    "openai.chat",
    "openai.responses",
    "openai.completions",
    "openai.embeddings",
    "openai.moderations",
    "anthropic.messages",
    "anthropic.count_tokens",
    "gemini.generate",
    "bedrock.converse",
    "passthrough",
]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one process accepts."""

    body_bytes: Annotated[
        int, Meta(ge=1, description="Largest request body in bytes; a larger one is answered 413.")
    ] = 20 * MIB
    answer_bytes: Annotated[
        int,
        Meta(
            ge=1,
            description="Largest answer of a provider in bytes, streamed or not; a larger one"
            " ends with an error.",
        ),
    ] = 64 * MIB
    inflated_bytes: Annotated[
        int,
        Meta(ge=1, description="Largest body in bytes once inflated, where compressed ones go."),
    ] = 64 * MIB
    ingest_bytes: Annotated[
        int,
        Meta(
            ge=1,
            description="Bytes of telemetry taken in at a time before further is answered 503.",
        ),
    ] = 64 * MIB
    requests_per_minute: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Requests per minute for each principal; null for no limit."),
    ] = None
    concurrency: Annotated[
        int, Meta(ge=1, description="Requests in flight before further ones are answered 503.")
    ] = 256
    sharers: Annotated[
        int,
        Meta(ge=1, description="Servers that share limits through `valkey_url`, this one too."),
    ] = 1
    drain_s: Annotated[
        float, Meta(ge=0, description="Seconds that requests in flight get to finish at shutdown.")
    ] = 30.0
    spool_bytes: Annotated[
        int,
        Meta(ge=1, description="Largest size in bytes of the spool used while the store is away."),
    ] = 1024 * MIB
    cache_bytes: Annotated[
        int,
        Meta(ge=0, description="Memory in bytes for answers that routes cache; 0 turns it off."),
    ] = 64 * MIB


class AccessKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A credential that clients send as a bearer token."""

    name: Annotated[_Name, Meta(description="Name of the key, shown in audit records.")]
    key: Annotated[
        Secret,
        Meta(
            description="The secret itself; use ${NAME} to read it from the environment.",
            extra={"check": header_value},
        ),
    ]
    project: Annotated[
        _Name, Meta(description="The project that requests with this key belong to.")
    ] = "default"
    permissions: Annotated[
        tuple[_Permission, ...],
        Meta(
            description="What the key may do: `noun:verb`, `noun:*`, or `*` for everything in its"
            " project; what concerns all projects needs `admin:write`."
        ),
    ] = ("*",)


class Access(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may use this server. Without keys it is open to this machine only."""

    keys: Annotated[
        tuple[AccessKey, ...],
        Meta(
            description="Credentials; required when `host` is not a loopback address.",
            extra={"unique": ("name", "key")},
        ),
    ] = ()


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that a provider offers."""

    id: Annotated[
        str, Meta(min_length=1, max_length=256, description="The provider's own name of the model.")
    ]
    context_tokens: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Size of the context window in tokens.")
    ] = None
    price: Annotated[
        Price | None,
        Meta(
            description="US dollars per million tokens of each kind; without, calls are unpriced.",
            extra={"check": price},
        ),
    ] = None


class ProviderEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source of model answers; its models are called `name/id`."""

    name: Annotated[
        _Name,
        Meta(
            description="The part of a model's name before the slash.",
            extra={"check": not_reserved},
        ),
    ]
    kind: Annotated[Kind, Meta(description="What it is, and so how it is spoken to.")]
    base_url: Annotated[
        Annotated[str, Meta(extra={"check": base_url})] | None,
        Meta(
            description="Where its API begins, as in https://api.example.com/v1; null for the"
            " kind's own.",
        ),
    ] = None
    api_key: Annotated[
        Secret | None,
        Meta(
            description="Its credential; use ${NAME} to read it from the environment.",
            extra={"check": header_value},
        ),
    ] = None
    models: Annotated[
        tuple[ModelEntry, ...],
        Meta(description="The models offered, with their prices.", extra={"unique": ("id",)}),
    ] = ()
    timeout_s: Annotated[
        float, Meta(gt=0, le=86_400, description="Seconds that one call may take.")
    ] = 600.0
    api_version: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]{1,64}$(?!\n)")] | None,
        Meta(description="Version named in the URLs of Azure's older API; null for its v1 API."),
    ] = None
    headers: Annotated[
        dict[str, Annotated[Secret, Meta(extra={"check": header_value})]],
        Meta(description="Headers sent with every call.", extra={"names": header_name}),
    ] = {}
    speaks: Annotated[
        tuple[Spoken, ...],
        Meta(description="Dialects it takes, the best first; empty for those of its kind."),
    ] = ()
    region: Annotated[
        _Name | None, Meta(description="The cloud's region; null where there is none.")
    ] = None
    project: Annotated[
        _Name | None, Meta(description="The cloud's project; null where there is none.")
    ] = None
    credentials: Annotated[
        dict[str, Secret],
        Meta(
            description="Credentials of a cloud, by name; use ${NAME} to read them from the"
            " environment.",
            extra={"names": word},
        ),
    ] = {}


class LongContext(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a call costs, for all its tokens, when its input is long."""

    input_tokens: Annotated[
        int, Meta(ge=1, description="Calls with more input tokens than this, cached ones included.")
    ]
    price: Annotated[
        Price,
        Meta(
            description="US dollars per million tokens of each kind.",
            extra={"check": price},
        ),
    ]


class PriceEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price that is used instead of the one in the shipped table."""

    model: Annotated[
        str, Meta(min_length=1, max_length=256, description="The model, named as in its traces.")
    ]
    provider: Annotated[str | None, Meta(description="Who serves it; null for whoever does.")] = (
        None
    )
    since: Annotated[
        _Day | None, Meta(description="The first day (UTC) it holds; null for always.")
    ] = None
    price: Annotated[
        Price,
        Meta(
            description="US dollars per million tokens of each kind; zeros for a free model.",
            extra={"check": price},
        ),
    ]
    above: Annotated[
        LongContext | None, Meta(description="What calls with a long input cost instead.")
    ] = None


class Corpus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder of Markdown files that releases can retrieve passages from."""

    name: Annotated[
        _Name,
        Meta(
            description="The name releases use; `trimtab` is the built-in documentation.",
            extra={"check": not_reserved},
        ),
    ]
    path: Annotated[
        str,
        Meta(
            min_length=1,
            description="The folder; a relative path in a file starts at that file.",
            extra={"path": True},
        ),
    ]


class Scoring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How live traffic is judged."""

    scorers: Annotated[
        tuple[str, ...], Meta(description="Names of the scorers applied to answered calls.")
    ] = ("cites_source", "groundedness", "latency", "cost")
    sample: Annotated[
        float, Meta(ge=0, le=1, description="Share of the calls that are scored, from 0 to 1.")
    ] = 1.0
    per_second: Annotated[
        float,
        Meta(gt=0, description="Calls scored a second; of more, some, after 1,000 in advance."),
    ] = 50.0


class Keep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the spans and scores of a project are kept."""

    project: Annotated[_Name, Meta(description="The project.")]
    days: Annotated[
        float, Meta(gt=0, le=36_500, description="Days after which spans and scores are erased.")
    ]


class Log(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the server writes to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least level written.")
    ] = "info"
    format: Annotated[
        Literal["text", "json"], Meta(description="Lines for people, or one JSON object per line.")
    ] = "text"


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The certificate to serve HTTPS with, in PEM."""

    certificate: Annotated[
        str,
        Meta(
            min_length=1,
            description="File of the certificate, those that vouch for it behind it.",
            extra={"path": True},
        ),
    ]
    key: Annotated[
        str,
        Meta(
            min_length=1,
            description="File of its private key, without a password.",
            extra={"path": True},
        ),
    ]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of Trimtab. All have defaults: an empty file is valid."""

    data: Annotated[
        str,
        Meta(
            min_length=1,
            description="The data directory; a relative path in a file starts at that file.",
            extra={"path": True},
        ),
    ] = ".trimtab"
    host: Annotated[str, Meta(min_length=1, description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="The port to listen on; 0 takes any free one.")
    ] = 8321
    tls: Annotated[
        Tls | None, Meta(description="Certificate for HTTPS; null to serve plain HTTP.")
    ] = None
    listener: Annotated[
        Literal["trimtab", "uvicorn"],
        Meta(description="What reads HTTP: Trimtab's own listener, or uvicorn."),
    ] = "trimtab"
    workers: Annotated[
        int, Meta(ge=1, le=64, description="Processes that answer calls of the gateway.")
    ] = 1
    grpc_port: Annotated[
        Annotated[int, Meta(ge=0, le=65_535)] | None,
        Meta(description="Port for OTLP over gRPC, as a rule 4317; null for none."),
    ] = None
    project: Annotated[_Name, Meta(description="The project of requests that name none.")] = (
        "default"
    )
    metadata_url: Annotated[
        ConnectionUrl | None,
        Meta(description="Database for metadata; null for SQLite in the data directory."),
    ] = None
    telemetry_url: Annotated[
        ConnectionUrl | None,
        Meta(description="ClickHouse for telemetry; null for DuckDB in the data directory."),
    ] = None
    valkey_url: Annotated[
        ConnectionUrl | None,
        Meta(description="Valkey or Redis for shared limits; null for limits in this process."),
    ] = None
    limits: Annotated[Limits, Meta(description="What one process accepts.")] = Limits()
    access: Annotated[Access, Meta(description="Who may use this server.")] = Access()
    upstream: Annotated[
        Literal["http1", "aiohttp"],
        Meta(description="The HTTP client that calls providers; aiohttp needs its extra."),
    ] = "http1"
    providers: Annotated[
        tuple[Annotated[ProviderEntry, Meta(extra={"check": complete_provider})], ...],
        Meta(description="Sources of model answers.", extra={"unique": ("name",)}),
    ] = ()
    prices: Annotated[
        tuple[PriceEntry, ...],
        Meta(description="Prices that are used instead of the shipped ones."),
    ] = ()
    gateway: Annotated[
        GatewaySection, Meta(description="Routes, allowances and approved models.")
    ] = GatewaySection()
    guards: Annotated[GuardsSection, Meta(description="How calls are guarded.")] = GuardsSection()
    prompts: Annotated[
        PromptsSection, Meta(description="Which labels of prompts are protected.")
    ] = PromptsSection()
    releases: Annotated[
        ReleasesSection, Meta(description="What a release needs before it answers.")
    ] = ReleasesSection()
    corpora: Annotated[
        tuple[Corpus, ...],
        Meta(description="Folders to retrieve passages from.", extra={"unique": ("name",)}),
    ] = ()
    scoring: Annotated[Scoring, Meta(description="How live traffic is judged.")] = Scoring()
    retention: Annotated[
        tuple[Keep, ...],
        Meta(
            description="How long projects keep their telemetry; one not named keeps it for ever.",
            extra={"unique": ("project",)},
        ),
    ] = ()
    suites: Annotated[
        tuple[Any, ...],
        Meta(
            description="Evaluations, or files and folders that declare some; `trimtab eval` reads"
            " them.",
            extra={"elsewhere": True},
        ),
    ] = ()
    log: Annotated[Log, Meta(description="What is written to standard error.")] = Log()


_REFERENCE = {"type": "string", "pattern": r"\$\{", "description": "${NAME} from the environment"}
_OPEN_TO_REFERENCES = ("integer", "number", "boolean")


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `trimtab.yaml`, for editors.

    Numbers, booleans and choices may also be written as `${NAME}`; unknown keys are not allowed.

    >>> json_schema()["$defs"]["Config"]["properties"]["port"]["default"]
    8321
    """
    raw = msgspec.json.schema(Config, schema_hook=_custom)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Trimtab configuration (trimtab.yaml)",
        **_editable(raw),
    }


def _custom(kind: type) -> dict[str, Any]:
    if kind in (Secret, ConnectionUrl):
        return {"type": "string"}
    raise NotImplementedError(kind)


def _editable(node: Any) -> Any:
    """msgspec's schema as an editor needs it: closed objects, references, clean descriptions."""
    if isinstance(node, list | tuple):
        return [_editable(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {name: _editable(item) for name, item in node.items()}
    if isinstance(node.get("description"), str):
        node["description"] = inspect.cleandoc(node["description"])
    if "properties" in node:
        node["additionalProperties"] = False
    if node.get("format") == "decimal":
        return {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}
    if node.get("type") in _OPEN_TO_REFERENCES or "enum" in node:
        kept = {name: node.pop(name) for name in ("description", "default") if name in node}
        return {**kept, "anyOf": [node, _REFERENCE]}
    return node
