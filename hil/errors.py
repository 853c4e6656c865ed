"""What can go wrong with a board on the rig: each says what was seen, what it means, and what to do."""

from __future__ import annotations


class RigError(AssertionError):
    """The root. It is an assertion: in a test it is a failure of the board, not of the rig."""


class Refused(RigError):
    """The console answered `@err`; `code` is its reason."""

    def __init__(self, line: str, code: str, remedy: str) -> None:
        super().__init__(f"the console refused {line!r}: {code}" + (f" ({remedy})" if remedy else ""))
        self.code = code


class Silent(RigError):
    """The console does not answer: the firmware hangs, or is not there."""


class Garbled(RigError):
    """A line that is none of the console's forms: noise, or two writers on one line."""


class BootLoop(RigError):
    """The board starts again and again."""


class NotSeen(RigError):
    """An event that was waited for did not come."""


class NotFlashed(RigError):
    """The tool that flashes a board gave up; says what it said."""


class OverBudget(RigError):
    """A measurement outside its budget."""


class Unusable(Exception):
    """The rig itself cannot work: something is missing on this machine. Not the board's fault."""
