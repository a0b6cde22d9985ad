"""Checkpoints, where a run was forked from, and the type of each event as a column to search by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("runs", sa.Column("first_epoch", WHOLE, nullable=False, server_default="1"))
    op.add_column("runs", sa.Column("parent", sa.String(40)))
    op.add_column("runs", sa.Column("parent_step", WHOLE))
    op.add_column("events", sa.Column("type", sa.String(40)))
    events = sa.table("events", sa.column("type", sa.String()), sa.column("body", sa.JSON()))
    op.execute(events.update().values(type=events.c.body["type"].as_string()))
    # SQLite copies the table for this. Nothing refers to events; `runs` must never be copied so, because
    # dropping the old copy would delete, by the foreign keys, everything that belongs to a run.
    with op.batch_alter_table("events") as batch:
        batch.alter_column("type", existing_type=sa.String(40), nullable=False)
    op.create_index("events_by_type", "events", ["run", "type", "epoch", "offset"])
    op.create_table(
        "checkpoints",
        sa.Column("run", sa.String(40), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("epoch", WHOLE, primary_key=True),
        sa.Column("step", WHOLE, primary_key=True),
        sa.Column("file", sa.String(120), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
    )
