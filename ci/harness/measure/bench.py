# SPDX-License-Identifier: GPL-2.0-only
"""The command bench: what driver and software GPU cost, as tables.

One driver runs on a kernel without debug options and on the one of the verdicts,
with the time of the host. Both drivers run on the former with a clock that counts
instructions, so that their times can be compared; KUnit counts what only shows from
inside. Nothing is asserted about time; only work that was not done fails.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import Sequence

from .. import settings
from ..boot import lanerun, parts, sim, single, vm
from ..boot.lanes import Lane
from ..build import module
from ..build.prepare import Clock, Work, say
from ..model import Verdict
from ..settings import Settings
from ..verdict import judge, report_files, report_term
from .benchtable import DRIVERS, Value, as_json, read, table

# One GPU, so that the counters are those of the one that is measured.
PARAMETERS = ("panthor_sim.gpus=1", "panthor_sim.coherent=1")
RUN_SECONDS = 900.0
COMPARED = ("counts", "faults", "restore", "busy", "scan", "footprint", "submit", "swap")
"""Cases by which drivers are compared; the first one is of KUnit."""
SMALL = ("faults_small", "footprint_small")
"""The same, with the driver loaded once more, to have no huge pages."""
LOAD_SMALL = "rmmod panthor && insmod /lib/modules/panthor.ko transparent_hugepage=N"
SUITE = "panthor_measure"

Program = tuple[str, str, str]
Boots = dict[str, dict[str, Value]]


def programs(chosen: Sequence[Program], compared: bool) -> list[Program]:
    """What of the chosen cases a boot runs: those that compare drivers, or the others."""
    found, loaded = [], False
    for suite, case, command in chosen:
        if case == COMPARED[0] or (case in COMPARED + SMALL) is not compared:
            continue
        if case in SMALL and not loaded:
            command, loaded = f"{LOAD_SMALL} && {command}", True
        found.append((suite, case, command))
    return found


def _measure(work: Work, lane: Lane, chosen: Sequence[Program], results: Path,
             verdict: Verdict, kind: str) -> dict[str, Value]:
    program = work.build(lane.name) / "kselftest/drm/panthor/bench"
    boot = single.run(work, lane, results, kind, chosen,
                      {"harness/bench": module.require(program)}, PARAMETERS, RUN_SECONDS)
    verdict.lanes.append(boot.result)
    return read(judge.read_log(boot.log))


def _kernels(s: Settings, lane: Lane, results: Path, verdict: Verdict, clock: Clock) -> Boots:
    """One driver on both kernels."""
    chosen = programs(settings.own_programs("bench", s.filter), compared=False)
    both = {"lean": lane.without_debug(), "debug": lane}
    found: Boots = {}
    if not chosen:
        return found
    with single.prepared(s, lane, clock) as work:
        for one in both.values():
            with clock.stage(f"build {one.name}"):
                module.build_base(work, one)
                sim.build(work, one)
        # One after the other: they would measure each other.
        for name, one in both.items():
            found[name] = _measure(work, one, chosen, results, verdict, "bench")
    return found


def _counts(work: Work, lane: Lane, results: Path, verdict: Verdict) -> dict[str, Value]:
    """What KUnit counts, with fakes in place of a GPU."""
    only = f"{SUITE}.*"
    work = dataclasses.replace(work, settings=dataclasses.replace(work.settings, filter=only))
    name = f"{lane.name}-counts-bench"
    log = results / f"{work.title}-{name}.log"
    with work.clock.stage(f"build {name}"):
        vm.build(work, lane)
    with work.clock.stage(f"run {name}"):
        note = vm.run(work, lane, log, parts.named(only))
    result = judge.judge(log, work.tree, name, work.settings.driver, work.src.series, only,
                         lanerun.EXPECT, lanerun.NOISE, vm.config(work, lane))
    result.note = note
    verdict.lanes.append(result)
    return read(judge.read_log(log))


def _drivers(s: Settings, lane: Lane, results: Path, verdict: Verdict, clock: Clock) -> Boots:
    """All drivers, unless one was asked for, on the lean kernel and with steady time."""
    cases = settings.own_programs("bench", s.filter)
    chosen = programs(cases, compared=True)
    counts = any(case == COMPARED[0] for _, case, _ in cases)
    names = [s.driver] if "DRIVER" in s.given else list(reversed(settings.drivers()))
    lane = dataclasses.replace(lane.without_debug(), steady=True)
    found: Boots = {}
    for name in names if chosen or counts else ():
        found[name] = {}
        with single.prepared(settings.other(s, "DRIVER", name), lane, clock) as work:
            if chosen:
                with clock.stage(f"build {work.title}-{lane.name}"):
                    module.build_base(work, lane)
                    sim.build(work, lane)
                found[name] |= _measure(work, lane, chosen, results, verdict, "drivers-bench")
            if counts:
                found[name] |= _counts(work, lane, results, verdict)
    return found


def run(s: Settings, lane: Lane, results: Path) -> int:
    """Builds, boots and measures; 0 if all work was done."""
    clock = Clock()
    # Says what the times are worth.
    load = f"host with {len(os.sched_getaffinity(0))} CPUs, load {os.getloadavg()[0]:.1f} before"
    verdict = Verdict([], clock.stages, command=s.again(lane.name, s.filter_words))
    kernels = _kernels(s, lane, results, verdict, clock)
    drivers = _drivers(s, lane, results, verdict, clock)
    accel = verdict.lanes[0].note.split(",")[0]
    version = verdict.lanes[0].kernel
    head = {"linux": version, "driver": s.driver, "lane": lane.name, "accel": accel, "host": load,
            "command": verdict.command}
    lines = [f"linux {version}, {lane.name} ({accel}, {lane.cpus} CPUs)", load]
    if kernels:
        lines += ["", f"driver {s.driver}; time of the host", *table(kernels)]
    if drivers:
        judged = s.driver if s.driver in drivers else next(iter(drivers))
        lines += ["", "lean kernel; an instruction is a nanosecond" if accel == "tcg" else "lean kernel",
                  *table(drivers, DRIVERS, judged)]
    lines += ["", f"again: {verdict.command}"]
    (results / "bench.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (results / "bench.json").write_text(as_json(head, kernels, drivers), encoding="utf-8")
    report_files.write_reports(verdict, results)
    if not verdict.ok:
        report_term.print_verdict(verdict, sys.stdout, sys.stdout.isatty())
    for line in lines:
        say(line)
    return verdict.exit_code
