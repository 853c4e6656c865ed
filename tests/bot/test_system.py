"""What the kernel is asked about processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from gateway import processes
from gateway.bot import system
from gateway.bot.timers import Timers


def test_descendants_are_found_through_every_thread() -> None:
    program = "import subprocess, sys; subprocess.run(['cat'])"
    found: list[int] = []

    def start() -> None:
        child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
        while len(processes.descendants(child.pid)) < 1:
            pass
        found.extend([child.pid, *processes.descendants(child.pid)])
        assert set(found) <= processes.descendants(os.getpid())
        child.communicate()

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(found) == 2
    assert not set(found) & processes.descendants(os.getpid())


def test_a_process_that_is_gone_has_no_descendants() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert processes.descendants(child.pid) == set()


def test_open_descriptors_are_listed_and_no_others() -> None:
    before = system.descriptors()
    out, into = os.pipe()
    assert system.descriptors() - before == {out, into}
    os.close(out)
    os.close(into)
    assert system.descriptors() == before


def test_timers_run_in_the_order_of_their_times() -> None:
    timers = Timers()
    done: list[str] = []
    timers.after(3_600, lambda: done.append("never"))
    timers.after(0, lambda: done.append("second"))
    timers.after(-1, lambda: done.append("first"))
    timers.run()
    assert done == ["first", "second"]
    wait = timers.wait()
    assert wait is not None
    assert 3_500 < wait <= 3_600


def test_without_timers_there_is_nothing_to_wait_for() -> None:
    assert Timers().wait() is None


def test_a_timer_may_set_itself_again() -> None:
    timers = Timers()
    done: list[str] = []

    def again() -> None:
        done.append("done")
        if len(done) < 3:
            timers.after(0, again)

    timers.after(0, again)
    while timers.wait() is not None:
        timers.run()
    assert len(done) == 3
