"""All settings, and the only reader of voicegw.toml; of the environment there is environment.py beside it."""

from __future__ import annotations

import difflib
import ipaddress
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from gateway import sources
from gateway.environment import OURS_TOO
from gateway.errors import ConfigError
from gateway.ice_servers import IceServer, of_pipecat
from gateway.sections import (
    AttentionSettings,
    AudioSettings,
    BotLimits,
    BotName,
    EngineSpec,
    Hearing,
    HomeAssistant,
    HostName,
    Limits,
    McpServer,
    MemorySettings,
    Mqtt,
    Nats,
    OfDevice,
    Origin,
    PhoneSettings,
    Wake,
    WholePath,
)
from ground import folders
from ground.trouble import Trouble

CONFIG_FILE = Path("voicegw.toml")
_PREFIX = "VOICEGW_"
_NEAR: Final = 0.75
"""Of difflib's ratio, from which on a word counts as a misspelt one: below it lie `service_port` and `port`."""
_MAX_NAME_BYTES = 63
"""Of a DNS label (RFC 6763, section 4.1.1)."""


def _xdg(variable: str, default: str) -> Path:
    """Without a home it stays `~/…`: only who uses the folder needs to know."""
    found = folders.xdg(variable, default) / "voicegw"
    return found if folders.home() is None else folders.expanded(found)


def _instance_name(name: str) -> str:
    if not name.isprintable() or not 1 <= len(name.encode()) <= _MAX_NAME_BYTES:
        raise ValueError(f"use 1 to {_MAX_NAME_BYTES} bytes of printable text")
    return name


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # "Europe" is a folder
        raise ValueError(f'there is no time zone {name!r}: use a name such as "Europe/Berlin"') from None
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


class Settings(BaseSettings):
    """Everything that can be set, in the order: command line, environment, voicegw.toml, default."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
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
    allowed_origins: tuple[Origin, ...] | None = Field(default_factory=_pipecat_origins)
    """Other pages that may talk, as `https://example.com`; by default those of dev servers on this machine."""
    ice_servers: tuple[IceServer, ...] = Field(default_factory=_pipecat_ice_servers)
    """STUN and TURN servers, for browsers and for the gateway."""
    advertise: tuple[Annotated[str, AfterValidator(_ip_address)], ...] = ()
    """Where clients reach the gateway through a NAT that maps ports one to one."""
    names: tuple[HostName, ...] = ()
    """What else the gateway is called in URLs, beside its addresses and the names that it knows itself by."""
    announce: bool = True
    """Announce the gateway by mDNS (never on loopback only)."""
    media: Annotated[int, Field(ge=1, le=64)] = 1
    """Media processes: they hold the calls' sockets and their sound."""
    nats: Nats | None = None
    """Carry calls on other machines, `voicegw host` each, and share with other fronts (docs/scale.md)."""
    in_process: bool = False
    """Keep calls and bots in the front process, for a debugger: whatever goes wrong in one is everyone's."""
    bot: BotName = "assistant"
    """A bundled bot's name, a module, or the path of a file with `async def bot(runner_args)`."""
    bots: dict[str, BotName] = Field(default_factory=dict)
    """Another bot for a device, by the device's name."""
    wake: Wake = "always"
    """What makes a device listen: `always`, `button`, or words (docs/speech.md)."""
    wakes: dict[str, Wake] = Field(default_factory=dict)
    """Another for a device, by the device's name."""
    attention: AttentionSettings = AttentionSettings()
    hearing: Hearing = Hearing()
    stt: EngineSpec = EngineSpec(provider="local")
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
    timezone: Annotated[str, AfterValidator(_time_zone)] | None = None
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
    path = config or _here()
    values = {key: value for key, value in (overrides or {}).items() if value is not None}
    read_env(path)
    _check_names()
    try:
        return _with(sources.stated_in(path) if path is not None else {})(**values)
    except RecursionError:
        raise ConfigError(
            "a setting in the environment is nested too deep", remedy=f"look at {_PREFIX}…"
        ) from None
    except SettingsError as error:  # names the field: what should be JSON in the environment is not
        raise ConfigError(str(error), remedy=f"write {_PREFIX}… as JSON") from error
    except ValidationError as error:
        raise ConfigError(_explain(error), remedy=_remedy(error, values, path)) from error


def _here() -> Path | None:
    """The settings file of the working directory, if there is one.

    Raises:
        ConfigError: it may not be searched, so that this cannot be told.
    """
    try:
        return CONFIG_FILE if folders.look(CONFIG_FILE, follow=False) is not None else None
    except Trouble:
        raise ConfigError(
            f"whether there is a {CONFIG_FILE} here cannot be told: this user may not enter the working directory",
            remedy="go to another folder first, such as: cd /",
        ) from None


def read_env(config: Path | None = None) -> None:
    """Take what the `.env` beside the settings sets into the environment, where that does not say otherwise.

    Raises:
        ConfigError: it cannot be read.
    """
    for name, value in sources.env_beside(config or _here() or CONFIG_FILE).items():
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


def _check_names() -> None:
    """Raises ConfigError for a variable that looks like a setting's and is none: else it would be passed by."""
    for name in os.environ:
        prefix, field = name[: len(_PREFIX)], name[len(_PREFIX) :].partition("__")[0]
        if prefix.upper() != _PREFIX or field.lower() in Settings.model_fields or field in OURS_TOO:
            continue
        if near := difflib.get_close_matches(field.lower(), Settings.model_fields, 1, _NEAR):
            raise ConfigError(
                f"there is no setting {name}: is {_PREFIX}{near[0].upper()} meant?",
                remedy="correct it, in the environment or in .env",
            )


def _remedy(error: ValidationError, options: Mapping[str, Any], path: Path | None) -> str:
    first = error.errors()[0]
    if first["loc"] == ("port",) and str(first["input"]).startswith("tcp://"):
        return "it is Kubernetes' own, of a service of this name: set enableServiceLinks: false in the pod's spec"
    return f"correct {_given(error, options, path)}"


def _given(error: ValidationError, options: Mapping[str, Any], path: Path | None) -> str:
    """Where it was."""
    loc = [str(part) for part in error.errors(include_input=False)[0]["loc"]]
    if loc and loc[0] in options:
        return f"the option --{loc[0].replace('_', '-')}"
    known = {name.upper() for name in os.environ}
    names = [_PREFIX + "__".join(loc[:most]).upper() for most in range(len(loc), 0, -1)]
    if found := next((name for name in names if name in known), None):
        return f"{found}, in the environment or in .env"
    return f"it in {path or 'the environment'}"


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
    if first["type"] == "extra_forbidden":
        return f"there is no setting {where}{_near(first['loc'])}"
    return f"setting {where}: {first['msg'].removeprefix('Value error, ')}"


def _near(loc: tuple[int | str, ...]) -> str:
    """What may have been meant."""
    section: Any = Settings
    for part in loc[:-1]:
        section = getattr(getattr(section, "model_fields", {}).get(part), "annotation", None)
    near = difflib.get_close_matches(str(loc[-1]), getattr(section, "model_fields", ()), 1)
    return f": is {'.'.join(map(str, (*loc[:-1], near[0])))} meant?" if near else ""
