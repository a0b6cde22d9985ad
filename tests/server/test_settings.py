"""Settings: each wrong value is said with its variable and the fix."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from server.settings import Settings, SettingsError, load, parse_images, unknown
from server.store.address import name_of
from server.store.database import Database


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
        ("SUSHIBELT_EMBED_ORIGINS", "https://a.example; script-src *", "https://course.example"),
        ("SUSHIBELT_EMBED_ORIGINS", "https://a.example,any", "'any'"),
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


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("belt", "is not a URL"),
        ("mysql://u:secretword@host/db", "another word than postgresql://"),
        ("postgresql+asyncpg://u:secretword@host/db", "another word than postgresql://"),
        ("sqlite:///secretword.db", "leave it empty for a SQLite file"),
        ("postgresql://u:secretword@host", "name of one database"),
        ("postgresql://u:secretword@host/", "name of one database"),
        ("postgresql://u:secretword@host/a/b", "name of one database"),
        ("postgresql://u:secretword@host:99999/db", "host and port"),
        ("postgresql://u:secretword@host:0/db", "port 0"),
        ("postgresql://u:secret/word@host/db", "%2F"),
        ("postgresql://u:12/secretword@host/db", "name of one database"),
        ("postgresql://u:12?secretword@host/db", "name of one database"),
        ("postgresql://u:12#secretword@host/db", "has a #"),
        ("postgresql://u:secretword@[::1/db", "host and port"),
    ],
)
def test_a_wrong_database_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("SUSHIBELT_DATABASE_URL", url)
    with pytest.raises(SettingsError) as caught:
        load()
    line = str(caught.value)
    assert line.startswith("SUSHIBELT_DATABASE_URL=***: ")
    assert said in line
    assert "\n" not in line
    assert "secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secretword@host:5433/db", "the PostgreSQL database 'db' on host:5433"),
        ("postgres://u:p%40secretword@host/db?sslmode=require", "the PostgreSQL database 'db' on host"),
        ("postgresql:///db?host=/var/run/postgresql", "the PostgreSQL database 'db' on this machine"),
    ],
)
def test_a_database_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str, shown: str) -> None:
    monkeypatch.setenv("SUSHIBELT_DATABASE_URL", f" {url} ")
    settings = load()
    assert settings.database == url
    assert name_of(url) == Database(url).name == shown
    assert "secretword" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_without_a_url_the_database_is_a_file_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUSHIBELT_DATA_DIR", str(tmp_path))
    assert load().database == tmp_path / "sushibelt.db"
