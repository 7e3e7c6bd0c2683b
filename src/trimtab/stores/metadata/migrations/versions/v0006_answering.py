"""Labels and entries of prompts, plans and their runs, learnt shares, probes."""

from __future__ import annotations

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"

# Neither `latest` nor a number, and without spaces, @ and what cannot be seen.
_LABEL = re.compile(
    r"(?!latest$)(?![-+]?\d+(\.\d+)?$)[^\s@/\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,100}"
)


def upgrade() -> None:
    _prompts()
    _plans()
    _learning()
    _move_labels()


def _prompts() -> None:
    op.create_table(
        "prompt_labels",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "label", name="pk_prompt_labels"),
    )
    op.create_table(
        "prompt_entries",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", name="pk_prompt_entries"),
    )


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "version", name="pk_plans"),
    )
    op.create_table(
        "plan_runs",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("plan_run_id", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "plan_run_id", name="pk_plan_runs"),
    )
    op.create_index("ix_plan_runs_project_started_ns", "plan_runs", ["project", "started_ns"])
    op.create_index("ix_plan_runs_status_started_ns", "plan_runs", ["status", "started_ns"])
    op.create_table(
        "plan_steps",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("plan_run_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "plan_run_id", "seq", name="pk_plan_steps"),
        sa.ForeignKeyConstraint(
            ["project", "plan_run_id"],
            ["plan_runs.project", "plan_runs.plan_run_id"],
            name="fk_plan_steps_project_plan_runs",
        ),
    )


def _learning() -> None:
    op.create_table(
        "route_shares",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "route", name="pk_route_shares"),
    )
    op.create_table(
        "probes",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("begun_ns", sa.BigInteger, nullable=False),
        sa.Column("held_ns", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", name="pk_probes"),
    )
    op.create_table(
        "probe_looks",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "run", name="pk_probe_looks"),
    )
    op.create_index(
        "ix_probe_looks_project_name_time_ns", "probe_looks", ["project", "name", "time_ns"]
    )


def _move_labels() -> None:
    """Labels stood in the versions; the newest version that has one keeps it.

    Those that `name@label` cannot say are left where they stand, where nobody reads them.
    """
    connection = op.get_bind()
    prompts = sa.table("prompts", *map(sa.column, ("project", "name", "version", "body")))
    labels = sa.table("prompt_labels", *map(sa.column, ("project", "name", "label", "version")))
    found: dict[tuple[str, str, str], int] = {}
    query = sa.select(prompts).order_by(prompts.c.version)
    for project, name, version, body in connection.execute(query):
        for label in filter(_LABEL.fullmatch, json.loads(body).get("labels", ())):
            found[project, name, label] = version
    rows = [
        {"project": project, "name": name, "label": label, "version": version}
        for (project, name, label), version in found.items()
    ]
    if rows:
        connection.execute(labels.insert(), rows)
