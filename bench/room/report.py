"""The page in docs/speech.md, from the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

_PAGE: Final = Path(__file__).parents[2] / "docs" / "speech.md"
BEGIN, END = "<!-- room: begin -->", "<!-- room: end -->"

_ROWS: Final = (
    ("understood, clean", "understood.clean", "share", "≥ 90 %"),
    ("understood, 20 dB above a kitchen", "understood.noise20", "share", "≥ 75 %"),
    ("understood, in a reverberant room", "understood.room", "share", "≥ 75 %"),
    ("understood, at -53 dBFS", "understood.far", "share", "≥ 60 %"),
    ("of a perfect recogniser's text", "text", "share", ""),
    ("something set, stopped or changed wrongly", "acted_wrongly", "share", "≤ 0.5 %"),
    ("wake word heard", "wake.hit", "share", "≥ 95 %"),
    ("wake word heard in an hour of other talk", "wake.false_per_hour", "number", "≤ 0.2"),
    ("understood over the bot's voice, of what is without it", "over_bot.ours", "share", "≥ 85 %"),
    ("the same, half duplex", "over_bot.half", "share", ""),
    ("the same, nothing done about it", "over_bot.none", "share", ""),
    ("end of speech to first sound, median", "first_audio_ms.p50", "ms", "≤ 400 ms"),
    ("the same, 95th percentile", "first_audio_ms.p95", "ms", ""),
    ("CPU seconds a second of a device asleep, in silence", "asleep_cpu_s", "number", "≤ 0.003"),
    ("the same, in a kitchen", "asleep_in_noise_cpu_s", "number", ""),
    ("CPU seconds of the recogniser for an utterance", "hearing_cpu_s", "number", ""),
)


def table(results: dict[str, Any]) -> str:
    """What was measured, a row a figure, beside what is aimed at."""
    lines = ["| figure | measured | 95 % | aim |", "|---|---|---|---|"]
    for label, path, unit, aim in _ROWS:
        if (value := _look_up(results, path)) is not None:
            sure = results["sure"].get(path)
            within = "" if sure is None else " to ".join(_cell(end, unit) for end in sure)
            lines.append(f"| {label} | {_cell(value, unit)} | {within} | {aim} |")
    return "\n".join(lines)


def write(results: dict[str, Any]) -> None:
    """Put the table into the page."""
    text = _PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    machine = results["machine"]
    said = (
        f"On {machine['cores']} cores of x86 at load {machine['load_before']:.1f}, {machine['at']}; recogniser "
        f"`{results['engine']}`; voices: {', '.join(results['voices'])}."
        f"{'' if results['every'] == 1 else ' A sample: one phrase of {every}.'.format(**results)}"
    )
    _PAGE.write_text(f"{before}{BEGIN}\n{said}\n\n{table(results)}\n{END}{after}", "utf-8")


def _look_up(results: dict[str, Any], path: str) -> float | None:
    found: Any = results
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, int | float) else None


def _cell(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.0f} ms" if unit == "ms" else f"{value:g}"
