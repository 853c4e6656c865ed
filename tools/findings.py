"""What the doctor can look at without a device: the network, the ports, what is installed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ground import folders, operator, typed
from ground.trouble import Trouble
from tools import enrol, lan
from tools.board import ports

_GROUP = "224.0.0.251"
"""Of mDNS (RFC 6762, section 3); on a port of ours, so that no responder is disturbed."""
_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at. `well` is `None` where it only matters to some."""

    what: str
    well: bool | None
    text: str
    remedy: str = ""


def network() -> Iterator[Finding]:
    """Interfaces, and whether multicast leaves and comes back on each."""
    found = lan.interfaces()
    if not found:
        yield Finding(
            "interfaces", False, "this machine is on no network", "connect it to the one the devices are on"
        )
    for name, addresses in found.items():
        yield Finding("interface", True, f"{name}: {', '.join(addresses)}")
        for address in addresses:
            yield _multicast(name, address)


def _multicast(name: str, address: str) -> Finding:
    what = "multicast"
    try:
        heard = _hears_itself(address)
    except OSError as error:
        return Finding(
            what, False, f"{name}: {error.strerror or error}", "allow multicast to 224.0.0.251 on it"
        )
    if heard:
        return Finding(what, True, f"{name}: works on this machine")
    return Finding(
        what,
        False,
        f"{name}: what is sent to {_GROUP} does not come back",
        "let UDP 5353 through this machine's firewall",
    )


def _hears_itself(address: str) -> bool:
    said = secrets.token_bytes(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("", 0))
        membership = struct.pack("4s4s", socket.inet_aton(_GROUP), socket.inet_aton(address))
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        listener.settimeout(_WAIT_SECONDS)
        listener.sendto(said, (_GROUP, listener.getsockname()[1]))
        with contextlib.suppress(TimeoutError):
            return listener.recv(64) == said
    return False


def firewall() -> Iterator[Finding]:
    """Firewalls that run on this machine, as far as they say so to this user."""
    for command, active in (
        (["ufw", "status"], "Status: active"),
        (["firewall-cmd", "--state"], "running"),
        (["netsh", "advfirewall", "show", "currentprofile", "state"], "ON"),
        (["/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate"], "enabled"),
    ):
        said = _output(command)
        if said is not None and active in said:
            yield Finding(
                "firewall",
                None,
                f"{Path(command[0]).name} is on",
                "let in TCP 7860, UDP 5353, and UDP for the gateway's program",
            )


def _output(command: list[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=10, check=False
        )
        return done.stdout + done.stderr
    return None


def serial_ports() -> Iterator[Finding]:
    """The ports, and whether this user may use them."""
    found = ports.candidates()
    if not found:
        yield Finding(
            "port",
            None,
            "no board is plugged in",
            f"if one is: {ports.BOOT_BUTTON}; use a cable with data lines",
        )
    for candidate in found:
        if ports.may_use(candidate.device):
            yield Finding("port", True, f"{candidate.device}: {candidate.why}")
        else:
            remedy = ports.permission_remedy(candidate.device)
            yield Finding("port", False, f"{candidate.device}: {candidate.why}; you may not use it", remedy)


def installed() -> Iterator[Finding]:
    """Versions of what the tools lean on, and ESP-IDF."""
    for package in ("voicegw", "esptool", "esp-idf-nvs-partition-gen", "esp-coredump"):
        try:
            yield Finding(package, True, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, False, "not installed", "run: make run, or pip install -e .")
    yield Finding("python", True, sys.version.split()[0])
    idf = find_idf()
    yield (
        Finding("ESP-IDF", True, str(idf))
        if idf is not None
        else Finding(
            "ESP-IDF", None, "not found", "only to build firmware yourself: voicegw build says how to get it"
        )
    )


def find_idf() -> Path | None:
    """An ESP-IDF that is installed: the one that is active, else where its installers put it."""
    active = os.environ.get("IDF_PATH")
    places = [Path(active)] if active else []
    if (home := folders.home()) is not None:
        places += [home / "esp" / "esp-idf", *reversed(folders.glob(home, ".espressif/v*/esp-idf"))]
        places += reversed(folders.glob(home / "esp", "*/esp-idf"))
    return next((place for place in places if folders.is_file(place / "tools" / "idf.py")), None)


def gateway(url: str | None) -> Iterator[Finding]:
    """Whether there is a gateway, which version it is, and whether it is reached by this machine's own addresses."""
    try:
        found = enrol.find(url)
    except Trouble as error:
        yield Finding("gateway", False, error.message, error.remedy)
        return
    version = _version(found.url)
    ours = _own_version()
    same = version in {None, ours}
    yield Finding(
        "gateway", True if same else None, f"{found.url}, version {version or 'unknown'}",
        "" if same else f"these tools are {ours}: use the gateway and the tools of one checkout",
    )  # fmt: skip
    yield from _shared_keys(found)
    if url is None and operator.leads_here(found.url):
        yield from _from_outside(urlsplit(found.url).port or typed.PORT)


def _shared_keys(found: enrol.Found) -> Iterator[Finding]:
    """Keys that several boards use; a gateway that only announces itself is not told our key to ask it."""
    if found.announced:
        return
    try:
        with contextlib.closing(enrol.Gateway(found.url)) as gateway:
            shared = gateway.shared_keys()
    except Trouble:
        return
    for name, boards in shared.items():
        yield Finding(
            "key", False, f"several boards use the key of {name}, and end each other's calls: {' and '.join(boards)}",
            "give one of them a key of its own: voicegw flash, with a --name that no other board has",
        )  # fmt: skip


def _from_outside(port: int) -> Iterator[Finding]:
    for addresses in lan.interfaces().values():
        for address in addresses:
            there = enrol.answers(f"http://{address}:{port}")
            yield Finding(
                "gateway", there, f"{'answers' if there else 'does not answer'} at {address}",
                "" if there else 'it listens on loopback only: host = "::" in voicegw.toml',
            )  # fmt: skip


def _version(url: str) -> str | None:
    try:
        found = httpx.get(f"{url}/openapi.json", timeout=5.0, trust_env=False).json()["info"]["version"]
    except (httpx.HTTPError, ValueError, RecursionError, KeyError, TypeError):
        return None
    return str(found)


def _own_version() -> str:
    try:
        return metadata.version("voicegw")
    except metadata.PackageNotFoundError:
        return "unknown"
