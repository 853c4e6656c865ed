from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ground import garbage


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_none_is_looked_for_while_what_stays_is_made() -> None:
    with garbage.left_alone():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_made_is_not_looked_through_again() -> None:
    made: list[list[int]] = []
    with garbage.left_alone():
        made.append([])
        assert any(found is made for found in gc.get_objects())
    assert not any(found is made for found in gc.get_objects())


def test_it_is_looked_for_again_where_an_import_fails() -> None:
    with pytest.raises(ImportError), garbage.left_alone():
        raise ImportError
    assert gc.isenabled()
