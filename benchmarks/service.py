"""A service in a process of its own, for what is measured or pictured from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from server.__main__ import listen

START_SECONDS = 180.0


@contextlib.contextmanager
def service(folder: Path, **settings: object) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its address and its process, on a free port, ready; stopped at the end.

    Args:
        folder: for its data. settings: more of them, named as server.settings has them, in capitals.
    """
    with listen("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
    values = {"PORT": port, "DATA_DIR": folder, **settings}
    variables = os.environ | {f"SUSHIBELT_{name}": str(value) for name, value in values.items()}
    nowhere = subprocess.DEVNULL  # it would say a line a request
    process = subprocess.Popen([sys.executable, "-m", "server"], env=variables, stdout=nowhere, stderr=nowhere)
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/readyz") as answer:
                if answer.status == 200:
                    break
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("the service did not start; `python -m server` says why")
            time.sleep(0.3)
        yield url, process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
