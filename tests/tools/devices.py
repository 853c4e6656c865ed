"""Something on a serial line for the tools to talk to: a pseudo-terminal and a script that answers."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from collections.abc import Callable, Iterator

Answer = Callable[[bytes], bytes]


class Device:
    """The far end of a serial line; `answer` gets what comes, cut as it comes, and gives what goes back."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._far, near = os.openpty()
        tty.setraw(near)
        self._near = near
        self._told, self._tell = os.pipe()
        self.port = os.ttyname(near)
        self._thread = threading.Thread(target=self._run, name="device", daemon=True)
        self._thread.start()

    def say(self, data: bytes) -> None:
        """Send by itself."""
        os.write(self._far, data)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while self._told not in select.select([self._far, self._told], [], [])[0]:
                reply = self._answer(os.read(self._far, 4096))
                if reply:
                    os.write(self._far, reply)

    def close(self) -> None:
        """Unplug it, once nobody answers any more: the next device may get the same descriptors."""
        os.close(self._tell)
        self._thread.join()
        for descriptor in (self._near, self._far, self._told):
            os.close(descriptor)


@contextlib.contextmanager
def device(answer: Answer) -> Iterator[Device]:
    """One for the length of a block."""
    made = Device(answer)
    try:
        yield made
    finally:
        made.close()


def console(answers: dict[str, str]) -> Answer:
    """A device that answers these lines of its console, and refuses any other."""
    rest = b""

    def answer(data: bytes) -> bytes:
        nonlocal rest
        *lines, rest = (rest + data).split(b"\n")
        replies = [answers.get(line.decode(), '@err {"error":"unknown_command"}') for line in lines if line]
        return "".join(reply + "\n" for reply in replies).encode()

    return answer
