"""The page itself: what was found first, then the figures, then the plots."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from hil.record.results import Measure, Result, Run
from hil.report.compare import Change, Comparison
from hil.report.gallery import gallery

_STYLE: Final = Path(__file__).parent / "style.css"
Reported = tuple[Path, Run, Comparison]


def page(runs: Sequence[Reported]) -> str:
    """All of it, as HTML."""
    title = "Rig: " + ", ".join(_name(run) for _, run, _ in runs)
    body = "".join(_board(*reported) for reported in runs)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE.read_text()}</style></head><body><main>{body}</main></body></html>\n"
    )


def _board(folder: Path, run: Run, comparison: Comparison) -> str:
    return "".join(
        [
            _banner(run, comparison),
            "<h2>What it can do</h2>",
            _cards(run),
            _failures(folder, run, comparison),
            "<h2>Figures beside their budgets</h2>",
            _figures(run, comparison),
            "<h2>How it sounds and behaves</h2>",
            f'<div class="plots">{"".join(gallery(folder, run))}</div>',
            _all_tests(run),
        ]
    )


def _banner(run: Run, comparison: Comparison) -> str:
    failed, passed, skipped = (_count(run, outcome) for outcome in ("failed", "passed", "skipped"))
    verdict = f"{_name(run)}: " + (f"{failed} of {failed + passed} tests failed" if failed else "all good")
    facts = {
        "firmware": run.facts.get("firmware"),
        "gateway": run.facts.get("gateway"),
        "passed": passed,
        "skipped": skipped,
        "figures": sum(len(r.measures) for r in run.results),
        "took": _duration(sum(r.seconds for r in run.results)),
        "began": run.facts.get("began"),
        "on": run.facts.get("machine"),
    }
    shown = "".join(f"<span>{k} <b>{_text(v)}</b></span>" for k, v in facts.items() if v not in {None, ""})
    beside = ""
    if comparison.since:
        count = comparison.regressions()
        what = f"{count} regressions" if count else "no regression"
        tag = f'<span class="tag {"worse" if count else ""}">{what}</span>'
        beside = f'<p class="beside">{tag} since the run of {_text(comparison.since)}</p>'
    heading = f'<h1>{_text(verdict)}</h1><div class="facts">{shown}</div>'
    return f'<header class="banner {"failed" if failed else ""}">{heading}{beside}</header>'


def _cards(run: Run) -> str:
    cards = []
    for capability in dict.fromkeys(r.capability for r in run.results):
        own = [r for r in run.results if r.capability == capability]
        outcome = _verdict(own)
        passed = sum(r.outcome == "passed" for r in own)
        words = f"{passed} of {len(own)} passed" if outcome != "skipped" else own[0].message
        dots = "".join(f'<span class="dot {r.outcome}" title="{_text(_title(r))}"></span>' for r in own)
        cards.append(
            f'<div class="card {outcome}"><h3>{_text(capability)}</h3><p>{_text(words)}</p>'
            f'<div class="dots">{dots}</div></div>'
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def _failures(folder: Path, run: Run, comparison: Comparison) -> str:
    failed = [r for r in run.results if r.outcome == "failed"]
    if not failed:
        return ""
    shown = []
    for r in failed:
        fresh = '<span class="tag worse">passed before</span>' if r.test in comparison.broken else ""
        shown.append(
            f'<div class="failure"><h3>{_text(_title(r))} {fresh}</h3><pre>{_text(r.message)}</pre>'
            f'<p class="message">Evidence: <code>{_text(r.folder)}/</code>. To do it again: '
            f"<code>python -m hil.replay {_text(folder / r.folder)}</code></p></div>"
        )
    return f"<h2>What failed</h2>{''.join(shown)}"


def _figures(run: Run, comparison: Comparison) -> str:
    rows = []
    for capability in dict.fromkeys(r.capability for r in run.results if r.measures):
        rows.append(f'<tr class="group"><td colspan="5">{_text(capability)}</td></tr>')
        rows += [
            _figure(m, comparison.changes.get((r.test, m.name)), bool(comparison.since))
            for r in run.results
            if r.capability == capability
            for m in r.measures
        ]
    before = "<th>before</th>" if comparison.since else "<th></th>"
    head = f"<tr><th>figure</th><th></th><th>budget</th><th></th>{before}</tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _figure(measure: Measure, change: Change | None, compared: bool) -> str:
    limits = ", ".join(
        f"{sign} {_number(bound)}"
        for sign, bound in (("≥", measure.least), ("≤", measure.most))
        if bound is not None
    )
    before = ""
    if compared and change is not None:
        mark = ' <span class="tag worse">worse</span>' if change.worse else ""
        before = f"{_number(change.before)}{mark}"
    failed = "" if measure.ok else '<span class="tag failed">over</span>'
    return (
        f"<tr><td>{_text(measure.what)} {failed}</td>"
        f'<td class="num">{_number(measure.value)} {_text(measure.unit)}</td>'
        f'<td class="of">{limits} {_text(measure.unit)}</td>'
        f'<td>{_bar(measure)}</td><td class="of">{before}</td></tr>'
    )


def _bar(measure: Measure) -> str:
    bound = measure.most if measure.most is not None else measure.least
    if not bound or bound < 0 or math.isnan(measure.value):
        return ""
    failed = "" if measure.ok else "failed"
    if measure.most is not None:
        return f'<div class="bar {failed}"><i style="width:{min(100.0, 100 * measure.value / bound):.0f}%"></i></div>'
    whole = 100.0 if measure.unit == "%" else 2 * bound
    return (
        f'<div class="bar least {failed}" style="--mark:{100 * bound / whole:.0f}%">'
        f'<i style="width:{max(0.0, min(100.0, 100 * measure.value / whole)):.0f}%"></i></div>'
    )


def _all_tests(run: Run) -> str:
    rows = "".join(
        f'<tr><td><span class="tag {r.outcome}">{r.outcome}</span></td><td>{_text(_title(r))}'
        f'<div class="message">{_text(r.message if r.outcome == "skipped" else "")}</div></td>'
        f'<td class="num">{r.seconds:.1f} s</td></tr>'
        for r in run.results
    )
    return f"<h2>All tests</h2><details><summary>{len(run.results)} tests</summary><table>{rows}</table></details>"


def _verdict(results: Iterable[Result]) -> str:
    outcomes = {r.outcome for r in results}
    return "failed" if "failed" in outcomes else "passed" if "passed" in outcomes else "skipped"


def _count(run: Run, outcome: str) -> int:
    return sum(r.outcome == outcome for r in run.results)


def _name(run: Run) -> str:
    board = str(run.facts.get("board") or "board")
    kind = {
        "simulated": "the simulated device",
        "simboard": "the simulated board",
        "qemu": "the emulator",
    }.get(str(run.facts.get("backend")), board)
    who = f" {run.facts['id']}" if run.facts.get("backend") == "serial" else ""
    return kind[0].upper() + kind[1:] + who


def _title(result: Result) -> str:
    return result.test.removeprefix("test_").replace("_", " ")


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min {seconds % 60:.0f} s" if seconds >= 60 else f"{seconds:.0f} s"


def _number(value: float) -> str:
    if math.isnan(value):
        return "none"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _text(value: object) -> str:
    return html.escape(str(value))
