"""Each event knows the one before it, so that who reads events can see whether one is missing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Of the oldest event that is left of a run whose first ones were forgotten it is only known that some came before.
FILL = """
UPDATE events SET previous = coalesce(
    (SELECT CAST(b.epoch AS VARCHAR) || ':' || CAST(b."offset" AS VARCHAR) FROM events AS b
     WHERE b.run = events.run AND (b.epoch < events.epoch OR (b.epoch = events.epoch AND b."offset" < events."offset"))
     ORDER BY b.epoch DESC, b."offset" DESC LIMIT 1),
    CASE WHEN type = 'created' THEN NULL
         ELSE CAST(epoch AS VARCHAR) || ':' || CAST("offset" - 1 AS VARCHAR) END)
"""


def upgrade() -> None:
    op.add_column("events", sa.Column("previous", sa.String(41)))
    op.get_bind().exec_driver_sql(FILL)  # a colon in it is no parameter
