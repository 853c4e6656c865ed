"""The settings that a device is to get: from options, the environment, a file, or asked for."""

from __future__ import annotations

import getpass
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ground import text, typed
from tools.errors import SettingsError

NAMES = (
    "ssid", "password", "gateway", "gateway_id", "key", "fingerprint", "ca", "name", "talk", "volume", "muted",
    "mic_muted", "update", "firmware_key",
)  # fmt: skip
"""docs/protocol.md, The device."""
SECRET = frozenset({"password", "key"})
_RAW_KEY = re.compile(r"[0-9a-fA-F]{64}")
"""In the place of a passphrase: IEEE 802.11-2020, annex J.4."""
_LONGEST = {
    "ssid": 32,
    "password": 64,
    "gateway": 199,
    "gateway_id": 16,
    "key": 128,
    "name": 32,
    "ca": 1984,
    "fingerprint": 129,
    "firmware_key": 129,
}
_PASSPHRASE = re.compile(r"[ -~]{8,63}")
"""IEEE 802.11-2020, annex J.4: 8 to 63 characters, each from 0x20 to 0x7e."""
_URL = re.compile(r"https?://[^\s/:@]+(:\d{1,5})?(/[^\s]*)?|https?://\[[0-9A-Fa-f:.]+\](:\d{1,5})?(/[^\s]*)?")
_TWO_KEYS = (re.compile(r"[0-9A-Fa-f]{64}(,[0-9A-Fa-f]{64})?"), "64 hex digits, or two of them with a comma")
_FORMS = {
    "ssid": (re.compile(r"[^\x00-\x1f\x7f]+"), "the name alone, in one line"),
    "fingerprint": _TWO_KEYS,
    "firmware_key": _TWO_KEYS,
    "talk": (re.compile(r"auto|always|push|half"), "auto, always, push or half"),
    "volume": (re.compile(r"\d{1,2}|100"), "0 to 100"),
    "muted": (re.compile(r"[01]"), "0 or 1"),
    "mic_muted": (re.compile(r"[01]"), "0 or 1"),
    "update": (re.compile(r"https|any"), "https or any"),
    "gateway": (_URL, "a URL such as https://192.168.1.2:7860"),
    "key": (re.compile(r"[!-~]+"), "a key as voicegw devices add prints it"),
    "gateway_id": (re.compile(r"[!-~]+"), "as the gateway announces it"),
}


def check(values: Mapping[str, str]) -> dict[str, str]:
    """The values that are not empty, each of which a device would take.

    Raises:
        SettingsError: names the setting and never repeats a secret.
    """
    kept = {name: value for name, value in values.items() if value}
    for name, value in kept.items():
        if name not in NAMES:
            raise SettingsError(f"there is no setting {name}", remedy=f"there are: {', '.join(NAMES)}")
        longest = _LONGEST.get(name, 64)
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise SettingsError(f"{name} is not UTF-8", remedy="type it in a terminal that speaks UTF-8")
        if len(value.encode()) > longest:
            raise SettingsError(f"{name} is longer than {longest} bytes", remedy="give a shorter one")
        if name in _FORMS and not _FORMS[name][0].fullmatch(value):
            shown = "" if name in SECRET else f": {value!r}" if name == "ssid" else f": {value}"
            raise SettingsError(f"{name} is not of its form{shown}", remedy=f"give {_FORMS[name][1]}")
    _check_password(kept.get("password", ""))
    return kept


def _check_password(password: str) -> None:
    if password and not _PASSPHRASE.fullmatch(password) and not _RAW_KEY.fullmatch(password):
        raise SettingsError(
            "a Wi-Fi password has 8 to 63 characters, each a letter of ASCII, a digit, a sign or a space; "
            "or is a key of 64 hex digits",
            remedy="look at it again, for a line end too; it was not shown",
        )


def gather(given: Mapping[str, str | None], file: Path | None, password_file: Path | None) -> dict[str, str]:
    """Settings as far as they are known without asking: what is given wins, then the environment, then the file.

    Args:
        given: by name; `None` where nothing was.
        file: TOML with settings by name.
        password_file: its first line is the Wi-Fi's password.

    Raises:
        Trouble: a file that cannot be read, or a value that no device would take.
    """
    values = _from_file(file) if file is not None else {}
    environment = {"ssid": "VOICEGW_WIFI_SSID", "password": "VOICEGW_WIFI_PASSWORD"}
    values |= {
        name: os.environ[variable] for name, variable in environment.items() if os.environ.get(variable)
    }
    if password_file is not None:
        values["password"] = text.read_line(password_file)
    for name, value in given.items():
        if value == "":
            raise SettingsError(f"--{name} is empty", remedy="leave it out, or write what it is to be")
        if value is not None:
            values[name] = value
    if values.get("gateway"):
        values["gateway"] = typed.gateway_url(values["gateway"])
    return check(values)


def _from_file(path: Path) -> dict[str, str]:
    found = text.read_toml(path)
    return {name: value if isinstance(value, str) else str(value) for name, value in found.items()}


def ask_for_wifi(values: Mapping[str, str], *, needed: bool) -> dict[str, str]:
    """Ask for what is missing to get onto the network, where there is someone to ask.

    Args:
        values: known so far.
        needed: whether the board has to have Wi-Fi.

    Raises:
        SettingsError: something is missing, and nobody is there.
    """
    asked = dict(values)
    if not needed:
        return asked
    someone = sys.stdin.isatty()
    if "ssid" not in asked:
        if not someone:
            raise SettingsError(
                "the board needs the name of a Wi-Fi network",
                remedy="give --ssid NAME (or VOICEGW_WIFI_SSID); --no-wifi for a board with Ethernet",
            )
        asked["ssid"] = _answer(input, "Wi-Fi name: ")  # as it is: there are names that end in a space
    if "password" not in asked and someone and asked["ssid"]:
        asked["password"] = _answer(getpass.getpass, f"Password of {asked['ssid']} (empty if it is open): ")
    return check(asked)


def _answer(ask: Callable[[str], str], prompt: str) -> str:
    try:
        return ask(prompt)
    except (EOFError, UnicodeDecodeError):
        raise SettingsError(
            "nobody answered what the board needs", remedy="run it again, or give --ssid and --password-file"
        ) from None


def mask(values: Mapping[str, str]) -> dict[str, str]:
    """The same with secrets as `***`, to be shown."""
    return {name: "***" if name in SECRET and value else value for name, value in values.items()}
