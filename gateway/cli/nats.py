"""`voicegw nats`: what NATS and each machine need to trust each other, written into a folder to hand out."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import secrets
import shlex
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.errors import ConfigError
from ground import folders, text
from ground.terminal import out
from ground.trouble import reason

_MEMBER: Final = re.compile("[A-Za-z0-9_-]{1,48}")
_LABEL: Final = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
"""Of a machine, in DNS."""
_PEOPLE: Final = 0o700


def nats(
    folder: Annotated[Path, typer.Argument(help="Where to; members that are in it stay.")],
    address: Annotated[
        list[str] | None, typer.Option(help="A name or address that machines reach NATS by; needed at first.")
    ] = None,
    front: Annotated[list[str] | None, typer.Option(help="A machine that runs `voicegw serve`.")] = None,
    host: Annotated[list[str] | None, typer.Option(help="A machine that runs `voicegw host`.")] = None,
    store: Annotated[
        str, typer.Option(help="Where nats-server keeps what it keeps.")
    ] = "/var/lib/nats-server",
) -> None:
    """Write nats-server's configuration, and for each machine a folder with what it needs to be let in.

    A host may answer what it is asked and tell of its calls. It can't read keys, nor speak as a front.
    """
    members, places = _members(front or [], host or []), [_place(given) for given in address or []]
    if not store.strip() or not store.isprintable():
        raise ConfigError(f"--store {store!a} is no path", remedy="give a folder of nats-server's own")
    try:
        made = _write(folders.expanded(folder), places, members, store)
    except OSError as error:
        raise ConfigError(
            f"{folder} can't be written: {reason(error)}", remedy="give another folder"
        ) from None
    out.print(
        f"{shlex.quote(str(folder / 'ca.key'))} vouches for NATS: it stays here, and goes to no machine",
        markup=False,
        soft_wrap=True,
    )
    out.print(
        f"Start NATS with: cd {shlex.quote(str(folder / 'nats'))} && nats-server -c nats-server.conf",
        markup=False,
        soft_wrap=True,
    )
    for name in made:
        out.print(
            f"{name}: copy {shlex.quote(str(folder / name))}/* beside its voicegw.toml, and add nats.toml to that",
            markup=False,
            soft_wrap=True,
        )


def add_to(app: typer.Typer) -> None:
    """Have the command among the others."""
    app.command("nats")(nats)


def _members(fronts: list[str], hosts: list[str]) -> list[str]:
    for name in (*fronts, *hosts):
        if not _MEMBER.fullmatch(name):
            raise ConfigError(f"{name!r} is no machine's name here", remedy="use letters, digits, - and _")
    return [*(f"front-{name}" for name in fronts), *(f"host-{name}" for name in hosts)]


def _place(given: str) -> str:
    """An address, or a name as DNS has it: it gets into URLs and into a certificate."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(given.removeprefix("[").removesuffix("]")))
    with contextlib.suppress(UnicodeError):
        if _NAME.fullmatch(name := given.encode("idna").decode()):
            return name
    raise ConfigError(
        f"--address {given!a} is neither an address nor a name of a machine",
        remedy="give it alone, without scheme and port; --address again for another",
    )


def _url(place: str) -> str:
    from gateway.bus import trust

    return f"tls://{f'[{place}]' if ':' in place else place}:{trust.PORT}"


def _write(folder: Path, addresses: list[str], members: list[str], store: str) -> list[str]:
    from gateway.bus import authority, trust

    own = folder / "nats"
    if not addresses and folders.look(own / "addresses") is None:
        raise ConfigError("nobody knows yet where NATS is", remedy="give its name or address: --address")
    own.mkdir(mode=_PEOPLE, parents=True, exist_ok=True)
    ca_key = folder / "ca.key"
    if folders.look(own / "ca.key") is not None:  # of an earlier version, which gave it to NATS
        (own / "ca.key").rename(ca_key)
    if addresses:
        folders.keep(own / "addresses", "\n".join(addresses).encode())
        if folders.look(ca_key) is None:
            made = authority.authority()
            folders.keep(own / "ca.pem", made.certificate)
            folders.keep(ca_key, made.key)
        ca = authority.Pair(text.read(own / "ca.pem").encode(), text.read(ca_key).encode())
        try:
            served = authority.vouched(ca, addresses)
        except (ValueError, TypeError):
            raise ConfigError(
                f"{own / 'ca.pem'} and {ca_key} are no certificate and its key",
                remedy="put copies of both back; or give an empty folder, and hand it out to all machines anew",
            ) from None
        folders.keep(own / "server.pem", served.certificate)
        folders.keep(own / "server.key", served.key)
    urls = [_url(place) for place in text.read(own / "addresses").split()]
    for name in members:
        _add(folder / name, name, text.read(own / "ca.pem").encode())
    known = sorted(path.name for path in folder.iterdir() if path.name.startswith(("front-", "host-")))
    for name in known:
        folders.keep(folder / name / "nats.toml", trust.member(name, urls).encode())
    users = {name: _password(folder / name / f"{name}.password") for name in known}
    folders.keep(own / "nats-server.conf", trust.server(users, store=store).encode())
    return known


def _password(path: Path) -> str:
    try:
        return text.read_word(path)
    except text.Unreadable as error:
        raise ConfigError(
            error.message,
            remedy="put a copy of it back; or remove it, add its machine again, and copy its folder there",
        ) from None


def _add(folder: Path, name: str, ca: bytes) -> None:
    """One that is there keeps its password."""
    folder.mkdir(mode=_PEOPLE, exist_ok=True)
    if folders.look(folder / f"{name}.password") is None:
        folders.keep(folder / f"{name}.password", secrets.token_urlsafe(32).encode())
    folders.keep(folder / "nats-ca.pem", ca)
