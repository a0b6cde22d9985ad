"""Writes README's tables of speed and of the studies from the stored results: `python -m benchmarks.readme_table`.

Nothing between two markers is typed by hand; tests/benchmarks/test_readme_table.py fails when the results
say otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import Spread
from benchmarks.results import FOLDER, markdown, read

README = Path(__file__).parent.parent / "README.md"
NOT_YET = "Not measured yet: `make bench` does it and writes the table."
NO_GPU = "Not measured on a GPU yet: `python -m benchmarks.cuda` is ready for one."


def results(benchmark: str, folder: Path) -> list[dict[str, Any]]:
    """The stored results of one benchmark, a machine kind each; the short form's do not count."""
    names = sorted(path.stem for path in folder.glob(f"{benchmark}-*.json") if "-short-" not in path.stem)
    return [result for name in names if (result := read(name, folder)) is not None]


def machine(result: dict[str, Any]) -> str:
    """What a result was measured on, in a few words."""
    where = result["environment"]
    if where["device"] != "cpu":
        return str(where["device"])
    return f"{where['processor']}, {where['cores']} cores"


def where(result: dict[str, Any]) -> str:
    """A line below a table: caption, date, machine, versions, command."""
    environment = result["environment"]
    versions = ", ".join(f"{name} {environment[name]}" for name in ("torch", "lightly") if environment.get(name))
    return f"{result['caption']}. {result['date']}, {machine(result)}, {versions}, `{result['command']}`."


def speed(result: dict[str, Any]) -> list[str]:
    """Ours beside lightly's recipe."""
    lines = [
        "| images a second | Sushibelt | lightly's recipe | ratio | ratio, both float32 | peak MiB, ours / theirs |",
        "|---|---|---|---|---|---|",
    ]
    for one in result["values"]["comparisons"]:
        plan, rate, ratios, memory = one["plan"], one["images_per_second"], one["ratio"], one["peak_memory_mib"]
        equal = ratios.get("both float32", ratios["as they come"])
        cells = [
            f"{'MoCo' if plan['method'] == 'moco' else 'SimCLR'}, {plan['encoder']} encoder, batch {plan['batch']}",
            f"{rate['ours']['median']:,.0f}",
            f"{rate['lightly']['median']:,.0f}",
            Spread(**ratios["as they come"]).text(),
            Spread(**equal).text(),
            f"{memory['ours']:,.0f} / {memory['lightly']:,.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", where(result)]


def live(result: dict[str, Any]) -> list[str]:
    """What a viewer costs."""
    lines = ["| training while one viewer watches | share of the bare trainer's steps a second |", "|---|---|"]
    for one in result["values"]["runs"]:
        lines.append(f"| {one['method']}, batch {one['batch']} | {Spread(**one['watched_over_bare']).text(3)} |")
    return [*lines, "", where(result)]


def goals(result: dict[str, Any]) -> list[str]:
    """The goals for a GPU, as measured."""
    head, *rows = result["table"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return [*lines, "", where(result)]


def text(folder: Path = FOLDER) -> str:
    """All that stands between the markers."""
    blocks = [speed(result) for result in results("throughput", folder)]
    blocks += [live(result) for result in results("live-cost", folder)]
    gpu = [goals(result) for result in results("cuda", folder)]
    if not blocks and not gpu:
        return NOT_YET
    return "\n\n".join("\n".join(block) for block in [*blocks, *(gpu or [[NO_GPU]])])


def thinned(table: list[list[str]]) -> list[list[str]]:
    """A long course over time as a dozen rows, its last among them; the stored result has all."""
    head, *rows = table
    if len(rows) <= ROWS_SHOWN:
        return table
    every = -(-len(rows) // (ROWS_SHOWN // 2))
    return [head, *rows[(len(rows) - 1) % every :: every]]


def study(name: str, folder: Path = FOLDER) -> str:
    """A study's table and picture, newest first where several machines ran it."""
    found = [read(name, folder)] if (folder / f"{name}.json").is_file() else results(name, folder)
    blocks = []
    for result in found:
        if result is None:
            continue
        picture = folder / f"{result['name']}.png"
        shown = f"![{result['caption']}](benchmarks/results/{picture.name})\n\n" if picture.is_file() else ""
        blocks.append(shown + markdown({**result, "table": thinned(result["table"])}))
    return "\n\n".join(blocks) or f"Not measured yet: `python -m benchmarks.{name.replace('-', '_')}` does it."


ROWS_SHOWN = 24

STUDIES = (
    "momentum",
    "staleness",
    "moco_cifar_small",
    "probe-cost",
    "presets",
    "shares",
    "growth",
    "fanout",
    "recording-cost",
    "page",
)

SECTIONS: dict[str, Callable[[Path], str]] = {
    "benchmarks": text,
    **{name: partial(study, name) for name in STUDIES},
}
"""What stands between the markers of each name."""


def markers(name: str) -> tuple[str, str]:
    return f"<!-- {name}:start -->", f"<!-- {name}:end -->"


def between(readme: str, name: str = "benchmarks") -> str:
    """What stands between the markers of that name.

    Raises:
        ValueError: a marker is missing.
    """
    start, end = markers(name)
    if start not in readme or end not in readme:
        raise ValueError(f"README.md needs the two lines {start} and {end}")
    return readme.split(start, 1)[1].split(end, 1)[0].strip()


def written(readme: str, table: str, name: str = "benchmarks") -> str:
    """The README with another text between the markers of that name."""
    between(readme, name)
    start, end = markers(name)
    before, rest = readme.split(start, 1)
    return f"{before}{start}\n{table}\n{end}{rest.split(end, 1)[1]}"


def main() -> None:
    if len(sys.argv) > 1:
        raise SystemExit(__doc__)
    readme = README.read_text(encoding="utf-8")
    for name, make in SECTIONS.items():
        readme = written(readme, make(FOLDER), name)
    README.write_text(readme, encoding="utf-8")


if __name__ == "__main__":
    main()
