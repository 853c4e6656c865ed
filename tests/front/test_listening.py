from __future__ import annotations

import contextlib
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.front import discovery
from gateway.front.listening import Listener, listen
from tests.support.machine import NOBODY, possible

ROOT = Path(__file__).parents[2]
LAN = ["192.168.50.20", "fd00::20"]
OURS = discovery.lan_addresses()


@pytest.fixture(autouse=True)
def _on_a_lan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "lan_addresses", lambda: LAN)


@contextlib.contextmanager
def listening(host: str, port: int = 0) -> Iterator[Listener]:
    found = listen(host, port)
    with found.sock:
        yield found


@pytest.fixture
def port() -> int:
    """One that is free on both families."""
    with listening("::") as found:
        return found.port


@pytest.mark.parametrize(
    ("family", "address", "said"),
    [
        (socket.AF_INET6, "::1", "on IPv6"),
        (socket.AF_INET6, "::", "on IPv6"),
        (socket.AF_INET, "127.0.0.1", "on IPv4"),
        (socket.AF_INET, "0.0.0.0", "on IPv4"),
    ],
)
def test_a_port_that_is_taken_on_one_family_is_taken(
    family: socket.AddressFamily, address: str, said: str, port: int
) -> None:
    with (
        socket.create_server((address, port), family=family),
        pytest.raises(ConfigError, match=f"another program has port {port} {said}") as caught,
    ):
        listen("::", port)
    assert "--port" in caught.value.remedy


def test_one_that_is_taken_on_both_is_said_without_a_family(port: int) -> None:
    with listening("::", port), pytest.raises(ConfigError, match=f"another program has port {port}$"):
        listen("::", port)


def test_nobody_can_take_an_address_of_ours_afterwards(port: int) -> None:
    with listening("::", port):
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with pytest.raises(OSError, match="in use"):
                socket.create_server((address, port), family=family)


@pytest.mark.parametrize(
    ("host", "urls", "lan"),
    [
        ("::", ["http://localhost", "https://192.168.50.20", "https://[fd00::20]"], LAN),
        ("0.0.0.0", ["http://127.0.0.1", "https://192.168.50.20"], LAN[:1]),
        ("127.0.0.1", ["http://127.0.0.1"], None),
        ("::1", ["http://[::1]"], None),
        ("localhost", ["http://127.0.0.1"], None),
    ],
)
def test_only_what_is_listened_on_is_printed_and_announced(
    host: str, urls: list[str], lan: list[str] | None
) -> None:
    with listening(host) as found:
        assert found.urls() == [f"{url}:{found.port}" for url in urls]
        assert (found.lan and found.lan()) == lan
        with socket.create_connection((found.url.rpartition(":")[0][7:].strip("[]"), found.port), 10):
            pass


@pytest.mark.skipif(not OURS, reason="this machine is on no network")
def test_an_address_of_a_lan_is_printed_and_announced_alone() -> None:
    with listening(OURS[0]) as found:
        assert found.urls() == [found.secure_url]
        assert found.lan is not None
        assert found.lan() == OURS[:1]


def test_a_machine_without_ipv6_is_served_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    make = socket.create_server

    def without_ipv6(address: Any, *, family: int, **options: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return make(address, family=family, **options)

    monkeypatch.setattr(socket, "create_server", without_ipv6)
    with listening("::") as found:
        assert found.urls() == [
            f"{url}:{found.port}" for url in ("http://127.0.0.1", "https://192.168.50.20")
        ]
        assert found.lan is not None
        assert found.lan() == LAN[:1]


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("10.9.9.9", "10.9.9.9 is no address of this machine"),
        ("2001:db8::9", "2001:db8::9 is no address of this machine"),
        ("224.0.0.1", "224.0.0.1 is no address of this machine"),
        ("255.255.255.255", "255.255.255.255 is no address of this machine"),
        ("ff02::1", "ff02::1 is no address of this machine"),
        ("fe80::1", "fe80::1 holds on one link alone"),
        ("fe80::1%lo", "fe80::1%lo holds on one link alone"),
        ("nothing.invalid", "there is no host nothing.invalid"),
        ("", "there is no host"),
        ("x" * 64, "there is no host"),
        ("a\0b", "there is no host"),
    ],
)
def test_a_host_that_is_not_ours_is_said_with_those_that_are(host: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        listen(host, 0)
    assert LAN[0] in caught.value.remedy


@pytest.mark.skipif(not possible(), reason="only root can become another")
def test_a_port_of_the_systems_is_said() -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("here any user may have it")
    script = (
        "from gateway.front import listening\n"
        "try: listening.listen('127.0.0.1', 80)\n"
        "except listening.ConfigError as error: print(error.message, '|', error.remedy)"
    )
    done = subprocess.run(
        [*NOBODY, sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("port 80 is the system's"), done.stderr
    assert "--port" in done.stdout
