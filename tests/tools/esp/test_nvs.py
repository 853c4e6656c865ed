from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tools.errors import NvsError
from tools.esp import nvs
from tools.esp.nvs import Entry, Type
from tools.esp.nvs_pages import INTEGERS

SIZE = 0x6000
ROOM = 0x20000
SECRET = "correct horse battery staple"

ODD = {
    "quotes": "a \"b\", c; 'd'",
    "line_ends": "\r\n one \r two \n\n",
    "comment": "-----BEGIN CERTIFICATE-----\n# not a comment\n,,,\n-----END CERTIFICATE-----\n",
    "unicode": "Küche ☕ 日本語 \U0001f600",
    "spaces": "  both ends \t ",
    "formula": "=1+1",
}


def as_dict(entries: list[Entry]) -> dict[tuple[str, str], tuple[Type, int | str | bytes]]:
    return {(e.namespace, e.key): (e.type, e.value) for e in entries}


def range_of(kind: Type) -> st.SearchStrategy[int]:
    bits = {"b": 8, "h": 16, "i": 32, "q": 64}[INTEGERS[kind].lower()]
    low = -(1 << (bits - 1)) if INTEGERS[kind].islower() else 0
    return st.integers(low, low + (1 << bits) - 1)


names = st.from_regex(r"[A-Za-z0-9_]{1,15}", fullmatch=True)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)
long_texts = st.integers(300, 1984).map(lambda n: "".join(itertools.islice(itertools.cycle('#a,"\n'), n)))
blobs = st.binary(max_size=200) | st.integers(201, 9_000).map(lambda n: bytes(i * 7 % 256 for i in range(n)))
values = (
    st.tuples(st.just(Type.SZ), texts | long_texts)
    | st.tuples(st.just(Type.BLOB), blobs)
    | st.sampled_from(list(INTEGERS)).flatmap(lambda kind: st.tuples(st.just(kind), range_of(kind)))
)
worlds = st.dictionaries(st.tuples(names, names), values, max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds)
@example(world={})
@example(world={("a", "b"): (Type.SZ, ""), ("a", "c"): (Type.BLOB, b"")})
@example(world={("n", f"k{i}"): (Type.U8, i) for i in range(200)})
@example(world={(f"n{i % 3}", f"k{i}"): (Type.BLOB, bytes([i]) * 4_001) for i in range(9)})
def test_what_is_generated_is_what_is_read(
    world: dict[tuple[str, str], tuple[Type, int | str | bytes]],
) -> None:
    entries = [Entry(n, k, kind, value) for (n, k), (kind, value) in world.items()]
    assert as_dict(nvs.decode(nvs.generate(entries, ROOM))) == world


def test_settings_with_odd_characters_and_full_length_come_back() -> None:
    wanted = {**ODD, "ca": "x" * 1984}
    image = nvs.settings_image(wanted, SIZE)
    assert len(image) == SIZE
    assert nvs.settings(image) == wanted


def test_version_1_is_read_too() -> None:
    entries = [
        Entry("old", "text", Type.SZ, "é" * 900),
        Entry("old", "blob", Type.BLOB, bytes(range(256)) * 7),
        Entry("old", "number", Type.I64, -(2**63)),
    ]
    image = nvs.generate(entries, SIZE, version=1)
    assert as_dict(nvs.decode(image)) == as_dict(entries)


def test_an_empty_setting_is_left_out() -> None:
    assert nvs.settings(nvs.settings_image({"ssid": "x", "password": ""}, SIZE)) == {"ssid": "x"}


def test_the_later_of_two_values_counts() -> None:
    entries = [Entry("voicegw", "name", Type.SZ, "old"), Entry("voicegw", "name", Type.SZ, "new")]
    assert nvs.settings(nvs.generate(entries, SIZE)) == {"name": "new"}


def test_an_erased_entry_is_gone() -> None:
    image = bytearray(nvs.settings_image({"ssid": "one", "name": "two"}, SIZE))
    at = image.index(b"ssid\0") - 8
    number = (at - 64) // 32
    for entry in (number, number + 1):  # its header and its text: two zero bits each, as the chip writes them
        image[32 + entry // 4] &= ~(0b11 << 2 * (entry % 4)) & 0xFF
    assert nvs.settings(bytes(image)) == {"name": "two"}


def test_pages_are_read_in_the_order_of_their_numbers() -> None:
    wanted = {f"k{i}": f"{i}" * 700 for i in range(8)}
    image = nvs.settings_image(wanted, SIZE)
    assert nvs.settings(image[4096:8192] + image[:4096] + image[8192:]) == wanted


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"a" * 16: "x"}, "is no NVS name"),
        ({"#a": "x"}, "is no NVS name"),
        ({"name": "a\0b"}, "cannot hold"),
        ({"name": "\udc80"}, "cannot hold"),
        ({"ca": "x" * 1985}, "more than 1984 bytes"),
        ({f"k{i}": "x" * 1984 for i in range(12)}, "do not fit"),
    ],
    ids=["long name", "comment", "nul", "not utf-8", "long", "too much"],
)
def test_what_nvs_cannot_hold_is_refused(values: Mapping[str, str], cause: str) -> None:
    with pytest.raises(NvsError, match=cause) as refused:
        nvs.settings_image(values, SIZE)
    assert refused.value.remedy


@pytest.mark.parametrize("size", [0, 4096, 8192, 12289])
def test_a_size_that_is_no_partition_is_refused(size: int) -> None:
    with pytest.raises(NvsError, match="no NVS partition"):
        nvs.settings_image({"name": "x"}, size)


def test_a_number_out_of_range_is_refused() -> None:
    with pytest.raises(NvsError, match="out of range"):
        nvs.generate([Entry("a", "b", Type.U8, 256)], SIZE)


@pytest.fixture(scope="module")
def good() -> bytes:
    return nvs.settings_image({"ssid": "attic", "password": SECRET}, SIZE)


@pytest.mark.parametrize(
    ("at", "what"),
    [
        (0, "no state of a page"),
        (5, "header's checksum"),
        (70, "its checksum is wrong"),
        (130, "value's checksum"),
    ],
)
def test_a_damaged_image_says_where(good: bytes, at: int, what: str) -> None:
    image = bytearray(good)
    image[at] ^= 0x55
    with pytest.raises(NvsError, match=f"page 0.*{what}"):
        nvs.decode(bytes(image))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_damage_is_a_typed_error_or_harmless(good: bytes, changes: list[tuple[int, int]]) -> None:
    image = bytearray(good)
    for at, value in changes:
        image[at] = value
    try:
        nvs.decode(bytes(image))
    except NvsError as error:
        assert error.cause.startswith("NVS: page 0")  # noqa: PT017 -- either outcome is right


@pytest.mark.parametrize("image", [b"", b"x" * 100, b"\xff" * 4097])
def test_what_is_no_number_of_pages_is_refused(image: bytes) -> None:
    with pytest.raises(NvsError, match="4096-byte pages"):
        nvs.decode(image)


def test_an_erased_partition_holds_nothing() -> None:
    assert nvs.decode(b"\xff" * SIZE) == []


def test_nothing_is_left_behind_and_nothing_was_readable_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Path, int]] = []
    real = tempfile.mkdtemp

    def noted(suffix: str | None = None, prefix: str | None = None, dir: Path | None = None) -> str:  # noqa: A002
        path = real(suffix, prefix, dir)
        made.append((Path(path), Path(path).stat().st_mode & 0o777))
        return str(path)

    monkeypatch.setattr(tempfile, "mkdtemp", noted)
    nvs.settings_image({"password": SECRET}, SIZE)
    assert [mode for _, mode in made] == [0o700]
    assert not any(path.exists() for path, _ in made)


def test_no_secret_is_in_the_generators_arguments_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    real = subprocess.run

    def noted(arguments: list[str], **options: object) -> object:
        started.append(repr((arguments, options)))
        return real(arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", noted)
    nvs.settings_image({"password": SECRET}, SIZE)
    assert len(started) == 1
    assert SECRET not in started[0]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a small disk, as root")
def test_a_full_disk_is_said() -> None:
    code = (
        "from tools import errors, private\n"
        "from tools.esp import nvs\n"
        "from pathlib import Path\n"
        "try: nvs.settings_image({'password': 'x' * 60}, 0x6000)\n"
        "except errors.ToolError as e: print(e.cause, '|', e.remedy)\n"
    )
    mount = f'mount -t tmpfs -o size=16k none /dev/shm && exec {sys.executable} -c "$1"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, "sh", code],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("no namespaces here")
    assert "can be written to /dev/shm" in done.stdout or "no room left" in done.stdout, done.stderr
    assert "make room" in done.stdout
