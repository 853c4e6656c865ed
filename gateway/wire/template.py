"""What a media process and the template of its bots say to each other, and the template and its children.

JSON, a line a message, over a Unix stream socket; descriptors cross beside the line that needs them.
"""

from __future__ import annotations

from collections import deque
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from gateway.errors import BY_CODE, GatewayError
from gateway.wire.calls import BotJob, Exit, Wire, Words

RUNNER: Final = "gateway.bot.run"
"""The module whose `run(sock, job)` is what a bot's process does."""
LOAD_SECONDS: Final = 60.0
"""For one bot to be imported, the first time on a slow machine."""
BELOW_MAIN: Final = 'what it runs belongs below `if __name__ == "__main__":`'
"""What is to be done where an import never ends."""
MAX_LINE: Final = 4 << 20
"""Bytes. An offer's body may be that long where a setting allows it; a longer line is a fault of ours."""
MAX_DESCRIPTORS: Final = 64
"""Taken in at once. What carries none is read together with what does, so a few calls' worth may come."""


Role = Literal["bot", "engines"]


class Fault(Wire):
    """An error of our tree, as it crosses."""

    code: str
    message: Words
    remedy: Words = ""

    @classmethod
    def of(cls, error: GatewayError) -> Fault:
        return cls(code=error.code, message=error.message, remedy=error.remedy)

    def error(self) -> GatewayError:
        """The same as itself again."""
        return BY_CODE.get(self.code, GatewayError)(self.message, remedy=self.remedy)


class Start(Wire):
    """To the template, first and once: load these bots. `forks` is false where a fork is not to be had."""

    kind: Literal["start"] = "start"
    settings: dict[str, Any]
    worker: int
    bots: list[str]
    runner: str = RUNNER
    forks: bool = True


class Fork(Wire):
    """To the template: a bot for this job. With it come the bot's socket and where its output goes."""

    kind: Literal["fork"] = "fork"
    number: int
    job: BotJob


class Signal(Wire):
    """To the template: signal a bot and all of its group."""

    kind: Literal["signal"] = "signal"
    number: int
    name: Literal["SIGTERM", "SIGKILL"]


class Loading(Wire):
    """The template is about to import this bot, which may be the end of it."""

    kind: Literal["loading"] = "loading"
    bot: str


class Loaded(Wire):
    """It has been imported, and the template is still there."""

    kind: Literal["loaded"] = "loaded"
    bot: str


class Ready(Wire):
    """Calls with this bot can begin."""

    kind: Literal["ready"] = "ready"
    bot: str


class Failed(Wire):
    """This bot cannot be loaded, or what it needs cannot be prepared."""

    kind: Literal["failed"] = "failed"
    bot: str
    fault: Fault


class Forked(Wire):
    """A bot's process is there."""

    kind: Literal["forked"] = "forked"
    number: int
    pid: int


class Refused(Wire):
    """There is no process for a job."""

    kind: Literal["refused"] = "refused"
    number: int
    fault: Fault


class Exited(Wire):
    """A bot's process is gone, with all that it had started."""

    kind: Literal["exited"] = "exited"
    number: int
    exit: Exit


class Birth(Wire):
    """To a child that was not forked from the template and knows nothing: what it is."""

    kind: Literal["birth"] = "birth"
    settings: dict[str, Any]
    worker: int
    bot: str
    runner: str
    role: Role


class Work(Wire):
    """To a child that waits: its job, and what the engines have set in the environment. Descriptors as with `Fork`."""

    kind: Literal["work"] = "work"
    job: BotJob
    environment: dict[str, str]


class Prepared(Wire):
    """From a child that holds a bot's engines: they are there, and have set this in the environment."""

    kind: Literal["prepared"] = "prepared"
    environment: dict[str, str]


class Raised(Wire):
    """From a child, last of all: what ended it. `lasting` where another try would meet the same."""

    kind: Literal["raised"] = "raised"
    detail: Words
    fault: Fault
    lasting: bool


Message = (
    Start
    | Fork
    | Signal
    | Loading
    | Loaded
    | Ready
    | Failed
    | Forked
    | Refused
    | Exited
    | Birth
    | Work
    | Prepared
    | Raised
)
_ADAPTER: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


class TemplateError(Exception):
    """What came is no message of ours."""


def encode(message: Message) -> bytes:
    """The line of a message."""
    return message.model_dump_json().encode() + b"\n"


class Lines:
    """Bytes and descriptors in, messages out. A message's descriptors have come no later than its last byte."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.descriptors: deque[int] = deque()

    def take(self, data: bytes, descriptors: list[int] | None = None) -> list[Message]:
        """Add what was received; the messages that are whole by now.

        Raises:
            TemplateError: a line is too long, or no message.
        """
        self.descriptors.extend(descriptors or ())
        self._bytes += data
        *lines, rest = self._bytes.split(b"\n")
        self._bytes = bytearray(rest)
        if len(self._bytes) > MAX_LINE:
            raise TemplateError(f"a line of more than {MAX_LINE} bytes")
        return [_decode(line) for line in lines]


def _decode(line: bytearray) -> Message:
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError as error:
        raise TemplateError(f"no message: {error.errors(include_input=False)[0]['msg']}") from error
