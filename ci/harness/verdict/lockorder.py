# SPDX-License-Identifier: GPL-2.0-only
"""Gate lock-order: locks are taken in the order that was reviewed, and in no other.

Lockdep complains when an order closes a cycle. An order that is only new is the step
before that, and one that is gone is a path that no test takes any more. The kernel
prints what it saw when it halts (tests/lock_order.c); ``ci/lockdep/order.txt`` is
what was reviewed.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Iterable, Optional

from .. import settings
from ..boot import parts
from ..model import Finding, Gate, GateState, HarnessError
from ..settings import REPO
from .ktap import Line

NAME = "lock-order"
SERIES = "7.3"
"""Linux whose own locks the list was reviewed with."""
LIST = REPO / "ci/lockdep/order.txt"
GROUPS = ("driver", "drm", "mm", "work", "unused")
ALWAYS, ALL, OPTIONAL = "boot", "all", "-"
"""In the place of a suite: lockdep sees the edge in each boot, in a run of all suites, or maybe."""
_EDGES = re.compile(r"panthor-harness: lock\| (.*)")
_WAY = re.compile(r"panthor-harness: lock= (.*?) \|(.*)")
_END = re.compile(r"panthor-harness: locks shown$")
_INIT = re.compile(r"\b(?:(?:raw_)?spin_lock_init|mutex_init|init_rwsem|rwlock_init)\((&[^)]+)\)"
                   r"|\b(?:drmm|devm)_mutex_init\([^;]*?,\s*(&[^)]+)\)")
_WHO = {ALWAYS: "every boot", ALL: "a run of all suites"}
# Lockdep keeps the way to a lock where the kernel can walk its own stack.
_NO_WAY = "taken outside the driver, or this kernel keeps no stack traces: UML does with CONFIG_FRAME_POINTER"
Edge = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Reviewed:
    """An edge of the list: the second lock is taken under the first one."""

    suite: str
    """Suite that does it whenever it runs, or ALWAYS, ALL, or OPTIONAL."""
    where: str
    why: str
    line: int


@dataclasses.dataclass
class Order:
    """The reviewed list."""

    classes: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """Group, and what the lock is for."""
    edges: dict[Edge, Reviewed] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Seen:
    """What one boot has shown."""

    edges: set[Edge] = dataclasses.field(default_factory=set)
    ways: dict[Edge, str] = dataclasses.field(default_factory=dict)
    """Functions on the way to the second lock, where the driver is among them."""
    complete: bool = False


def load(path: Path = LIST) -> Order:
    """Reads and checks the list."""
    order = Order()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as err:
        raise HarnessError(f"{path}: cannot read the list of lock orders: {err.strerror}") from err
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line and not line.startswith("#"):
            _entry(order, f"{path}:{number}", number, [part.strip() for part in line.split(" | ")])
    unused = [name for name, (group, _) in order.classes.items()
              if group != "unused" and not any(name in edge for edge in order.edges)]
    if unused:
        raise HarnessError(f"{path}: no edge has {unused[0]}; its group is 'unused' then")
    return order


def _entry(order: Order, where: str, number: int, parts: list[str]) -> None:
    if parts[0] == "class" and len(parts) == 4:
        if parts[2] not in GROUPS:
            raise HarnessError(f"{where}: no group {parts[2]!r}; one of {', '.join(GROUPS)}")
        if parts[1] in order.classes:
            raise HarnessError(f"{where}: {parts[1]} is listed twice")
        order.classes[parts[1]] = (parts[2], parts[3])
        return
    if parts[0] != "edge" or len(parts) != 5 or not all(parts):
        raise HarnessError(f"{where}: need 'class | NAME | GROUP | what it is for' or "
                           "'edge | A -> B | SUITE | where | why'")
    ends = parts[1].split(" -> ")
    unknown = [name for name in ends if name not in order.classes]
    if len(ends) != 2 or unknown:
        raise HarnessError(f"{where}: {' and '.join(unknown) or parts[1]}: list the class before its edges")
    edge = (ends[0], ends[1])
    if edge in order.edges:
        raise HarnessError(f"{where}: {parts[1]} is listed twice")
    order.edges[edge] = Reviewed(parts[2], parts[3], parts[4], number)


def read(lines: Iterable[Line]) -> Seen:
    """What the kernel printed."""
    seen = Seen()
    for line in lines:
        if match := _EDGES.search(line.text):
            first, *rest = match[1].split(" -> ")
            seen.edges |= {(first, second) for second in rest}
        elif match := _WAY.search(line.text):
            first, _, second = match[1].partition(" -> ")
            seen.ways.setdefault((first, second), " <- ".join(match[2].split()))
        elif _END.search(line.text):
            seen.complete = True
    return seen


def driver_locks(folder: Path) -> dict[str, str]:
    """Names that lockdep has for the locks the driver makes, with the file."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("panthor_*.c")):
        for names in _INIT.findall(path.read_text(encoding="utf-8", errors="replace")):
            found.setdefault(next(name for name in names if name), path.name)
    return found


def compare(order: Order, seen: Seen, suites: Iterable[str]) -> list[Finding]:
    """What is new among the classes of the list, and what is gone although its suite ran."""
    ran = {*suites, ALWAYS}
    found = []
    for edge in sorted(seen.edges - set(order.edges)):
        if edge[0] in order.classes and edge[1] in order.classes:
            back = f"; the list has the way back: {_path(order, edge[1], edge[0])}" \
                if _path(order, edge[1], edge[0]) else ""
            found.append(Finding(f"new: {edge[0]} -> {edge[1]}{back}", 0, "", [
                f"taken in {seen.ways[edge]}" if edge in seen.ways else _NO_WAY]))
    for edge, reviewed in order.edges.items():
        if edge not in seen.edges and reviewed.suite in ran:
            found.append(Finding(
                f"gone: {edge[0]} -> {edge[1]} (order.txt:{reviewed.line}), which "
                f"{_WHO.get(reviewed.suite, reviewed.suite)} has to take", 0, "",
                [f"{reviewed.where}: {reviewed.why}"]))
    return found


def _path(order: Order, start: str, end: str) -> str:
    ways: dict[str, str] = {start: start}
    queue = [start]
    for at in queue:
        for first, second in order.edges:
            if first == at and second not in ways:
                ways[second] = f"{ways[at]} -> {second}"
                queue.append(second)
    return ways.get(end, "")


def whole_suites(pattern: Optional[str], ran: Iterable[str], left_out: Iterable[str]) -> set[str]:
    """Of the suites that ran, those that ran without exception; ALL if none of UML is missing.

    Slow cases take no other locks than quick ones.
    """
    if pattern and "." in pattern:
        return set()
    slow, lacking, found = parts.speeds(), set(left_out), set(ran)
    quick = {suite: [f"{suite}.{case}" for case in cases if f"{suite}.{case}" not in slow]
             for suite, cases in settings.lane_tests("um").items()}
    whole = {suite for suite, cases in quick.items() if suite in found and not lacking & set(cases)}
    everything = {suite for suite, cases in quick.items() if cases}
    return whole | ({ALL} if everything <= whole else set())


def gate(lines: Iterable[Line], lane: str, driver: str, series: str, folder: Path, suites: Iterable[str],
         config: set[str], path: Optional[Path] = None) -> Gate:
    """The gate of one boot; ``suites`` are those that ran as a whole."""
    if driver != "core":
        return Gate(NAME, GateState.OFF, "the reviewed list is that of our core")
    if series != SERIES:
        return Gate(NAME, GateState.OFF, f"the list was reviewed with Linux {SERIES}")
    if not lane.startswith("um"):
        return Gate(NAME, GateState.OFF, "collected in UML only")
    if "CONFIG_DRM_PANTHOR_KUNIT_TEST" not in config:
        return Gate(NAME, GateState.OFF, "the suites collect it, which are not in this boot")
    if "CONFIG_PROVE_LOCKING" not in config:
        return Gate(NAME, GateState.OFF, "not in this config: CONFIG_PROVE_LOCKING")
    order, seen = load(path or LIST), read(lines)
    found = [Finding(f"{name} of {where} is in no list: add its class to order.txt")
             for name, where in driver_locks(folder).items() if name not in order.classes]
    if not seen.complete:
        found.append(Finding("the kernel did not say to the end which locks it took (no marker)"))
    else:
        found += compare(order, seen, suites)
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return Gate(NAME, GateState.RED, found[0].title + more, found)
    known = len(seen.edges & set(order.edges))
    return Gate(NAME, GateState.GREEN, f"{known} of {len(order.edges)} reviewed edges, no other")
