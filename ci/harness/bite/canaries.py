# SPDX-License-Identifier: GPL-2.0-only
"""The command canaries: each gate sees a fault that was made for it.

One boot of UML per fault, of the kernel that the um lane tests: the faults are built
into it, and inert unless the command line names one. A canary is good if exactly the
gates go red that are listed with it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Sequence

from .. import locks, procs
from ..boot import lanerun, um
from ..build import prepare
from ..build.prepare import Clock, Work, say
from ..model import Case, Gate, GateState, LaneResult, Status, UsageError, Verdict
from ..settings import Settings, filter_leaves
from ..verdict import judge, lockorder, report_files, report_term

SERIES = lockorder.SERIES
"""Whose lists the boots are judged by."""
NAME = "um-canaries"
SUITE = "panthor_canary"
BOOT_SECONDS = 240.0
WORKERS = 2
# Who is dead cannot say how lockdep and kmemleak are.
DEATH = ("complete", "ktap", "required", "lockdep", "lock-order", "kmemleak")


@dataclasses.dataclass(frozen=True)
class Canary:
    """A fault, by the name of its KUnit case, and the gates that see it."""

    name: str
    red: tuple[str, ...]
    module: str = "panthor"
    last: str = "goes_on"
    """Case behind the fault that has to run, if there is one."""
    known: bool = False
    """The case is in the list of known failures."""
    fails: bool = False
    """KUnit learns of the report, and fails the case."""
    quick: bool = False
    """Part of ``make test``: one for each way in which a gate learns of a fault."""

    @property
    def required(self) -> list[str]:
        """Cases that this boot must not lack."""
        return [f"{SUITE}.{name}" for name in (self.name, self.last) if name]


TABLE = (
    Canary("nothing", ()),
    Canary("lock_inversion", ("lockdep",)),
    Canary("missing_unlock", ("lockdep",)),
    Canary("held_lock_freed", ("lockdep",)),
    Canary("lockdep_gone", ("lockdep",), quick=True),
    Canary("new_lock_order", ("lock-order",), quick=True),
    Canary("sleep_in_atomic", ("atomic",)),
    # KASAN switches lockdep off.
    Canary("use_after_free", ("kasan", "lockdep"), fails=True, quick=True),
    Canary("out_of_bounds", ("kasan", "lockdep"), fails=True),
    Canary("double_free", ("kasan", "lockdep"), fails=True),
    Canary("leak", ("kmemleak",), quick=True),
    Canary("kmemleak_off", ("kmemleak",)),
    Canary("kmemleak_gives_up", ("kmemleak",)),
    Canary("refcount_underflow", ("refcount",)),
    Canary("list_corruption", ("list",)),
    Canary("active_timer_freed", ("debugobjects",)),
    Canary("dma_not_mapped", ("dma-api",)),
    Canary("shift_out_of_bounds", ("ubsan",), fails=True),
    Canary("index_out_of_bounds", ("ubsan",), fails=True),
    Canary("warning", ("warn",), quick=True),
    Canary("unknown_report", ("other",)),
    Canary("hung_task", ("stall",)),
    Canary("stale_tlb_access", ("sim",), "panthor_sim", "", quick=True),
    Canary("gpu_write_after_free", ("sim",), "panthor_sim", ""),
    Canary("wild_pointer", (*DEATH, "oops")),
    Canary("kernel_panic", (*DEATH, "oops")),
    Canary("power_cut", DEATH, quick=True),
    # No case has this name: as if somebody forgot to link it.
    Canary("never_runs", ("required",), quick=True),
    Canary("skipped", ("required",)),
    Canary("lost_result", ("ktap",), quick=True),
    Canary("unexpected_pass", ("xpass",)),
    Canary("known_failure", ("expect",), known=True),
)
WITHOUT = {
    "kcsan": "UML has none; each run of make kcsan races on purpose, and is red without a report of that",
}
"""Gates that no boot of UML can turn red, and why."""


def uncovered(seen: Sequence[str]) -> list[str]:
    """Gates among ``seen`` that no canary is for, without a reason."""
    covered = {gate for canary in TABLE for gate in canary.red} | set(WITHOUT)
    return [gate for gate in seen if gate not in covered]


def expectations(folder: Path, canary: Canary) -> Path:
    """Lists of required tests and known failures for this boot alone."""
    folder.mkdir()
    (folder / "um-required.txt").write_text("\n".join(canary.required) + "\n", encoding="ascii")
    if canary.known:
        (folder / f"stock-{SERIES}-fails.txt").write_text(
            f"# Passes, which the list does not say.\n{SUITE}.{canary.name},Fail\n", encoding="ascii")
    return folder


def outcome(canary: Canary, boot: LaneResult) -> Case:
    """What one boot says about the gates."""
    red = [gate for gate in boot.gates if gate.state is GateState.RED]
    got, log = [gate.name for gate in red], [f"{gate.name}: {gate.detail}" for gate in red]
    faults = [f"{gate}: still {_state(boot, gate)}" for gate in canary.red if gate not in got]
    faults += [f"{name}: red, too: {gate.detail}" for name, gate in zip(got, red)
               if name not in canary.red]
    # A fault that could not be made is not what the gate saw.
    faults += [f"{case.full_name} failed: {case.reason}" for case in boot.cases
               if case.status is Status.FAIL and not (canary.fails and case.name == canary.name)]
    if not boot.cases and "complete" not in canary.red:
        faults.append("no case ran")
    return Case(SUITE, canary.name, Status.FAIL if faults else Status.PASS,
                sum(case.seconds for case in boot.cases), "; ".join(faults), log)


def _state(boot: LaneResult, name: str) -> str:
    return next((f"{gate.state.value} ({gate.detail})" for gate in boot.gates if gate.name == name),
                "not judged")


def table(chosen: Sequence[Canary], cases: Sequence[Case]) -> list[str]:
    """The lines of the table."""
    wide = max((len(", ".join(canary.red)) for canary in chosen), default=0)
    lines = [f"  {'canary':22} {'expected red':{wide}}  got"]
    for canary, case in zip(chosen, cases):
        got = ", ".join(text.partition(":")[0] for text in case.log) or "none"
        same = case.status is Status.PASS
        lines.append(f"  {canary.name:22} {', '.join(canary.red) or 'none':{wide}}  "
                     f"{'the same' if same else got}")
        if not same:
            lines.append(f"      {case.reason}")
    return lines


def _boot(work: Work, canary: Canary, folder: Path, results: Path) -> Case:
    log = results / f"{work.title}-{NAME}-{canary.name}.log"
    um.run_alone(work, folder, log, [f"{canary.module}.kunit_canary={canary.name}"], BOOT_SECONDS)
    # As a run without a filter. Only stock has a list of known failures, and only core one of locks.
    boot = judge.judge(log, work.tree, "um", "stock" if canary.known else "core", SERIES, None,
                       expectations(log.with_suffix(".expect"), canary), lanerun.NOISE, um.config(work))
    case = outcome(canary, boot)
    missing = uncovered([gate.name for gate in boot.gates])
    if missing:
        case.status, case.reason = Status.FAIL, f"no canary for {', '.join(missing)}"
    return case


def boot_all(work: Work, chosen: Sequence[Canary], results: Path, width: int) -> LaneResult:
    """Boots with each of ``chosen``, ``width`` at a time."""
    folders: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for number in range(width):
        folders.put(um.own_kernel(work, f"-canary{number}"))

    def one(canary: Canary) -> Case:
        folder = folders.get()
        try:
            return _boot(work, canary, folder, results)
        finally:
            folders.put(folder)

    result = LaneResult(NAME, work.settings.driver, work.src.series, kernel=work.src.version)
    with ThreadPoolExecutor(width) as pool:
        try:
            result.cases = list(pool.map(one, chosen))
        except BaseException:
            procs.stop_all()
            raise
    wrong = [case for case in result.cases if case.status is Status.FAIL]
    state = GateState.RED if wrong else GateState.GREEN
    result.gates.append(Gate("canaries", state, wrong[0].reason if wrong else
                             f"{len(result.cases)} faults, each seen by its gates and no other"))
    result.repro = work.settings.again("um", ["FILTER={case}"])
    return result


def chosen_by(pattern: str) -> list[Canary]:
    """Canaries that a filter leaves."""
    return [one for one in TABLE if filter_leaves(pattern, SUITE, [one.name])]


def run(s: Settings, results: Path) -> int:
    """Builds, boots and prints the table; 0 if each canary is good."""
    clock = Clock()
    chosen = chosen_by(s.filter or "*")
    if not chosen:
        raise UsageError(f"FILTER={s.filter} matches no canary: {' '.join(one.name for one in TABLE)}")
    prepare.host_tools([])
    verdict = Verdict([], clock.stages, command=s.again("um", s.filter_words))
    with contextlib.ExitStack() as stack:
        work = prepare.prepare(s, clock)
        stack.enter_context(locks.locked(work.root / ".run.lock", say, f"using {work.root}"))
        with clock.stage(f"build {work.title}-um"):
            um.build(work)
        with clock.stage(f"run {work.title}-{NAME}"):
            result = boot_all(work, chosen, results, min(WORKERS, len(os.sched_getaffinity(0))))
    verdict.lanes.append(result)
    verdict.versions = {"linux": work.src.version}
    report_files.write_reports(verdict, results)
    report_term.print_verdict(verdict, sys.stdout, sys.stdout.isatty())
    for line in table(chosen, result.cases):
        say(line)
    for gate, reason in WITHOUT.items():
        say(f"  no canary for {gate}: {reason}")
    return verdict.exit_code
