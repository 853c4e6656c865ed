from __future__ import annotations

import pytest

from bench.cost import Spent
from bench.servers import Process, by_kind, tree

#: A front (1), its media process (2), a template (3) with two bots, somebody else's process.
TABLE = {
    1: Process(0, 1.0),
    2: Process(1, 2.0),
    3: Process(2, 4.0),
    4: Process(3, 8.0),
    5: Process(3, 16.0),
    9: Process(0, 512.0),
}


def test_what_media_started_is_bots() -> None:
    assert by_kind(1, TABLE, media={2}) == {"front": 1.0, "media": 2.0, "bots": 28.0}


def test_of_a_server_without_media_all_is_front() -> None:
    assert by_kind(1, TABLE, media=set()) == {"front": 31.0, "media": 0.0, "bots": 0.0}


def test_who_is_no_descendant_does_not_count() -> None:
    assert tree(1, TABLE) == {1, 2, 3, 4, 5}


def test_cpu_is_of_a_session_and_second_whole_and_in_parts() -> None:
    spent = Spent(sessions=2)
    for when, media in ((10.0, 1.0), (12.0, 1.4), (14.0, 2.6)):
        spent.look(when, {"front": 0.0, "media": media, "bots": 5.0})
    assert spent.by_kind() == pytest.approx({"front": 0.0, "media": 0.2, "bots": 0.0})
    assert spent.parts() == pytest.approx([0.1, 0.3])
