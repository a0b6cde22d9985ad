"""All benchmarks of speed, each in a process of its own: `python -m benchmarks`, or `--short` for a minute at most.

The long form stores its results under benchmarks/results/ and brings README's table up to date; it takes
about three quarters of an hour on two cores. SUSHIBELT_BENCH_IMAGES=NAME=FOLDER names the pictures, else built-in ones
are used.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time

LONG = (
    "throughput",
    "shares",
    "probe_cost",
    "growth",
    "losses",
    "presets",
    "live_cost",
    "recording_cost",
    "fanout --training",
    "fanout --soak",
    "page",
    "page_soak --minutes 10",
    "cuda",
    "readme_table",
)
SHORT = (
    ("throughput", "--short"),
    ("fanout", "--short"),
    ("page", "--short"),
    ("live_cost", "--methods", "moco", "--images", "digits", "--seconds", "0.5", "--rounds", "1"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="see that they run; what they find is not kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as nowhere:
        commands = (
            [[*words, "--results", nowhere] for words in SHORT] if options.short else [name.split() for name in LONG]
        )
        for name, *arguments in commands:
            started = time.monotonic()
            print(f"--- benchmarks.{name}", flush=True)
            code = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments]).returncode
            if code:
                print(f"--- benchmarks.{name} failed ({code})", file=sys.stderr)
                return code
            print(f"--- benchmarks.{name} took {time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
