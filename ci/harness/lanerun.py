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

from . import decode, judge, procs, settings, sim, um, vm
from .lanes import Lane
from .model import Gate, HarnessError, LaneResult
from .prepare import Work
from .settings import REPO

EXPECT = REPO / "ci/expect"
NOISE = REPO / "ci/noise"


@dataclasses.dataclass
class Built:
    """A boot of a lane that is ready, with the gates its build has decided."""

    work: Work
    lane: Lane
    gates: list[Gate] = dataclasses.field(default_factory=list)
    sim: bool = False
    """The boot with software GPUs instead of KUnit suites."""

    @property
    def name(self) -> str:
        """Name of the boot, in reports and expectations."""
        return sim.lane_name(self.lane) if self.sim else self.lane.name


def build(work: Work, lane: Lane) -> list[Built]:
    """Builds what the boots of a lane need."""
    clock, filter_ = work.clock, work.settings.filter
    boots: list[Built] = []
    if settings.kunit_left(filter_):
        with clock.stage(f"build {lane.name}"):
            if lane.is_vm:
                vm.build(work, lane)
            else:
                um.build(work)
        boots.append(Built(work, lane))
    if boots and lane.is_vm and not filter_:
        with clock.stage(f"seams-off {lane.name}"):
            boots[0].gates.append(vm.identity_gate(work, lane))
    if lane.is_vm and settings.chosen_programs(filter_):
        with clock.stage(f"build {sim.lane_name(lane)}"):
            vm.build_base(work, lane)
            sim.build(work, lane)
        boots.append(Built(work, lane, sim=True))
    return boots


def _boot(built: Built, log: Path) -> str:
    work, lane = built.work, built.lane
    if built.sim:
        return sim.run(work, lane, log)
    return vm.run(work, lane, log) if lane.is_vm else um.run(work, log)


def run(built: Built, results: Path) -> LaneResult:
    """Boots once and judges the log, which stays in ``results``."""
    work, lane = built.work, built.lane
    s = work.settings
    log = results / f"{built.name}-{work.src.series}.log"
    with work.clock.stage(f"run {built.name}"):
        note = _boot(built, log)
    config = vm.config(work, lane) if lane.is_vm else um.config(work)
    quick = s.quick and not lane.is_vm
    left_out = settings.slow_tests() if quick else frozenset()
    if quick:
        note = f"{note + '; ' if note else ''}{len(left_out)} slow cases left out, make verify runs them"
    result = judge.judge(log, work.tree, built.name, s.driver, work.src.series, s.filter,
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
