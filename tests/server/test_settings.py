"""Settings: each wrong value is said with its variable and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.settings import Settings, SettingsError, load, parse_images, unknown


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load({})
    assert (settings.host, settings.port, settings.device) == ("127.0.0.1", 8000, "auto")
    assert settings.loopback
    assert settings.lessons
    monkeypatch.setenv("SUSHIBELT_PORT", "")
    assert load().port == 8000


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SUSHIBELT_PORT", "abc", "valid integer"),
        ("SUSHIBELT_PORT", "70000", "65535"),
        ("SUSHIBELT_DEVICE", "tpu", "cuda:N"),
        ("SUSHIBELT_IMAGES", "cats", "name=path"),
        ("SUSHIBELT_IMAGES", "Cats=/x", "lower-case"),
        ("SUSHIBELT_IMAGES", "a=/x,a=/y", "twice"),
        ("SUSHIBELT_ALLOWED_ORIGINS", "course.example", "https://course.example"),
        ("SUSHIBELT_LESSONS", "maybe", "true or false"),
        ("SUSHIBELT_DATA_DIR", __file__, "not a folder"),
        ("SUSHIBELT_MAX_VIEWERS", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert str(caught.value).startswith(f"{variable}=")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_images_are_parsed() -> None:
    assert parse_images("cats=/data/a=b.zip, dogs=/d,") == {
        "cats": Path("/data/a=b.zip"),
        "dogs": Path("/d"),
    }


def test_a_typing_error_is_noticed() -> None:
    lines = unknown({"SUSHIBELT_PROT": "1", "SUSHIBELT_PORT": "1", "PATH": ""})
    assert lines == ["SUSHIBELT_PROT is not a setting; did you mean SUSHIBELT_PORT?"]


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
