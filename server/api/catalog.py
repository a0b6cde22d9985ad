"""Everything that a client may choose from, made from the tables of the trainers."""

from __future__ import annotations

import types
from functools import cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import annotated_types
from fastapi import APIRouter, Response

from server import __version__
from server.api.catalog_schemas import Catalog, DeviceInfo, ImageSetInfo, MethodInfo, PhaseInfo, PresetInfo, SettingInfo
from server.api.deps import ServiceDep
from server.api.etags import CONDITIONAL, IfNoneMatch, conditional
from server.errors import responses
from server.service import Service
from trainers.config import (
    ENCODERS,
    KNOBS,
    METHOD_DEFAULTS,
    METHOD_TITLES,
    METHODS,
    PRESETS,
    RunConfig,
    setting_methods,
)
from trainers.figures import figures_table
from trainers.phases import PHASE_TITLES, PHASES

router = APIRouter(prefix="/api/v1", tags=["catalog"])

ATLAS_COLUMNS, THUMB = 64, 32
TYPES: dict[type, Literal["integer", "number", "boolean", "string"]] = {
    int: "integer",
    float: "number",
    bool: "boolean",
    str: "string",
}


@router.get("/catalog", operation_id="get_catalog", response_model=Catalog, responses={**responses(), **CONDITIONAL})
async def get_catalog(service: ServiceDep, if_none_match: IfNoneMatch = None) -> Response:
    """Methods, presets, image sets with their state, settings with their ranges, figures, devices."""
    return conditional(catalog(service), if_none_match)


def catalog(service: Service) -> Catalog:
    """Everything that a client may choose from, as it is now."""
    engine = service.engine
    return Catalog(
        version=__version__,
        methods=[
            MethodInfo(
                name=method,
                title=METHOD_TITLES[method],
                knobs=[knob for knob in KNOBS if method in setting_methods(knob)],
                defaults=RunConfig.model_validate({"method": method}).model_dump(mode="json"),
                phases=[PhaseInfo(name=name, sentence=PHASE_TITLES[name]) for name in PHASES[method]],
            )
            for method in METHODS
        ],
        presets=[PresetInfo(**preset.model_dump()) for preset in PRESETS.values()],
        images=image_sets(service),
        encoders=list(ENCODERS),
        settings=settings_table(),
        figures=figures_table(),
        device=engine.device,
        devices=[DeviceInfo(**device) for device in engine.devices],
        lessons=service.lessons(),
    )


def image_sets(service: Service) -> list[ImageSetInfo]:
    """All image sets as the worker last described them."""
    found = []
    for name, info in service.engine.images.items():
        atlas = f"/api/v1/images/{name}/atlas/{{page}}"
        if info["digest"]:
            atlas += f"?v={info['digest']}"
        found.append(ImageSetInfo(**info, atlas=atlas, atlas_columns=ATLAS_COLUMNS, thumb=THUMB))
    return found


@cache
def settings_table() -> dict[str, SettingInfo]:
    """Every field of a run's config as a client needs it to draw a control."""
    table = {}
    for name, field in RunConfig.model_fields.items():
        kind, choices, bounds = _unwrap(field.annotation)
        for constraint in (*field.metadata, *bounds):
            if isinstance(constraint, annotated_types.Ge):
                bounds = [*bounds, constraint]
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        low, high = _range((*field.metadata, *bounds))
        step = cast("float | None", extra.get("step"))
        table[name] = SettingInfo(
            title=field.title or name,
            description=field.description or "",
            default=None if field.is_required() else field.default,
            minimum=low,
            maximum=high,
            step=1 if step is None and kind is int else step,
            unit=str(extra.get("unit", "")),
            methods=list(setting_methods(name)),
            live=name in KNOBS,
            type=TYPES[kind],
            choices=choices,
        )
    return table


def _range(metadata: tuple[Any, ...]) -> tuple[float | None, float | None]:
    low = next((float(cast("Any", m).ge) for m in metadata if isinstance(m, annotated_types.Ge)), None)
    high = next((float(cast("Any", m).le) for m in metadata if isinstance(m, annotated_types.Le)), None)
    return low, high


def _unwrap(annotation: Any) -> tuple[type, list[str] | None, list[Any]]:
    """The plain type of a field, its choices, and constraints that hide inside `X | None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        kind, choices, bounds = _unwrap(get_args(annotation)[0])
        return kind, choices, [*bounds, *get_args(annotation)[1:]]
    if origin in {Union, types.UnionType}:
        return _unwrap(next(part for part in get_args(annotation) if part is not type(None)))
    if origin is Literal:
        return str, [str(choice) for choice in get_args(annotation)], []
    return annotation, None, []


__all__ = ["METHOD_DEFAULTS", "router", "settings_table"]
