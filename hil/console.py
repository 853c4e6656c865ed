"""The board's console (docs/protocol.md): commands out; replies, events and log back."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hil.errors import BootLoop, Garbled, NotSeen, Refused, Silent
from hil.record.journal import Journal

Event = dict[str, Any]
_REPLY_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.01
_SECRETS: Final = re.compile(r"^(settings set (?:key|password)) .*$")
_MARKED: Final = re.compile(r"@(ok|err|evt) (\{.*\})")


class Console:
    """Speaks through whatever carries the board's lines.

    Args:
        write: sends text to the board.
        log: the file in which all that the board says arrives, byte for byte.
        journal: is told of each command.
        alive: says what has become of a board that went silent, where the rig can see it; else an empty text.
    """

    def __init__(
        self, write: Callable[[str], None], log: Path, journal: Journal, alive: Callable[[], str] = str
    ) -> None:
        self.events: list[Event] = []
        self._replies: list[tuple[str, str]] = []
        self._write, self._log, self._journal, self._alive = write, log, journal, alive
        self._at = 0
        self._partial = b""

    def ask(self, line: str, seconds: float = _REPLY_SECONDS) -> Event:
        """Send a command; gives its reply.

        Raises:
            Refused: it was answered with `@err`.
            Silent: it was not answered.
            Garbled: the answer cannot be read.
        """
        self.pump()
        self._replies.clear()
        self._write(line + "\n")
        shown = _SECRETS.sub(r"\1 ***", line)
        mark, text = self._await_reply(shown, seconds)
        try:
            reply: Event = json.loads(text)
        except ValueError:
            raise Garbled(f"the answer to {shown!r} cannot be read: {text!r}") from None
        self._journal.note("console", line=shown, reply=reply)
        if mark == "err":
            raise Refused(shown, reply.get("error", ""), reply.get("remedy", ""))
        return reply

    def catch_up(self) -> None:
        """Let what answers earlier questions late pass by: it comes before the answer to another one.

        Raises:
            Silent: that was not answered.
        """
        self._write("settings\n")
        while '"volume"' not in self._await_reply("settings", _REPLY_SECONDS)[1]:
            pass

    def _await_reply(self, line: str, seconds: float) -> tuple[str, str]:
        deadline = time.monotonic() + seconds
        while not self._replies:
            if time.monotonic() > deadline:
                raise Silent(self._explain(line, seconds))
            time.sleep(_POLL_SECONDS)
            self.pump()
        return self._replies.pop(0)

    def _explain(self, line: str, seconds: float) -> str:
        fate = self._alive() or "the firmware hangs, or the line is dead"
        return f"no answer to {line!r} within {seconds:g} s: {fate}; the last that the board said: {self.tail()!r}"

    def wait(
        self, test: Callable[[Event], bool], what: str, seconds: float = 20.0, *, since: int = 0
    ) -> Event:
        """Wait for an event, which may have come already.

        Args:
            test: tells it.
            what: is said if it does not come.
            seconds: how long.
            since: events before this number do not count; see `mark`.

        Raises:
            NotSeen: it did not come.
            BootLoop: the board began anew three times meanwhile.
        """
        deadline = time.monotonic() + seconds
        while True:
            self.pump()
            for event in self.events[since:]:
                if test(event):
                    return event
            self._must_not_loop(since)
            if time.monotonic() > deadline:
                raise NotSeen(f"not within {seconds:g} s: {what}; events: {self.events[since:][-6:]}")
            time.sleep(_POLL_SECONDS)

    def _must_not_loop(self, since: int) -> None:
        states = [e["state"] for e in self.events[since:] if e.get("event") == "state"]
        tries = sum(pair == ("backoff", "network") for pair in itertools.pairwise(states))
        starts = states.count("network") - tries  # after a failure it tries again, and that is no start
        if starts > 3 and "signalling" not in states:
            raise BootLoop(f"the board began anew {starts} times; the last that it said: {self.tail()!r}")

    def mark(self) -> int:
        """The number of events so far."""
        self.pump()
        return len(self.events)

    def text(self) -> str:
        """All that the board has said."""
        return self._log.read_bytes().decode(errors="replace") if self._log.exists() else ""

    def tail(self) -> str:
        """The last lines of it."""
        return "\n".join(self.text().splitlines()[-3:])

    def pump(self) -> None:
        """Take in what has come since."""
        if not self._log.exists():
            return
        with self._log.open("rb") as file:
            file.seek(self._at)
            fresh = file.read()
        self._at += len(fresh)
        *lines, self._partial = (self._partial + fresh).split(b"\n")
        for line in lines:
            self._sort(line.decode(errors="replace"))

    def _sort(self, line: str) -> None:
        match = _MARKED.search(line)
        if match is None:
            return
        if match[1] != "evt":
            self._replies.append((match[1], match[2]))
            return
        try:
            event = json.loads(match[2])
        except ValueError:
            return  # noise on the line: what was lost is missed by whoever waits for it
        self.events.append({**event, "seen_at": time.monotonic()})
