"""Commands about private runs."""

from __future__ import annotations

from typing import Annotated

import typer

from sushibelt.cli import words
from sushibelt.cli.app import Json, RunId, app, service

Key = Annotated[
    str | None,
    typer.Option(envvar="SUSHIBELT_TOKEN", help="Its key, as `run --private` has said it.", show_default=False),
]


@app.command()
def embed(
    context: typer.Context,
    run: RunId,
    key: Key = None,
    days: Annotated[float, typer.Option(min=0.001, max=400, help="How long pages may show it.")] = 30,
    label: Annotated[str, typer.Option(help="Which page it is for.")] = "",
    json: Json = False,
) -> None:
    """Let a page show a private run.

    It prints the address of a frame, with a token that only watches.

    \b
    sushibelt embed RUN --key KEY --days 120 --label "week 3"
    """
    with words.exits():
        made = service(context).get(run, key=key).embed(expires_in=round(days * 86_400), label=label)
        if json:
            words.print_json({name: getattr(made, name) for name in ("id", "token", "address", "expires", "label")})
        else:
            print(made.address)


@app.command()
def embeds(context: typer.Context, run: RunId, key: Key = None, json: Json = False) -> None:
    """List the permissions of a private run."""
    with words.exits():
        for each in service(context).get(run, key=key).embeds():
            if json:
                words.print_json(each)
            else:
                used = each["last_used"] or "never used"
                ends = "expired" if each["expired"] else f"until {each['expires']}"
                print(f"{each['id']}  {ends}  {used}  {each['label']}")


@app.command()
def revoke(
    context: typer.Context,
    run: RunId,
    embed: Annotated[str, typer.Argument(metavar="EMBED", help="Id of a permission; see `embeds`.")],
    key: Key = None,
    json: Json = False,
) -> None:
    """Take a permission back: pages that show the run by it are closed."""
    with words.exits():
        service(context).get(run, key=key).revoke(embed)
        if json:
            words.print_json({"run": run, "embed": embed, "revoked": True})
