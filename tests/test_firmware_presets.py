"""A preset of firmware/sdkconfig.defaults* that the code needs, undone: the build says so, and the remedy."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.gateway import ROOT

FIRMWARE = ROOT / "firmware"
DECLARED = FIRMWARE / "test" / "declared"
INCLUDED = ("port/include", "port/esp/include", "port/esp", "port/bsd", "boards/include", "voice/include")
BIG = {"CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN": "16384"}
SMALL = {"CONFIG_MBEDTLS_SSL_OUT_CONTENT_LEN": "2048"}
SYMMETRIC = {"CONFIG_MBEDTLS_ASYMMETRIC_CONTENT_LEN": None}
UNLIMITED = {"CONFIG_ESP_WIFI_DYNAMIC_RX_BUFFER_NUM": "0"}
PSRAM = {"CONFIG_SPIRAM": "1"}

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


def sdkconfig(changes: dict[str, str | None]) -> str:
    """What is declared of the configuration, with changes; None: it is not set."""
    lines = (DECLARED / "sdkconfig.h").read_text().splitlines()
    kept = [line for line in lines if not changes.keys() & set(line.split()[1:2])]
    return "\n".join([*kept, *(f"#define {n} {v}" for n, v in changes.items() if v is not None), ""])


def compiled(source: str, folder: Path, changes: dict[str, str | None], chip: str, idf: int) -> str:
    """The compiler's complaints of a file of the port, as `make -C firmware declared` compiles it."""
    (folder / "sdkconfig.h").write_text(sdkconfig(changes))
    included = [folder, DECLARED, *(FIRMWARE / "components" / part for part in INCLUDED)]
    command = [
        "cc",
        "-std=gnu17",
        "-fsyntax-only",
        "-Wall",
        "-Wextra",
        "-Werror",
        *(f"-I{i}" for i in included),
    ]
    command += [
        f"-DCONFIG_IDF_TARGET_{chip}=1",
        f"-DDECLARED_IDF={idf}",
        str(FIRMWARE / "components/port" / source),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


@pytest.mark.parametrize("idf", [5, 6])
@pytest.mark.parametrize(
    ("source", "changes", "remedy"),
    [
        ("esp/udp.c", {"CONFIG_LWIP_TCPIP_CORE_LOCKING": None}, "CONFIG_LWIP_TCPIP_CORE_LOCKING=y"),
        (
            "esp/ota.c",
            {"CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE": None},
            "CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y",
        ),
        ("esp/wait.c", {"CONFIG_FREERTOS_HZ": "100"}, "CONFIG_FREERTOS_HZ=1000"),
        ("esp/tasks.c", {"CONFIG_ESP_TASK_WDT_PANIC": None}, "CONFIG_ESP_TASK_WDT_PANIC=y"),
        ("esp/tasks.c", {"CONFIG_ESP_TASK_WDT_TIMEOUT_S": "5"}, "CONFIG_ESP_TASK_WDT_TIMEOUT_S=30"),
        (
            "esp/crash.c",
            {"CONFIG_ESP_COREDUMP_ENABLE_TO_FLASH": None},
            "CONFIG_ESP_COREDUMP_ENABLE_TO_FLASH=y",
        ),
        ("esp/crash.c", {"CONFIG_ESP_COREDUMP_STACK_SIZE": "0"}, "CONFIG_ESP_COREDUMP_STACK_SIZE=1792"),
        (
            "bsd/tls.c",
            {"CONFIG_MBEDTLS_SSL_KEEP_PEER_CERTIFICATE": None},
            "CONFIG_MBEDTLS_SSL_KEEP_PEER_CERTIFICATE=y",
        ),
        ("bsd/tls.c", SMALL, "CONFIG_MBEDTLS_SSL_OUT_CONTENT_LEN=4096"),
        ("esp/bsd.c", BIG, "CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN=4096"),
        ("esp/bsd.c", SYMMETRIC, "CONFIG_MBEDTLS_ASYMMETRIC_CONTENT_LEN=y"),
        ("esp/bsd.c", {"CONFIG_LWIP_MAX_SOCKETS": "2"}, "CONFIG_LWIP_MAX_SOCKETS=8"),
        (
            "esp/link.c",
            {"CONFIG_ESP_NETIF_IP_LOST_TIMER_INTERVAL": "120"},
            "CONFIG_ESP_NETIF_IP_LOST_TIMER_INTERVAL=5",
        ),
        ("esp/link_wifi.c", {"CONFIG_ESP_WIFI_11KV_SUPPORT": None}, "CONFIG_ESP_WIFI_11KV_SUPPORT=y"),
        (
            "esp/link_wifi.c",
            {"CONFIG_ESP_WIFI_STATIC_RX_BUFFER_NUM": "10"},
            "CONFIG_ESP_WIFI_STATIC_RX_BUFFER_NUM=6",
        ),
        ("esp/link_wifi.c", UNLIMITED, "CONFIG_ESP_WIFI_DYNAMIC_RX_BUFFER_NUM=8"),
    ],
)
def test_a_preset_undone_fails_the_build(
    tmp_path: Path, source: str, changes: dict[str, str | None], remedy: str, idf: int
) -> None:
    said = compiled(source, tmp_path, changes, "ESP32C3", idf)
    assert re.search(rf"#error.*set .*{remedy}\b.* or delete sdkconfig\.BOARD", said)
    assert compiled(source, tmp_path, {}, "ESP32C3", idf) == ""


@pytest.mark.parametrize(("source", "changes"), [("esp/bsd.c", BIG), ("esp/link_wifi.c", UNLIMITED)])
def test_a_board_with_memory_for_more_may_have_it(
    tmp_path: Path, source: str, changes: dict[str, str | None]
) -> None:
    assert compiled(source, tmp_path, {**changes, **PSRAM}, "ESP32S3", 5) == ""


def test_what_is_declared_is_what_the_firmware_has() -> None:
    declared = dict(re.findall(r"#define (CONFIG_\w+) (\S+)", (DECLARED / "sdkconfig.h").read_text()))
    presets: dict[str, str] = {}
    for name in ("sdkconfig.defaults", "sdkconfig.defaults.esp32c3"):
        presets.update(re.findall(r"^(CONFIG_\w+)=(\S+)", (FIRMWARE / name).read_text(), re.MULTILINE))
    shared = declared.keys() & presets.keys()
    assert len(shared) > 10
    assert {n: declared[n] for n in shared} == {n: presets[n].replace("y", "1") for n in shared}
