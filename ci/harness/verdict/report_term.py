# SPDX-License-Identifier: GPL-2.0-only
"""The verdict on a terminal; its last line is the command to type next."""

from __future__ import annotations

import collections
import re
import shlex
import shutil
import textwrap
from typing import Optional, TextIO

from ..model import Case, Gate, GateState, LaneResult, Status, Verdict

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "dim": "2",
            "bold": "1"}
_SHOWN_FINDINGS = 4


class Counts:
    """How cases ended; a known failure counts as known, not as failed."""

    def __init__(self, cases: list[Case]) -> None:
        self.passed = sum(c.status is Status.PASS for c in cases)
        self.skipped = sum(c.status is Status.SKIP for c in cases)
        self.known = sum(bool(c.known) and not c.bad and
                         c.status is not Status.PASS for c in cases)
        self.failed = sum(c.bad for c in cases)
        self.seconds = sum(c.seconds for c in cases)


def suites(cases: list[Case]) -> dict[str, list[Case]]:
    """Cases by suite, in the order of the log."""
    out: dict[str, list[Case]] = collections.OrderedDict()
    for case in cases:
        out.setdefault(case.suite, []).append(case)
    return out


def summary(verdict: Verdict) -> str:
    """``N passed, N failed, N skipped`` and what is not zero beyond."""
    count = Counts([c for lane in verdict.lanes for c in lane.cases])
    return f"{count.passed} passed, {count.failed} failed, " \
        f"{count.skipped} skipped"


def extras(verdict: Verdict) -> str:
    """Known failures, red and off gates, for the closing line."""
    count = Counts([c for lane in verdict.lanes for c in lane.cases])
    states = [g.state for lane in verdict.lanes for g in lane.gates]
    out = f", {plural(count.known, 'known failure')}" if count.known else ""
    for state, word in ((GateState.RED, "red"), (GateState.OFF, "off")):
        if state in states:
            out += f", {plural(states.count(state), 'gate')} {word}"
    return out


def plural(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def first_failure(verdict: Verdict) -> tuple[Optional[LaneResult], str]:
    """Lane and test to repeat first; '' when no test can be named."""
    for lane in verdict.lanes:
        for case in lane.cases:
            if case.bad:
                return lane, case.full_name
    for lane in verdict.lanes:
        for gate in lane.gates:
            if gate.state is GateState.RED:
                for finding in gate.findings:
                    if finding.test:
                        return lane, finding.test
    return next((la for la in verdict.lanes if not la.ok), None), ""


def repro(verdict: Verdict) -> str:
    """The command that repeats the first failing case alone."""
    lane, name = first_failure(verdict)
    if lane is None:
        return ""
    # KUnit filters cases, not parameters; a place in brackets is no name.
    name = name.split(":", 1)[0]
    suite, _, case = name.partition(".")
    if case.startswith("("):
        case = "*"
    if not name or suite.startswith("("):
        return verdict.command
    if not lane.repro:
        return verdict.command
    return lane.repro.replace("{case}", shlex.quote(f"{suite}.{case}"))


class _Printer:
    def __init__(self, out: TextIO, colour: bool, width: int) -> None:
        self.out = out
        self.colour = colour
        self.width = width

    def line(self, text: str = "") -> None:
        print(text.rstrip(), file=self.out)

    def paint(self, text: str, *names: str) -> str:
        if not self.colour or not names:
            return text
        codes = ";".join(_COLOURS[n] for n in names)
        return f"\033[{codes}m{text}\033[0m"

    def wrapped(self, text: str, indent: str) -> None:
        for line in textwrap.wrap(text, max(40, self.width - len(indent)),
                                  break_long_words=False,
                                  break_on_hyphens=False):
            self.line(indent + line)


def _seconds(value: float) -> str:
    return f"{value:8.2f}s" if value else "       -"


def _print_suites(p: _Printer, lane: LaneResult) -> None:
    groups = suites(lane.cases)
    if not groups:
        p.line(p.paint("    no test results", "red"))
        return
    wide = max(map(len, groups))
    p.line(p.paint(f"    {'suite':{wide}}  pass  fail  skip known     time",
                   "dim"))
    for name, cases in groups.items():
        c = Counts(cases)
        row = f"{name:{wide}} {c.passed:5} {c.failed:5} {c.skipped:5} " \
            f"{c.known:5} {_seconds(c.seconds)}"
        p.line("    " + (p.paint(row, "red") if c.failed else row))


def _print_gates(p: _Printer, lane: LaneResult) -> None:
    green = [g for g in lane.gates if g.state is GateState.GREEN]
    if green:
        text = " ".join(g.name for g in green)
        lines = textwrap.wrap(text, p.width - 17, break_on_hyphens=False)
        for no, line in enumerate(lines):
            head = "    gates green  " if no == 0 else " " * 17
            p.line(head + p.paint(line, "green"))
    for gate in lane.gates:
        # A green gate that ignored something must say so.
        if gate.state is GateState.GREEN and " known: " in f" {gate.detail}":
            p.line(f"           note  {gate.name}: {gate.detail}")
    off: dict[str, list[str]] = {}
    for gate in lane.gates:
        if gate.state is GateState.OFF:
            off.setdefault(gate.detail, []).append(gate.name)
    for detail, names in off.items():
        p.line("            " + p.paint("off", "yellow") +
               f"  {' '.join(names)}: {detail}")
    for gate in lane.gates:
        if gate.state is GateState.RED:
            _print_red(p, gate)


def _print_red(p: _Printer, gate: Gate) -> None:
    p.line("            " + p.paint("RED", "red", "bold") +
           f"  {p.paint(gate.name, 'red', 'bold')}"
           + ("" if gate.findings else f": {gate.detail}"))
    for finding in gate.findings[:_SHOWN_FINDINGS]:
        where = []
        if finding.test and finding.test not in finding.title:
            where.append(f"in {finding.test}")
        if finding.line_no:
            where.append(f"log line {finding.line_no}")
        tail = f" ({', '.join(where)})" if where else ""
        p.wrapped(finding.title + tail, " " * 17)
    more = len(gate.findings) - _SHOWN_FINDINGS
    if more > 0:
        p.line(" " * 17 + f"and {more} more")


def _natural(text: str) -> list[tuple[int, str]]:
    """Sort key in which D10 comes after D9."""
    return [(int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", text)]


def _print_failures(p: _Printer, verdict: Verdict) -> None:
    bad = [(lane, c) for lane in verdict.lanes for c in lane.cases if c.bad]
    if bad:
        p.line()
        p.line(p.paint("failures", "red", "bold"))
    for lane, case in bad:
        p.line(f"    {p.paint(case.status.value.upper(), 'red')} "
               f"{lane.title}: {case.full_name}")
        p.wrapped(case.reason, " " * 8)
    known = {(lane.title, c.full_name): c.known for lane in verdict.lanes
             for c in lane.cases if c.known}
    if known:
        p.line()
        p.line("known failures (by name: index.html)")
    for reason in sorted(set(known.values()), key=_natural):
        lanes = collections.Counter(lane for (lane, _), why in known.items() if why == reason)
        where = ", ".join(f"{count} in {lane}" for lane, count in lanes.items())
        p.wrapped(f"{reason.split(' Message: ')[0]} [{where}]", "    ")


def print_verdict(verdict: Verdict, out: TextIO, colour: bool) -> None:
    """Print the whole verdict; see the module's first line."""
    p = _Printer(out, colour, min(shutil.get_terminal_size((100, 24)).columns,
                                  120))
    for lane in verdict.lanes:
        word = p.paint("ok", "green") if lane.ok else \
            p.paint("FAILED", "red", "bold")
        facts = [f"linux {lane.kernel or '?'}"]
        facts += [f"seed {lane.seed}"] if lane.seed else []
        p.line(f"{p.paint(lane.title, 'bold')}  {', '.join(facts)}: {word}")
        if lane.note:
            p.wrapped(lane.note, "    ")
        _print_suites(p, lane)
        _print_gates(p, lane)
        if lane.log and not lane.ok:
            p.line(f"    log          {lane.log}")
    _print_failures(p, verdict)
    if verdict.stages:
        p.line()
        total = sum(s.seconds for s in verdict.stages)
        text = "  ".join(f"{s.name} {s.seconds:.1f}s" for s in verdict.stages)
        p.wrapped(f"time {total:.1f}s: {text}", "")
    p.line()
    _print_end(p, verdict)


def _print_end(p: _Printer, verdict: Verdict) -> None:
    p.line(summary(verdict))
    if verdict.ok:
        p.line(f"{p.paint('verdict: OK', 'green', 'bold')}  "
               f"{summary(verdict)}{extras(verdict)}")
        return
    p.line(f"{p.paint('verdict: FAILED', 'red', 'bold')}  "
           f"{summary(verdict)}{extras(verdict)}")
    p.line("repeat the first failure:")
    p.line(repro(verdict) or verdict.command or "make verify")
