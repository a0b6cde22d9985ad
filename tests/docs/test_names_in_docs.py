"""What the pages name is there: settings, options of the commands, REST calls."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from server.app import create_app
from server.settings import PREFIX, Settings
from sushibelt.cli.app import app as commands
from tests.docs.fences import PAGES, ROOT, snippets
from trainers.cli.options import parse

OTHERS = {
    "SUSHIBELT_URL": "sushibelt/client.py",
    "SUSHIBELT_TOKEN": "sushibelt/client.py",
    "SUSHIBELT_PUBLISH": "docker-compose.yml",
    "SUSHIBELT_BENCH_IMAGES": "benchmarks",
}
"""Variables that are no settings of the service, and where each is read."""

COMPLETION = {"--install-completion", "--show-completion"}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMAND = re.compile(r"(?:^|[(;|&])\s*sushibelt (?:--(?:url|token) \S+ )*(\w[\w-]*)([^|;)]*)")
CALL = re.compile(r"`(GET|POST|PATCH|PUT|DELETE) (/[\w/{}.-]+)")


def words(path: Path) -> str:
    return path.read_text("utf-8")


@pytest.fixture(scope="module")
def group() -> TyperGroup:
    made = get_command(commands)
    assert isinstance(made, TyperGroup)
    return made


def options_of(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_settings_exist(path: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", words(path)))
    assert named - known <= OTHERS.keys()


def test_the_other_variables_are_read_somewhere() -> None:
    for name, place in OTHERS.items():
        files = sorted((ROOT / place).rglob("*.py")) if (ROOT / place).is_dir() else [ROOT / place]
        assert any(name in file.read_text() for file in files), name


def test_options_of_a_command_line_exist(group: TyperGroup) -> None:
    """In snippets and in sentences: `sushibelt run moco --steps 60` has a command `run` with `--steps`."""
    checked = 0
    for path in PAGES:
        lines = [line for snippet in snippets(path) if snippet.language == "sh" for line in snippet.code.splitlines()]
        lines += re.findall(r"`(sushibelt [^`]+)`", words(path))
        for line in lines:
            for name, rest in COMMAND.findall(line):
                assert name in group.commands, f"{path.name}: {line}"
                unknown = set(OPTION.findall(rest)) - options_of(group.commands[name])
                assert not unknown, f"{path.name}: {line}"
                checked += 1
    assert checked >= 6


def test_options_alone_in_a_sentence_exist(group: TyperGroup, capsys: pytest.CaptureFixture[str]) -> None:
    """`--steps` in the client's page is an option of one of its commands; elsewhere also of `python -m trainers`;
    `--accent` in that of the pieces is a custom property."""
    client = set().union(*map(options_of, group.commands.values()), options_of(group), COMPLETION)
    with pytest.raises(SystemExit):
        parse(["--help"])
    trainer = set(OPTION.findall(capsys.readouterr().out))
    for path in PAGES:
        known = client if path.name == "client.md" else client | trainer
        known = properties() if path.name == "embed.md" else known
        named = {option for code in re.findall(r"`(--[^`]*)`", words(path)) for option in OPTION.findall(code)}
        assert named <= known, path.name
        for row in re.findall(r"^\| `([a-z]+)[ `].*$", words(path), re.MULTILINE) if path.name == "client.md" else ():
            assert row in group.commands, row


def properties() -> set[str]:
    """The custom properties that the page's styles read."""
    sheets = [*(ROOT / "web" / "styles").glob("*.css"), *(ROOT / "web" / "src").rglob("*.ts")]
    read = re.compile(r"""(?:var\(|token\(this, ")(--[a-z-]+)""")
    return {name for sheet in sheets for name in read.findall(sheet.read_text("utf-8"))}


def test_calls_exist(tmp_path: Path) -> None:
    paths = create_app(Settings(data_dir=tmp_path)).openapi()["paths"]
    known = {(method.upper(), re.sub(r"{\w+}", "{}", path)) for path, each in paths.items() for method in each}
    known |= {("GET", "/openapi.json"), ("GET", "/asyncapi.json")}
    for path in PAGES:
        named = {(method, re.sub(r"{\w+}", "{}", call)) for method, call in CALL.findall(words(path))}
        assert named <= known, path.name
