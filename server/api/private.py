"""Private runs in pages: embeds, their tokens, and the tickets that a page gets for one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from server.access import no_such_run
from server.api.deps import RunDep, ServiceDep
from server.api.schemas import Name
from server.embeds import Embed
from server.errors import Conflict, Unauthorized, responses
from server.pace import Pace
from server.runs import iso
from server.tickets import Ticket
from server.whole import WHOLE

router = APIRouter(prefix="/api/v1", tags=["private"])

DAY = 24 * 3600
MAX_SECONDS = 400 * DAY
WRONG_COSTS = 20.0
"""Only tokens that open nothing cost: a class comes from one address and is never kept out, who tries tokens is done
after thirty."""
NO_STORE = {"Cache-Control": "no-store"}


class NewEmbed(BaseModel):
    """How long the run may be shown, and what the permission is for."""

    model_config = ConfigDict(extra="forbid")
    expires_in: Annotated[int, Field(ge=1, le=MAX_SECONDS, description="Seconds; 400 days at most."), WHOLE] = 30 * DAY
    label: Annotated[Name, Field(description="For people: which page it is for.")] = ""


class EmbedInfo(BaseModel):
    """A permission to show a run in pages."""

    id: str
    run: str
    label: str
    created: str
    expires: str
    expired: bool
    last_used: str | None = Field(description="When a page last got a ticket for its token.")


class MadeEmbed(EmbedInfo):
    """A permission that was just made, with its token."""

    token: str = Field(description="Said here and never again. It only watches, so it may stand in a page.")


class EmbedList(BaseModel):
    """The permissions of a run, newest first."""

    run: str
    embeds: list[EmbedInfo]


class NewTicket(BaseModel):
    """A run and the token of one of its embeds."""

    model_config = ConfigDict(extra="forbid")
    run: Annotated[str, Field(min_length=1, max_length=60, description="Id of the run.")]
    token: Annotated[str, Field(min_length=1, max_length=200, description="Of one of its embeds.", repr=False)]


class TicketResource(BaseModel):
    """What opens the run to the page that asked, for reading."""

    run: str
    ticket: str = Field(
        description="For `Authorization: Bearer`, and on the live socket, as a page sets no headers there, the "
        "subprotocols `sushibelt` and `bearer.TICKET`."
    )
    expires_in: int = Field(description="Seconds. A socket that is open by then stays open.")


def embed_info(embed: Embed) -> EmbedInfo:
    """All that is known of it but the token."""
    used = None if embed.last_used is None else iso(embed.last_used)
    return EmbedInfo(
        id=embed.id,
        run=embed.run,
        label=embed.label,
        created=iso(embed.created),
        expires=iso(embed.expires),
        expired=embed.over,
        last_used=used,
    )


@router.post(
    "/runs/{run_id}/embeds",
    operation_id="create_embed",
    status_code=201,
    responses=responses(404, 409, 422, 429, 503),
)
async def create_embed(run: RunDep, body: NewEmbed, service: ServiceDep, response: Response) -> MadeEmbed:
    """Let pages show a private run: the answer has a token, once. It goes into the fragment of a frame's address or
    into the `token` of an element, watches and changes nothing, and ends when it expires or is revoked. A run has 100
    at most."""
    if run.key_hash is None:
        raise Conflict("this run is public: pages show it without a token", code="not_private")
    async with run.lock:
        if run.id not in service.runs:
            raise no_such_run(run.id)
        embed, token = await service.embeds.make(run, body.expires_in, body.label)
    response.headers.update(NO_STORE | {"Location": f"/api/v1/runs/{run.id}/embeds/{embed.id}"})
    return MadeEmbed(**dict(embed_info(embed)), token=token)


@router.get("/runs/{run_id}/embeds", operation_id="list_embeds", responses=responses(404, 422))
async def list_embeds(run: RunDep, service: ServiceDep) -> EmbedList:
    """The permissions that a run has given, newest first, when each ends and when it was last used. Their tokens are
    not kept."""
    return EmbedList(run=run.id, embeds=[embed_info(embed) for embed in service.embeds.of(run.id)])


@router.delete(
    "/runs/{run_id}/embeds/{embed_id}", operation_id="revoke_embed", status_code=204, responses=responses(404, 422, 503)
)
async def revoke_embed(
    run: RunDep,
    service: ServiceDep,
    embed_id: Annotated[str, Path(max_length=60, description="Id of an embed.")],
) -> Response:
    """Take a permission back. Its token opens nothing any more, and pages that show the run by it are closed."""
    await service.embeds.revoke(run, embed_id)
    return Response(status_code=204)


@router.post("/tickets", operation_id="create_ticket", status_code=201, responses=responses(401, 422, 429))
async def create_ticket(request: Request, body: NewTicket, service: ServiceDep, response: Response) -> TicketResource:
    """Trade an embed's token for a ticket. The ticket reads what pieces show, the run, its events and its recording,
    and opens its live socket, for a minute and for pages of the origin that asked; ask again when it is needed again.
    401 where the token is of no embed in force: it has expired, was revoked, or never was one."""
    address = request.client.host if request.client else ""
    embed = await service.embeds.redeem(body.run, body.token)
    if embed is None:
        pace: Pace = service.ticket_pace
        pace.check(address)
        pace.spend(address, WRONG_COSTS)
        detail = "this token opens no run here: it has expired, was revoked, or never did; ask who gave it to you"
        raise Unauthorized(detail, code="embed_ended")
    response.headers.update(NO_STORE)
    ticket = service.tickets.make(Ticket(embed.run, embed.id, request.headers.get("origin")))
    return TicketResource(run=embed.run, ticket=ticket, expires_in=int(service.tickets.seconds))
