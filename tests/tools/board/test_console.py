from __future__ import annotations

import pytest

from tools.board.console import Console


def test_what_was_typed_in_another_encoding_is_sent_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    monkeypatch.setattr(Console, "write", lambda _, data: sent.append(data))
    Console.send(object.__new__(Console), "name \udcff")
    assert sent == [b"name \xff\n"]
