"""From arguments to an exit code. Nothing here or on the way to a plan imports torch, so that help and errors are
there at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trainers.cli.fields import UsageError
from trainers.cli.options import parse
from trainers.cli.plan import make_plan
from trainers.cli.screen import make_screen

EXIT_USAGE, EXIT_STOPPED = 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run `python -m trainers` with these arguments; returns its exit code, see `--help`."""
    try:
        options = parse(argv)
        if options.list_presets:
            from trainers.cli.presets_table import print_presets

            print_presets()
            return 0
        plan = make_plan(options)
        screen = make_screen(plan.quiet)
        try:
            screen.loading(0.0, "starting PyTorch")
            from trainers.cli.session import run

            return run(plan, screen)
        finally:
            screen.end()
    except UsageError as error:
        print(f"trainers: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("trainers: stopped at once; what was saved before stays", file=sys.stderr)
        return EXIT_STOPPED
