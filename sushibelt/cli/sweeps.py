"""Commands about sweeps."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sushibelt.cli import words
from sushibelt.cli.app import Images, Json, Sets, app, service


@app.command()
def sweep(
    context: typer.Context,
    method: Annotated[str, typer.Argument(help="moco, memory_bank or simclr.")],
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=V1,V2,...", help="Values of a setting. Repeated: a run for every pair, and so on."),
    ] = None,
    seeds: Annotated[str | None, typer.Option(metavar="S1,S2,...", help="A run of each point for each.")] = None,
    schedules: Annotated[
        list[str] | None,
        typer.Option(
            "--schedule", metavar="NAME=STEP:KNOB=VALUE;...", help="A run of each point for each. May be repeated."
        ),
    ] = None,
    set_: Sets = None,
    images: Images = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Where each run ends; a sweep needs it.")] = None,
    parallel: Annotated[int | None, typer.Option(min=1, help="Runs that train at once.")] = None,
    evaluate: Annotated[bool, typer.Option(help="Measure kNN and linear probe at the end of each.")] = False,
    detach: Annotated[bool, typer.Option(help="Print its id and do not wait.")] = False,
    json: Json = False,
) -> None:
    """A run for every point of a grid, and one table of how they ended. Ctrl-C leaves it going.

    \b
    sushibelt sweep moco --images digits --steps 200 --grid momentum=0,0.5,0.99 --seeds 0,1
    sushibelt sweep moco --steps 200 --schedule "drop=100:momentum=0;150:momentum=0.99" --schedule "mild=9:momentum=0.9"
    """
    with words.exits():
        options = {"method": method, "images": images, "steps": steps}
        base = {**options, **words.only_new(words.settings(set_ or ()), options)}
        made = service(context).sweep(
            words.grid(grid or ()),
            base={name: found for name, found in base.items() if found is not None},
            seeds=words.seeds(seeds),
            schedules=words.schedules(schedules or ()),
            parallel=parallel,
            evaluate=evaluate or None,
        )
        if detach:
            words.print_json(made.resource) if json else print(made.id)
            return
        print(f"sushibelt: sweep {made.id}, runs: {made.total}", file=sys.stderr)
        try:
            made.wait(progress=not json)
        except KeyboardInterrupt:
            print(f"sushibelt: sweep {made.id} goes on; `sushibelt sweeps` says how far it is", file=sys.stderr)
            raise typer.Exit(words.INTERRUPTED) from None
        table = made.table()
        if json:
            words.print_json({name: words.plain(column.tolist()) for name, column in table.items()})
        else:
            print(table)
        if any(entry["state"] == "failed" for entry in made.resource["runs"]):
            raise typer.Exit(words.FAILED)


@app.command("sweeps")
def list_sweeps(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    json: Json = False,
) -> None:
    """List sweeps, newest first. `ls` lists their runs."""
    with words.exits():
        found = service(context).sweeps(limit=limit)
        if json:
            for each in found:
                words.print_json(each.resource)
            return
        from rich.table import Table

        table = Table("sweep", "name", "state", "done", "runs", box=None)
        for each in found:
            counts = ", ".join(f"{count} {state}" for state, count in each.resource["counts"].items() if count)
            table.add_row(each.id, each.resource["name"], each.state, f"{each.progress:.0%}", counts)
        words.print_table(table)
