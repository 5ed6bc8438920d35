# SPDX-License-Identifier: GPL-2.0-only
"""The tables of the command bench: which results stand where, and their goals."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Mapping, Optional

from ..verdict import ktap

LINE = re.compile(r"\bbench: (\w+) (-?\d+(?:\.\d+)?) (\S+)$")


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table. With a ``peer`` it is the ratio of two results."""

    name: str
    title: str
    goal: str = ""
    """What is to be reached: ``<=`` or ``>=``, and a number, ``stock``, ``stock/NUMBER`` or ``stock+NUMBER%``."""
    peer: str = ""


Table = Mapping[str, tuple[Row, ...]]

KERNELS: Table = {
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

"""One driver on two kernels."""

DRIVERS: Table = {
    "restore, from KUnit: calls": (
        Row("restore_32_steps", "32 mappings: steps along their list"),
        Row("restore_256_steps", "256 mappings: steps along their list", "<= 1032"),
        Row("restore_256_locks", "256 mappings: LOCK", "<= 1"),
        Row("restore_256_flushes", "256 mappings: flushes", "<= 1"),
        Row("restore_256_unlocks", "256 mappings: UNLOCK", "<= 1")),
    "eviction, from KUnit: calls": (
        Row("evict_32_steps", "32 mappings: steps along their list"),
        Row("evict_256_steps", "256 mappings: steps along their list", "<= 1032"),
        Row("evict_256_locks", "256 mappings: LOCK", "<= 1"),
        Row("evict_256_flushes", "256 mappings: flushes", "<= 1"),
        Row("evict_256_unlocks", "256 mappings: UNLOCK", "<= 1")),
    "the same on the software GPU": (
        Row("restore_128_us", "submit restores 128 mappings", "<= stock"),
        Row("restore_1024_us", "submit restores 1,024 mappings", "<= stock"),
        Row("restore_1024_us", "time for 1,024 : time for 128", "<= 9", "restore_128_us"),
        Row("restore_1024_commands", "restore: more slot commands than for 1", "<= 0"),
        Row("restore_1024_flushes", "restore: more flushes than for 1", "<= 0"),
        Row("evict_1024_us", "scan evicts 1,024 mappings", "<= stock"),
        Row("evict_1024_us", "time for 1,024 : time for 128", "<= 9", "evict_128_us"),
        Row("evict_1024_commands", "evict: more slot commands than for 1", "<= 0"),
        Row("evict_1024_flushes", "evict: more flushes than for 1", "<= 0")),
    "CPU touches each page of 64 MiB": (
        Row("faults_4k", "memory in 4 KiB: faults", "<= stock/16"),
        Row("touch_4k_us", "memory in 4 KiB: time", "<= stock"),
        Row("faults_2m", "memory in 2 MiB: faults", "<= 33"),
        Row("touch_2m_us", "memory in 2 MiB: time")),
    "scan of a busy VM": (
        Row("waits_private", "100 private BOs, KUnit: fence waits", "<= 1"),
        Row("waits_shared", "100 shareable BOs, KUnit: fence waits", "<= 1"),
        Row("busy_private_median", "1,000 private BOs: median", "<= 50"),
        Row("busy_private_max", "1,000 private BOs: longest", "<= 50"),
        Row("busy_shared_median", "1,000 shareable BOs: median", "<= 50"),
        Row("busy_shared_max", "1,000 shareable BOs: longest", "<= 50")),
    "scan of an idle VM, 128 pages, BOs of 256": (
        Row("scan_pages", "freed per scan, mean"),
        Row("scan_pages_max", "freed per scan, most", "<= 384"),
        Row("freed_for_1024", "KUnit: freed where 1,024 are asked for", "<= 1280"),
        Row("scan_page_ns", "time per freed page")),
    "GROUP_SUBMIT": (
        Row("submit_private", "1,000 resident private BOs", "<= stock"),
        Row("submit_shared", "1,000 resident shareable BOs", "<= stock")),
    "kernel memory": (
        Row("size_bo", "the driver's object of a BO", "<= stock"),
        Row("size_mapping", "its object of a mapping", "<= stock"),
        Row("size_vm", "its object of a VM"),
        # Of /proc/meminfo, whose pages of slabs are more or less full.
        Row("footprint_idle", "idle BO of 4 KiB, all in all", "<= stock+1%"),
        Row("footprint_2m", "2 MiB mapped, one block", "<= stock+2%"),
        Row("footprint_2m_4k", "2 MiB mapped, pages of 4 KiB", "<= stock+2%")),
    "pages to swap and back, of 512 the GPU wrote": (
        Row("swap_bo", "peer: a BO"),
        Row("swap_sparse", "a sparse range", "<= 0"),
        Row("swap_heap", "a chunk of a tiler heap", "<= 0"),
        Row("swap_nothing", "VM and streams, subtracted above")),
}
"""Two drivers on the lean kernel."""


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


def meets(goal: str, value: Optional[Value], stock: Optional[Value] = None) -> str:
    """``yes`` or ``no``; nothing without goal, or without the values that it takes."""
    sign, _, number = goal.partition(" ")
    if not goal or value is None:
        return ""
    if number.startswith("stock"):
        if stock is None:
            return ""
        share, more = float(number.partition("/")[2] or 1), float(number.partition("+")[2].removesuffix("%") or 0)
        limit = stock.number / share * (100 + more) / 100
    else:
        limit = float(number)
    return "yes" if (value.number <= limit if sign == "<=" else value.number >= limit) else "no"


def _text(value: Optional[Value]) -> str:
    if value is None:
        return "-"
    number = abs(value.number)
    text = f"{value.number:,.0f}" if number >= 100 else f"{value.number:.3g}"
    return f"{text} {value.unit}".rstrip()


def table(boots: Mapping[str, Results], rows: Table = KERNELS, judged: str = "") -> list[str]:
    """The lines of a table, a column per boot; goals are those of ``judged``, by default the first."""
    lines = [f"{'':42}" + "".join(f"{name:>16}" for name in boots) + "  goal"]
    judged = judged or next(iter(boots))
    for section, group in rows.items():
        values = [[value_of(row, results) for results in boots.values()] for row in group]
        if not any(value for row in values for value in row):
            continue
        lines.append(section)
        for row, found in zip(group, values):
            met = meets(row.goal, value_of(row, boots[judged]), value_of(row, boots.get("stock", {})))
            goal = f"  {row.goal}: {met or 'unknown'}" if row.goal else ""
            lines.append(f"  {row.title:40}" + "".join(f"{_text(one):>16}" for one in found) + goal)
    return lines


def as_json(head: Mapping[str, str], kernels: Mapping[str, Results],
            drivers: Mapping[str, Results]) -> str:
    """The same for programs."""
    goals = {row.name: row.goal for rows in (*KERNELS.values(), *DRIVERS.values())
             for row in rows if row.goal and not row.peer}

    def plain(boots: Mapping[str, Results]) -> dict[str, object]:
        return {boot: {name: dataclasses.asdict(value) for name, value in results.items()}
                for boot, results in boots.items()}
    return json.dumps({**head, "goals": goals, "boots": plain(kernels), "drivers": plain(drivers)},
                      indent=1) + "\n"
