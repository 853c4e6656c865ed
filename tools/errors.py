"""What can go wrong, each with a cause and a remedy for a person."""

from __future__ import annotations

from ground.trouble import Trouble


class ToolError(Trouble):
    """Root of the tree.

    Args:
        cause: what is wrong, in a clause without a capital.
        remedy: what to do about it.
        step: of the tool, where it has steps: `port`, `identify`, `image`, `settings`, `enrol`, `write`, `boot`.
    """

    step = ""

    def __init__(self, cause: str, *, remedy: str, step: str = "") -> None:
        super().__init__(cause, remedy=remedy)
        self.cause = cause
        self.step = step or self.step


class NvsError(ToolError):
    """Settings that cannot be made into an NVS image, or an image that cannot be read."""

    step = "settings"


class SettingsError(ToolError):
    """A setting that no device would take, or that is missing."""

    step = "settings"


class ImageError(ToolError):
    """A release that is not whole, or not for this board."""

    step = "image"


class PortError(ToolError):
    """No port, several, or one that cannot be opened."""

    step = "port"


class FlashError(ToolError):
    """The chip did not answer, or did not take what was written."""

    step = "write"


class EnrolError(ToolError):
    """The gateway was not found, or did not let the device in."""

    step = "enrol"


class ConsoleError(ToolError):
    """The device's console did not answer, or refused."""

    step = "console"


class BootError(ToolError):
    """The board does not get as far as it should."""

    step = "boot"


class ImprovError(ToolError):
    """The device does not speak Improv, or answers with an error."""

    step = "improv"


class BuildError(ToolError):
    """The firmware cannot be built here."""

    step = "build"


class SignatureError(ToolError):
    """Firmware cannot be signed: the key, or where it would be kept."""

    step = "sign"


class PublishError(ToolError):
    """A release cannot be put together."""

    step = "publish"
