"""What the front process and the workers say to each other about calls; plain values, checked at the edge."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateway.errors import BadRequest
from gateway.wire import plain
from gateway.wire.sdp import Client

Words = Annotated[str, BeforeValidator(plain.text)]
"""What an error says: a file's name in it need not be UTF-8."""


class Unreadable(BadRequest):
    """What another process has told is nothing that can be read here."""

    code = "unreadable"


class Wire(BaseModel):
    """A value that crosses the process boundary."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def told(cls, body: Any) -> Self:
        """From a process that may be of another version, without what of it is not known here; raises Unreadable."""
        try:
            return cls.model_validate(body, extra="ignore")
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Unreadable(f"a message is no {cls.__name__}: {where}: {first['msg']}") from None


class OfferCall(Wire):
    """A new call.

    `address` is the local address that the offer arrived on, `remote` the client's.
    """

    session_id: str
    sdp: str
    type: str
    request_data: Any = None
    client: Client
    device: str | None
    bot: str
    address: str
    remote: str
    owner: dict[str, Any] = {}
    """Whose it is, in the front's own words, which the media keep for the front that comes after it."""
    seal: str = ""
    """By which fronts know that again (front/places/seals.py)."""

    @property
    def parts(self) -> list[str] | None:
        """What the device says it has (docs/protocol.md); None where it does not say."""
        device = self.request_data.get("device") if isinstance(self.request_data, dict) else None
        has = device.get("has") if isinstance(device, dict) else None
        return has[:64].split() if isinstance(has, str) else None


class RenegotiateCall(Wire):
    """A new offer for a call that is there, or that starts again with `restart_pc`."""

    session_id: str
    sdp: str
    type: str
    restart_pc: bool
    address: str


class CandidateItem(Wire):
    """One trickled candidate, as Pipecat's clients send it; an empty one says that there are no more."""

    candidate: str
    sdp_mid: str | None = None
    sdp_mline_index: int | None = None


class Asked(Wire):
    """What a call that is there is asked, beside an offer and its end; it crosses with its name."""

    NAME: ClassVar[str]

    session_id: str


class PatchCall(Asked):
    """Candidates trickled after the offer."""

    NAME = "patch"
    candidates: list[CandidateItem]


class CommandCall(Asked):
    """A command for the device of a call (docs/protocol.md, data channel)."""

    NAME = "command"
    command: str
    value: Any = None
    id: str | None = None
    """That its result is to name."""


class SayCall(Asked):
    """Something to be said to a client beside its bot, before anything else (`media.announcing`)."""

    NAME = "say"
    number: int
    """Of the promise; the end of it is told with this."""
    text: str = ""
    sound: Literal["none", "chime", "ring"] = "none"
    volume: int = 0
    """How loud a device is at least meanwhile, though muted; 0 leaves it as it is."""
    until_stopped: bool = False
    """Again and again, until somebody stops it."""


class HushCall(Asked):
    """Say no more of what is being said or waits to be; all of it without a number."""

    NAME = "hush"
    number: int | None = None


class WakeCall(Asked):
    """Have a device listen that waits for its word or its button; one that listens always does anyway."""

    NAME = "wake"


class AnswerCall(Asked):
    """The answer to what a bot has asked the gateway for (`talk.Ask`)."""

    NAME = "answer"
    id: int
    ok: bool
    result: Any = None
    """What was asked for; else why there is none, as `{"code": …, "message": …, "remedy": …}`."""


Order = tuple[float, int]
"""Which of all calls one is, where several fronts take them: later ones are greater."""


class PlacedCall(Asked):
    """What a front has said of a call that it gave this host, kept for the host's next start (`KeptCall`)."""

    NAME = "placed"
    order: Order | None
    seal: str


ASKED: Final[dict[str, type[Asked]]] = {
    kind.NAME: kind for kind in (PatchCall, CommandCall, SayCall, HushCall, WakeCall, AnswerCall, PlacedCall)
}


class PhoneCall(Wire):
    """A call on the phone, whose provider has connected; what it says comes as `LineMessage`."""

    session_id: str
    provider: str
    bot: str
    remote: str


class LineMessage(Wire):
    """One message of the WebSocket of a call on the phone, either way: `text`, or `data` in base64."""

    session_id: str
    text: str | None = None
    data: str | None = None


class EndCall(Wire):
    """End a call; the client is told the reason."""

    session_id: str
    reason: str


class Answer(Wire):
    """The answer to an offer, as a SmallWebRTC client expects it; with our id of the session for the page."""

    sdp: str
    type: str
    pc_id: str
    session_id: str | None = None
    resumed: bool | None = None
    """That the call goes on, with its bot, over a new connection."""
    proof: str | None = None
    """That we have the key which the offer proved."""


class BotJob(Wire):
    """What a bot's process is to do: hold this call with this bot."""

    session_id: str
    bot: str
    body: Any = None
    """What the client gave for the bot, as it came."""
    own: dict[str, Any] = {}
    """What the gateway tells bots that know it: its settings, and whose call it is."""
    device: str | None
    pc_id: str
    whole: bool = False
    """Whether the bot's process has the whole connection: the call has video."""
    phone: str | None = None
    """The provider of a call on the phone: the bot is given its WebSocket, and no connection."""
    packed: bool = False
    """Whether it is to hold several calls, which come over its socket as `template.Fork`; then this is no call."""


class Exit(Wire):
    """How a bot ended. `detail` says it in words: the exception, the exit status or the signal."""

    how: Literal["returned", "raised", "exited", "killed"]
    detail: Words = ""

    @classmethod
    def by(cls, error: SystemExit) -> Self:
        """Of a bot that has called `sys.exit`."""
        return cls(how="exited", detail=f"exit status {error.code}") if error.code else cls(how="returned")


class KeptCall(Wire):
    """A call that has outlived its front, for the next one."""

    session_id: Annotated[str, Field(max_length=128)]
    pc_id: Annotated[str, Field(max_length=2_000)]
    device: str | None
    owner: dict[str, Any]
    described: dict[str, Any]
    order: Order | None = None
    seal: str = ""
    placed: str = ""
    """By which fronts know that they gave it to this host, in this order."""


class KeptCalls(Wire):
    """All of a media process."""

    worker: int
    calls: list[KeptCall]


EventKind = Literal[
    "session", "ended", "transcript", "turn", "report", "measures", "tool", "said", "ask", "line"
]
"""`said`: how something ended that was to be said; `ask`: what a bot asks for; `line`: what it says to the provider of
a call on the phone. These are the front's, not the page's."""


class SessionEvent(Wire):
    """Something that happened in a call. `data` is the body of the page's event of the same name."""

    kind: EventKind
    session_id: str
    data: dict[str, Any]


def dump(value: BaseModel) -> dict[str, Any]:
    """A wire value as JSON holds it."""
    return value.model_dump(mode="json")
