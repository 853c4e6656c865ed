"""The only writer to the terminal: whoever it is that text comes from, and whatever becomes of who reads it."""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from ground.trouble import Trouble, reason

# ECMA-48, in its 7-bit and 8-bit forms: control strings (OSC, DCS, SOS, PM, APC), sequences (CSI), other escapes, and
# the control characters that are left; a string without an end is shown. Then what Unicode has to turn the order of
# what is read (UAX #9), to end a line, or to be invisible.
_COMMANDS = re.compile(
    r"(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    r"|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
_IN_ASCII = {"✓": "+", "✗": "x", "●": "*", "→": "->", "—": "-", "–": "-", "…": "...", "·": "-"}  # noqa: RUF001
_UNREAD = 128 + getattr(signal, "SIGPIPE", 13)
"""The status that a shell gives a program whose reader has gone."""


def plain(text: str) -> str:
    """The text without commands to a terminal; tabs and line ends stay."""
    return _COMMANDS.sub("", text)


def one_line(text: str) -> str:
    """The same in one line, for a cell of a table."""
    return " ".join(plain(text).split("\n"))


class Writer(Console):
    """A console that no text commands, save its own markup, and that knows when nobody reads it any more.

    Args:
        stderr: write to standard error instead of standard output.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        # Without `emoji`, `:ab:` in an address would become a picture.
        super().__init__(stderr=stderr, soft_wrap=True, highlight=False, emoji=False)
        self.outlives_its_reader = False

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich does, without commands in what is shown."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=plain(segment.text))

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich does.

        Raises:
            Trouble: it cannot be written, to a full disk say.
        """
        try:
            super().print(*(plain(o) if isinstance(o, str) else o for o in objects), **options)
        except OSError as error:
            self._let_go()
            raise Trouble(
                f"nothing can be printed: {reason(error)}", remedy="print to another place"
            ) from None

    def verbatim(self, text: str) -> None:
        """Print a line as it is, for scripts: no markup, no style, never wrapped."""
        self.print(Text(plain(text)))

    def json(self, value: Any) -> None:
        """Print one JSON value on one line."""
        self.verbatim(json.dumps(value))

    def on_broken_pipe(self) -> None:
        """Who read has gone: so do we, unless there is more to do than to print."""
        self._let_go()
        if not self.outlives_its_reader:
            raise SystemExit(_UNREAD)

    def _let_go(self) -> None:
        """What is still to be printed goes nowhere, the interpreter's own last flush too."""
        self.quiet = True
        stream = sys.stderr if self.stderr else sys.stdout
        try:
            number = stream.fileno()
        except (OSError, ValueError, AttributeError):
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


out = Writer()
err = Writer(stderr=True)


def set_up(*, outlives_its_reader: bool = False) -> None:
    """Make standard input, output and error fit to be used. To be called once, before anything else is opened.

    Args:
        outlives_its_reader: go on when whoever reads our output has gone: a board is being flashed, say.
    """
    _open_what_is_closed()
    codecs.register_error("voicegw", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="voicegw")
    out.outlives_its_reader = err.outlives_its_reader = outlives_its_reader


def _open_what_is_closed() -> None:
    """Else the next file takes the number, and what is printed goes there: into the registry, say."""
    for number, mode in ((0, "r"), (1, "w"), (2, "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        name = ("stdin", "stdout", "stderr")[number]
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 -- for as long as we run


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What a terminal or a pipe has no code for: our own marks in ASCII, the rest by number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(
        _IN_ASCII.get(c) or c.encode("ascii", "backslashreplace").decode() for c in lost
    ), error.end
