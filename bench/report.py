"""`docs/performance.md` from the results: a table, and plots as SVG without a plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_DOCS: Final = Path(__file__).parent.parent / "docs"


@dataclass(frozen=True, slots=True)
class Page:
    """Where the results of a profile go, and what the table says of itself; `name` stands in the marks around it."""

    name: str
    results: str
    on: str


PAGES: Final = {
    "whole": Page("bench", "results.json", "`make bench` on {cores} cores, the two sides in {network}"),
    "pi": Page(
        "bench pi",
        "results-pi.json",
        "`python -m bench --profile pi` on one of {cores} cores, each server with a third of its time, in {network}",
    ),
}
_COLOURS: Final = {"baseline": "#9a9a9a", "ours": "#0b7285"}
_NAMES: Final = {"baseline": "baseline", "ours": "ours", "packed": "ours, packed", "before": "ours, before"}

_ROWS: Final[Sequence[tuple[str, str, str]]] = (
    ("mouth to ear echo, p50", "echo_ms.p50", "ms"),
    ("mouth to ear echo, p95", "echo_ms.p95", "ms"),
    ("mouth to ear echo, p99", "echo_ms.p99", "ms"),
    ("the same beside three busy loops, p50", "echo_busy_ms.p50", "ms"),
    ("the same beside three busy loops, p95", "echo_busy_ms.p95", "ms"),
    ("until it is back within 5 ms, once they have ended", "echo_back_s", "s"),
    ("the echo beside a bot that hogs the CPU, p95", "echo_hog_ms.p95", "ms"),
    ("its longest gap between packets", "echo_hog_ms.gap", "ms"),
    ("end of what is asked after the wake word to first sound, p50", "wake_to_answer_ms", "ms"),
    ("offer to first packet", "connect_ms", "ms"),
    ("CPU per session and second, 1 session", "cpu_per_session_s.1", "s"),
    ("CPU per session and second, 8 sessions", "cpu_per_session_s.8", "s"),
    ("of those 8, carried", "carried.8", ""),
    ("of their packets, over 20 ms late", "late.8", ""),
    ("of the CPU at 8 sessions: media", "cpu_by_kind_s.media", "s"),
    ("bots", "cpu_by_kind_s.bots", "s"),
    ("front", "cpu_by_kind_s.front", "s"),
    ("a C program that does the least of media, CPU per session and second", "floor_cpu_s", "s"),
    ("media, of that", "media_of_floor", ""),
    ("sessions on a core, < 1 % of packets over 20 ms late", "sessions_per_core", ""),
    ("the machine's own worst stall meanwhile", "sessions_per_core_stall_ms", "ms"),
    ("sessions on a core with the assistant, asked 5 % of the time", "assistant_sessions_per_core", ""),
    ("the machine's own worst stall meanwhile", "assistant_sessions_per_core_stall_ms", "ms"),
    ("twice as many as it carries: worst echo of the first half (550: lost)", "overload.worst_ms", "ms"),
    ("its p99", "overload.p99_ms", "ms"),
    ("lost calls of the first half", "overload.lost", ""),
    ("of how many in all", "overload.devices", ""),
    ("share refused with 503", "overload.refused", ""),
    ("until all bots have ended (30: never)", "overload.ended_s", "s"),
    ("memory per session", "rss_mb_per_session", "MB"),
    ("memory per session of a bot that listens (ours: the assistant)", "assistant_rss_mb_per_session", "MB"),
    ("CPU per session and second in silence, that bot, 8 sessions", "idle_cpu_s", "s"),
    ("of those 8, carried", "idle_carried", ""),
    ("CPU of the assistant per session and second, waiting for a wake word", "asleep_cpu_s", "s"),
    ("the same on both sides, 4 of the 8 in conversation", "assistant_cpu_s", "s"),
    ("questions of those answered within 5 s", "assistant_answered", ""),
    ("payload of a packet in speech", "payload_bytes", "bytes"),
    ("rise of the word error at 5 % loss", "loss_wer.5", ""),
    ("rise of the word error at 10 % loss", "loss_wer.10", ""),
    ("rise of the word error at 20 % loss", "loss_wer.20", ""),
    ("the same in bursts alone, without redundancy", "burst_wer.without", ""),
    ("the same with it", "burst_wer.with", ""),
    ("payload of a packet there, without redundancy", "burst_payload_bytes.without", "bytes"),
    ("the same with it", "burst_payload_bytes.with", "bytes"),
)
_PLOTS: Final = (
    ("echo", "Mouth to ear echo, p50 and p95 (ms)", "echo_ms", ("p50", "p95")),
    ("cpu", "CPU seconds per session and second, by sessions", "cpu_per_session_s", ("1", "8")),
    ("loss", "Rise of the word error, by loss in %", "loss_wer", ("5", "10", "20")),
)


def table(results: dict[str, Any]) -> str:
    """What was measured, a row a figure; what wasn't is left out. The ratio is of ours to the baseline's."""
    sides = [
        side
        for side in _NAMES
        if any(side in results.get(path.partition(".")[0], ()) for _, path, _ in _ROWS)
    ]
    lines = [
        "| figure | " + " | ".join(_NAMES[side] for side in sides) + " | ours / baseline |",
        "|---" * (len(sides) + 2) + "|",
    ]
    for label, path, unit in _ROWS:
        values = {side: _look_up(results, path, side) for side in sides}
        if any(value is not None for value in values.values()):
            spans = {side: results.get("span", {}).get(side, {}).get(path) for side in sides}
            cells = [*(_cell(value, unit, spans[side]) for side, value in values.items()), _ratio(values)]
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _ratio(values: dict[str, float | None]) -> str:
    baseline, ours = values.get("baseline"), values.get("ours")
    return f"{ours / baseline:.2f}" if baseline and ours is not None else ""


def _look_up(results: dict[str, Any], path: str, side: str) -> float | None:
    key, _, rest = path.partition(".")
    value = results.get(key, {}).get(side)
    return value.get(rest) if rest and isinstance(value, dict) else value


def _cell(value: float | None, unit: str, span: Sequence[float] | None) -> str:
    if value is None:
        return ""
    within = "" if span is None or span[0] == span[1] else f" ({span[0]:g} to {span[1]:g})"
    return f"{value:g} {unit}".rstrip() + within


def write(results: dict[str, Any], profile: str = "whole") -> None:
    """Put table and plots between the marks in `docs/performance.md`; what else stands there is left."""
    page = PAGES[profile]
    begin, end = f"<!-- {page.name}: begin -->", f"<!-- {page.name}: end -->"
    parts = [
        begin,
        f"Measured by {page.on.format_map(results['machine'])}. In brackets the least and the most of its parts.",
        "",
        table(results),
        "",
    ]
    for name, title, key, points in _PLOTS:
        if key in results and profile == "whole":
            image = _DOCS / "images" / f"performance-{name}.svg"
            image.parent.mkdir(parents=True, exist_ok=True)
            image.write_text(bars(title, points, results[key]))
            parts.append(f"![{title}](images/{image.name})")
    parts.append(end)
    file = _DOCS / "performance.md"
    text = file.read_text() if file.exists() else "# Performance\n"
    if begin not in text:
        text += f"\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    file.write_text(before + "\n".join(parts) + rest.partition(end)[2])


def bars(title: str, points: Sequence[str], values: dict[str, dict[str, float]]) -> str:
    """Grouped bars, one group a point, one bar a side, each with its figure."""
    highest = max((values[side].get(point, 0.0) for side in values for point in points), default=1.0) or 1.0
    shapes: list[str] = [f'<text x="10" y="20" font-weight="bold">{title}</text>']
    for group, point in enumerate(points):
        left = 20 + group * 150
        shapes.append(f'<text x="{left + 50}" y="215" text-anchor="middle">{point}</text>')
        for index, side in enumerate(_COLOURS):
            value = values.get(side, {}).get(point)
            if value is not None:
                shapes.append(_bar(left + index * 52, value, highest, side))
    for index, (side, colour) in enumerate(_COLOURS.items()):
        x = 20 + index * 100
        shapes.append(f'<rect x="{x}" y="226" width="10" height="10" fill="{colour}"/>')
        shapes.append(f'<text x="{x + 15}" y="235">{side}</text>')
    width = 20 + len(points) * 150
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 245" width="{width}" '
        f'font-family="sans-serif" font-size="12" fill="#555">{"".join(shapes)}</svg>\n'
    )


def _bar(x: int, value: float, highest: float, side: str) -> str:
    height = max(1.0, 150 * max(value, 0.0) / highest)
    top = 200 - height
    return (
        f'<rect x="{x}" y="{top:.1f}" width="48" height="{height:.1f}" fill="{_COLOURS[side]}"/>'
        f'<text x="{x + 24}" y="{top - 4:.1f}" text-anchor="middle">{value:g}</text>'
    )
