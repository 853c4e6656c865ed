"""What a tool says: to a person, or as a line of JSON for each thing that happens."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from types import FrameType, TracebackType
from typing import Any, NoReturn, Protocol, Self

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ground import terminal
from ground.terminal import err, one_line, out
from ground.trouble import Trouble
from tools.errors import ToolError

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


class Report(Protocol):
    """Where a tool tells what it does. No secret is ever told."""

    def step(self, name: str, text: str, **values: Any) -> None:
        """A step is done, or begins."""

    def progress(self, fraction: float) -> None:
        """How much of the writing is done, 0 to 1."""

    def done(self, **values: Any) -> None:
        """The last word."""


class ForPeople:
    """Lines and a progress bar on standard output."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def step(self, name: str, text: str, **values: Any) -> None:
        del values
        self._end_bar()
        out.print(f"[bold]{name:<10}[/]{escape(text)}")

    def progress(self, fraction: float) -> None:
        if not out.is_terminal:
            return
        if self._bar is None:
            columns = (
                TextColumn("[bold]writing   [/]"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
            )
            self._bar = Progress(*columns, TimeRemainingColumn(), console=out, transient=True)
            self._task = self._bar.add_task("writing", total=1.0)
            self._bar.start()
        assert self._task is not None
        self._bar.update(self._task, completed=fraction)

    def done(self, **values: Any) -> None:
        self._end_bar()
        out.verbatim(last_line(values))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_bar()

    def _end_bar(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.stop()


class ForScripts:
    """A line of JSON for each thing that happens; percents are whole ones."""

    def __init__(self) -> None:
        self._percent = -1

    def step(self, name: str, text: str, **values: Any) -> None:
        out.json({"event": "step", "step": name, "text": text, **values})

    def progress(self, fraction: float) -> None:
        percent = int(fraction * 100)
        if percent != self._percent:
            self._percent = percent
            out.json({"event": "progress", "percent": percent})

    def done(self, **values: Any) -> None:
        out.json({"event": "done", **values})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        return


def last_line(values: dict[str, Any]) -> str:
    """`name=value` pairs, texts with spaces in quotes."""
    return " ".join(f"{k}={json.dumps(v) if ' ' in str(v) else v}" for k, v in values.items())


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table of texts: what a stranger calls himself is no markup, and commands no terminal."""
    made = Table(*heads, box=None)
    for row in rows:
        made.add_row(*(Text(one_line(text)) for text in row))
    return made


def guard(
    run: Callable[[], object],
    *,
    as_json: bool = False,
    interrupted: str = "",
    outlives_its_reader: bool = False,
) -> NoReturn:
    """Run a tool and leave with its status: errors in two lines, cause and remedy, and never a trace of ours.

    Args:
        run: the tool; what it returns is its status, nothing counts as OK.
        as_json: errors as JSON on standard output.
        interrupted: what to say after Ctrl-C.
        outlives_its_reader: go on when nobody reads what is told any more.
    """
    terminal.set_up(outlives_its_reader=outlives_its_reader)
    signal.signal(signal.SIGTERM, _terminated)  # so that what holds secrets is removed then, too
    try:
        status = run()
    except Trouble as error:
        _tell(error, as_json=as_json)
        sys.exit(FAILED if isinstance(error, ToolError) else USAGE)
    except KeyboardInterrupt:
        if as_json:
            out.json({"event": "failed", "step": "", "cause": "interrupted", "remedy": interrupted})
        else:
            err.print(f"\ninterrupted. {interrupted}".rstrip())
        sys.exit(INTERRUPTED)
    sys.exit(status if isinstance(status, int) else OK)


def _terminated(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _tell(error: Trouble, *, as_json: bool) -> None:
    step = error.step if isinstance(error, ToolError) else ""
    if as_json:
        out.json({"event": "failed", "step": step, "cause": error.message, "remedy": error.remedy})
        return
    where = f" ({step})" if step else ""
    err.print(f"[bold red]error{where}:[/] {escape(error.message)}")
    err.print(f"[dim]{escape(error.remedy)}[/]")
