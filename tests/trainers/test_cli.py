"""`python -m trainers`: what it shows, and what it says to bad options."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from cli_running import QUEUE, ROOT, SMALL

from trainers.cli import screen
from trainers.cli.main import main
from trainers.config import PRESETS, RunConfig

pytestmark = pytest.mark.usefixtures("threads")


def test_the_table_names_figures_with_their_units(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    words = ["moco", *SMALL, *QUEUE, "--steps", "2", "--evaluate", "--out", str(tmp_path), "--data-dir", str(data)]
    assert main(words) == 0
    out, err = capsys.readouterr()
    for line in (
        r"Loss +│ +[\d.]+ │ nats",
        r"Images a second +│ +[\d.,]+ │ images/s",
        r"Peak memory +│ +[\d.,]+ │ MiB",
        r"Consistency +│ +[\d.]+ │",
        r"kNN, backbone +│ +0\.\d+ │",
        r"Linear probe, head, untrained +│ +0\.\d+ │",
        r"Scores: share right of 297 pictures \(.*; chance is 0\.1\.",
    ):
        assert re.search(line, out), line
    assert str(tmp_path / "checkpoint.safetensors") in out
    assert re.search(r"step 2 of 2  loss [\d.]+  accuracy \d+%  consistency [\d.]+", err)


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = screen.make_screen(quiet=False)
    for count in range(1_000):
        shown.loading(count / 1_000, f"folder: {64 * count:,} pictures read")
    shown.begin(0, 900)
    for step in range(1, 900):
        shown.show(step, {"loss": 2.0, "steps_per_second": 10.0})
    shown.end()
    assert capsys.readouterr().err.splitlines() == [
        "folder: 0 pictures read",
        "step 1 of 900  loss 2.000  10.0 steps/s  90 s left",
        "step 899 of 900  loss 2.000  10.0 steps/s  0 s left",
    ]
    monkeypatch.setattr(screen, "LINE_SECONDS", 0.0)
    shown = screen.make_screen(quiet=False)
    for step in (1, 2):
        shown.loading(0.0, f"{step} read")
        shown.show(step, {})
    assert capsys.readouterr().err.splitlines() == ["1 read", "step 1", "2 read", "step 2"]


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, outer = pty.openpty()
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(outer, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        shown = screen.make_screen(quiet=False)
        shown.loading(0.5, "drawing plates")
        shown.begin(3, 20)
        shown.show(7, {"loss": 1.25, "accuracy": 0.5, "consistency": 0.75, "steps_per_second": 10.0})
        shown.note("step 8: momentum is now 0.5")
        shown.end()
        text = ""
        while select.select([inner], [], [], 0.3)[0]:
            text += os.read(inner, 10_000).decode()
    os.close(inner)
    for words in ("7/20", "loss 1.250", "accuracy 50%", "consistency 0.750", "10.0 steps/s", "momentum is now 0.5"):
        assert words in text


# What is asked for badly.


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "METHOD: give one of memory_bank, moco, simclr, or a --preset"),
        ("byol", "METHOD: give one of memory_bank, moco, simclr, not byol"),
        ("lesson-belt", "METHOD: lesson-belt is a preset; write --preset lesson-belt"),
        ("moco simclr", "simclr: one METHOD is enough"),
        ("--preset none-such", "--preset: there is no preset 'none-such'; choose one of"),
        ("simclr --preset lesson-belt", "--preset: 'lesson-belt' is a preset of moco, not of simclr"),
        ("moco --momentun 0.5", "--momentun: there is no such option; did you mean --momentum?"),
        ("moco --momentum", "--momentum: give a value"),
        ("moco --momentum 1.5", "--momentum: give a number from 0 to 1, not 1.5"),
        ("moco --momentum -0.1", "--momentum: give a number from 0 to 1, not -0.1"),
        ("moco --momentum nan", "--momentum: give a number from 0 to 1, not nan"),
        ("moco --queue-length 2.5", "--queue-length: give a whole number from 1 to 65,536, not 2.5"),
        ("moco --encoder vit", "--encoder: give one of small, resnet18, not vit"),
        ("moco --steps 0", "--steps: give a whole number from 1 to 10,000,000, or none, not 0"),
        ("moco --steps 5 --passes 1", "--passes: give --steps or --passes, not both"),
        ("moco --passes 0", "--passes: give a number above 0, not 0"),
        ("simclr --queue-length 5", "--queue-length: simclr has no such setting"),
        ("moco --at 5", "--at 5: write STEP:KNOB=VALUE"),
        ("moco --at 5:momentun=1", "--at 5:momentun=1: momentun is no knob; did you mean momentum?"),
        ("moco --at 5:seed=1", "--at 5:seed=1: seed is no knob"),
        ("moco --at 5:momentum=2", "--at 5:momentum=2: give momentum a number from 0 to 1"),
        ("simclr --at 5:momentum=0", "--at 5:momentum=0: momentum: simclr has no such knob"),
        ("moco --steps 4 --at 5:momentum=0", "--at 5:momentum=0: the run ends at step 4"),
        ("moco --at 0:momentum=0", "--at 0:momentum=0: steps count from 1"),
        ("moco --device tpu", "--device: give auto, cpu, cuda, cuda:N"),
        ("moco --device cuda:97", "--device cuda:97: torch"),
        ("moco --threads -1", "--threads: give a whole number from 0 to 1,024, not -1"),
        ("moco --save-every x", "--save-every: give a whole number from 0, not x"),
        ("moco --metrics x.txt", "--metrics: give a file name that ends in .csv or .parquet"),
        ("moco --images nowhere", "--images: There is no image set 'nowhere'. Known: sushi"),
        ("moco --images folder", "--images folder: name the folder or archive with --path"),
        ("moco --images sushi --path x", "--path: goes with --images folder, not with --images sushi"),
        ("moco --path /none/such", "--path: /none/such does not exist"),
        ("moco --images digits --batch-size 4096", "--batch-size: a batch of 4096 needs at least 4096 images"),
        ("moco --resume /none/such", "--resume: /none/such cannot be read: No such file"),
        ("moco --resume README.md", "--resume: README.md is damaged or no checkpoint"),
    ],
)
def test_a_bad_option_is_named_in_one_line(
    words: str,
    said: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "README.md").write_text("not a checkpoint")
    monkeypatch.chdir(tmp_path)
    assert main([*words.split(), "--data-dir", str(data), "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"trainers: {said}")
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "--resume: the run has taken its 3 steps; give more --steps to go on, or --evaluate"),
        ("--steps 9 --batch-size 8", "--batch-size: the run has 16 since it began, and keeps it"),
        ("--steps 9 --seed 1", "--seed: the run has 0 since it began"),
        ("moco --steps 9", "METHOD: the run has simclr since it began"),
        ("--steps 9 --path x", "--path: this run trains on --images digits"),
        ("--steps 9 --momentum 0.5", "--momentum: simclr has no such setting"),
        ("--steps 9 --at 3:temperature=1", "--at 3:temperature=1: the run has taken step 3 already"),
    ],
)
def test_what_a_run_cannot_change_is_refused(
    words: str, said: str, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in saved.iterdir()}
    assert main([*words.split(), "--resume", str(saved), "--quiet"]) == 2
    assert capsys.readouterr().err.startswith(f"trainers: {said}")
    assert {path: path.read_bytes() for path in saved.iterdir()} == before


@pytest.fixture(scope="module")
def saved(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that is finished."""
    folder = tmp_path_factory.mktemp("saved")
    assert main(["simclr", *SMALL, "--steps", "3", "--out", str(folder), "--data-dir", str(data), "--quiet"]) == 0
    return folder


def test_a_folder_with_a_run_in_it_is_not_written_over(
    saved: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["simclr", *SMALL, "--steps", "3", "--data-dir", str(data), "--quiet"]
    assert main([*words, "--out", str(saved)]) == 2
    assert "has a run's checkpoint already; give another folder, or go on with --resume" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path), "--metrics", str(saved / "metrics.csv")]) == 2
    assert "metrics.csv is there already; give another name" in capsys.readouterr().err


def test_an_unlabelled_set_cannot_be_evaluated(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from picture_files import picture, write_folder

    pictures = write_folder(tmp_path / "plain", {f"{i}.png": picture(i) for i in range(6)})
    words = ["simclr", "--path", str(pictures), "--batch-size", "4", "--steps", "1", "--out", str(tmp_path / "out")]
    assert main([*words, "--data-dir", str(data), "--evaluate"]) == 2
    assert "trainers: --evaluate: images: evaluation needs labels, and folder has none" in capsys.readouterr().err
    assert main([*words, "--data-dir", str(data), "--quiet"]) == 0


# Help.


def test_help_lists_every_setting_and_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name, field in RunConfig.model_fields.items():
        if name != "method":
            flag = "--" + name.replace("_", "-")
            assert re.search(rf"^  {flag}[ ,]", text, re.MULTILINE), flag
            assert (f" --no-{flag[2:]} " in text.replace("\n", " ")) == (field.annotation is bool)
    assert "python -m trainers moco --images sushi --steps 400 --at 200:momentum=0.5" in text


def test_presets_are_listed_with_their_sources(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["--list-presets"]) == 0
    words = " ".join(re.sub("[│┃]", " ", capsys.readouterr().out).split())
    for name, preset in PRESETS.items():
        assert f"{name} {preset.method} " in words
        assert preset.source.split()[0] in words


def test_help_and_errors_do_not_wait_for_torch(saved: Path) -> None:
    code = (
        "import sys; from trainers.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert main(['--list-presets']) == 0\n"
        "assert main(['moco', '--momentum', '2']) == 2\n"
        f"assert main(['--resume', {str(saved)!r}, '--seed', '8']) == 2\n"
        "sys.exit('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
