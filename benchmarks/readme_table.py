"""Writes README's table of speed from the stored results: `python -m benchmarks.readme_table`.

Nothing between the two markers is typed by hand; tests/benchmarks/test_readme_table.py fails when the results
say otherwise.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.measure import Spread
from benchmarks.results import FOLDER, read

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- benchmarks:start -->", "<!-- benchmarks:end -->"
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


def between(readme: str) -> str:
    """What stands between the markers of a README.

    Raises:
        ValueError: a marker is missing.
    """
    if START not in readme or END not in readme:
        raise ValueError(f"README.md needs the two lines {START} and {END}")
    return readme.split(START, 1)[1].split(END, 1)[0].strip()


def written(readme: str, table: str) -> str:
    """The README with another table between its markers."""
    between(readme)
    before, rest = readme.split(START, 1)
    return f"{before}{START}\n{table}\n{END}{rest.split(END, 1)[1]}"


def main() -> None:
    if len(sys.argv) > 1:
        raise SystemExit(__doc__)
    README.write_text(written(README.read_text(encoding="utf-8"), text()), encoding="utf-8")


if __name__ == "__main__":
    main()
