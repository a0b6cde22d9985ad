"""What answers about sweeps look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from server.runs import iso
from server.sweeps import Sweep, SweepState

if TYPE_CHECKING:
    from server.service import Service


class SweepLinks(BaseModel):
    """Where the sweep's parts are; paths on this host."""

    self_: Annotated[str, Field(alias="self")]
    wait: str
    table: str
    runs: str

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class SweepRun(BaseModel):
    """A cell of the grid and what became of it."""

    cell: int
    values: dict[str, Any] = Field(description="Its point of the grid.")
    seed: int | None
    schedule: str | None = Field(description="Name of its knob schedule.")
    run: str | None = Field(description="Id of its run, once there is one.")
    state: str = Field(
        description="That of its run; waiting: there is none yet; evaluating: after its last step; deleted: the run is "
        "gone; cancelled: there never was one."
    )
    step: int
    steps: int
    reason: str | None = Field(description="Why the run failed, was stopped or waits.")


class SweepSummary(BaseModel):
    """A sweep as it is now."""

    id: str
    name: str
    state: SweepState
    reason: str | None = Field(description="Why it does not go on at the moment.")
    total: int = Field(description="Runs that it has in all.")
    progress: float = Field(description="Share of all steps that is taken, 0 to 1; runs that ended early count whole.")
    counts: dict[str, int] = Field(description="How many of its runs are in each state.")
    grid: dict[str, list[Any]]
    seeds: list[int] | None
    schedules: list[str] | None = Field(description="Names of the knob schedules.")
    parallel: int
    evaluate: bool
    created: str
    updated: str
    links: SweepLinks


class SweepResource(SweepSummary):
    """A sweep as it is now, with all its cells."""

    base: dict[str, Any]
    runs: list[SweepRun]


class SweepList(BaseModel):
    """A page of sweeps, newest first."""

    sweeps: list[SweepSummary]
    next: str | None = Field(description="Give this as `cursor` for the next page.")


class SweepWait(BaseModel):
    """What came of waiting."""

    reached: bool = Field(description="True when the sweep is over.")
    sweep: SweepResource


class SweepTable(BaseModel):
    """A row a cell, as columns of one length; null where nothing was measured."""

    sweep: str
    columns: dict[str, list[Any]]


def sweep_summary(sweep: Sweep, service: Service) -> SweepSummary:
    """The sweep without its cells."""
    path, counts = f"/api/v1/sweeps/{sweep.id}", dict[str, int]()
    for cell in sweep.cells:
        state = sweep.state_of(service.runs, cell)
        counts[state] = counts.get(state, 0) + 1
    request = sweep.request
    return SweepSummary(
        id=sweep.id,
        name=sweep.name,
        state=sweep.state,
        reason=sweep.reason,
        total=sweep.total,
        progress=round(sweep.progress(service.runs), 4),
        counts=counts,
        grid=request.grid,
        seeds=request.seeds,
        schedules=None if request.schedules is None else [one.name for one in request.schedules],
        parallel=request.parallel,
        evaluate=request.evaluate,
        created=iso(sweep.created),
        updated=iso(sweep.updated),
        links=SweepLinks(self_=path, wait=f"{path}/wait", table=f"{path}/table", runs=f"/api/v1/runs?sweep={sweep.id}"),
    )


def sweep_resource(sweep: Sweep, service: Service) -> SweepResource:
    """The sweep with all its cells."""
    runs = []
    for cell in sweep.cells:
        run = sweep.run_of(service.runs, cell)
        runs.append(
            SweepRun(
                cell=cell.number,
                values=cell.values,
                seed=cell.seed,
                schedule=cell.schedule,
                run=sweep.runs.get(cell.number),
                state=sweep.state_of(service.runs, cell),
                step=0 if run is None else run.step,
                steps=cell.steps,
                reason=None if run is None else run.reason,
            )
        )
    return SweepResource(**dict(sweep_summary(sweep, service)), base=sweep.request.base, runs=runs)
