"""When the records of plans' runs are redacted; those of earlier versions are due at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    op.add_column("plan_runs", sa.Column("redact_ns", sa.BigInteger))
    op.create_index("ix_plan_runs_redact_ns", "plan_runs", ["redact_ns"])
    op.execute("UPDATE plan_runs SET redact_ns = started_ns WHERE status <> 'running'")
