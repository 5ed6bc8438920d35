# SPDX-License-Identifier: GPL-2.0-only
"""The command bench: what the driver on the software GPU costs, as a table.

The same programs run twice, on a kernel without debug options and on the one of
the verdicts. Nothing is asserted about time; only work that was not done fails.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from pathlib import Path
from typing import Mapping, Optional, Sequence

from . import judge, ktap, module, prepare, report_files, report_term, settings, sim, single
from .lanes import Lane
from .model import Stage, Verdict
from .prepare import Clock, Work, say
from .settings import Settings

# One GPU, so that the counters are those of the one that is measured.
PARAMETERS = ("panthor_sim.gpus=1", "panthor_sim.coherent=1")
RUN_SECONDS = 600.0
LINE = re.compile(r"\bbench: (\w+) (-?\d+(?:\.\d+)?) (\S+)$")


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table. With a ``peer`` it is the ratio of two results."""

    name: str
    title: str
    goal: str = ""
    """What the lean kernel is meant to reach: ``<= NUMBER`` or ``>= NUMBER``."""
    peer: str = ""


TABLE: dict[str, tuple[Row, ...]] = {
    "probe of the driver": (
        Row("probe_mmio", "register accesses"),
        Row("probe_ms", "bind to render node, median of 12", "<= 500"),
        Row("probe_ms_max", "longest of 12")),
    "jobs, submit to fence": (
        Row("roundtrip_instructions", "instructions"),
        Row("roundtrip_mmio", "register accesses"),
        Row("roundtrip_irqs", "job interrupts"),
        Row("roundtrips", "one after the other", ">= 1000"),
        Row("roundtrip_p50", "latency, median"),
        Row("roundtrip_p99", "latency, 99 of 100"),
        Row("burst_jobs", "24 at a time"),
        Row("roundtrips_no_stream", "peer: without a stream, fences only"),
        Row("roundtrips_pipe", "peer: a byte through two pipes"),
        Row("roundtrips", "job : fences only", peer="roundtrips_no_stream"),
        Row("roundtrips", "job : pipes", peer="roundtrips_pipe")),
    "command streams": (
        Row("instructions", "instructions, registers only"),
        Row("instructions_memory", "64 bytes loaded and stored per 6")),
    "registers": (
        Row("mmio_reads", "reads"),
        Row("mmio_ns", "one read"),
        Row("query_ns", "peer: a query without registers"),
        Row("mmio_ns", "read : query", peer="query_ns")),
    "traffic of the GPU": (
        Row("traffic_walks", "page table walks"),
        Row("traffic_fill", "fill"),
        Row("traffic_copy", "copy"),
        Row("traffic_verify", "verify"),
        Row("traffic_memcpy", "peer: memcpy() of a CPU"),
        Row("traffic_copy", "copy : memcpy()", peer="traffic_memcpy")),
    "idle, of all CPUs": (
        Row("idle_asleep_slices", "asleep: turns of the GPU's thread"),
        Row("idle_awake_slices", "awake: turns of the GPU's thread"),
        Row("idle_awake_mmio", "awake: register accesses"),
        Row("idle_unbound", "busy without the driver"),
        Row("idle_asleep", "busy, GPU asleep", "<= 1"),
        Row("idle_awake", "busy, GPU awake", "<= 1")),
}


@dataclasses.dataclass(frozen=True)
class Value:
    """A result as printed."""

    number: float
    unit: str


Results = Mapping[str, Value]


def read(log: str) -> dict[str, Value]:
    """Results in a console log, by name."""
    found = {}
    for line in ktap.clean_lines(log):
        if match := LINE.search(line.text.rstrip()):
            found[match[1]] = Value(float(match[2]), match[3])
    return found


def value_of(row: Row, results: Results) -> Optional[Value]:
    """What stands in the row, if it was measured."""
    value = results.get(row.name)
    if value is None or not row.peer:
        return value
    peer = results.get(row.peer)
    return Value(value.number / peer.number, "") if peer and peer.number else None


def meets(goal: str, value: Optional[Value]) -> str:
    """``yes`` or ``no``; nothing without goal or value."""
    if not goal or value is None:
        return ""
    sign, number = goal.split()
    good = value.number <= float(number) if sign == "<=" else value.number >= float(number)
    return "yes" if good else "no"


def _text(value: Optional[Value]) -> str:
    if value is None:
        return "-"
    number = abs(value.number)
    text = f"{value.number:,.0f}" if number >= 100 else f"{value.number:.3g}"
    return f"{text} {value.unit}".rstrip()


def table(boots: Mapping[str, Results]) -> list[str]:
    """The lines of the table, a column per boot; the goal is that of the first."""
    lines = [f"{'':38}" + "".join(f"{name:>16}" for name in boots) + "  goal"]
    first = next(iter(boots))
    for section, rows in TABLE.items():
        values = [[value_of(row, results) for results in boots.values()] for row in rows]
        if not any(value for row in values for value in row):
            continue
        lines.append(section)
        for row, found in zip(rows, values):
            met = meets(row.goal, value_of(row, boots[first]))
            goal = f"  {row.goal}: {met or 'unknown'}" if row.goal else ""
            lines.append(f"  {row.title:36}" + "".join(f"{_text(one):>16}" for one in found) + goal)
    return lines


def as_json(head: Mapping[str, str], boots: Mapping[str, Results]) -> str:
    """The same for programs."""
    goals = {row.name: row.goal for rows in TABLE.values() for row in rows if row.goal}
    return json.dumps({
        **head, "goals": goals,
        "boots": {boot: {name: dataclasses.asdict(value) for name, value in results.items()}
                  for boot, results in boots.items()}}, indent=1) + "\n"


def _measure(work: Work, lane: Lane, chosen: Sequence[tuple[str, str, str]], results: Path) -> single.Boot:
    program = work.build(lane.name) / "kselftest/drm/panthor/bench"
    return single.run(work, lane, results, "bench", chosen,
                      {"harness/bench": module.require(program)}, PARAMETERS, RUN_SECONDS)


def run(s: Settings, lane: Lane, results: Path) -> int:
    """Builds, boots and measures; 0 if all work was done."""
    clock = Clock()
    chosen = settings.own_programs("bench", s.filter)
    # Says what the times are worth.
    load = f"host with {len(os.sched_getaffinity(0))} CPUs, load {os.getloadavg()[0]:.1f} before"
    both = {"lean": lane.without_debug(), "debug": lane}
    boots: dict[str, dict[str, Value]] = {}
    verdict = Verdict([], clock.stages, command=s.again(lane.name, s.filter_words))
    with single.prepared(s, lane, clock) as work:
        for one in both.values():
            with clock.stage(f"build {one.name}"):
                module.build_base(work, one)
                sim.build(work, one)
        # One after the other: they would measure each other.
        for name, one in both.items():
            boot = _measure(work, one, chosen, results)
            verdict.lanes.append(boot.result)
            boots[name] = read(judge.read_log(boot.log))
            accel = boot.result.note.split(",")[0]
    head = {"linux": work.src.version, "driver": s.driver, "lane": lane.name, "accel": accel, "host": load,
            "command": verdict.command}
    lines = [f"linux {work.src.version}, driver {s.driver}, {lane.name} ({accel}, {lane.cpus} CPUs)", load, "",
             *table(boots), "", f"again: {verdict.command}"]
    (results / "bench.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (results / "bench.json").write_text(as_json(head, boots), encoding="utf-8")
    report_files.write_reports(verdict, results)
    if not verdict.ok:
        report_term.print_verdict(verdict, sys.stdout, sys.stdout.isatty())
    for line in lines:
        say(line)
    return verdict.exit_code
