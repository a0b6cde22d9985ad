"""The commands. Each loads what it needs when it is called, so that help and completion are there at once."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sushibelt.cli import words

if TYPE_CHECKING:
    from sushibelt.client import Client
    from sushibelt.run import Run

EXAMPLES = """Watch contrastive learners train: start runs, turn their knobs, see what happens.

\b
  sushibelt serve                                           # a service on this machine
  sushibelt run moco --images digits --steps 500 --watch    # train and look
  sushibelt run moco --steps 800 --at 500:momentum=0.5 --wait
  sushibelt ls --state running
  sushibelt set RUN momentum=0.5                            # while it trains
  sushibelt sweep moco --grid momentum=0,0.5,0.99 --steps 200
  sushibelt export RUN --csv run.csv --recording run.sbr
  sushibelt play run.sbr                                    # needs no service

"""

app = typer.Typer(
    name="sushibelt",
    help=EXAMPLES + words.EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="SUSHIBELT_URL", help="Address of the service.")] = "http://127.0.0.1:8000",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="SUSHIBELT_TOKEN", help="Key of a private run, or what a proxy asks for.", show_default=False
        ),
    ] = None,
) -> None:
    context.obj = {"url": url, "token": token}


def complete_run(context: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Ids of runs, for the shell."""
    found = (context.find_root().params or {}).get("url")
    with contextlib.suppress(Exception):  # a shell that completes must stay silent
        from sushibelt.client import Client

        for run in Client(found, timeout=2).runs(limit=50):
            if run.id.startswith(incomplete):
                yield run.id, f"{run.method}, {run.state}"


RunId = Annotated[
    str, typer.Argument(metavar="RUN", autocompletion=complete_run, callback=words.an_id, help="Id of a run; see `ls`.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, one value a line.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting; may be repeated.")]
Images = Annotated[str | None, typer.Option(help="Image set of the catalog, such as digits.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Where it ends; without, it trains while somebody watches.")]


def service(context: typer.Context) -> Client:
    from sushibelt.client import Client

    return Client(**context.obj)


@app.command()
def serve() -> NoReturn:
    """Train and serve on this machine.

    It is `python -m server`, where the server is installed or this is its clone.
    """
    import importlib.util
    import os

    sys.path.insert(0, str(Path.cwd()))
    if importlib.util.find_spec("server") is None or importlib.util.find_spec("server.__main__") is None:
        print(
            "sushibelt: the server is not installed here; this is the light client. Clone the project and say "
            "`make serve`, or give the address of a running service with --url or SUSHIBELT_URL",
            file=sys.stderr,
        )
        raise typer.Exit(words.NO_SERVER)
    for name in ("SUSHIBELT_URL", "SUSHIBELT_TOKEN"):  # the client's, and no settings of the server's
        os.environ.pop(name, None)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "server"])


@app.command()
def run(
    context: typer.Context,
    method: Annotated[str, typer.Argument(help="moco, memory_bank or simclr.")],
    set_: Sets = None,
    images: Images = None,
    steps: Steps = None,
    seed: Annotated[int | None, typer.Option(min=0, help="What all chance in it comes from.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    at: Annotated[
        list[str] | None, typer.Option(metavar="STEP:NAME=VALUE", help="Change a knob at a step; may be repeated.")
    ] = None,
    watch_: Annotated[bool, typer.Option("--watch", help="Look at it until it ends.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it ends.")] = False,
    private: Annotated[bool, typer.Option("--private", help="Only who has its key sees it; says that once.")] = False,
    json: Json = False,
) -> None:
    """Start a run and print its id.

    \b
    sushibelt run moco --images digits --steps 500 --set momentum=0.5 --watch
    """
    with words.exits():
        options = {
            "method": method,
            "changes": words.schedule(at or ()),
            "images": images,
            "steps": steps,
            "seed": seed,
            "name": name,
            "private": private or None,
        }
        config = words.only_new(words.settings(set_ or ()), options)
        made = service(context).run(**{**options, **config, "private": private or config.get("private", False)})
        if made.key:
            print(f"sushibelt: its key, said once (--token, or SUSHIBELT_TOKEN): {made.key}", file=sys.stderr)
        if not json:
            print(made.id, flush=True)
        elif not watch_ and not wait:
            words.print_json(made.resource)
        if (watch_ or wait) and made.steps is None:
            print("sushibelt: it has no --steps and trains until it is stopped", file=sys.stderr)
        if watch_:
            look(service(context), made, json)
        elif wait:
            with leaving(made):
                made.wait()
            if json:
                words.print_json(made.resource)


@app.command("ls")
def list_runs(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="queued, running, paused, finished, failed or stopped.")] = None,
    method: Annotated[str | None, typer.Option(help="moco, memory_bank or simclr.")] = None,
    images: Images = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    json: Json = False,
) -> None:
    """List runs, newest first."""
    with words.exits():
        found = service(context).runs(state=state, method=method, images=images, limit=limit)
        if json:
            for each in found:
                words.print_json(each.resource)
            return
        from rich.table import Table

        table = Table("run", "name", "method", "images", "state", "step", box=None)
        for each in found:
            of = f" of {each.steps}" if each.steps else ""
            cells = (each.id, each.name, each.method, each.config["images"], each.state, f"{each.at_step}{of}")
            table.add_row(*cells)
        words.print_table(table)


@app.command()
def watch(context: typer.Context, run: RunId, json: Json = False) -> None:
    """Look at a run until it ends.

    Loss, consistency, age of the queue, events. Ctrl-C leaves it going.

    In a pipe it prints a line every few seconds, with --json a JSON value a tick.
    """
    with words.exits():
        client = service(context)
        look(client, client.get(run), json)


@app.command("set")
def set_knobs(
    context: typer.Context,
    run: RunId,
    knobs: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...")],
    json: Json = False,
) -> None:
    """Change knobs while a run trains.

    \b
    sushibelt set RUN momentum=0.5 temperature=0.2
    """
    with words.exits():
        changes = words.settings(knobs)
        made = service(context).get(run)
        step = made.set(**changes)
        if json:
            words.print_json({"run": run, "step": step, "knobs": made.knobs})
        else:
            print(f"from step {step} on: {', '.join(knobs)}")


@app.command()
def play(
    file: Annotated[Path, typer.Argument(metavar="FILE.sbr", help="A recording; see `export --recording`.")],
    speed: Annotated[float, typer.Option(min=0.01, help="So many times as fast as it was.")] = 1.0,
    json: Json = False,
) -> None:
    """Play a recording in the terminal. Needs no service."""
    import time

    from sushibelt.cli.watching import make_screen

    with words.exits():
        from sushibelt.recording import Recording

        recording = Recording.open(file)
        with make_screen(recording.run, recording.figures, json, recorded=True) as screen:
            try:
                for wait, item in recording.timed():
                    if screen.moves:
                        time.sleep(wait / speed)
                    screen.take(item)
            except KeyboardInterrupt:
                raise typer.Exit(words.INTERRUPTED) from None


@app.command()
def stop(context: typer.Context, run: RunId, json: Json = False) -> None:
    """Stop a run; what it left stays."""
    with words.exits():
        say_state(service(context).get(run).stop(), json)


@app.command()
def pause(context: typer.Context, run: RunId, json: Json = False) -> None:
    """Pause a run."""
    with words.exits():
        say_state(service(context).get(run).pause(), json)


@app.command()
def resume(context: typer.Context, run: RunId, json: Json = False) -> None:
    """Let a paused run go on. One that was stopped has ended: it can only be forked, or begin anew."""
    with words.exits():
        say_state(service(context).get(run).resume(), json)


@app.command()
def rm(context: typer.Context, run: RunId, json: Json = False) -> None:
    """Delete a run and all that it left."""
    with words.exits():
        service(context).get(run).delete()
        if json:
            words.print_json({"run": run, "deleted": True})


def say_state(run: Run, json: bool) -> None:
    """What became of a run by a command."""
    words.print_json(run.resource) if json else print(run.state)


def look(client: Client, run: Run, json: bool) -> None:
    """Watch a run until it ends. Raises RunFailed where it fails, Exit where the person has enough."""
    from sushibelt.cli.watching import make_screen
    from sushibelt.errors import RunFailed

    figures = {} if json else client.catalog()["figures"]
    with leaving(run), make_screen(run.resource, figures, json) as screen:
        for item in run.live(sections=(), rate=5):
            screen.take(item)
    run.refresh()
    if run.state == "failed":
        raise RunFailed(f"run {run.id} failed at step {run.at_step}: {run.resource['reason']}")


@contextlib.contextmanager
def leaving(run: Run) -> Iterator[None]:
    """Ctrl-C leaves the run going and says so."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"sushibelt: run {run.id} goes on; `sushibelt stop {run.id}` ends it", file=sys.stderr)
        raise typer.Exit(words.INTERRUPTED) from None


def main() -> None:
    """The console script."""
    app()


from sushibelt.cli import exporting as _exporting  # noqa: E402, F401  (their commands)
from sushibelt.cli import private as _private  # noqa: E402, F401
from sushibelt.cli import sweeps as _sweeps  # noqa: E402, F401
