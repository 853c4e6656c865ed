"""The error tree: every failure a caller can meet has a stable code and an HTTP status."""

from __future__ import annotations


class GatewayError(Exception):
    """A failure that a caller can meet; `remedy` says what to do about it, where we know."""

    code = "internal"
    status = 500

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class ConfigError(GatewayError):
    """A setting is missing or wrong."""

    code = "config"


class CodecError(GatewayError):
    """Audio could not be encoded or decoded, or the codec itself is missing."""

    code = "codec"
