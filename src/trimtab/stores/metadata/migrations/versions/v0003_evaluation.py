"""What a run answered example by example, and how far judges can be believed."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"

_RUNS = sa.table(
    "runs",
    sa.column("project", sa.Text),
    sa.column("run_id", sa.Text),
    sa.column("name", sa.Text),
    sa.column("suite", sa.Text),
    sa.column("body", sa.Text),
)


def upgrade() -> None:
    _find_runs_by_name()
    _rewrite_runs()
    _create_results()
    _create_cards()


def _find_runs_by_name() -> None:
    op.add_column("runs", sa.Column("name", sa.Text, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("suite", sa.Text))
    op.create_index("ix_runs_project_name_started_ns", "runs", ["project", "name", "started_ns"])
    op.create_index("ix_runs_project_suite_started_ns", "runs", ["project", "suite", "started_ns"])


def _rewrite_runs() -> None:
    """Scorers were names; a run says more of them now."""
    connection = op.get_bind()
    keys = connection.execute(sa.select(_RUNS.c.project, _RUNS.c.run_id)).all()
    for project, run_id in keys:
        row = (_RUNS.c.project == project) & (_RUNS.c.run_id == run_id)
        body = connection.execute(sa.select(_RUNS.c.body).where(row)).scalar_one()
        run: dict[str, Any] = json.loads(body)
        run["scorers"] = [
            {"name": scorer} if isinstance(scorer, str) else scorer
            for scorer in run.get("scorers", ())
        ]
        written = json.dumps(run, ensure_ascii=False, separators=(",", ":"))
        connection.execute(
            sa.update(_RUNS)
            .where(row)
            .values(name=run["name"], suite=run.get("suite"), body=written)
        )


def _create_results() -> None:
    op.create_table(
        "run_results",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("key_hashes", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("project", "run_id", "seq", name="pk_run_results"),
        sa.ForeignKeyConstraint(
            ["project", "run_id"], ["runs.project", "runs.run_id"], name="fk_run_results_runs"
        ),
    )


def _create_cards() -> None:
    op.create_table(
        "calibration_cards",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("scorer", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(
            "project", "scorer", "digest", "created_ns", name="pk_calibration_cards"
        ),
    )
