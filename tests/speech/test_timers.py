import asyncio

from gateway.speech.meaning.reply import StartTimer, Timer
from gateway.speech.timers import Timers


class _Bell:
    def __init__(self) -> None:
        self.rung: asyncio.Queue[Timer] = asyncio.Queue()

    async def ring(self, timer: Timer) -> None:
        await self.rung.put(timer)


async def test_a_timer_rings_and_is_gone() -> None:
    bell = _Bell()
    timers = Timers(bell.ring)
    await timers.start(StartTimer(0, "short"))
    assert (await bell.rung.get()).label == "short"
    assert await timers.list() == ()
    await timers.close()


async def test_timers_are_listed_with_what_is_left() -> None:
    timers = Timers(_Bell().ring)
    await timers.start(StartTimer(60, "one minute"))
    (timer,) = await timers.list()
    assert 30 < timer.left <= 60
    await timers.close()


async def test_a_cancelled_timer_is_gone() -> None:
    timers = Timers(_Bell().ring)
    await timers.start(StartTimer(60, "one minute"))
    await timers.cancel((1, 99))
    assert await timers.list() == ()
    await timers.close()


async def test_closing_leaves_no_task() -> None:
    timers = Timers(_Bell().ring)
    await timers.start(StartTimer(60, "one minute"))
    await timers.close()
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("timer-")] == []
