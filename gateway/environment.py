"""What the environment alone says: secrets, and where this process runs. Settings have the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from gateway.errors import ConfigError
from gateway.sections import PhoneSettings
from ground import pinned, typed
from ground.trouble import Trouble

OURS_TOO: Final = frozenset({"KEY", "IDENTITY", "WIFI_SSID", "WIFI_PASSWORD", "FIRMWARE_KEY"})
"""What else begins with VOICEGW_, beside settings and where engines are."""
_ENGINE_SOCKET = "VOICEGW_{}_SOCKET"

Engine = Literal["recogniser", "turns"]
"""What calls share, each in a process of its own."""


_PHONE_SECRETS: Final[Mapping[str, str]] = {
    "twilio": "TWILIO_AUTH_TOKEN",
    "telnyx": "TELNYX_PUBLIC_KEY",
    "plivo": "PLIVO_AUTH_TOKEN",
    "exotel": "EXOTEL_STREAM_LOGIN",
}
"""The variable with what a provider's requests are checked by; Twilio's and Plivo's are those of Pipecat's bots."""


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


def secret(keys: Mapping[str, str], name: str) -> str:
    """The key that a variable of `keys` holds, without what stands around it; empty where there is none.

    Raises:
        ConfigError: it can't be sent in a header; never repeats it.
    """
    found = keys.get(name, "").strip()
    try:
        return typed.key(found, name) if found else ""
    except Trouble as trouble:
        raise ConfigError(trouble.message, remedy=f"set {name} to it alone, as it was given to you") from None


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
