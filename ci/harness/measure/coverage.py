# SPDX-License-Identifier: GPL-2.0-only
"""The command coverage: which lines and branches of the memory core the tests reach.

The kernels of the um lane, that of the suites and the one with user space, in their build
folders, with gcc counting in the core's files and nowhere else. UML is a program of the
host: the counts are written when it ends, as by any other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import html
import os
import shutil
from pathlib import Path
from typing import Mapping, Sequence

from .. import locks, procs
from ..boot import parts, sim, um, umsim
from ..boot.lanerun import EXPECT, NOISE
from ..build import kconfig, prepare
from ..build.prepare import Clock, Work, say
from ..model import GateState, HarnessError, Status, UsageError
from ..settings import REPO, Settings, kunit_left
from ..tree import treefiles
from ..verdict import judge, ktap
from . import gcov
from .gcov import File, Reason

FRAGMENT = REPO / "kunitconfig/coverage.config"
# The default of UML's Makefile for a kernel that is linked dynamically, and the counters.
LINK = "LINK-y=-no-pie -Wl,-rpath,/lib -fprofile-arcs"
DRIVER = Path("drivers/gpu/drm/panthor")
REASONS = REPO / "ci/coverage/reasons"
RUN_SECONDS = 1500.0
# All but the long searches, and then what is very slow without being one: counts add up.
RUNS = ((f"kunit.filter={parts.MOST.attributes}",), ("kunit.filter_glob=panthor_sweep_alloc",))
LINES, BRANCHES = 95.0, 85.0
SHOWN = 40
GAP = "gap:"
SUITES, PROGRAMS = "KUnit", "kselftests"


def core_sources(repo: Path = REPO) -> dict[str, list[str]]:
    """Files of the memory core that have code, by name."""
    return {path.name: path.read_text(encoding="utf-8").splitlines()
            for path in treefiles.core_files(repo) if path.suffix == ".c"}


@dataclasses.dataclass
class Counted:
    """What ran, in all and in each of the two kernels."""

    sources: Mapping[str, Sequence[str]]
    files: dict[str, File] = dataclasses.field(default_factory=dict)
    alone: dict[str, dict[str, File]] = dataclasses.field(default_factory=dict)
    """By ``SUITES`` or ``PROGRAMS``."""
    bad: list[str] = dataclasses.field(default_factory=list)
    """Tests that failed; a kernel that stopped early."""
    cases: int = 0

    def add(self, kind: str, text: str) -> None:
        """Takes gcov's JSON for one object."""
        for found in (self.files, self.alone.setdefault(kind, {})):
            gcov.parse(text, self.sources, found)


def _collect(work: Work, folder: Path, counted: Counted, kind: str) -> None:
    tool = shutil.which("gcov")
    if not tool:
        raise HarnessError("gcov is not installed; it comes with gcc")
    for name in counted.sources:
        data = folder / DRIVER / f"{Path(name).stem}.gcda"
        if not data.exists():
            raise HarnessError(f"{data}: no counts: the kernel did not end, or was not built for this")
        out = folder / f"{data.stem}.json"
        procs.run([tool, "--json-format", "--branch-probabilities", "--stdout", str(data)], cwd=folder, log=out,
                  verbose=work.settings.verbose, what="gcov")
        counted.add(kind, out.read_text(encoding="utf-8").split("\n", 1)[0])


def _forget(folder: Path) -> None:
    for old in (folder / DRIVER).glob("*.gcda"):
        old.unlink()


def _count_suites(work: Work, counted: Counted, results: Path) -> None:
    with work.clock.stage("build um, counting"):
        folder = um.build_kernel(work, um.LANE.name, [*prepare.fragments(um.LANE), FRAGMENT], [LINK])
    _forget(folder)
    pattern = work.settings.filter
    for number, words in enumerate([[f"kunit.filter_glob={pattern}"]] if pattern else RUNS):
        log = results / f"{work.title}-coverage{number}.log"
        with work.clock.stage("run"):
            um.run_alone(work, folder, log, words, RUN_SECONDS)
        text = judge.read_log(log)
        cases = ktap.parse(text, work.tree).cases
        counted.cases += len(cases)
        counted.bad += [f"{case.full_name}: {case.status.value}: {case.reason}" for case in cases
                        if case.status not in (Status.PASS, Status.SKIP)]
        if "end" not in [mark for _, mark in ktap.markers(ktap.clean_lines(text))]:
            counted.bad.append(f"the kernel stopped early; see {log}")
    _collect(work, folder, counted, SUITES)


def _count_programs(work: Work, counted: Counted, results: Path) -> None:
    lane, s = umsim.LANE, work.settings
    folder = work.build(lane.name)
    with work.clock.stage(f"build {lane.name}, counting"):
        umsim.build(work, [FRAGMENT], [LINK])
    _forget(folder)
    log = results / f"{work.title}-coverage-{lane.name}.log"
    with work.clock.stage("run"):
        umsim.run(work, log)
    judged = judge.judge(log, work.tree, sim.lane_name(um.LANE), s.driver, work.src.series, s.filter, EXPECT, NOISE,
                         kconfig.enabled(folder), umsim.left_out())
    counted.cases += len(judged.cases)
    counted.bad += [f"{case.full_name}: {case.status.value}: {case.reason}" for case in judged.cases if case.bad]
    counted.bad += [f"{gate.name}: {gate.detail}; see {log}" for gate in judged.gates
                    if gate.name == "complete" and gate.state is GateState.RED]
    _collect(work, folder, counted, PROGRAMS)


def text_report(files: Mapping[str, File], reasons: Mapping[tuple[str, int], Reason],
                alone: Mapping[str, Mapping[str, File]]) -> list[str]:
    """The table: files, and the functions that are not complete."""
    lines = [f"{'':44}{'lines':>16}{'branches':>18}"]

    def row(title: str, sums: gcov.Total) -> str:
        return (f"{title:44}{sums.hit:>5}/{sums.lines:<5}{sums.line_part:>4.0f}%"
                f"{sums.taken:>7}/{sums.branches:<5}{sums.branch_part:>4.0f}%")

    for name, one in sorted(files.items()):
        lines.append(row(name, one.total))
        for function in sorted(one.functions.values(), key=lambda each: each.first):
            sums = one.of(function.name)
            if sums.hit < sums.lines or sums.taken < sums.branches:
                lines.append(row(f"    {function.name}()", sums))
    lines.append(row("all", gcov.merge(files.values())))
    lines += [row(f"all, {kind} alone", gcov.merge(found.values())) for kind, found in alone.items()]
    if reasons:
        gaps = sum(each.why.startswith(GAP) for each in reasons.values())
        lines.append(f"{len(reasons)} lines that no KUnit case reaches, each with its reason in "
                     f"ci/coverage/reasons; for {gaps} it is that a test is missing")
    return lines


def html_report(files: Mapping[str, File], reasons: Mapping[tuple[str, int], Reason], title: str,
                alone: Mapping[str, Mapping[str, File]]) -> str:
    """One page without external resources: the table, then the sources."""
    out = ["<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>", f"<title>{html.escape(title)}</title>",
           "<style>body{font-family:sans-serif;margin:1em}pre{margin:0;font-size:12px}"
           ".no{background:#ffc8c8}.why{background:#ffe9b8}.part{background:#fdf7c0}.yes{background:#e3f6e3}"
           "td,th{padding:1px 10px;text-align:right}td:first-child,th:first-child{text-align:left}"
           "i{color:#666;user-select:none}</style></head><body>",
           f"<h1>{html.escape(title)}</h1><p><span class='yes'>runs</span> <span class='part'>some branches are not "
           "taken</span> <span class='why'>never runs, with a reason</span> <span class='no'>never runs</span></p>",
           "<table><tr><th>file</th><th>lines</th><th></th><th>branches</th><th></th></tr>"]
    for name, one in sorted(files.items()):
        out.append(_row(f"<a href='#{name}'>{name}</a>", one.total))
    out += [_row("<b>all</b>", gcov.merge(files.values())),
            *(_row(f"all, {kind} alone", gcov.merge(found.values())) for kind, found in alone.items()), "</table>"]
    for name, one in sorted(files.items()):
        out += [f"<details id='{name}'><summary><b>{name}</b></summary>",
                "<table><tr><th>function</th><th>lines</th><th></th><th>branches</th><th></th></tr>",
                *(_row(html.escape(each.name), one.of(each.name)) for each in
                  sorted(one.functions.values(), key=lambda each: each.first)), "</table><pre>"]
        for number, text in enumerate(one.text, 1):
            out.append(_source(one, number, text, reasons.get((name, number))))
        out.append("</pre></details>")
    return "\n".join([*out, "</body></html>", ""])


def _row(title: str, sums: gcov.Total) -> str:
    return (f"<tr><td>{title}</td><td>{sums.hit}/{sums.lines}</td><td>{sums.line_part:.0f}%</td>"
            f"<td>{sums.taken}/{sums.branches}</td><td>{sums.branch_part:.0f}%</td></tr>")


def _source(one: File, number: int, text: str, reason: Reason | None) -> str:
    line = one.lines.get(number)
    kind, count, why = "", "", ""
    if line:
        count = str(line.count)
        kind = "part" if line.taken < line.branches else "yes"
        if not line.count:
            kind = "why" if reason else "no"
    if reason:
        why = f" title='{html.escape(reason.why, quote=True)}'"
    return f"<span class='{kind}'{why}><i>{number:5} {count:>9} </i>{html.escape(text)}</span>"


def faults(files: Mapping[str, File], wrong: Sequence[str]) -> list[str]:
    """What makes the run a failure."""
    sums = gcov.merge(files.values())
    found = []
    if sums.line_part < LINES:
        found.append(f"{sums.line_part:.1f} % of the lines run, at least {LINES:.0f} % have to")
    if sums.branch_part < BRANCHES:
        found.append(f"{sums.branch_part:.1f} % of the branches are taken, at least {BRANCHES:.0f} % have to")
    return found + list(wrong)


def run(s: Settings, results: Path) -> int:
    """Builds, runs all tests, and reports; 0 if the thresholds hold and each gap has a reason."""
    if s.driver != "core":
        raise UsageError("coverage is that of our core; leave DRIVER= out")
    clock = Clock()
    counted, reasons = Counted(core_sources()), gcov.load_reasons(REASONS)
    prepare.host_tools([])
    with contextlib.ExitStack() as stack:
        work = prepare.prepare(s, clock)
        stack.enter_context(locks.locked(work.root / ".run.lock", say, f"using {work.root}"))
        if kunit_left(s.filter):
            _count_suites(work, counted, results)
        if umsim.programs(s.filter):
            _count_programs(work, counted, results)
    if not counted.files:
        raise UsageError(f"FILTER={s.filter} leaves no test")
    # What only programs reach needs a reason too: they see less of what a line does.
    given, wrong = gcov.explain(counted.alone.get(SUITES, counted.files), reasons)
    report = text_report(counted.files, given, counted.alone)
    title = f"Coverage of the memory core, {' and '.join(counted.alone)} in UML, Linux {work.src.version}"
    (results / "coverage.html").write_text(html_report(counted.files, given, title, counted.alone), encoding="utf-8")
    bad = counted.bad + ([] if s.filter else faults(counted.files, wrong))
    (results / "coverage.txt").write_text("\n".join([*report, *bad]) + "\n", encoding="utf-8")
    for line in report:
        say(line)
    say(f"{counted.cases} cases; " + "  ".join(f"{one.name} {one.seconds:.0f}s" for one in clock.stages))
    say(os.path.relpath(results / "coverage.html"))
    for line in bad[:SHOWN]:
        say(f"coverage: {line}")
    if bad[SHOWN:]:
        say(f"coverage: {len(bad[SHOWN:])} more, see coverage.txt")
    return 1 if bad else 0
