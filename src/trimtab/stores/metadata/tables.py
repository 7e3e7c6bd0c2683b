"""The tables of the metadata database, the same for SQLite and PostgreSQL.

A record is kept whole as JSON text in `body`; what is searched, sorted or constrained is repeated
in a column beside it, written by the same statement. JSON text and not JSONB: PostgreSQL's JSONB
cannot hold U+0000 and does not keep the order of keys. Tables change through `migrations/` only; a
test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

VERSION_TABLE = "trimtab_schema"

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)

# SQLite numbers rows by itself only in a column of type INTEGER, which has 64 bits there.
ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")

# The newest version of everything that has versions; its row is what concurrent writers queue on.
heads = Table(
    "heads",
    METADATA,
    Column("project", Text, nullable=False),
    Column("noun", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("latest", Integer, nullable=False),
    PrimaryKeyConstraint("project", "noun", "name"),
)

prompts = Table(
    "prompts",
    METADATA,
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "name", "version"),
)

# What is said of a prompt's name: labels and folder change, versions do not.
prompt_labels = Table(
    "prompt_labels",
    METADATA,
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("project", "name", "label"),
)

prompt_entries = Table(
    "prompt_entries",
    METADATA,
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "name"),
)

plans = Table(
    "plans",
    METADATA,
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "name", "version"),
)

plan_runs = Table(
    "plan_runs",
    METADATA,
    Column("project", Text, nullable=False),
    Column("plan_run_id", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("redact_ns", BigInteger),
    PrimaryKeyConstraint("project", "plan_run_id"),
    Index(None, "project", "started_ns"),
    Index(None, "status", "started_ns"),
    Index(None, "redact_ns"),
)

plan_steps = Table(
    "plan_steps",
    METADATA,
    Column("project", Text, nullable=False),
    Column("plan_run_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "plan_run_id", "seq"),
    ForeignKeyConstraint(
        ["project", "plan_run_id"], ["plan_runs.project", "plan_runs.plan_run_id"]
    ),
)

# The rows of a version, or of one that is still a draft: then `draft` is what it is called by.
# Numbers of contents and packs are never used again: readers keep them beyond a transaction.
contents = Table(
    "contents",
    METADATA,
    Column("id", ROW_NUMBER, nullable=False),
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("draft", Text),
    Column("rows", BigInteger, nullable=False),
    Column("base", BigInteger),
    Column("schema", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("project", "draft"),
    Index(None, "project", "name"),
    sqlite_autoincrement=True,
)

datasets = Table(
    "datasets",
    METADATA,
    Column("id", ROW_NUMBER, nullable=False),
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("content", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("project", "name", "version"),
)

# Some hundred rows as JSON lines, compressed, with 16 bytes of each row's hash. Later versions of
# the name refer to rows in the packs of earlier ones.
row_packs = Table(
    "row_packs",
    METADATA,
    Column("id", ROW_NUMBER, nullable=False),
    Column("content", BigInteger, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["content"], ["contents.id"]),
    Index(None, "content"),
    sqlite_autoincrement=True,
)

# Where some hundred rows of a content are: spans of packs, as JSON.
row_blocks = Table(
    "row_blocks",
    METADATA,
    Column("content", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("places", Text, nullable=False),
    PrimaryKeyConstraint("content", "first"),
    ForeignKeyConstraint(["content"], ["contents.id"]),
)

releases = Table(
    "releases",
    METADATA,
    Column("project", Text, nullable=False),
    Column("release_id", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "release_id"),
    UniqueConstraint("project", "route", "version"),
    Index(
        "one_live_release",
        "project",
        "route",
        unique=True,
        sqlite_where=text("state = 'live'"),
        postgresql_where=text("state = 'live'"),
    ),
)

runs = Table(
    "runs",
    METADATA,
    Column("project", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("suite", Text),
    PrimaryKeyConstraint("project", "run_id"),
    Index(None, "project", "started_ns"),
    Index(None, "project", "name", "started_ns"),
    Index(None, "project", "suite", "started_ns"),
    Index(
        "running_runs",
        "started_ns",
        sqlite_where=text("status = 'running'"),
        postgresql_where=text("status = 'running'"),
    ),
)

# Some hundred results a row, as they came: JSON lines, compressed.
run_results = Table(
    "run_results",
    METADATA,
    Column("project", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("key_hashes", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("project", "run_id", "seq"),
    ForeignKeyConstraint(["project", "run_id"], ["runs.project", "runs.run_id"]),
)

calibration_cards = Table(
    "calibration_cards",
    METADATA,
    Column("project", Text, nullable=False),
    Column("scorer", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "scorer", "digest", "created_ns"),
)

cursors = Table(
    "cursors",
    METADATA,
    Column("name", Text, nullable=False),
    Column("value", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
)

# Credentials are kept as the SHA-256 of their secret, which is in `digest` and in `body`.
keys = Table(
    "keys",
    METADATA,
    Column("project", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "key_id"),
    UniqueConstraint("project", "name"),
    UniqueConstraint("digest"),
)

allowances = Table(
    "allowances",
    METADATA,
    Column("project", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "kind", "name"),
)

approved_models = Table(
    "approved_models",
    METADATA,
    Column("project", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "model"),
)

routes = Table(
    "routes",
    METADATA,
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "name"),
)

# Of a name at most one revision is in force; none of a name that was deleted.
guard_policies = Table(
    "guard_policies",
    METADATA,
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("in_force", Integer, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "name", "revision"),
)

# What bandits gave each release of a split.
route_shares = Table(
    "route_shares",
    METADATA,
    Column("project", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "route"),
)

# `begun_ns` is when the last look began, `held_ns` until when whoever makes it holds the probe.
probes = Table(
    "probes",
    METADATA,
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("begun_ns", BigInteger, nullable=False),
    Column("held_ns", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "name"),
)

probe_looks = Table(
    "probe_looks",
    METADATA,
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("run", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "name", "run"),
    Index(None, "project", "name", "time_ns"),
)

# How far each source was added is a row of `cursors`, written with what was added.
spend = Table(
    "spend",
    METADATA,
    Column("project", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("tokens_input", BigInteger, nullable=False),
    Column("tokens_output", BigInteger, nullable=False),
    Column("cost_nano_usd", BigInteger, nullable=False),
    Column("unpriced_requests", BigInteger, nullable=False),
    PrimaryKeyConstraint("project", "period", "kind", "name"),
)

views = Table(
    "views",
    METADATA,
    Column("project", Text, nullable=False),
    Column("page", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("project", "page", "name"),
)

# Numbers that grow with every change of something, for pollers.
counters = Table(
    "counters",
    METADATA,
    Column("name", Text, nullable=False),
    Column("value", BigInteger, nullable=False),
    PrimaryKeyConstraint("name"),
)

audit = Table(
    "audit",
    METADATA,
    Column("seq", ROW_NUMBER, nullable=False),
    Column("project", Text, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("principal", Text),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("digest", Text, nullable=False),
    PrimaryKeyConstraint("seq"),
    Index(None, "project", "seq"),
    sqlite_autoincrement=True,
)
