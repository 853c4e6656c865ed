"""The error tree: every failure a caller can meet has a stable code and an HTTP status."""

from __future__ import annotations


class GatewayError(Exception):
    """Root of the tree. `code` is stable and machine-readable; `remedy` says what to do about it."""

    code = "internal"
    status = 500

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class ConfigError(GatewayError):
    """A setting that cannot work: named at start-up, never at the first call."""

    code = "config"
