"""What the operator sets: environment variables with the prefix SUSHIBELT_.

A wrong value ends the start with one line that names the variable and says what to give instead.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from server.embedding import ANY, OPAQUE
from server.store import address

PREFIX = "SUSHIBELT_"
SECRET = frozenset({"database_url", "metrics_token"})
REPOSITORY = Path(__file__).resolve().parent.parent
SET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,2})?")


class SettingsError(Exception):
    """A setting has a wrong value; the message names the variable and the fix."""


class Settings(BaseSettings):
    """All settings with their defaults. The description of each is its documentation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0: everywhere.")
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on; 0 lets the system choose one.")
    data_dir: Path = Field(Path("./data"), description="Folder for the database, the files of runs, and all caches.")
    database_url: SecretStr = Field(
        SecretStr(""), description="postgresql://user:password@host/database; empty: a SQLite file in the data folder."
    )
    device: str = Field("auto", description="Where runs train: auto, cpu, cuda, cuda:N or mps.")
    images: Annotated[dict[str, Path], NoDecode] = Field(
        default_factory=dict, description="Folders or archives of pictures: name=path, more after a comma."
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="This service's own addresses where a proxy writes another Host, like https://belt.example, "
        "comma separated.",
    )
    embed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Other sites that may show pieces and watch runs, not change them, comma separated; "
        "*: any site, null: sandboxed frames of any site.",
    )
    lessons: bool = Field(True, description="Start the three runs that the lesson page shows: true or false.")
    max_runs: int = Field(16, ge=1, le=1_000, description="Runs queued, running or paused at once.")
    max_stored_runs: int = Field(1_000, ge=3, le=100_000, description="Runs kept in the database.")
    store_gb: float = Field(
        20,
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="Gigabytes that all runs may keep; past it old checkpoints of ended runs go, then the oldest runs.",
    )
    keep_days: float = Field(
        0, ge=0, le=36_500, allow_inf_nan=False, description="Ended runs untouched for so long are deleted; 0: never."
    )
    checkpoint_seconds: float = Field(
        5, ge=0.1, le=3_600, description="Seconds between checkpoints of a run that trains; more where they take long."
    )
    checkpoints: int = Field(6, ge=2, le=1_000, description="Checkpoints kept of a run, spread over its life.")
    checkpoint_mb: float = Field(1_000, gt=0, le=1e7, description="Megabytes they may take; the newest two stay.")
    max_viewers: int = Field(500, ge=1, le=100_000, description="Live sockets at once.")
    threads: int = Field(0, ge=0, le=1_024, description="CPU threads of the worker; 0: all cores but one.")
    recording_mb: float = Field(
        32, ge=0, le=4_000, allow_inf_nan=False, description="Megabytes that a run's recording may take; 0: none."
    )
    viewer_stall_seconds: float = Field(
        30, gt=0, le=3_600, description="A viewer that takes no byte for so long is disconnected."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="Lines of the log: json, text, or auto for text on a terminal and json elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What the log says at least: debug, info, warning or error."
    )
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Who reads /metrics must send it as a bearer token; empty: everybody may."
    )
    web_dir: Path = Field(REPOSITORY / "web" / "dist", description="The built pages.")

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value().strip()
        if url:
            address.check(url)
        return SecretStr(url)

    @field_validator("device")
    @classmethod
    def _device(cls, value: str) -> str:
        if not DEVICE.fullmatch(value):
            raise ValueError("is not a device; give auto, cpu, cuda, cuda:N (like cuda:0) or mps")
        return value

    @field_validator("log_format", "log_level", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("images", mode="before")
    @classmethod
    def _images(cls, value: Any) -> Any:
        return parse_images(value) if isinstance(value, str) else value

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _origins(cls, value: Any) -> Any:
        return parse_origins(value) if isinstance(value, str) else value

    @field_validator("embed_origins", mode="before")
    @classmethod
    def _embed_origins(cls, value: Any) -> Any:
        return parse_origins(value, also=(ANY, OPAQUE)) if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _data_dir(cls, value: Path) -> Path:
        if value.exists() and not value.is_dir():
            raise ValueError(f"{value} is not a folder; give a folder that the service may write to")
        return value.expanduser().absolute()

    @property
    def database(self) -> Path | str:
        """The SQLite file, or the URL of a PostgreSQL database with its password: not to be shown."""
        return self.database_url.get_secret_value() or self.data_dir / "sushibelt.db"

    @property
    def loopback(self) -> bool:
        """True when only this machine can reach the service."""
        return self.host == "localhost" or self.host == "::1" or self.host.startswith("127.")

    @property
    def url(self) -> str:
        """Where a person on this machine should look."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{self.port}"


def parse_origins(text: str, also: Container[str] = ()) -> tuple[str, ...]:
    """`https://a.example, https://b.example` as a tuple, lower case.

    Args:
        also: words that may stand among them.

    Raises:
        ValueError: a part is no origin.
    """
    origins = tuple(part.strip().rstrip("/").lower() for part in text.split(",") if part.strip())
    for origin in origins:
        parts = urlsplit(origin)
        # A space or a semicolon would go on in the content security policy as something else.
        clean = re.fullmatch(r"[a-z0-9:/.\-\[\]]+", origin) is not None
        web = parts.scheme in {"http", "https"} and parts.hostname
        if origin not in also and (not clean or not web or parts.path or parts.query):
            raise ValueError(f"{origin!r} is not an origin; give scheme and host, like https://course.example")
    return origins


def parse_images(text: str) -> dict[str, Path]:
    """`cats=/data/cats.zip,dogs=/d` as a table. A path may hold `=`, not a comma.

    Raises:
        ValueError: an entry has no name, no path, or a name is bad or double.
    """
    found: dict[str, Path] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, equals, path = (part.strip() for part in entry.partition("="))
        if not equals or not path:
            raise ValueError(f"{entry!r} is not name=path; write it like cats=/data/cats.zip")
        if not SET_NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot name an image set; use up to 40 lower-case letters, digits, - and _")
        if name in found:
            raise ValueError(f"{name!r} is given twice; every image set needs a name of its own")
        found[name] = Path(path).expanduser().absolute()
    return found


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment.

    Raises:
        SettingsError: a value is wrong; one line a variable.
    """
    environment = os.environ if environment is None else environment
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for entry in error.errors():
            name = str(entry["loc"][0]) if entry["loc"] else ""
            variable = f"{PREFIX}{name.upper()}"
            message = str(entry["msg"]).removeprefix("Value error, ")
            help_text = Settings.model_fields[name].description if name in Settings.model_fields else ""
            value = "***" if name in SECRET else environment.get(variable, "")
            lines.append(f"{variable}={value}: {message}. ({help_text})")
        raise SettingsError("\n".join(lines)) from None


def unknown(environment: Mapping[str, str] | None = None) -> list[str]:
    """A line for every variable with our prefix that is no setting: most likely a typing error."""
    environment = os.environ if environment is None else environment
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    lines = []
    for variable in environment:
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            near = difflib.get_close_matches(variable.upper(), known, 1)
            lines.append(f"{variable} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    return lines
