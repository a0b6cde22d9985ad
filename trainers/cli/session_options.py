"""Where and how a run trains: what is not part of its config, but is kept with its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

METRICS_SUFFIXES = (".csv", ".parquet")


def _device(value: str) -> str:
    kind, _, index = value.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (":" in value and not (kind == "cuda" and index.isdecimal())):
        raise ValueError("give auto, cpu, cuda, cuda:N (like cuda:0) or mps")
    return value


def _metrics(value: str | None) -> str | None:
    if value is not None and Path(value).suffix not in METRICS_SUFFIXES:
        raise ValueError(f"give a file name that ends in {' or '.join(METRICS_SUFFIXES)}")
    return value


class SessionOptions(BaseModel):
    """A resumed run takes them from its checkpoint, where the command line says nothing else."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True)

    path: Annotated[
        str | None, Field(title="Path", description="Folder or archive of pictures, for --images folder.")
    ] = None
    data_dir: Annotated[
        str, Field(min_length=1, title="Data", description="Folder for downloads and prepared image sets.")
    ] = "data"
    device: Annotated[
        str,
        AfterValidator(_device),
        Field(title="Device", description="Where to train: auto, cpu, cuda, cuda:N or mps; auto takes a GPU if any."),
    ] = "auto"
    threads: Annotated[
        int,
        Field(
            ge=0,
            le=1_024,
            title="Threads",
            description="CPU threads; 0 means as many as PyTorch thinks right. Another number may change the last bit "
            "of a result.",
        ),
    ] = 0
    metrics: Annotated[
        str | None,
        AfterValidator(_metrics),
        Field(
            title="Metrics",
            description="File for every step's figures, .csv or .parquet; by default metrics.csv beside the "
            "checkpoint.",
        ),
    ] = None
    save_every: Annotated[
        int,
        Field(
            ge=0,
            title="Save every",
            description="Write a checkpoint every so many steps; 0 means only at the end and when stopped.",
        ),
    ] = 1_000
    evaluate: Annotated[
        bool,
        Field(
            title="Evaluate",
            description="At the end, score backbone and head on held-out images by kNN and a linear probe, beside the "
            "untrained network; needs labels.",
        ),
    ] = False

    def notes(self) -> dict[str, Any]:
        """What a checkpoint keeps, with paths that hold from any folder."""
        kept = self.model_dump()
        for name in ("path", "data_dir", "metrics"):
            if kept[name] is not None:
                kept[name] = str(Path(kept[name]).expanduser().absolute())
        return kept
