"""The wheel alone: what is in it, what it needs, and that nothing heavy comes with it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "fastapi", "starlette", "sqlalchemy", "server", "trainers"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "uv", "build", "--wheel", "-q", "-o", folder, ROOT / "sushibelt"]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    [found] = folder.glob("*.whl")
    return found


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    here = ROOT / "sushibelt"
    files = {path for pattern in ("**/*.py", "py.typed", "*.js") for path in here.glob(pattern)}
    assert names == {path.relative_to(ROOT).as_posix() for path in files}
    assert wheel.stat().st_size < 60_000, "docs/client.md says so"


def test_in_an_empty_environment_only_what_is_declared_is_missing(wheel: Path, tmp_path: Path) -> None:
    """The declared packages are lent from here by path; any other module that is asked for is not there."""
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty" / "bin" / "python"
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--no-deps", "--python", python, wheel]
    subprocess.run(install, check=True)
    code = (
        "import sys, sushibelt, importlib.util; assert 'numpy' not in sys.modules and 'httpx' not in sys.modules; "
        f"print(sushibelt.__version__, *[n for n in {sorted(HEAVY)} if importlib.util.find_spec(n)])"
    )
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert said.stdout.split() == ["0.1.0"]
    assert (python.parent / "sushibelt").is_file()


def test_what_is_imported_is_declared_and_light() -> None:
    code = (
        "import sys; before = set(sys.modules); import pkgutil, importlib, sushibelt\n"
        "for m in pkgutil.walk_packages(sushibelt.__path__, 'sushibelt.'):\n"
        "    m.name.endswith('__main__') or importlib.import_module(m.name)\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = set(said.stdout.split())
    assert not loaded & HEAVY
    project = tomllib.loads((ROOT / "sushibelt" / "pyproject.toml").read_text())["project"]
    declared = {word.partition(">")[0] for word in project["dependencies"]}
    assert declared == {"httpx", "numpy", "rich", "typer", "websockets"}
    assert declared <= loaded, "declared and not used"
