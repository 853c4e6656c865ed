"""All settings, and the only reader of the environment and of voicegw.toml."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from gateway import sources
from gateway.errors import ConfigError
from gateway.ice_servers import IceServer, of_pipecat
from ground import folders, pinned, text, typed
from ground.trouble import Trouble

CONFIG_FILE = Path("voicegw.toml")
_PREFIX = "VOICEGW_"
_ENGINE_SOCKET = "VOICEGW_{}_SOCKET"
_MAX_NAME_BYTES = 63
"""Of a DNS label (RFC 6763, section 4.1.1)."""

Engine = Literal["recogniser", "turns"]
"""What calls share, each in a process of its own."""


def _xdg(variable: str, default: str) -> Path:
    """Without a home it stays `~/…`: only who uses the folder needs to know."""
    return Path(os.environ.get(variable) or (folders.home() or Path("~")) / default) / "voicegw"


def _whole(path: Path) -> Path:
    if path.parts[:1] == ("~",) and folders.home() is None:
        return path
    try:
        return folders.expanded(path)
    except Trouble as error:
        raise ValueError(f"{error.message}; {error.remedy}") from None


WholePath = Annotated[Path, AfterValidator(_whole)]
"""A path whose `~` is spelt out."""


def _instance_name(name: str) -> str:
    if not name.isprintable() or not 1 <= len(name.encode()) <= _MAX_NAME_BYTES:
        raise ValueError(f"use 1 to {_MAX_NAME_BYTES} bytes of printable text")
    return name


def _ip_address(text: str) -> str:
    return str(ipaddress.ip_address(text))  # raises the ValueError that pydantic expects


def _pipecat_ice_servers() -> tuple[IceServer, ...]:
    """What Pipecat's own runner takes them from."""
    try:
        return of_pipecat(os.environ.get("PIPECAT_ICE_SERVERS", ""))
    except ValueError as error:
        raise ConfigError(
            str(error), remedy="write them as Pipecat's runner takes them, or unset it"
        ) from None


def _pipecat_origins() -> tuple[str, ...] | None:
    """What Pipecat's own runner takes it from."""
    given = os.environ.get("PIPECAT_ALLOWED_ORIGINS", "")
    return tuple(origin.strip() for origin in given.split(",") if origin.strip()) or None


def _pipecat_uploads() -> Path | None:
    """What Pipecat's own runner takes it from."""
    given = os.environ.get("PIPECAT_UPLOADS_FOLDER")
    return Path(given) if given else None


class EngineSpec(BaseModel):
    """A speech or language engine by the name of its provider, with that provider's options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Annotated[str, Field(min_length=1)]
    options: dict[str, Any] = Field(default_factory=dict)


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
    echo: Literal["cancel", "off"] = "off"
    """What the gateway does about a device's own voice in its microphone, where the board does nothing itself.

    Not by default: what is left of it is too loud yet (docs/speech.md)."""


Wake = Literal["always", "button"] | Annotated[tuple[str, ...], Field(min_length=1)]
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
    """What interrupts the bot. `speech` needs a board that cancels its own echo: else the bot hears itself."""


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
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
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


class HomeAssistant(BaseModel):
    """A Home Assistant that the assistant hands requests about the home to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(pattern=r"^https?://")]
    token_env: str = "HOME_ASSISTANT_TOKEN"  # noqa: S105 -- a variable's name
    """The variable with a long-lived access token of it."""
    pipeline: str | None = None
    """Of the bot `home_assistant`: an Assist pipeline by its name; without it the one that is preferred there."""
    language: str = "en"
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0


class Mqtt(BaseModel):
    """The MQTT broker of a Home Assistant, in which each device is to be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    username: str | None = None
    password_env: str = "MQTT_PASSWORD"  # noqa: S105 -- a variable's name
    """The variable with the password of `username`."""
    tls: bool = False
    prefix: Annotated[str, Field(pattern=r"^[^+#\s]+$")] = "homeassistant"
    """Where Home Assistant looks for what there is (its discovery prefix)."""


PhoneProvider = Literal["twilio", "telnyx", "plivo", "exotel"]
_PHONE_SECRETS: Final[Mapping[str, str]] = {
    "twilio": "TWILIO_AUTH_TOKEN",
    "telnyx": "TELNYX_PUBLIC_KEY",
    "plivo": "PLIVO_AUTH_TOKEN",
    "exotel": "EXOTEL_STREAM_LOGIN",
}
"""The variable with what a provider's requests are checked by; Twilio's and Plivo's are those of Pipecat's bots."""


class PhoneSettings(BaseModel):
    """A provider of telephone numbers whose calls bots answer (docs/bots.md, The phone)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: PhoneProvider
    url: Annotated[str, Field(pattern=r"^https://[^/?#@\s]+$")]
    """Where it reaches this gateway from the internet, as `https://voice.example.com`; without a path."""
    bot: str | None = None
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

    urls: Annotated[tuple[Annotated[str, Field(pattern=r"^(nats|tls)://[^@]+$")], ...], Field(min_length=1)]
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
            return text.read(self.password_file).strip()
        except (OSError, Trouble) as error:
            raise ConfigError(
                f"setting nats.password_file: {self.password_file} can't be read: {error}",
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


class Settings(BaseSettings):
    """Everything that can be set, in the order: command line, environment, voicegw.toml, default."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
    )

    host: str = "::"
    """Address to listen on; `::` takes IPv4 as well."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 7860
    name: Annotated[str, AfterValidator(_instance_name)] = Field(
        default_factory=lambda: socket.gethostname()[:_MAX_NAME_BYTES]
    )
    """What the gateway calls itself on the LAN."""
    open: bool = False
    """Let any client of the LAN in, without a key."""
    plain_http: bool = False
    """Let clients of the LAN speak plain http, for those that can do no better; this machine may anyway."""
    tls_cert: WholePath | None = None
    """A certificate of the user's own with those that vouch for it (PEM), shown to who asks for its names."""
    tls_key: WholePath | None = None
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies whose X-Forwarded-For and -Proto count."""
    allowed_origins: tuple[str, ...] | None = Field(default_factory=_pipecat_origins)
    """Other pages that may talk, as `https://example.com`; by default those of dev servers on this machine."""
    ice_servers: tuple[IceServer, ...] = Field(default_factory=_pipecat_ice_servers)
    """STUN and TURN servers, for browsers and for the gateway."""
    advertise: tuple[Annotated[str, AfterValidator(_ip_address)], ...] = ()
    """Where clients reach the gateway through a NAT that maps ports one to one."""
    names: tuple[str, ...] = ()
    """What else the gateway is called in URLs, beside its addresses and the names that it knows itself by."""
    announce: bool = True
    """Announce the gateway by mDNS (never on loopback only)."""
    media: Annotated[int, Field(ge=1, le=64)] = 1
    """Media processes: they hold the calls' sockets and their sound."""
    nats: Nats | None = None
    """Carry calls on other machines, `voicegw host` each, and share with other fronts (docs/scale.md)."""
    in_process: bool = False
    """Keep calls and bots in the front process, for a debugger: whatever goes wrong in one is everyone's."""
    bot: str = "assistant"
    """A bundled bot's name, a module, or the path of a file with `async def bot(runner_args)`."""
    bots: dict[str, str] = Field(default_factory=dict)
    """Another bot for a device, by the device's name."""
    wake: Wake = "always"
    """What makes a device listen: `always`, `button`, or words (docs/speech.md)."""
    wakes: dict[str, Wake] = Field(default_factory=dict)
    """Another for a device, by the device's name."""
    attention: AttentionSettings = AttentionSettings()
    hearing: Hearing = Hearing()
    stt: EngineSpec = EngineSpec(provider="sphinx")
    tts: EngineSpec = EngineSpec(provider="flite")
    llm: EngineSpec | None = None
    mcp: tuple[McpServer, ...] = ()
    """Servers whose tools the language model may use (docs/tools-for-models.md)."""
    home_assistant: HomeAssistant | None = None
    mqtt: Mqtt | None = None
    """Has each device in Home Assistant (docs/home-assistant.md)."""
    memory: MemorySettings = MemorySettings()
    phone: PhoneSettings | None = None
    """Whose telephone calls are answered; nobody's by default."""
    devices: dict[str, OfDevice] = Field(default_factory=dict)
    """What is different for a device, by its name."""
    realtime: EngineSpec | None = None
    """Of the `realtime` bot; without it the key that is in the environment decides."""
    sentences: WholePath | None = None
    """A file of your own sentence templates (docs/speech.md)."""
    timezone: str | None = None
    """To tell the time in, such as `Europe/Berlin`; the machine's own by default."""
    volume: Annotated[int, Field(ge=0, le=100)] = 70
    """What a device is taken to play at when a call begins."""
    audio: AudioSettings = AudioSettings()
    limits: Limits = Limits()
    bot_limits: BotLimits = BotLimits()
    calls_per_bot_process: Annotated[int, Field(ge=1, le=100)] = 1
    """More share what goes wrong in a bot, and save memory and time."""
    releases: WholePath | None = None
    """A directory of firmware release directories, for updates over the air and the page that flashes."""
    uploads_folder: WholePath | None = Field(default_factory=_pipecat_uploads)
    """Where files are kept that clients send for a bot's model; none are taken without."""
    uploads_folder_max_files: Annotated[int, Field(ge=0)] = 10
    data_dir: WholePath = Field(default_factory=lambda: _xdg("XDG_DATA_HOME", ".local/share"))
    cache_dir: WholePath = Field(default_factory=lambda: _xdg("XDG_CACHE_HOME", ".cache"))
    log_level: Annotated[
        Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(lambda v: v.upper() if isinstance(v, str) else v),
    ] = "INFO"
    log_json: bool = False

    @property
    def named_bots(self) -> list[str]:
        """Every bot that a call can have."""
        on_phone = {self.phone.bot} if self.phone is not None and self.phone.bot is not None else set()
        return sorted({self.bot, *self.bots.values(), *on_phone})


def load(config: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings of this process, and the `.env` beside them into its environment.

    Args:
        config: the TOML file; by default `voicegw.toml` of the working directory, if there is one.
        overrides: values that win over environment and file; those that are `None` are left out.

    Raises:
        ConfigError: a file that is missing or malformed, or a value that is not allowed; names it.
    """
    path = config or (CONFIG_FILE if os.path.lexists(CONFIG_FILE) else None)
    values = {key: value for key, value in (overrides or {}).items() if value is not None}
    read_env(path)
    try:
        return _with(sources.stated_in(path) if path is not None else {})(**values)
    except SettingsError as error:  # names the field: what should be JSON in the environment is not
        raise ConfigError(str(error), remedy=f"write {_PREFIX}… as JSON") from error
    except ValidationError as error:
        raise ConfigError(_explain(error), remedy=f"correct it in {path or 'the environment'}") from error


def read_env(config: Path | None = None) -> None:
    """Take what the `.env` beside the settings sets into the environment, where that does not say otherwise.

    Raises:
        ConfigError: it cannot be read.
    """
    for name, value in sources.env_beside(config or CONFIG_FILE).items():
        os.environ.setdefault(name, value)


def _with(stated: dict[str, Any]) -> type[Settings]:
    class WithFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- pydantic's signature
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, stated)

    return WithFile


_RENAMED: Final = {
    "workers": "media (0 became in_process)",
    "limits.worker_silence_s": "limits.media_silence_s",
    "limits.worker_memory_mb": "limits.media_memory_mb",
}


def _explain(error: ValidationError) -> str:
    first = error.errors(include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if (now := _RENAMED.get(where)) is not None:
        return f"setting {where} is called {now} now"
    return f"setting {where}: {first['msg'].removeprefix('Value error, ')}"


def client_key(file: Path | None) -> str | None:
    """The key that our commands send: from a file, else from VOICEGW_KEY. Never from an argument.

    Raises:
        Trouble: the file cannot be read, or what is there is no key.
    """
    if file is not None:
        return typed.key_in(file)
    found = os.environ.get("VOICEGW_KEY")
    return typed.key(found, "VOICEGW_KEY") if found else None


def phone_secret(phone: PhoneSettings) -> str:
    """What its provider's requests are checked by.

    Raises:
        ConfigError: it is not set.
    """
    name = phone.secret_env or _PHONE_SECRETS[phone.provider]
    if found := os.environ.get(name, "").strip():
        return found
    raise ConfigError(
        f"calls of {phone.provider} cannot be told from anyone's: {name} is not set",
        remedy=f"put {name}=… into the .env beside the settings, or take [phone] out",
    )


def client_identity() -> str | None:
    """The identity that a gateway elsewhere must have, from VOICEGW_IDENTITY.

    Raises:
        Trouble: what is there is none.
    """
    found = os.environ.get("VOICEGW_IDENTITY")
    return pinned.pin(found) if found else None


def notify_socket() -> str | None:
    """Where the service manager wants to be told that this service runs (sd_notify(3)), if it does."""
    return os.environ.get("NOTIFY_SOCKET") or None


def is_desktop() -> bool:
    """Whether who started this sees windows on this machine, and is not far away."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@dataclass(frozen=True, slots=True)
class Otel:
    """What OTEL_* asks for (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables)."""

    traces: bool
    metrics: bool
    grpc: bool
    content: bool
    """Whether what was said may be sent as well."""


def otel() -> Otel | None:
    """What is to be sent to a collector; `None` where the environment names none.

    Raises:
        ConfigError: it names what there is not.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    wanted = {signal: _otel_signal(signal) for signal in ("TRACES", "METRICS")}
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "") or "http/protobuf"
    if not any(wanted.values()):
        return None
    if protocol not in {"http/protobuf", "grpc"}:
        raise ConfigError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}", remedy="use http/protobuf, or grpc")
    content = os.environ.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").lower() == "true"
    return Otel(wanted["TRACES"], wanted["METRICS"], protocol == "grpc", content)


def _otel_signal(signal: str) -> bool:
    chosen = os.environ.get(f"OTEL_{signal}_EXPORTER", "").lower()
    if chosen not in {"", "none", "otlp"}:
        raise ConfigError(f"OTEL_{signal}_EXPORTER is {chosen}", remedy="use otlp, or none")
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return chosen == "otlp" or (chosen == "" and any(os.environ.get(name) for name in names))


def sentry_dsn() -> str:
    """Where errors are reported to; empty for nowhere."""
    return os.environ.get("SENTRY_DSN", "")


def api_keys() -> Mapping[str, str]:
    """The environment, for the engines that look their key up by name."""
    return os.environ


def without_telemetry() -> None:
    """Have onnxruntime send its maker nothing, if it is not imported yet; a value of the user's stands.

    It would write a device id below ~/.cache, start threads and upload events over HTTPS (its Privacy.md).
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def engine_socket(kind: Engine) -> Path | None:
    """The socket of an engine that this process, or one above it, holds; `None` where none does."""
    path = os.environ.get(_ENGINE_SOCKET.format(kind.upper()))
    return Path(path) if path else None


@contextmanager
def engine_announced(kind: Engine, path: Path) -> Iterator[None]:
    """Let this process, and all that it starts meanwhile, find an engine at `path`."""
    name = _ENGINE_SOCKET.format(kind.upper())
    before = os.environ.get(name)
    os.environ[name] = str(path)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
