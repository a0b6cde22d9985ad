"""The tables. Metrics are blobs of float64 columns: a row a step would cost ten times the space.

A change here needs a revision in migrations/versions that makes it in databases which exist.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, ForeignKey, Index, Integer, LargeBinary, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Words(TypeDecorator[str]):
    """Text that people or libraries wrote: PostgreSQL takes no NUL in it."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.replace("\0", "\ufffd")


class Base(DeclarativeBase):
    """Root of the schema. Whole numbers have 64 bits on both databases: a step may pass 2^31."""

    type_annotation_map = {int: BigInteger().with_variant(Integer(), "sqlite")}  # noqa: RUF012


class RunRow(Base):
    """One run as it was at its last event or metrics."""

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(Words(80))
    state: Mapped[str] = mapped_column(String(16))
    asleep: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(Words())
    step: Mapped[int]
    epoch: Mapped[int]
    first_epoch: Mapped[int] = mapped_column(default=1, server_default="1")
    offset: Mapped[int]
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    lesson: Mapped[str | None] = mapped_column(String(16))
    created: Mapped[float]
    updated: Mapped[float]
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    request_digest: Mapped[str | None] = mapped_column(String(64))
    parent: Mapped[str | None] = mapped_column(String(40))
    parent_step: Mapped[int | None]
    schedule: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    sweep: Mapped[str | None] = mapped_column(String(40))
    sweep_cell: Mapped[int | None]
    key_hash: Mapped[str | None] = mapped_column(String(64))


class SweepRow(Base):
    """One sweep: what was asked for, and how many of its cells have become runs. Its runs name it in their rows."""

    __tablename__ = "sweeps"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(Words(80))
    state: Mapped[str] = mapped_column(String(16))
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    fed: Mapped[int]
    created: Mapped[float]
    updated: Mapped[float]
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    request_digest: Mapped[str | None] = mapped_column(String(64))


class EmbedRow(Base):
    """A permission to show a private run. `token_hash`, as the run's `key_hash`, is a SHA-256."""

    __tablename__ = "embeds"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(Words(80))
    created: Mapped[float]
    expires: Mapped[float]
    last_used: Mapped[float | None]

    __table_args__ = (Index("embeds_by_run", "run"),)


class EventRow(Base):
    """One event on a run's wire."""

    __tablename__ = "events"
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    offset: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous: Mapped[str | None] = mapped_column(String(41))

    __table_args__ = (Index("events_by_type", "run", "type", "epoch", "offset"),)


class CheckpointRow(Base):
    """A checkpoint that is whole on disk, with all metrics and events up to its step stored before it."""

    __tablename__ = "checkpoints"
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str] = mapped_column(String(120))
    size: Mapped[int] = mapped_column(BigInteger)
    created: Mapped[float]


class MetricsRow(Base):
    """The scalars of consecutive steps: `data` is zlib of float64 [len(names), count], little endian."""

    __tablename__ = "metrics"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    epoch: Mapped[int]
    first_step: Mapped[int]
    last_step: Mapped[int]
    count: Mapped[int]
    names: Mapped[list[str]] = mapped_column(JSON)
    data: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (Index("metrics_by_step", "run", "epoch", "last_step"),)
