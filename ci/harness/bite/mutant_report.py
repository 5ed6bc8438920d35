# SPDX-License-Identifier: GPL-2.0-only
"""What a run of mutants says: text, JSON, and a page with the kill matrix."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections import Counter
from typing import Mapping, Sequence

from ..verdict.report_html import CSS, escape
from .mutant_run import Outcome, State

ENOUGH_BUILD = 0.8
"""Of the mutants that are generated, so many have to build, else the rules are bad."""


@dataclasses.dataclass
class Report:
    """All outcomes of a run."""

    title: str
    command: str
    outcomes: list[Outcome]
    again: str
    """Command that repeats one of them; ``{name}`` stands for its name."""
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Generated mutants that are known to be equivalent, with the reason."""
    seconds: float = 0.0

    def red(self, one: Outcome) -> bool:
        """Whether the outcome is one that has to be dealt with."""
        if one.mutant.entry:
            return one.state is not State.KILLED
        return one.state in (State.SURVIVED, State.STALE)

    @property
    def built(self) -> float:
        """Part of the generated mutants that can be built."""
        made = [one for one in self.outcomes if not one.mutant.entry]
        return sum(one.state is not State.BROKEN for one in made) / len(made) if made else 1.0

    @property
    def ok(self) -> bool:
        """All are dead, and there was one."""
        return bool(self.outcomes) and not any(map(self.red, self.outcomes)) and self.built >= ENOUGH_BUILD

    @property
    def exit_code(self) -> int:
        return 0 if self.ok else 1


def _rate(outcomes: Sequence[Outcome]) -> str:
    count = Counter(one.state for one in outcomes)
    judged = count[State.KILLED] + count[State.SURVIVED]
    text = f"{count[State.KILLED]} of {judged} killed"
    if judged:
        text += f" ({100 * count[State.KILLED] / judged:.0f} %)"
    for state in (State.SAME, State.BROKEN, State.STALE):
        text += f", {count[state]} {state.value}" if count[state] else ""
    return text


def by_file(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes of the mutants of each file."""
    found: dict[str, list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(min(one.mutant.changes), []).append(one)
    return dict(sorted(found.items()))


def _line(report: Report, one: Outcome, width: int) -> str:
    mark = "RED" if report.red(one) else ""
    text = f"  {mark:4}{one.mutant.name:{width}}  {one.state.value:10} {one.seconds:6.1f}s  {one.by}"
    if one.mutant.killer and one.state is State.KILLED and not one.expected:
        text += f" (expected: {one.mutant.killer})"
    if one.state is not State.KILLED or one.by.startswith(("gate", "hang")):
        text += f"  {one.detail}" if one.detail else ""
    return text.rstrip()


def summary(report: Report) -> str:
    """One line about all of it."""
    times = [one.seconds for one in report.outcomes]
    text = f"mutants: {'OK' if report.ok else 'FAILED'}  {_rate(report.outcomes)}"
    unexpected = sum(one.state is State.KILLED and bool(one.mutant.killer) and not one.expected
                     for one in report.outcomes)
    text += f", {unexpected} by another test than expected" if unexpected else ""
    text += f", {len(report.skipped)} known to be equivalent" if report.skipped else ""
    text += f"; {report.seconds / 60:.1f} min"
    return text + (f", {statistics.median(times):.1f} s in the median" if times else "")


def text(report: Report) -> list[str]:
    """What is printed at the end."""
    width = max([len(one.mutant.name) for one in report.outcomes], default=0)
    lines = [report.title, *(_line(report, one, width) for one in report.outcomes)]
    generated = [one for one in report.outcomes if not one.mutant.entry]
    if generated:
        lines += ["", "kill rate by file"]
        lines += [f"  {name:26} {_rate(some)}" for name, some in by_file(generated).items()]
        if report.built < ENOUGH_BUILD:
            lines.append(f"only {100 * report.built:.0f} % of the generated mutants build: the rules are bad")
    lines += ["", "killed by"]
    lines += [f"  {count:4} {suite}" for suite, count in
              Counter(one.suite for one in report.outcomes if one.state is State.KILLED).most_common()]
    red = [one for one in report.outcomes if report.red(one)]
    if red:
        lines += ["", "to repeat the first that is red:", "  " + report.again.format(name=red[0].mutant.name)]
    return [*lines, "", summary(report)]


def as_json(report: Report) -> str:
    """The same for programs."""
    return json.dumps({
        "command": report.command, "ok": report.ok, "seconds": round(report.seconds, 1),
        "equivalent": dict(report.skipped),
        "mutants": [{
            "name": one.mutant.name, "entry": one.mutant.entry, "what": one.mutant.what,
            "files": sorted(one.mutant.changes), "state": one.state.value, "red": report.red(one),
            "expected": one.mutant.killer, "killed_by": one.by, "detail": one.detail,
            "boots": one.boots, "seconds": round(one.seconds, 1)} for one in report.outcomes]}, indent=1) + "\n"


def _row(report: Report, one: Outcome, columns: Sequence[str]) -> str:
    cells = "".join(
        f'<td class="{"hit" if one.suite == column else "no"}" title="{escape(one.by)}">'
        f'{("x" if one.expected or not one.mutant.killer else "o") if one.suite == column else ""}</td>'
        for column in columns) if one.state is State.KILLED else \
        f'<td class="red" colspan="{len(columns)}">{escape(one.state.value)}: {escape(one.detail)}</td>'
    style = ' class="bad"' if report.red(one) else ""
    return f'<tr{style}><td class="name"><code>{escape(one.mutant.name)}</code><br>' \
        f'<span class="dim">{escape(one.mutant.what)}; {escape(one.by or one.state.value)}</span></td>' \
        f'<td class="n">{one.seconds:.0f}</td>{cells}</tr>'


_STYLE = """
table.matrix th.up { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left;
  white-space: nowrap; }
td.hit { background: var(--goodbg); color: var(--good); text-align: center; }
td.no { border-left: 1px solid var(--line); }
"""


def page(report: Report) -> str:
    """One page without anything outside of it."""
    columns = [suite for suite, _ in Counter(
        one.suite for one in report.outcomes if one.state is State.KILLED).most_common()]
    head = "".join(f'<th class="up">{escape(name)}</th>' for name in columns)
    rows = "".join(_row(report, one, columns) for one in report.outcomes)
    files = "".join(f"<tr><td><code>{escape(name)}</code></td><td>{escape(_rate(some))}</td></tr>"
                    for name, some in by_file(report.outcomes).items())
    style = "ok" if report.ok else "bad"
    known = "".join(f"<tr><td><code>{escape(name)}</code></td><td>{escape(why)}</td></tr>"
                    for name, why in report.skipped.items())
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{'OK' if report.ok else 'FAILED'}: panthor mutants</title><style>{CSS}{_STYLE}</style></head><body>"
        f'<header class="{style}"><h1>{"OK" if report.ok else "FAILED"} <small>{escape(summary(report))}</small></h1>'
        f"<p>{escape(report.title)}</p></header>"
        "<h2>Kill matrix</h2><p>x: killed by the test that was named for it, or by any if none was; "
        "o: by another one. The first kill ends the search.</p>"
        f'<div class="wide"><table class="matrix"><tr><th>mutant</th><th class="n">s</th>{head}</tr>{rows}</table></div>'
        f'<h2>By file</h2><div class="wide"><table class="fit">{files}</table></div>'
        + (f'<h2>Known to be equivalent</h2><div class="wide"><table>{known}</table></div>' if known else "")
        + f"<h2>Command</h2><pre class=\"cmd\">{escape(report.command)}</pre></body></html>\n")
