# SPDX-License-Identifier: GPL-2.0-only
"""Lanes, built one after the other and then run side by side, software GPUs alone.

A build keeps every CPU busy by itself; a run is mostly one thread of one guest.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Mapping, Sequence

from .. import procs, settings
from ..build import kconfig
from ..build.prepare import Work
from ..host import source
from ..model import Gate, HarnessError, LaneResult
from ..settings import REPO
from ..verdict import decode, judge
from . import fatal, lanes, parts, sim, um, umsim, vm
from .lanes import Lane

EXPECT = REPO / "ci/expect"
NOISE = REPO / "ci/noise"


@dataclasses.dataclass
class Built:
    """A boot of a lane that is ready, with the gates its build has decided."""

    work: Work
    lane: Lane
    gates: list[Gate] = dataclasses.field(default_factory=list)
    part: parts.Part = parts.ALL
    kind: str = ""
    """One of ``sim.KINDS``: the boot is with software GPUs instead of KUnit suites."""
    fatal: bool = False
    """Rows of KUnit cases that end a boot come behind it, each in one of its own."""

    @property
    def name(self) -> str:
        """Name of the boot, in reports and expectations."""
        return f"{self.lane.name}-{self.kind}" if self.kind else self.lane.name + self.part.name

    @property
    def alone(self) -> bool:
        """Whether other boots would spoil it."""
        if self.kind and not self.lane.is_vm:
            return True
        if self.kind != sim.KINDS[0]:
            return self.kind == sim.KINDS[1]
        return self.lane.arch == "x86_64" and lanes.kvm_works(self.work.settings.output)

    @property
    def left_out(self) -> frozenset[str]:
        """Full names of cases of the lane that other boots run."""
        if self.kind:
            return sim.left_out(self.kind) if self.lane.is_vm else umsim.left_out()
        return parts.left_out(self.part)

    @property
    def seconds(self) -> float:
        """What the run usually takes, to begin with the longest one."""
        if self.lane.is_vm:
            return sim.TYPICAL_SECONDS["tcg"] if self.kind else vm.TYPICAL_SECONDS["tcg"]
        return umsim.TYPICAL_SECONDS if self.kind else um.TYPICAL_SECONDS[self.part.name]


def build(work: Work, lane: Lane) -> list[Built]:
    """Builds what the boots of a lane need."""
    clock, filter_ = work.clock, work.settings.filter
    boots: list[Built] = []
    if settings.kunit_left(filter_):
        with clock.stage(f"build {work.title}-{lane.name}"):
            if lane.is_vm:
                vm.build(work, lane)
            else:
                um.build(work)
        boots += [Built(work, lane, part=part)
                  for part in parts.of_lane(lane.is_vm, filter_, work.settings.quick)]
        boots[0].fatal = not lane.is_vm and not work.settings.quick and \
            bool(fatal.listed(EXPECT, work.settings.driver, work.src.series, filter_))
    if boots and lane.is_vm and not filter_ and not lane.kcsan:
        with clock.stage(f"seams-off {work.title}-{lane.name}"):
            boots[0].gates.append(vm.identity_gate(work, lane))
    if not lane.is_vm:
        return boots + _build_um_sim(work, lane)
    kinds = sim.kinds(filter_, work.settings.driver)
    if lane.kcsan and not filter_:
        kinds = [kind for kind in kinds if kind == sim.KINDS[1]]    # who is alone does not race
    if kinds:
        with clock.stage(f"build {work.title}-{sim.lane_name(lane)}"):
            vm.build_base(work, lane)
            sim.build(work, lane)
        boots += [Built(work, lane, kind=kind) for kind in kinds]
    return boots


def _build_um_sim(work: Work, lane: Lane) -> list[Built]:
    if not umsim.programs(work.settings.filter, work.settings.driver):
        return []
    # The edit loop of the suites does not wait for a second kernel.
    if work.settings.quick:
        return []
    # Nor is the whole of it what somebody wants a hundred times; a filter names some.
    if work.settings.command == "soak" and not work.settings.filter:
        return []
    # A VM lane runs the same programs. That they run in UML is tested once.
    if work.settings.command == "test":
        if work.src.series != source.DEFAULT or work.settings.driver != settings.drivers()[0]:
            return []
    elif any(one.is_vm for one in lanes.resolve_lanes(work.settings.lanes, lambda: False)):
        return []
    with work.clock.stage(f"build {work.title}-{umsim.LANE.name}"):
        umsim.build(work)
    return [Built(work, lane, kind=sim.KINDS[0])]


def _boot(built: Built, log: Path) -> str:
    work, lane = built.work, built.lane
    if built.kind and not lane.is_vm:
        return umsim.run(work, log)
    if built.kind:
        return sim.run(work, lane, log, built.kind)
    return vm.run(work, lane, log, built.part) if lane.is_vm else um.run(work, log, built.part)


def run(built: Built, results: Path) -> LaneResult:
    """Boots once and judges the log, which stays in ``results``."""
    if not built.work.settings.seed:
        # One for all that throws dice in the boot, so that one number repeats it.
        built = dataclasses.replace(built, work=dataclasses.replace(built.work, settings=dataclasses.replace(
            built.work.settings, seed=str(1 + secrets.randbelow(sim.SEEDS - 1)))))
    work, lane = built.work, built.lane
    kernel = umsim.LANE if built.kind and not lane.is_vm else lane
    s = work.settings
    log = results / f"{work.title}-{built.name}.log"
    with work.clock.stage(f"run {work.title}-{built.name}"):
        note = _boot(built, log)
    config = kconfig.enabled(work.build(kernel.name))
    listed = sim.lane_name(lane.listed) if built.kind else lane.listed.name
    result = judge.judge(log, work.tree, listed, s.driver,
                         work.src.series, s.filter, EXPECT, NOISE, config,
                         built.left_out)
    result.lane = built.name
    result.seed = result.seed or str(s.seed)
    result.gates += built.gates
    result.note = "; ".join(text for text in (note, "" if built.kind else parts.note(
        built.part, s.filter, s.quick)) if text)
    result.repro = s.again(lane.listed.name, [*([f"SEED={result.seed}"] if result.seed else []),
                                       "FILTER={case}"])
    shutil.copyfile(work.build(kernel.name) / ".config", log.with_suffix(".config"))
    if not result.ok:
        decode.decode(work, kernel, log)
    return result


def _run_fatal(built: Built, results: Path) -> LaneResult:
    with built.work.clock.stage(f"run {built.work.title}-{fatal.NAME}"):
        result = fatal.run(built.work, results, EXPECT, NOISE)
    result.repro = built.work.settings.again(built.lane.name, ["FILTER={case}"])
    return result


def _run_each(built: Built, results: Path) -> list[LaneResult]:
    found = [run(built, results)]
    return [*found, _run_fatal(built, results)] if built.fatal else found


def run_all(built: Sequence[Built], results: Path, done: list[LaneResult]) -> None:
    """Runs all lanes, no more at a time than there are CPUs.

    Software GPUs whose CPUs run at the same time come last, one boot at a time: the
    driver's deadlines for its hardware are then real time, which other guests would
    take from the model.

    ``done`` gets the results in the order of ``built``, also if a lane ends in
    an error, which is raised when the others are over.
    """
    found: dict[int, list[LaneResult]] = {}
    error: HarnessError | None = None
    for alone, width in ((False, len(os.sched_getaffinity(0))), (True, 1)):
        turn = sorted((no for no, one in enumerate(built) if one.alone is alone),
                      key=lambda no: -built[no].seconds)
        error = _run_some({no: built[no] for no in turn}, width, results, found) or error
    for no in sorted(found):
        done += found[no]
    if error:
        raise error


def _run_some(some: Mapping[int, Built], width: int, results: Path,
              found: dict[int, list[LaneResult]]) -> HarnessError | None:
    pool = ThreadPoolExecutor(max(1, width))
    waiting: dict[Future[list[LaneResult]], int] = {}
    error: HarnessError | None = None
    try:
        waiting = {pool.submit(_run_each, one, results): no for no, one in some.items()}
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
    return error
