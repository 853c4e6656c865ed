import pytest
from pydantic import ValidationError

from gateway.wire.promises import Moment, Wish, ago, promise

NOON = Moment(wall=1_000_000.0, boot="a", up=500.0)


def test_a_timer_is_a_length_of_time_whatever_is_done_to_the_clock() -> None:
    kept = promise(1, "kitchen", Wish(seconds=60), NOON)
    assert kept.left(Moment(wall=NOON.wall + 7_200, boot="a", up=510.0)) == 50
    assert kept.left(Moment(wall=0.0, boot="a", up=561.0)) == -1


def test_an_alarm_is_a_time_of_day_whatever_was_done_to_the_clock() -> None:
    kept = promise(1, "kitchen", Wish(kind="alarm", at=NOON.wall + 60), NOON)
    assert kept.left(Moment(wall=NOON.wall + 61, boot="a", up=500.5)) == -1


def test_after_a_reboot_the_wall_clock_tells_how_much_of_a_timer_is_left() -> None:
    kept = promise(1, "kitchen", Wish(seconds=60), NOON)
    assert kept.left(Moment(wall=NOON.wall + 20, boot="b", up=3.0)) == 40


def test_where_no_boot_is_known_the_wall_clock_does() -> None:
    nowhere = Moment(wall=10.0, boot="", up=0.0)
    assert promise(1, "kitchen", Wish(seconds=60), nowhere).left(Moment(40.0, "", 0.0)) == 30


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(seconds=1, label="pasta"), "Your pasta timer is done."),
        (Wish(seconds=1), "Your timer is done."),
        (Wish(kind="reminder", seconds=1, label="call Ann"), "This is your reminder: call Ann."),
        (Wish(kind="say", text="Dinner!"), "Dinner!"),
        (Wish(seconds=1, text="Now."), "Now."),
        (Wish(kind="say", sound="ring"), ""),
    ],
)
def test_what_is_said(wish: Wish, said: str) -> None:
    assert promise(1, "kitchen", wish, NOON).spoken() == said


def test_what_was_missed_says_how_long_ago() -> None:
    kept = promise(1, "kitchen", Wish(seconds=60, label="pasta"), NOON)
    late = Moment(NOON.wall + 660, "a", NOON.up + 660)
    assert kept.spoken_late(late) == "You missed this, 10 minutes ago: Your pasta timer is done."


def test_lengths_of_time_in_words() -> None:
    found = [ago(seconds) for seconds in (5, 60, 3_599, 7_200, 90_000)]
    assert found == ["less than a minute", "1 minute", "59 minutes", "2 hours", "1 day"]


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "timer"},
        {"kind": "alarm", "seconds": 1, "at": 2},
        {"kind": "say"},
        {"kind": "say", "sound": "none"},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"kind": "say", "text": "x", "volume": 101},
    ],
)
def test_a_wish_that_can_not_be_kept_is_refused(wish: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Wish.model_validate(wish)


def test_what_rings_is_audible_and_what_is_said_leaves_the_volume() -> None:
    assert promise(1, "k", Wish(seconds=1), NOON).volume == 50
    assert promise(1, "k", Wish(kind="say", text="x"), NOON).volume == 0
