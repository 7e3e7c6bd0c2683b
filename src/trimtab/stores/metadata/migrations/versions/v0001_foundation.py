"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _create_versions()
    _create_datasets()
    _create_releases()
    _create_runs()
    _create_numbers()
    _create_audit()


def _create_versions() -> None:
    op.create_table(
        "heads",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("noun", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("latest", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("project", "noun", "name", name="pk_heads"),
    )
    op.create_table(
        "prompts",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "version", name="pk_prompts"),
    )


def _create_datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", _ROW_NUMBER, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("project", "name", "version", name="uq_datasets_project_name_version"),
    )
    op.create_table(
        "example_rows",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "digest", name="pk_example_rows"),
    )
    op.create_table(
        "dataset_rows",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("dataset", sa.BigInteger, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("dataset", "position", name="pk_dataset_rows"),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.id"], name="fk_dataset_rows_datasets"),
        sa.ForeignKeyConstraint(
            ["project", "digest"],
            ["example_rows.project", "example_rows.digest"],
            name="fk_dataset_rows_example_rows",
        ),
        sqlite_with_rowid=False,
    )


def _create_releases() -> None:
    op.create_table(
        "releases",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("release_id", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "release_id", name="pk_releases"),
        sa.UniqueConstraint(
            "project", "route", "version", name="uq_releases_project_route_version"
        ),
    )
    op.create_index(
        "one_live_release",
        "releases",
        ["project", "route"],
        unique=True,
        sqlite_where=sa.text("state = 'live'"),
        postgresql_where=sa.text("state = 'live'"),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_project_started_ns", "runs", ["project", "started_ns"])
    op.create_index(
        "running_runs",
        "runs",
        ["started_ns"],
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )


def _create_numbers() -> None:
    for table in ("cursors", "counters"):
        op.create_table(
            table,
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("value", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("name", name=f"pk_{table}"),
        )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _ROW_NUMBER, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("principal", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("object", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_project_seq", "audit", ["project", "seq"])
