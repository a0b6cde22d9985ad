"""Every snippet of the README and of the reference pages does what it says, against a service that trains.

The snippets of a page run in order: Python in one namespace, shell in one bash with `set -euo pipefail`, both in one
empty folder that knows the project's virtual environment. What is not run says so in the page, and stands here.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.reference import library
from tests.docs.fences import PAGES, ROOT, Snippet, of, snippets
from tests.docs.shell import Shell, check_syntax
from tests.server.running import Running

ADDRESS = "127.0.0.1:8000"
RUN = {"sh", "python"}
PARSED = {"json": json.loads, "yaml": yaml.safe_load}
SHOWN = {"text", "html", "js"}
"""Output, a picture made of letters, or a piece of somebody's page: there is nothing to run. Scripts are compiled."""

NOT_RUN = {
    ("README.md", "make serve"),
    ("README.md", "docker compose up --build"),
    ("README.md", "POSTGRES_PASSWORD=secret"),
    ("README.md", ".venv/bin/python -m server backup"),
    ("README.md", "docker compose exec"),
    ("README.md", "pg_dump"),
    ("README.md", "mkdir -p course/recordings"),
    ("README.md", ".venv/bin/sushibelt export lesson-belt"),
    ("client.md", "pip install ./sushibelt"),
    ("embed.md", "SUSHIBELT_EMBED_ORIGINS"),
    ("embed.md", "sushibelt embed RUN --key"),
    ("embed.md", "sushibelt export lesson-belt --site demo"),
    ("embed.md", "sushibelt export lesson-belt --site docs/examples"),
}
"""All that is not run: page, and how it begins."""

SHORTER = [
    ("README.md", '"images":"sushi","seed":0', '"images":"digits","seed":0,"batch_size":16,"queue_length":256'),
    (
        "README.md",
        "--images sushi --steps 400 --at 200:momentum=0.5 --evaluate",
        "--images digits --steps 8 --at 4:momentum=0.5 --batch-size 16",
    ),
    ("README.md", "steps=200)", "steps=12)"),
]
"""What would take minutes on two cores is made shorter: page, what stands there, what is run."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("docs")
    with Running(data, fake=False, lessons=False, max_runs=200, checkpoint_seconds=0.5) as running:
        first = running.create(images="digits", steps=2, queue_length=256)["id"]  # loads what every run needs
        running.becomes(first, "finished", 240)
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty but for the project's virtual environment and packages."""
    tools = Path(sys.executable).parent
    (tmp_path / ".venv").symlink_to(tools.parent)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_pages_snippets_run(path: Path, service: Running, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUSHIBELT_URL", service.url)
    names: dict[str, Any] = {"__name__": "__main__"}
    with Shell(folder, os.environ) as shell:
        for snippet in snippets(path):
            code = here(snippet, service.url)
            if snippet.reason or snippet.language not in RUN:
                continue
            if snippet.language == "sh":
                print(shell.run(code))
            else:
                exec(compile("\n" * snippet.line + code, str(path), "exec"), names)
    for run in service.http.get("/runs", params={"limit": 200}).json()["runs"]:
        service.http.delete(f"/runs/{run['id']}").raise_for_status()


def here(snippet: Snippet, url: str) -> str:
    """The snippet at the test's service, and shorter where the list says so."""
    code = snippet.code.replace(ADDRESS, url.removeprefix("http://"))
    for page, long, short in SHORTER:
        if page == snippet.page:
            code = code.replace(long, short)
    return code


def test_every_snippet_is_run_or_parsed_or_named() -> None:
    found = [snippet for path in PAGES for snippet in snippets(path)]
    known = RUN | PARSED.keys() | SHOWN
    assert [str(one) for one in found if one.language not in known] == [], f"languages are {sorted(known)}"
    for one in (one for one in found if one.reason):
        assert any(one.page == page and one.first.startswith(begin) for page, begin in NOT_RUN), one
    assert sum(bool(one.reason) for one in found) == len(NOT_RUN)
    for page, long, _ in SHORTER:
        assert sum(one.code.count(long) for one in found if one.page == page) == 1, long
    count = Counter((one.page, "not run" if one.reason else one.language) for one in found)
    print(dict(count))
    assert count["README.md", "sh"] >= 4
    assert count["client.md", "python"] >= 6
    assert sum(count.values()) == len(found)
    # nothing was lost on the way: a plain count of the fences, without the parser
    for path in PAGES:
        fences = re.findall(r"^```\w*$", path.read_text(), re.MULTILINE)
        indented = [one for one in snippets(path) if f"    {one.code.splitlines()[0]}" in path.read_text()]
        assert len(snippets(path)) - len(indented) == len(fences) // 2, path.name


def test_what_is_not_run_is_at_least_understood(tmp_path: Path) -> None:
    for snippet in (one for path in PAGES for one in snippets(path)):
        if snippet.language == "sh":
            check_syntax(snippet.code)
        elif snippet.language == "python":
            ast.parse(snippet.code)
        elif snippet.language == "js":
            script = tmp_path / "snippet.mjs"
            script.write_text(snippet.code)
            subprocess.run(["node", "--check", str(script)], check=True, timeout=60)
        elif snippet.language in PARSED:
            PARSED[snippet.language](snippet.code)


def test_a_snippet_that_fails_is_noticed(service: Running, folder: Path) -> None:
    """What the test above stands on: a wrong exit code, an error as an answer, a variable that is not there."""
    for bad in ("false; true", "curl -s $URL/api/v1/runs/none", "echo $missing", "false | cat", "then"):
        with Shell(folder, {**os.environ, "URL": service.url}) as shell:
            shell.run("kept=1")
            assert shell.run("echo $kept") == "1\n"
            with pytest.raises(AssertionError, match="exit code"):
                shell.run(bad, 20)
    with Shell(folder, os.environ) as shell, pytest.raises(AssertionError, match="not done"):
        shell.run("sleep 60", 0.2)


def test_snippets_are_found() -> None:
    source = """# A

<!-- not run: it
is big -->
```bash
make
```

- in a list:

  ```python
  x = 1
  ```

and

    ls
"""
    one, two, three = of(source)
    assert (one.language, one.reason, one.line) == ("sh", "it is big", 5)
    assert (two.language, two.code, two.reason) == ("python", "x = 1\n", "")
    assert (three.language, three.first) == ("sh", "ls")
    with pytest.raises(ValueError, match="no snippet follows"):
        of("<!-- not run: why -->\n\nwords\n\n    ls\n")
    assert [path.name for path in PAGES] == ["README.md", *(f"{name}.md" for name in library.names())]
