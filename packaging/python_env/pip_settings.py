"""How this machine reaches its package index: what is set for pip, said to uv."""

from __future__ import annotations

import ast
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_UV_INDEXES = frozenset(
    ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX")
)
_TOML_INDEXES = frozenset(("index", "index-url", "extra-index-url", "find-links", "no-index"))
_SECTIONS = ("global", "install", ":env:")  # what comes later holds, as in pip
_ON = frozenset(("1", "true", "yes", "on"))


@dataclass(frozen=True, slots=True)
class Carried:
    """What uv is given: variables, and arguments where it has no variable. Credentials are in variables alone."""

    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


def read(listed: str) -> dict[str, str]:
    """What holds for `pip install`, from the lines `section.key='value'` of `pip config list`."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listed.splitlines():
        name, equals, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if equals and section in found:
            found[section][key] = str(ast.literal_eval(value))
    return {key: value for section in _SECTIONS for key, value in found[section].items()}


def carried(settings: Mapping[str, str], environ: Mapping[str, str]) -> Carried:
    """Pip's settings in uv's words; what the user has set for uv is left alone."""
    wanted = dict(_network(settings, environ))
    arguments: tuple[str, ...] = ()
    if not _UV_INDEXES & environ.keys() and not _in_uv_toml(environ):
        wanted |= dict(_indexes(settings))
        if settings.get("no-index", "").lower() in _ON:
            arguments = ("--no-index",)
    return Carried({name: value for name, value in wanted.items() if name not in environ}, arguments)


def _indexes(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    # Like pip, any index may have it; the hash says whether it is the right one.
    yield "UV_INDEX_STRATEGY", "unsafe-best-match"
    if index := settings.get("index-url") or settings.get("pypi-url"):
        yield "UV_DEFAULT_INDEX", index
    if more := settings.get("extra-index-url", "").split():
        yield "UV_INDEX", " ".join(more)
    if links := settings.get("find-links", "").split():
        yield "UV_FIND_LINKS", ",".join(map(os.path.expanduser, links))


def _network(settings: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if not {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS"} & environ.keys():
        yield "UV_SYSTEM_CERTS", "1"
    authority = settings.get("cert") or environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE")
    if authority:
        yield "SSL_CERT_DIR" if os.path.isdir(authority) else "SSL_CERT_FILE", authority  # noqa: PTH112
    if proxy := settings.get("proxy"):
        address = proxy if "://" in proxy else f"http://{proxy}"
        yield from ((name, address) for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"))
    if timeout := settings.get("timeout") or settings.get("default-timeout"):
        yield "UV_HTTP_TIMEOUT", timeout.partition(".")[0]
    if settings.get("keyring-provider") == "subprocess":
        yield "UV_KEYRING_PROVIDER", "subprocess"
    same = {
        "client-cert": "SSL_CLIENT_CERT",
        "retries": "UV_HTTP_RETRIES",
        "trusted-host": "UV_INSECURE_HOST",
    }
    yield from ((same[key], " ".join(value.split())) for key, value in settings.items() if key in same)


def _in_uv_toml(environ: Mapping[str, str]) -> bool:
    """Whether a uv.toml of the user's or the machine's names an index."""
    home = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111 - no HOME is no error
    return any(map(_names_an_index, (environ.get("UV_CONFIG_FILE"), f"{home}/uv/uv.toml", "/etc/uv/uv.toml")))


def _names_an_index(path: str | None) -> bool:
    try:
        settings = tomllib.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return False  # uv says what is wrong with it
    return bool(_TOML_INDEXES & (settings.keys() | settings.get("pip", {}).keys()))
