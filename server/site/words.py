"""README.txt of the folder: what lies in it, how to put it on a host, what to write into a course page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.site import TAGS, TITLES, Piece

TEXT = """\
{title}
{line}

Run {run}, {name}: {method} on {images}, recorded up to step {step}.
Everything here plays from files: no service is asked, and no other host.


TRY IT

    python -m http.server

in this folder, then open http://127.0.0.1:8000/ (a browser loads no script from a disk without a server).


PUT IT ON A HOST

Copy the folder as it is to any host of files: GitHub Pages, a web space, a course site's static folder. All addresses
in it are relative, so it works below any path. What follows assumes that the folder is called demo and lies beside the
page.


A FRAME

    <iframe src="demo/embed/{piece}.html" title="{title}" width="100%" height="480"
      style="border: 0" loading="lazy"></iframe>

embed/ also has {others}. `?theme=dark`, `?motion=reduce` and `?hide=controls,words` work as on a service.


AN ELEMENT

    <script type="module" src="demo/elements.js"></script>
    <{tag} recording="demo/recordings/{piece}.sbr">
      <img src="demo/poster.png" alt="{title}" style="max-width: 100%; height: auto">
    </{tag}>

The picture inside shows where no script runs. A frame that scripts cannot reach shows it by itself.


WHAT IS IN IT

    index.html              the lesson, playing the recordings
    embed/                  one page of each piece, for frames
    elements.js, assets/    the pieces' code
    recordings/{file}this run
{moments}
    poster.png              a picture of this run at the end of its recording
"""


def readme(run: Mapping[str, Any], step: int, piece: Piece, moments: Mapping[Piece, bytes]) -> str:
    """The text.

    Args:
        moments: the recordings of the lesson's other pieces that the folder has.
    """
    title = TITLES[piece]
    lines = [
        f"    {f'recordings/{name}.sbr':<24}one moment of another run, not of this one: the lesson opens with it"
        for name in moments
    ]
    others = [f"{name}.html" for name in (*TITLES, "meter", "lesson") if name != piece]
    return TEXT.format(
        title=title,
        line="=" * len(title),
        run=run["id"],
        name=run["name"],
        method=run["method"],
        images=run["config"]["images"],
        step=f"{step:,}",
        piece=piece,
        tag=TAGS[piece],
        others=", ".join(others[:-1]) + " and " + others[-1],
        file=f"{piece}.sbr".ljust(13),
        moments="\n".join(lines),
    )
