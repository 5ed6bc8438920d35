# SPDX-License-Identifier: GPL-2.0-only
"""What the commands that boot one VM lane for a suite of their own have in common."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Iterator, Mapping, Sequence, Union

from .. import locks
from ..build import prepare
from ..build.prepare import Clock, Work, say
from ..model import LaneResult
from ..settings import Settings
from ..verdict import judge
from . import lanerun, sim, vm
from .lanes import Lane


@dataclasses.dataclass
class Boot:
    """A boot that is over, and judged by the same gates as any other."""

    result: LaneResult
    log: Path


@contextlib.contextmanager
def prepared(s: Settings, lane: Lane, clock: Clock) -> Iterator[Work]:
    """Tools and an assembled tree, which nobody else uses meanwhile."""
    prepare.host_tools([lane])
    work = prepare.prepare(s, clock)
    with locks.locked(work.root / ".run.lock", say, f"using {work.root}"):
        yield work


def run(work: Work, lane: Lane, results: Path, suite: str, chosen: Sequence[tuple[str, str, str]],
        files: Mapping[str, Union[Path, bytes]], extra: Sequence[str], limit: float) -> Boot:
    """Boots ``lane`` with software GPUs for the programs ``chosen`` of ``suite``."""
    s = work.settings
    name = f"{lane.name}-{suite}"
    log = results / f"{work.title}-{name}.log"
    with work.clock.stage(f"run {name}"):
        note = sim.boot(work, lane, log, suite, chosen, files, extra, limit)
    result = judge.judge(log, work.tree, name, s.driver, work.src.series, s.filter,
                         lanerun.EXPECT, lanerun.NOISE, vm.config(work, lane))
    result.note = note
    result.repro = s.again(lane.name.removesuffix("-lean"), ["FILTER={case}"])
    return Boot(result, log)
