"""Signalling as Pipecat's SmallWebRTC clients speak it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from loguru import logger
from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.types import Message

from gateway.front.access import Caller
from gateway.front.parts import Gateway
from gateway.front.routes.common import TheCaller, TheGateway, arrived_on, responses
from gateway.front.switchboard import Offered
from gateway.ice_servers import PUBLIC
from gateway.wire import plain
from gateway.wire.calls import Answer, CandidateItem


class _Json(APIRoute):
    """Its body is JSON, whatever it is said to be, as at Pipecat's runner: `fetch` says `text/plain`, curl a form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            request.scope["headers"] = [x for x in request.scope["headers"] if x[0] != b"content-type"]
            return await handle(request)

        return handler


class _JsonOrNothing(_Json):
    """What is no JSON counts as nothing, as in `/start` of Pipecat's runner."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                await request.json()
            except (ValueError, RecursionError) as error:
                if await request.body():
                    logger.warning("the body of a {} is left out: {}", request.url.path, error)
                request = Request(request.scope, _nothing)
            return await handle(request)

        return handler


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


router = APIRouter(tags=["signalling"], route_class=_Json)
starting = APIRouter(tags=["signalling"], route_class=_JsonOrNothing)

_PROBLEMS = responses(401, 403, 413, 422, 429, 502, 503)
_SESSION_PROBLEMS = responses(401, 403, 404, 413, 422, 429, 502, 503)


def _plain(value: Any) -> Any:
    """What crosses to a worker and reaches a bot; raises the ValueError that pydantic expects."""
    if (why := plain.fault(value)) is not None:
        raise ValueError(why)
    return value


Plain = Annotated[Any, AfterValidator(_plain)]


class OfferBody(BaseModel):
    """An offer; `request_data` goes to the bot, and `request_data.device` says what device it is."""

    model_config = ConfigDict(extra="ignore")

    sdp: str
    type: Literal["offer"]
    pc_id: Annotated[str | None, Field(validation_alias=AliasChoices("pc_id", "pcId"))] = None
    restart_pc: Annotated[bool | None, Field(validation_alias=AliasChoices("restart_pc", "restartPc"))] = None
    request_data: Annotated[Plain, Field(validation_alias=AliasChoices("request_data", "requestData"))] = None


class CandidateBody(BaseModel):
    """One candidate, by Pipecat's names or a browser's; an empty one says that there are no more."""

    model_config = ConfigDict(extra="ignore")

    candidate: str | None = None
    sdp_mid: Annotated[str | None, Field(validation_alias=AliasChoices("sdp_mid", "sdpMid"))] = None
    sdp_mline_index: Annotated[
        int | None, Field(validation_alias=AliasChoices("sdp_mline_index", "sdpMLineIndex"))
    ] = None

    def item(self) -> CandidateItem:
        return CandidateItem(
            candidate=self.candidate or "", sdp_mid=self.sdp_mid, sdp_mline_index=self.sdp_mline_index
        )


class PatchBody(BaseModel):
    """Candidates trickled after the offer."""

    pc_id: Annotated[str, Field(validation_alias=AliasChoices("pc_id", "pcId"))]
    candidates: Annotated[list[CandidateBody], Field(max_length=64)]

    def items(self) -> list[CandidateItem]:
        return [candidate.item() for candidate in self.candidates]


class Done(BaseModel):
    """What a PATCH answers."""

    status: Literal["success"] = "success"


class StartBody(BaseModel):
    """A `/start` of Pipecat's clients; only WebRTC is served here."""

    model_config = ConfigDict(extra="ignore")

    transport: Literal["webrtc"] | None = None
    body: Plain = Field(default_factory=dict)
    enableDefaultIceServers: Annotated[bool, BeforeValidator(bool)] = False  # noqa: N815 -- Pipecat's name


class IceConfig(BaseModel):
    """STUN and TURN servers for the client."""

    iceServers: list[dict[str, Any]]  # noqa: N815 -- the browsers' name


class Started(BaseModel):
    """The session to make an offer to, and the servers that lead there, if any are needed."""

    sessionId: str  # noqa: N815 -- Pipecat's name
    fileUploadUrl: str | None = None  # noqa: N815 -- Pipecat's name
    iceConfig: IceConfig | None = None  # noqa: N815 -- Pipecat's name


class Status(BaseModel):
    """What Pipecat's page asks before it offers its transports."""

    status: Literal["ready"] = "ready"
    transports: list[str] = ["webrtc"]


class Challenge(BaseModel):
    """A nonce that an offer proves its key with, once and soon."""

    nonce: str


@router.get("/api/challenge")
async def challenge(gateway: TheGateway) -> Challenge:
    """Ask for a nonce, so that a key need not be sent."""
    return Challenge(nonce=gateway.challenges.nonce())


@router.post("/api/offer", responses=_SESSION_PROBLEMS, response_model_exclude_none=True)
async def offer(body: OfferBody, request: Request, gateway: TheGateway, caller: TheCaller) -> Answer:
    """Answer an offer; one that names a `pc_id` belongs to the call that has it."""
    return await _offer(gateway, caller, body, request, None)


@router.patch("/api/offer", responses=_SESSION_PROBLEMS)
async def trickle(body: PatchBody, gateway: TheGateway, caller: TheCaller) -> Done:
    """Add candidates to a call."""
    await gateway.switchboard.patch(body.pc_id, body.items(), caller)
    return Done()


@starting.post("/start", responses=_PROBLEMS, response_model_exclude_none=True)
async def start(gateway: TheGateway, caller: TheCaller, body: StartBody | None = None) -> Started:
    """Reserve a session; its bot starts when the offer comes."""
    body = body or StartBody()
    servers = [server.told() for server in gateway.settings.ice_servers]
    if body.enableDefaultIceServers and not servers:
        servers = [PUBLIC]
    config = IceConfig(iceServers=servers) if servers else None
    session_id = await gateway.switchboard.reserve(body.body, caller)
    files = f"/sessions/{session_id}/files" if gateway.uploads is not None else None
    return Started(sessionId=session_id, fileUploadUrl=files, iceConfig=config)


@router.head("/status", include_in_schema=False)
@router.get("/status")
async def status() -> Status:
    """Say which transports there are."""
    return Status()


@router.post(
    "/sessions/{session_id}/api/offer", responses=_SESSION_PROBLEMS, response_model_exclude_none=True
)
async def session_offer(
    session_id: str, body: OfferBody, request: Request, gateway: TheGateway, caller: TheCaller
) -> Answer:
    """Answer the offer of a session that `/start` reserved."""
    return await _offer(gateway, caller, body, request, session_id)


@router.patch("/sessions/{session_id}/api/offer", responses=_SESSION_PROBLEMS)
async def session_trickle(session_id: str, body: PatchBody, gateway: TheGateway, caller: TheCaller) -> Done:
    """Add candidates to the call of a session."""
    del session_id  # the pc_id says it as well
    await gateway.switchboard.patch(body.pc_id, body.items(), caller)
    return Done()


async def _offer(
    gateway: Gateway, caller: Caller, body: OfferBody, request: Request, session_id: str | None
) -> Answer:
    offered = Offered(body.sdp, body.type, body.pc_id, bool(body.restart_pc), body.request_data)
    answer = await gateway.switchboard.offer(
        offered, caller, arrived_on=arrived_on(request), session_id=session_id
    )
    if caller.proven is None:
        return answer
    return answer.model_copy(update={"proof": caller.proven.of_answer(answer.sdp)})
