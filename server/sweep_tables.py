"""The table of a sweep: a row a cell with its point of the grid, how its run ended, and its last figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.errors import Invalid
from server.runs import Run
from server.service import Service
from server.sweep_cells import Cell, text
from server.sweep_endings import EVALUATION_FAILED
from server.sweeps import Sweep
from trainers.figures import FIGURES, SCORES

FIGURES_SHOWN = ("loss", "accuracy", "consistency", "alignment", "uniformity", "effective_rank")
SCORES_SHOWN = ("knn_backbone", "linear_backbone")

Row = dict[str, Any]


def chosen(sweep: Sweep, names: Sequence[str] | None) -> list[str]:
    """The figures and scores that the table has.

    Raises:
        Invalid: a name that is neither.
    """
    if names is None:
        return [*FIGURES_SHOWN, *(SCORES_SHOWN if sweep.request.evaluate else ())]
    for name in names:
        if name not in FIGURES and name not in SCORES:
            raise Invalid.field("names", f"there is no figure {name!r}; the catalog lists them", name)
    return list(dict.fromkeys(names))


async def table(service: Service, sweep: Sweep, names: Sequence[str] | None) -> tuple[list[str], list[Row]]:
    """Column names in order, and a row a cell with None where nothing was measured. An axis is there once, also where
    a figure has its name.

    Raises:
        Invalid: as `chosen`.
    """
    figures = chosen(sweep, names)
    axes = [*sweep.request.grid]
    axes += ["schedule"] if sweep.request.schedules is not None else []
    axes += ["seed"] if sweep.request.seeds is not None else []
    columns = list(dict.fromkeys([*axes, "run", "state", "step", "reason", *figures]))
    rows = []
    for cell in sweep.cells:
        run = sweep.run_of(service.runs, cell)
        row: Row = dict.fromkeys(columns)
        row |= {"run": sweep.runs.get(cell.number), "state": sweep.state_of(service.runs, cell)}
        if run is not None:
            row |= await _measured(service, sweep, run, figures)
            row |= {"step": run.step, "reason": run.reason or await _no_score(service, sweep, run, row)}
        rows.append(row | _point(cell))
    return columns, rows


def _point(cell: Cell) -> Row:
    point: Row = {name: _plain(value) for name, value in cell.values.items()}
    point |= {} if cell.schedule is None else {"schedule": cell.schedule}
    return point | ({} if cell.seed is None else {"seed": cell.seed})


def _plain(value: Any) -> Any:
    return text(value) if isinstance(value, list | dict) else value


async def _measured(service: Service, sweep: Sweep, run: Run, names: Sequence[str]) -> Row:
    found: Row = dict.fromkeys(names)
    figures = [name for name in names if name in FIGURES and run.config.method in FIGURES[name].methods]
    found |= await service.sweeps.store.last_figures(run.id, run.first_epoch, figures)
    if any(name in SCORES for name in names):
        after = (run.first_epoch, 0)
        said = await service.repository.events(run.id, after=after, type_="evaluation", limit=1, newest=True)
        if said:
            found |= {name: said[0].body.get(name) for name in names if name in SCORES}
    return found


async def _no_score(service: Service, sweep: Sweep, run: Run, row: Row) -> str | None:
    """Why there is no evaluation where one was asked for."""
    if not sweep.request.evaluate or run.active or any(row.get(name) is not None for name in SCORES_SHOWN):
        return None
    said = await service.repository.events(run.id, after=(run.first_epoch, 0), type_="error", limit=1, newest=True)
    if not said or said[0].body["title"] != EVALUATION_FAILED:
        return None
    return f"{EVALUATION_FAILED}: {said[0].body['detail']}"
