from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ground import text
from ground.text import Unreadable

WORDS = 'ssid = "Küche ☕"\r\nname = "x"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.toml"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_editors_save_as_unicode_is_read(path: Path, encoding: str) -> None:
    path.write_bytes(WORDS.encode(encoding))
    assert text.read(path) == WORDS


def test_utf_16_of_the_other_order_is_read(path: Path) -> None:
    path.write_bytes(b"\xfe\xff" + WORDS.encode("utf-16-be"))
    assert text.read(path) == WORDS


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a\nname = 'K\xfcche'\n", "is not UTF-8: byte 0xfc in line 2"),
        ("a\nb".encode("utf-16-le"), "a NUL in line 1"),
        (b"a\nb\0", "a NUL in line 2"),
        (b"\xff\xfea", "begins as UTF-16, and goes on as something else"),
        (b"x" * 1_000_001, "longer than 1000000 bytes"),
    ],
)
def test_what_is_no_text_is_named_with_its_line(path: Path, data: bytes, said: str) -> None:
    path.write_bytes(data)
    with pytest.raises(Unreadable, match=said) as caught:
        text.read(path)
    assert str(path) in caught.value.message
    assert caught.value.remedy


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path, "it is a directory"),
        (tmp_path / "gone", "it is not there"),
        (tmp_path / "\0", "that is no path"),
        (Path(os.devnull), "is no file"),
    ):
        with pytest.raises(Unreadable, match=said):
            text.read(path)


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable, match="is empty"):
        text.read_line(tmp_path / "pipe")


def test_a_pipe_that_is_written_to_is_read_to_its_end() -> None:
    """As a shell's `<(…)` gives it."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "w") as file:
            for word in ("ssid", " = ", "1\n"):
                file.write(word)
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    assert text.read_toml(Path(f"/dev/fd/{reading}")) == {"ssid": 1}
    writer.join()
    os.close(reading)


def test_what_is_looked_at_closer_may_have_stray_bytes(path: Path) -> None:
    path.write_bytes(b"v=\xff\0\r\n")
    assert text.read(path, strict=False) == "v=\udcff\0\r\n"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r", "\nmore\n"])
def test_a_line_is_as_it_is(path: Path, end: str) -> None:
    path.write_bytes(f" hunter2\x0b\u2028 {end}".encode())
    assert text.read_line(path) == " hunter2\x0b\u2028 "


@pytest.mark.parametrize("content", ["", "\n", "\r\nx"])
def test_an_empty_first_line_is_said(path: Path, content: str) -> None:
    path.write_bytes(content.encode())
    with pytest.raises(Unreadable, match="is empty"):
        text.read_line(path)


def test_toml_is_read_with_the_line_ends_of_any_system(path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        path.write_bytes(f"a = 1{end}b = 2{end}".encode())
        assert text.read_toml(path) == {"a": 1, "b": 2}


def test_what_is_no_toml_is_named_and_not_repeated(path: Path) -> None:
    path.write_text("a = 1\npassword = hunter2-hunter2\n")
    with pytest.raises(Unreadable, match=r"is no TOML: .*line 2") as caught:
        text.read_toml(path)
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("content", "fault"), [("", "is empty"), (" \n", "is empty"), ("hunter2 x", "more than one word")]
)
def test_a_file_of_one_word_holds_one(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "password"
    path.write_text(" hunter2\n")
    assert text.read_word(path) == "hunter2"
    path.write_text(content)
    with pytest.raises(Unreadable, match=fault) as caught:
        text.read_word(path)
    assert "hunter2" not in f"{caught.value.message}{caught.value.remedy}"
