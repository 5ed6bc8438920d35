# SPDX-License-Identifier: GPL-2.0-only
"""The verdict as one HTML page without anything outside of it."""

from __future__ import annotations

import html
import re
from typing import Iterable

from ..model import Case, Finding, Gate, GateState, LaneResult, Status, Verdict
from .report_term import Counts, extras, plural, repro, suites, summary

_EXCERPT = 60
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")

CSS = """
:root { color-scheme: light dark;
  --fg: #1b1f23; --bg: #fff; --soft: #f3f4f6; --line: #d0d4da;
  --dim: #5c6570; --good: #116329; --goodbg: #dcf3e1; --bad: #a40e26;
  --badbg: #fde3e5; --off: #6b5300; --offbg: #f7efd0; }
@media (prefers-color-scheme: dark) { :root {
  --fg: #d8dde3; --bg: #14171b; --soft: #1e2329; --line: #363d46;
  --dim: #98a2ad; --good: #7ddb94; --goodbg: #15341f; --bad: #ff9aa2;
  --badbg: #45161c; --off: #e3cb73; --offbg: #3a3110; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 0 1rem 3rem;
  font: 15px/1.45 system-ui, sans-serif; color: var(--fg);
  background: var(--bg); }
header { margin: 0 -1rem; padding: .8rem 1rem; border-bottom: 1px solid
  var(--line); }
header.ok { background: var(--goodbg); } header.bad { background:
  var(--badbg); }
a { color: inherit; }
h1 { margin: 0; font-size: 1.5rem; } h1 small { font-size: 1rem;
  font-weight: normal; }
h2 { margin: 1.8rem 0 .4rem; font-size: 1.1rem; border-bottom: 1px solid
  var(--line); }
h3 { margin: 1rem 0 .2rem; font-size: 1rem; overflow-wrap: anywhere; }
code, pre, td.n, .mono { font-family: ui-monospace, "DejaVu Sans Mono",
  monospace; font-size: .86em; }
pre { margin: .3rem 0; padding: .5rem .6rem; background: var(--soft);
  border-left: 3px solid var(--line); overflow-x: auto; line-height: 1.35; }
pre.cmd { white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: .1rem 0; } table.fit { width: auto; }
p { margin: .3rem 0; overflow-wrap: anywhere; } .dim { color: var(--dim); }
.good { color: var(--good); } .red { color: var(--bad); }
.chips { display: flex; flex-wrap: wrap; gap: .3rem; margin: .5rem 0; }
.chip { padding: .05rem .5rem; border-radius: .25rem; font-size: .86em;
  font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
.chip.green { background: var(--goodbg); color: var(--good); }
.chip.red { background: var(--badbg); color: var(--bad); font-weight: bold;
  border: 1px solid; }
.chip.off { background: var(--offbg); color: var(--off); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .15rem .5rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--dim); font-size: .86em; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.name { overflow-wrap: anywhere; min-width: 9rem; }
tr.bad td { color: var(--bad); }
summary { cursor: pointer; padding: .2rem 0; }
summary .n { color: var(--dim); }
.bar { display: flex; height: 1.1rem; border: 1px solid var(--line);
  overflow: hidden; }
.bar span:nth-child(odd) { background: var(--dim); }
.bar span:nth-child(even) { background: var(--line); }
.stages { columns: 14rem; font-size: .86em; margin: .3rem 0; padding: 0;
  list-style: none; }
"""


def escape(text: str) -> str:
    """Text for element content or a quoted attribute."""
    return html.escape(_CONTROL.sub("\ufffd", text))


def _case_status(case: Case) -> str:
    return "known" if case.known else case.status.value


def _command(text: str) -> str:
    return f'<pre class="cmd">{escape(text)}</pre>'


def _pre(lines: Iterable[str], limit: int = _EXCERPT) -> str:
    rows = list(lines)
    if not rows:
        return ""
    left = len(rows) - limit
    text = escape("\n".join(rows[:limit]))
    if left > 0:
        text += f'\n<span class="dim">… {left} more lines in the log</span>'
    return f"<pre>{text}</pre>"


def _lane_chips(lane: LaneResult) -> str:
    """A lane's gates in one line: the red ones by name, the others counted."""
    states = [g.state for g in lane.gates]
    chips = [_chip(lane, g) for g in lane.gates if g.state is GateState.RED]
    for state in (GateState.GREEN, GateState.OFF):
        if state in states:
            chips.append(f'<span class="chip {state.value}">'
                         f"{plural(states.count(state), 'gate')} "
                         f"{state.value}</span>")
    return f'<div class="chips">{"".join(chips)}</div>'


def _header(verdict: Verdict) -> str:
    word = "OK" if verdict.ok else "FAILED"
    style = "ok" if verdict.ok else "bad"
    out = [f'<header class="{style}"><h1>{word} <small>'
           f"{escape(summary(verdict) + extras(verdict))}</small></h1>"]
    for lane in verdict.lanes:
        mark = '<b class="good">ok</b>' if lane.ok else \
            '<b class="red">failed</b>'
        count = Counts(lane.cases)
        out.append(
            f'<p><a href="#lane-{escape(lane.title)}">{escape(lane.title)}</a> '
            f"{mark} <span class='mono'>{escape(lane.driver)} on linux "
            f"{escape(lane.kernel or lane.series)}</span> "
            f"{count.passed} passed, {count.failed} failed, "
            f"{count.skipped} skipped</p>" + _lane_chips(lane))
    if not verdict.ok:
        out.append("<p>Repeat the first failure:</p>"
                   + _command(repro(verdict) or verdict.command))
    return "".join(out) + "</header>"


def _failures(verdict: Verdict) -> str:
    out = []
    for lane in verdict.lanes:
        for case in lane.cases:
            if case.bad:
                out.append(
                    f'<h3><span class="red">{case.status.value.upper()}'
                    f"</span> {escape(lane.title)}: <code>"
                    f"{escape(case.full_name)}</code></h3>"
                    f"<p>{escape(case.reason)}</p>{_pre(case.log)}")
    if not out:
        return ""
    return "<h2>Failing cases</h2>" + "".join(out)


def _finding(finding: Finding) -> str:
    where = []
    if finding.test:
        where.append(f"in <code>{escape(finding.test)}</code>")
    if finding.line_no:
        where.append(f"log line {finding.line_no}")
    place = f'<p class="dim">{", ".join(where)}</p>' if where else ""
    text = _pre(finding.text)
    if text:
        text = f"<details open><summary>report ({len(finding.text)} lines)" \
            f"</summary>{text}</details>" if len(finding.text) < 40 else \
            f"<details><summary>report ({len(finding.text)} lines)" \
            f"</summary>{text}</details>"
    return f"<p class='mono'>{escape(finding.title)}</p>{place}{text}"


def _red_gates(verdict: Verdict) -> str:
    out = []
    for lane in verdict.lanes:
        for gate in lane.gates:
            if gate.state is GateState.RED:
                # What can be shown is worth more than the one-line detail.
                body = "".join(map(_finding, gate.findings)) or \
                    f"<p>{escape(gate.detail)}</p>"
                out.append(
                    f'<h3 id="gate-{escape(lane.title)}-{escape(gate.name)}">'
                    f'<span class="red">RED</span> {escape(lane.title)}: '
                    f"<code>{escape(gate.name)}</code></h3>{body}")
    return "<h2>Red gates</h2>" + "".join(out) if out else ""


def _chip(lane: LaneResult, gate: Gate) -> str:
    name = escape(gate.name)
    if gate.state is GateState.RED:
        name = f'<a href="#gate-{escape(lane.title)}-{name}">{name}</a>'
    word = {"green": "", "red": " RED", "off": " off"}[gate.state.value]
    return f'<span class="chip {gate.state.value}" ' \
        f'title="{escape(gate.detail)}">{name}{word}</span>'


def _gate_notes(lane: LaneResult) -> str:
    """Reasons of gates that are off, and details of green ones."""
    off: dict[str, list[str]] = {}
    for gate in lane.gates:
        if gate.state is GateState.OFF:
            off.setdefault(gate.detail, []).append(gate.name)
    out = [f'<p class="dim"><b>off</b> {escape(" ".join(names))}: '
           f"{escape(detail)}</p>" for detail, names in off.items()]
    out += [f'<p class="dim">{escape(g.name)}: {escape(g.detail)}</p>'
            for g in lane.gates if g.state is GateState.GREEN
            and " known: " in f" {g.detail}"]
    return "".join(out)


def _case_row(case: Case) -> str:
    style = ' class="bad"' if case.bad else ""
    note = case.known or (case.reason if case.status is not Status.PASS
                          else "")
    shown = f"<br><span class='dim'>{escape(note)}</span>" if note else ""
    return f"<tr{style}><td>{_case_status(case)}</td>" \
        f'<td class="name"><code>{escape(case.name)}</code>{shown}</td>' \
        f'<td class="n">{case.seconds:.3f}</td></tr>'


def _suite(name: str, cases: list[Case]) -> str:
    c = Counts(cases)
    parts = [f"{c.passed} passed"]
    if c.failed:
        parts.append(f"<b class='red'>{c.failed} failed</b>")
    if c.skipped:
        parts.append(f"{c.skipped} skipped")
    if c.known:
        parts.append(f"{c.known} known")
    rows = "".join(map(_case_row, cases))
    return f"<details{' open' if c.failed else ''}><summary>" \
        f"<code>{escape(name)}</code> {', '.join(parts)} " \
        f"<span class='n'>{c.seconds:.2f} s</span></summary>" \
        f'<div class="wide"><table><tr><th>result</th><th>case</th>' \
        f'<th class="n">s</th></tr>{rows}</table></div></details>'


def _lane(lane: LaneResult) -> str:
    facts = [f"linux {lane.kernel or '?'}"]
    facts += [f"seed {lane.seed}"] if lane.seed else []
    facts += [f"log {lane.log.name}"] if lane.log else []
    note = f"<p>{escape(lane.note)}</p>" if lane.note else ""
    body = "".join(_suite(n, c) for n, c in suites(lane.cases).items()) or \
        '<p class="red">no test results</p>'
    return f'<h2 id="lane-{escape(lane.title)}">Lane {escape(lane.title)}' \
        f'</h2><p class="dim">{escape(", ".join(facts))}</p>{note}' \
        f'<div class="chips">{"".join(_chip(lane, g) for g in lane.gates)}' \
        f"</div>{_gate_notes(lane)}{body}"


def _known(verdict: Verdict) -> str:
    rows = [f"<tr><td>{escape(lane.title)}</td><td class='name'><code>"
            f"{escape(c.full_name)}</code></td><td>{escape(c.known)}</td></tr>"
            for lane in verdict.lanes for c in lane.cases if c.known]
    if not rows:
        return ""
    return "<h2>Known failures</h2><div class='wide'><table><tr>" \
        "<th>lane</th><th>case</th><th>reason</th></tr>" \
        f"{''.join(rows)}</table></div>"


def _stages(verdict: Verdict) -> str:
    total = sum(s.seconds for s in verdict.stages)
    if not total:
        return ""
    bar = "".join(
        f'<span style="width:{100 * s.seconds / total:.2f}%" '
        f'title="{escape(s.name)} {s.seconds:.1f} s"></span>'
        for s in verdict.stages)
    rows = "".join(f"<li>{escape(s.name)} <b>{s.seconds:.1f} s</b></li>"
                   for s in verdict.stages)
    return f'<h2>Time: {total:.1f} s</h2><div class="bar">{bar}</div>' \
        f'<ul class="stages">{rows}</ul>'


def _versions(verdict: Verdict) -> str:
    out = ""
    if verdict.versions:
        rows = "".join(f"<tr><td>{escape(k)}</td><td class='mono'>"
                       f"{escape(v)}</td></tr>"
                       for k, v in verdict.versions.items())
        out = "<h2>Versions</h2><div class='wide'><table class='fit'>" \
            f"{rows}</table></div>"
    if verdict.command:
        out += f"<h2>Command</h2>{_command(verdict.command)}"
    return out


def page(verdict: Verdict) -> str:
    """The whole page: verdict first, then what failed, then everything."""
    title = f"{'OK' if verdict.ok else 'FAILED'}: panthor harness"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, '
        'initial-scale=1">'
        # No scripts, no requests: says so to the browser as well.
        '<meta http-equiv="Content-Security-Policy" content="default-src '
        "'none'; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{CSS}</style></head><body>"
        + _header(verdict) + _failures(verdict) + _red_gates(verdict)
        + "".join(map(_lane, verdict.lanes)) + _known(verdict)
        + _stages(verdict) + _versions(verdict) + "</body></html>\n")
