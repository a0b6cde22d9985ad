"""One bash for the snippets of a page, so that a variable set in one is there in the next."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

PRELUDE = """\
set -euo pipefail
curl() { command curl --fail-with-body "$@"; }  # an answer that is an error is a failure, also under -s
"""


class Shell:
    """A bash in a folder. Close it with `with`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.notes = Path(tempfile.mkdtemp(prefix=".shell-", dir=folder))
        self.made = 0
        self.process = subprocess.Popen(
            ["bash"], cwd=folder, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        self._say(PRELUDE)

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def _say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def run(self, code: str, seconds: float = 300) -> str:
        """What it prints, errors included. Fails where a command of it does, or where it takes too long."""
        self.made += 1
        script, output, done = (self.notes / f"{self.made}{end}" for end in (".sh", ".out", ".done"))
        script.write_text(code)
        self._say(f"source {script} </dev/null >{output} 2>&1\ntouch {done}\n")
        end = time.monotonic() + seconds
        while not done.exists():
            ended = self.process.poll() is not None and not done.exists()
            text = output.read_text() if output.exists() else ""
            assert not ended, f"exit code {self.process.returncode}\n{code}\n{text}"
            assert time.monotonic() < end, f"not done after {seconds} seconds\n{code}\n{text}"
            time.sleep(0.02)
        return output.read_text()


def check_syntax(code: str) -> None:
    """Fails where bash does not understand it."""
    answer = subprocess.run(["bash", "-n"], input=code, capture_output=True, text=True)
    assert answer.returncode == 0, f"{answer.stderr}\n{code}"
