"""Bring a fresh clone to where it can run: Python and web packages, the web build, a browser and PostgreSQL for tests.

Needs only Python 3.11+ and Node 20+, uses only the standard library, and does nothing that is done
already: each part leaves a stamp made of the contents it was built from.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
WEB = ROOT / "web"
UV = "uv==0.13.9"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")


class MissingError(Exception):
    """Something this machine lacks, with what to do about it."""


def digest(*paths: Path) -> str:
    """One hash over the contents of files and of every file below folders."""
    total = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                total.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()


def done(stamp: Path, value: str) -> bool:
    return stamp.is_file() and stamp.read_text() == value


def run(what: str, *command: str | Path, cwd: Path = ROOT) -> None:
    print(f"sushibelt: {what} ...", flush=True)
    words = [str(word) for word in command]
    result = subprocess.run(words, cwd=cwd)
    if result.returncode:
        raise MissingError(
            f"{what} failed: `{' '.join(words)}` ended with {result.returncode}; its own words stand above."
        )


def python_packages(dev: bool) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (whatever python3 is here runs this file)
        raise MissingError(
            f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}. "
            "Install one and say `make PYTHON=python3.11 ...`."
        )
    python = BIN / ("python.exe" if os.name == "nt" else "python")
    if not python.exists():
        try:
            run("making .venv", sys.executable, "-m", "venv", VENV)
        except MissingError as error:
            raise MissingError(f"{error}\nOn Debian and Ubuntu: apt-get install python3-venv.") from None
    locks = [ROOT / "requirements.lock"] + ([ROOT / "requirements-dev.lock"] if dev else [])
    value = digest(*locks)
    stamps = [VENV / "sushibelt-dev.stamp"] + ([] if dev else [VENV / "sushibelt.stamp"])
    # A test environment holds all that serving needs, so `make serve` after `make test` installs nothing.
    wanted = {stamps[0]: digest(ROOT / "requirements.lock", ROOT / "requirements-dev.lock")}
    if not dev:
        wanted[stamps[1]] = value
    if any(done(stamp, content) for stamp, content in wanted.items()):
        return
    run("fetching the installer", python, "-m", "pip", "install", "-q", "--disable-pip-version-check", UV)
    run(
        "installing Python packages (PyTorch is large: a few minutes the first time)",
        BIN / "uv", "pip", "install", "-q", "--python", python, "--require-hashes",
        *[word for lock in locks for word in ("-r", lock)],
    )  # fmt: skip
    stamps[-1 if not dev else 0].write_text(value)


def command_line() -> None:
    """The command `sushibelt` beside this environment's python; its packages are in the locks already."""
    stamp, value = VENV / "sushibelt-command.stamp", digest(ROOT / "sushibelt" / "pyproject.toml")
    if done(stamp, value):
        return
    python = BIN / ("python.exe" if os.name == "nt" else "python")
    run(
        "installing the command line",
        BIN / "uv", "pip", "install", "-q", "--python", python, "--no-deps", "-e", ROOT / "sushibelt",
    )  # fmt: skip
    stamp.write_text(value)


def web_build() -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        raise MissingError("Node 20 or newer with npm is needed to build the pages. See https://nodejs.org.")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < 20:
        raise MissingError(f"Node 20 or newer is needed to build the pages; {node} is {version}.")
    stamp, value = WEB / "node_modules" / "sushibelt.stamp", digest(WEB / "package.json", WEB / "package-lock.json")
    if not done(stamp, value):
        # Not `npm ci`: the lock names only the platforms that its author's registry carried, and `npm ci`
        # refuses that; `install` takes the locked versions and adds this platform's own optional packages.
        run("installing web packages", npm, "install", "--no-save", "--loglevel=error", cwd=WEB)
        stamp.write_text(value)
    sources = [p for p in sorted(WEB.iterdir()) if p.name not in {"node_modules", "dist"}]
    stamp, value = WEB / "dist" / ".stamp", digest(*sources)
    if not done(stamp, value):
        run("building the pages", npm, "run", "--silent", "build", "--", "--logLevel", "warn", cwd=WEB)
        stamp.write_text(value)


def browser() -> str | None:
    """The browser that the end-to-end tests drive."""
    named = os.environ.get("SUSHIBELT_BROWSER")
    if named:
        if not Path(named).is_file():
            raise MissingError(f"SUSHIBELT_BROWSER is {named}, and there is no such file.")
        return named
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def need_browser() -> None:
    if browser():
        return
    if shutil.which("apt-get") and os.name == "posix" and os.geteuid() == 0:
        run("looking up packages", "apt-get", "update", "-qq")
        run("installing Chromium for the browser tests", "apt-get", "install", "-y", "-qq", "chromium")
        return
    raise MissingError(
        "The browser tests need Chromium, Chrome or Edge, and none was found. Install one "
        "(Debian: apt-get install chromium) or point SUSHIBELT_BROWSER at it."
    )


def postgres() -> Path | None:
    """PostgreSQL's `initdb`, beside which the server lies: in Debian's folder, which is not on PATH, or on PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1] if found else Path(on_path) if on_path else None


def need_postgres() -> None:
    if postgres():
        return
    if shutil.which("apt-get") and os.name == "posix" and os.geteuid() == 0:
        run("looking up packages", "apt-get", "update", "-qq")
        run("installing PostgreSQL for the store's tests", "apt-get", "install", "-y", "-qq", "postgresql")
        return
    raise MissingError(
        "The store's tests start a PostgreSQL server of their own, and no initdb was found. Install PostgreSQL "
        "(Debian: apt-get install postgresql; it need not run) or put its programs on PATH."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what the tests need")
    parser.add_argument("--browser", action="store_true", help="also a browser for the end-to-end tests")
    parser.add_argument("--postgres", action="store_true", help="also PostgreSQL for the store's tests")
    parser.add_argument("--web-only", action="store_true", help="only the pages")
    options = parser.parse_args()
    try:
        if not options.web_only:
            python_packages(options.dev)
            command_line()
        web_build()
        if options.browser:
            need_browser()
        if options.postgres:
            need_postgres()
    except MissingError as error:
        print(f"sushibelt: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
