# SPDX-License-Identifier: GPL-2.0-only
"""Lanes, built one after the other and then run side by side.

A build keeps every CPU busy by itself; a run is mostly one thread of one guest.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Sequence

from . import decode, judge, procs, settings, um, vm
from .lanes import Lane
from .model import Gate, HarnessError, LaneResult
from .prepare import Work
from .settings import REPO

EXPECT = REPO / "ci/expect"
NOISE = REPO / "ci/noise"


@dataclasses.dataclass
class Built:
    """A lane that is ready to run, with the gates its build has decided."""

    work: Work
    lane: Lane
    gates: list[Gate]


def build(work: Work, lane: Lane) -> Built:
    """Builds the kernel and the driver under test of one lane."""
    clock = work.clock
    with clock.stage(f"build {lane.name}"):
        if lane.is_vm:
            vm.build(work, lane)
        else:
            um.build(work)
    gates = []
    if lane.is_vm and not work.settings.filter:
        with clock.stage(f"seams-off {lane.name}"):
            gates.append(vm.identity_gate(work, lane))
    return Built(work, lane, gates)


def run(built: Built, results: Path) -> LaneResult:
    """Boots one lane and judges its log, which stays in ``results``."""
    work, lane = built.work, built.lane
    s = work.settings
    log = results / f"{lane.name}-{work.src.series}.log"
    with work.clock.stage(f"run {lane.name}"):
        note = vm.run(work, lane, log) if lane.is_vm else um.run(work, log)
    config = vm.config(work, lane) if lane.is_vm else um.config(work)
    quick = s.quick and not lane.is_vm
    left_out = settings.slow_tests() if quick else frozenset()
    if quick:
        note = f"{note + '; ' if note else ''}{len(left_out)} slow cases left out, make verify runs them"
    result = judge.judge(log, work.tree, lane.name, s.driver, work.src.series, s.filter,
                         EXPECT, NOISE, config, left_out)
    result.gates += built.gates
    result.note = note
    result.repro = s.again(lane.name, [*([f"SEED={result.seed}"] if result.seed else []),
                                       "FILTER={case}"])
    shutil.copyfile(work.build(lane.name) / ".config", log.with_suffix(".config"))
    if not result.ok:
        decode.decode(work, lane, log)
    return result


def run_all(built: Sequence[Built], results: Path, done: list[LaneResult]) -> None:
    """Runs all lanes, no more at a time than there are CPUs.

    ``done`` gets the results in the order of ``built``, also if a lane ends in
    an error, which is raised when the others are over.
    """
    pool = ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0))))
    waiting: dict[Future[LaneResult], int] = {}
    found: dict[int, LaneResult] = {}
    error: HarnessError | None = None
    try:
        waiting = {pool.submit(run, one, results): no for no, one in enumerate(built)}
        for future in as_completed(waiting):
            try:
                found[waiting[future]] = future.result()
            except HarnessError as err:
                error = error or err
    except BaseException:
        procs.stop_all()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    done += [found[no] for no in sorted(found)]
    if error:
        raise error
