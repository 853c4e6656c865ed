"""The sections of the settings, each with its bounds and what it is without being set."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gateway.errors import ConfigError
from ground import folders, text
from ground.trouble import Trouble


def _whole(path: Path) -> Path:
    if path.parts[:1] == ("~",) and folders.home() is None:
        return path
    try:
        return folders.expanded(path)
    except Trouble as error:
        raise ValueError(f"{error.message}; {error.remedy}") from None


def _bot(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{name!a} is not UTF-8: give its file, and the folders above, names that are"
        ) from None
    if not name.strip():
        raise ValueError("it is empty: give a bot, or leave it out")
    return name


BotName = Annotated[str, AfterValidator(_bot)]


def _named(path: Any) -> Any:
    if isinstance(path, str) and not path.strip():  # pathlib takes it for the working directory
        raise ValueError("it is empty: give a path, or leave it out")
    return path


WholePath = Annotated[Path, BeforeValidator(_named), AfterValidator(_whole)]
"""A path whose `~` is spelt out."""


def _url(written: str) -> str:
    """One that can be asked; it is not repeated, for it may have a password in it."""
    try:
        parts = urlsplit(written)
        can_be = bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", written)
    except ValueError:  # a port beyond all that there are, or half a bracket
        can_be = False
    if not can_be:
        raise ValueError("it has no host, or no port that there is: write SCHEME://HOST:PORT")
    return written


def _host(written: str) -> str:
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(written.strip().strip("[]")))
    if not re.fullmatch(r"[^\s/:@\[\]]+", written):
        raise ValueError("write a name or an address alone, without scheme and port")
    return written


HostName = Annotated[str, AfterValidator(_host)]


def _origin(written: str) -> str:
    if written not in {"*", "null"} and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s]+/?", written):
        raise ValueError('write it as a browser does, such as "https://example.com", without a path')
    return written


Origin = Annotated[str, AfterValidator(_origin)]
"""Of a page (RFC 6454)."""


def is_path(option: str) -> bool:
    """Whether an option of an engine is a path, by its name."""
    return option.endswith(("_path", "_dir"))


class EngineSpec(BaseModel):
    """A speech or language engine by the name of its provider, with that provider's options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Annotated[str, Field(min_length=1)]
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_its_paths(self) -> Self:
        for option, value in self.options.items():
            if is_path(option):
                _named(value)
        return self


class AudioSettings(BaseModel):
    """The Opus encoder of calls with devices (RFC 7587)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bitrate: Annotated[int, Field(ge=6_000, le=64_000)] = 24_000
    """Bits per second."""
    complexity: Annotated[int, Field(ge=0, le=10)] = 1
    """5 sounds a little better and costs three times the encoder's CPU (docs/performance.md)."""
    fec: bool = True
    dtx: bool = True
    """Silence is not sent to clients that say so (`usedtx=1`), nor need they send it."""
    echo: Literal["cancel", "off"] = "cancel"
    """What the gateway does about a device's own voice in its microphone, where the board does nothing itself."""


def _wake(given: Any) -> Any:
    is_list = (
        isinstance(given, list | tuple) and given and all(isinstance(w, str) and w.strip() for w in given)
    )
    if is_list or given in ("always", "button"):
        return given
    raise ValueError('write "always", "button", or a list of words, such as ["hey jarvis"]')


Wake = Annotated[Literal["always", "button"] | tuple[str, ...], BeforeValidator(_wake)]
"""What makes a device listen: anything, its button, or one of these words."""


class AttentionSettings(BaseModel):
    """How a device listens that waits for a word or its button; times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen_s: Annotated[float, Field(ge=1, le=60)] = 8.0
    """After it was called, for somebody to begin to speak."""
    follow_up_s: Annotated[float, Field(ge=0, le=60)] = 6.0
    """After the bot has spoken, without the word."""
    pre_roll_s: Annotated[float, Field(ge=0.1, le=3)] = 1.5
    """What the bot hears of the time before the word was recognised: the word, and what led to it."""
    stop: tuple[str, ...] = ()
    """Further words that interrupt the bot and stop what rings, and mean nothing else; its own word always does."""
    interrupt: Literal["word", "speech"] = "word"
    """What interrupts the bot. `speech` needs an echo that is cancelled, by the board or here: else it hears itself."""


class Hearing(BaseModel):
    """What the assistant takes for speech, and when it takes a turn for ended; times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_s: Annotated[float, Field(ge=0.03, le=1)] = 0.1
    """Of speech before it counts as such: a longer one misses short words."""
    stop_s: Annotated[float, Field(ge=0.1, le=2)] = 0.2
    """Of silence after which it is looked whether the speaker has finished."""
    pause_s: Annotated[float, Field(ge=0.2, le=10)] = 1.0
    """How long who has not finished is waited for."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.6
    """Of the model that looks for speech; lower takes more noise for it."""
    gain_db: Annotated[float, Field(ge=0, le=40)] = 30.0
    """How much louder who is far away is made for it."""


class Limits(BaseModel):
    """What one gateway takes before it says no."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sessions: Annotated[int, Field(ge=1)] = 32
    body_bytes: Annotated[int, Field(ge=4_096)] = 64_000
    offers_per_minute: Annotated[int, Field(ge=1)] = 120
    """From one address, after a first burst of a quarter of it."""
    offer_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    """Until a media process must have answered an offer."""
    vanish_timeout_s: Annotated[float, Field(gt=0)] = 5.0
    """Without a sign of life, after which a client counts as away."""
    reconnect_timeout_s: Annotated[float, Field(ge=0, le=600)] = 30.0
    """How long its call then waits for it."""
    connect_timeout_s: Annotated[float, Field(gt=0)] = 20.0
    """From the answer to the first media."""
    media_silence_s: Annotated[float, Field(gt=0)] = 5.0
    """Without a heartbeat after which a media process counts as blocked and is replaced."""
    media_memory_mb: Annotated[int, Field(ge=200)] = 2_048
    front_lost_s: Annotated[float, Field(ge=0)] = 60.0
    """How long calls go on when the front process has died and no other has taken them over."""


def _umask() -> int:
    """That of this process, which can only be asked by setting another."""
    found = os.umask(0o077)
    os.umask(found)
    return found


class BotLimits(BaseModel):
    """What the process of one bot may take before it is stopped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory_mb: Annotated[int, Field(ge=64)] = 1_024
    """Private memory, beside what is loaded before the call; each process that it starts has as much."""
    files: Annotated[int, Field(ge=64)] = 1_024
    """Open files and sockets."""
    processes: Annotated[int, Field(ge=0)] = 32
    """That it has started and that still run."""
    start_s: Annotated[float, Field(gt=0)] = 30.0
    """Until it must have begun to listen: it may load models."""
    silence_s: Annotated[float, Field(ge=2)] = 10.0
    """Without a turn of its event loop, once it listens; then it counts as blocked."""
    end_s: Annotated[float, Field(gt=0)] = 5.0
    """To finish once it was told to; then it is killed."""
    umask: Annotated[int, Field(ge=0, le=0o777)] = Field(default_factory=_umask)
    """Of what it writes: that of who started the gateway, which writes its own files for nobody else."""
    nice: Annotated[int, Field(ge=0, le=19)] = 0
    """Higher leaves more of a busy machine to everything else (nice(2))."""


class McpServer(BaseModel):
    """A server of tools for the language model (Model Context Protocol), by its program or its URL."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    command: tuple[str, ...] = ()
    """Program and arguments, spoken to over its standard input and output; started for each call."""
    url: Annotated[str, Field(pattern=r"^https?://"), AfterValidator(_url)] | None = None
    """Spoken to over streamable HTTP."""
    tools: Annotated[tuple[str, ...], Field(min_length=1)]
    """Those that the model may use; `["*"]` for all."""
    env: tuple[str, ...] = ()
    """Variables of the environment that the program is given, beside PATH and its like."""
    token_env: str | None = None
    """The variable with the token that a URL is asked with."""
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 10.0
    """Until a tool must have answered; then the model is told that it failed."""
    max_result: Annotated[int, Field(ge=100, le=100_000)] = 4_000
    """Characters of an answer that the model is told."""

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if bool(self.command) == (self.url is not None):
            raise ValueError("it has a `command` or a `url`, and one of them")
        return self


MAKER: Final = "voicegw"
"""Of our devices, as Home Assistant is told."""


class HomeAssistant(BaseModel):
    """A Home Assistant that the assistant hands requests about the home to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(pattern=r"^https?://"), AfterValidator(_url)]
    token_env: str = "HOME_ASSISTANT_TOKEN"  # noqa: S105 -- a variable's name
    """The variable with a long-lived access token of it."""
    pipeline: str | None = None
    """Of the bot `home_assistant`: an Assist pipeline by its name; without it the one that is preferred there."""
    language: str = "en"
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0


class Mqtt(BaseModel):
    """The MQTT broker of a Home Assistant, in which each device is to be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: HostName
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    username: str | None = None
    password_env: str = "MQTT_PASSWORD"  # noqa: S105 -- a variable's name
    """The variable with the password of `username`."""
    tls: bool = False
    prefix: Annotated[str, Field(pattern=r"^[^+#\s]+$")] = "homeassistant"
    """Where Home Assistant looks for what there is (its discovery prefix)."""


PhoneProvider = Literal["twilio", "telnyx", "plivo", "exotel"]


class PhoneSettings(BaseModel):
    """A provider of telephone numbers whose calls bots answer (docs/bots.md, The phone)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: PhoneProvider
    url: Annotated[str, Field(pattern=r"^https://[^/?#@\s]+$"), AfterValidator(_url)]
    """Where it reaches this gateway from the internet, as `https://voice.example.com`; without a path."""
    bot: BotName | None = None
    """Another bot than `bot`."""
    secret_env: str | None = None
    """The variable with what its requests are checked by, if not the usual one."""


class OfDevice(BaseModel):
    """What is different for one device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str | None = None
    """The language model's, in the place of `prompt`."""
    voice: str | None = None
    """Of `tts`, in the place of its option `voice`."""
    history: bool | None = None
    """Whether what is said with it is kept, in the place of `memory.history`."""
    person: Annotated[str, Field(pattern=r"^[\w .-]{1,40}$")] | None = None
    """Whose it is: all devices of a person share what is remembered."""
    area: str | None = None
    """Where it stands, by Home Assistant's name: "turn on the light" is of there."""

    def tts(self, tts: EngineSpec) -> EngineSpec:
        """The voice of this device."""
        if self.voice is None:
            return tts
        return EngineSpec(provider=tts.provider, options={**tts.options, "voice": self.voice})


class Nats(BaseModel):
    """Where NATS is, for gateways of several machines, and who this one is there (docs/scale.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urls: Annotated[
        tuple[Annotated[str, Field(pattern=r"^(nats|tls)://[^@]+$"), AfterValidator(_url)], ...],
        Field(min_length=1),
    ]
    user: Annotated[str, Field(pattern=r"^(front|host)-[A-Za-z0-9_-]{1,48}$")] | None = None
    """As `voicegw nats` has made it: what it may say and hear is NATS's to hold."""
    password_file: WholePath | None = None
    ca: WholePath | None = None
    """The certificate (PEM) that vouches for NATS; without it the system's do."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("`user` and `password_file` belong together")
        return self

    def password(self) -> str:
        """The user's; raises ConfigError."""
        assert self.password_file is not None
        try:
            return text.read_word(self.password_file)
        except Trouble as error:
            raise ConfigError(
                f"setting nats.password_file: {error.message}",
                remedy="give the file that `voicegw nats` wrote for this machine",
            ) from None


class MemorySettings(BaseModel):
    """What is kept of conversations with devices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    history: bool = False
    """Keep what was asked and answered, and begin calls with it."""
    exchanges: Annotated[int, Field(ge=1, le=10_000)] = 200
    """That are kept of each device or person; the oldest goes."""
    days: Annotated[float, Field(gt=0, le=3_650)] = 30.0
    recall: Annotated[int, Field(ge=0, le=15)] = 8
    """Exchanges that a call begins with."""
    summarise_after: Annotated[int, Field(ge=6, le=36)] = 24
    """Messages in a call, after which the language model sums up the older of them."""
    voices: tuple[str, ...] = ()
    """Of `tts`, that people may choose from by asking."""

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if 2 * self.recall >= self.summarise_after:
            raise ValueError("`summarise_after` has to be more than twice `recall`: each is two messages")
        return self
