from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from tools.board import ports
from tools.errors import PortError

Plug = Callable[..., None]


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Let these ports be there: device, vendor, product."""

    def there(*found: tuple[str, int | None, int | None]) -> None:
        listed = []
        for device, vid, pid in found:
            port = ListPortInfo(device)
            port.vid, port.pid, port.serial_number, port.description = vid, pid, f"SN-{device[-1]}", "n/a"
            listed.append(port)
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: listed)

    return there


def test_an_esp_comes_before_a_bridge_and_boards_own_ports_are_left_out(plug: Plug) -> None:
    plug(("/dev/ttyS0", None, None), ("/dev/ttyUSB0", 0x1A86, 0x7523), ("/dev/ttyACM0", 0x303A, 0x1001))
    assert [c.device for c in ports.candidates()] == ["/dev/ttyACM0", "/dev/ttyUSB0"]
    assert ports.pick(None) == "/dev/ttyACM0"


def test_several_of_a_kind_are_named_with_the_reason(plug: Plug) -> None:
    plug(("/dev/ttyUSB0", 0x10C4, 0xEA60), ("/dev/ttyUSB1", 0x0403, 0x6001))
    with pytest.raises(PortError) as error:
        ports.pick(None)
    assert "/dev/ttyUSB0 (a CP210x USB-serial bridge, SN-0)" in error.value.cause
    assert "/dev/ttyUSB1 (an FTDI USB-serial bridge, SN-1)" in error.value.cause
    assert "--port" in error.value.remedy


def test_none_tells_of_cables_drivers_and_the_boot_button(plug: Plug) -> None:
    plug()
    with pytest.raises(PortError) as error:
        ports.pick(None)
    for word in ("cable", "driver", "BOOT"):
        assert word in error.value.remedy


def test_the_named_port_is_taken_unseen(plug: Plug) -> None:
    plug(("/dev/ttyACM0", 0x303A, 0x1001))
    assert ports.pick("rfc2217://10.0.0.9:4000") == "rfc2217://10.0.0.9:4000"


def test_a_port_that_is_not_there_is_said() -> None:
    with pytest.raises(PortError, match="no port /dev/ttyNOWHERE"):
        ports.open_port("/dev/ttyNOWHERE")


def test_a_url_that_nobody_serves_is_said() -> None:
    with pytest.raises(PortError, match="cannot be reached"):
        ports.open_port("socket://127.0.0.1:9")


@pytest.mark.parametrize(
    ("text", "cause", "remedy"),
    [
        (
            "[Errno 13] could not open port /dev/ttyUSB0: [Errno 13] Permission denied",
            "may not use",
            "usermod",
        ),
        ("[Errno 16] Device or resource busy: '/dev/ttyUSB0'", "another program", "close it"),
        ("Could not exclusively lock port /dev/ttyUSB0", "another program", "close it"),
        ("something new", "cannot be opened: something new", "cable"),
    ],
)
def test_why_a_port_cannot_be_opened_is_told_with_what_to_do(text: str, cause: str, remedy: str) -> None:
    error = ports.explain("/dev/ttyUSB0", OSError(text))
    assert cause in error.cause
    assert remedy in error.remedy


def test_the_group_of_the_port_is_the_one_to_join(tmp_path: Path) -> None:
    device = tmp_path / "tty"
    device.touch()
    assert f"-aG {device.group()} " in ports.permission_remedy(str(device))


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
def test_a_port_that_is_there_is_opened() -> None:
    far, near = os.openpty()
    with ports.open_port(os.ttyname(near)) as port:
        os.write(far, b"hello\n")
        assert port.readline() == b"hello\n"
    os.close(far)
    os.close(near)
