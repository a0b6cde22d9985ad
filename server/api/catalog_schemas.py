"""What the catalog lists, as models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class ImageSetInfo(BaseModel):
    """An image set of the catalog."""

    name: str
    title: str
    kind: Literal["builtin", "folder", "download"]
    state: Literal["ready", "unloaded", "not_downloaded", "broken"]
    error: str | None
    count: int | None
    classes: list[str]
    size: int
    digest: str | None
    source: str
    licence: str
    page_count: int | None
    notes: list[str] = []
    atlas: str = Field(description="Template of a sheet of thumbnails; put a page number for {page}.")
    atlas_columns: int
    thumb: int


class PhaseInfo(BaseModel):
    """A part of a step, in the order in which they are taken."""

    name: str
    sentence: str


class MethodInfo(BaseModel):
    """A learner."""

    name: str
    title: str
    knobs: list[str]
    defaults: dict[str, Any]
    phases: list[PhaseInfo] = Field(description="The parts that `phase` takes a step in, in order.")


class PresetInfo(BaseModel):
    """A named set of values, each with its source."""

    name: str
    method: str
    source: str
    title: str
    values: dict[str, Any]
    sources: dict[str, str] = Field(description="For each value, the place that states it.")
    departures: list[str] = Field(description="What of the source is done otherwise here.")


class SettingInfo(BaseModel):
    """One setting of a run: range, default and whether it may change live."""

    title: str
    description: str
    default: Any
    minimum: float | None
    maximum: float | None
    step: float | None
    unit: str
    methods: list[str]
    live: bool
    type: Literal["integer", "number", "boolean", "string"]
    choices: list[str] | None


class DeviceInfo(BaseModel):
    """A device of this machine."""

    name: str
    kind: str
    title: str = ""


class Catalog(BaseModel):
    """Everything that a client may choose from."""

    version: str
    methods: list[MethodInfo]
    presets: list[PresetInfo]
    images: list[ImageSetInfo]
    encoders: list[str]
    settings: dict[str, SettingInfo]
    figures: dict[str, dict[str, Any]]
    device: str = Field(description="Where runs train; empty while the worker starts.")
    devices: list[DeviceInfo]
    lessons: dict[str, str]
