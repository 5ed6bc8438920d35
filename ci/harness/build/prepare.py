# SPDX-License-Identifier: GPL-2.0-only
"""From settings to an assembled tree and the stages' clock."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from pathlib import Path
from typing import Iterator, Sequence

from ..boot.lanes import Lane
from ..host import hosttools, source
from ..host.source import KernelSource
from ..model import HarnessError, Stage
from ..settings import REPO, Settings
from ..tree import overlay

BUILD_BYTES = 3 << 30
"""Free space below which a first build of a lane is not begun."""


def say(text: str) -> None:
    """One line to the user, in order with everything else."""
    print(text, flush=True)


@dataclasses.dataclass
class Clock:
    """Collects the stages of a run."""

    stages: list[Stage] = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times one stage; a stage that fails is timed too."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.stages.append(Stage(name, time.monotonic() - start))


@dataclasses.dataclass
class Work:
    """One kernel source, assembled, with its folders."""

    settings: Settings
    src: KernelSource
    clock: Clock

    @property
    def root(self) -> Path:
        return self.settings.output / "trees" / self.src.ident

    @property
    def tree(self) -> Path:
        return self.root / "tree"

    @property
    def title(self) -> str:
        """What is run, in names of stages and logs."""
        return f"{self.settings.driver}-{self.src.series}"

    def build(self, lane: str) -> Path:
        """Kernel build folder of a lane; compilers do not share one."""
        flavour = "-".join(v for k, v in self.settings.make_vars.items() if k == "LLVM" or k == "CC")
        suffix = "-" + "".join(c if c.isalnum() else "_" for c in flavour) if flavour else ""
        return self.root / "build" / (lane + suffix)

    def driver(self, lane: str) -> Path:
        """External module folder of the driver under test."""
        return self.root / "driver" / f"{self.build(lane).name}-{self.settings.driver}"


def fragments(lane: Lane) -> list[Path]:
    """The lane's config fragments."""
    return [REPO / "kunitconfig" / f"{name}.config" for name in lane.fragment_names()]


def check_space(folder: Path) -> None:
    """Stops before a build that cannot end well."""
    folder.mkdir(parents=True, exist_ok=True)
    info = os.statvfs(folder)
    free = info.f_bavail * info.f_frsize
    if not any(folder.iterdir()) and free < BUILD_BYTES:
        raise HarnessError(f"{folder}: {free >> 20} MiB free, a kernel build needs "
                           f"{BUILD_BYTES >> 20}; free space or choose another folder with O=DIR")


def host_tools(lanes: Sequence[Lane]) -> None:
    """Installs or asks for what the lanes need on this machine."""
    groups = ["build"]
    for lane in lanes:
        groups += [*lane.tools, *(["vm"] if lane.is_vm else [])]
    hosttools.ensure(groups, say)


def prepare(settings: Settings, clock: Clock) -> Work:
    """Kernel source and overlay, up to date."""
    with clock.stage("source"):
        src = source.resolve(settings.kernel, settings.cache, say,
                             *((say,) if settings.verbose else ()))
    work = Work(settings, src, clock)
    with clock.stage("assemble"):
        result = overlay.assemble(src, REPO, work.tree, say, driver=settings.driver)
    if settings.verbose:
        say(f"# {work.tree}: linux {src.version} from {src.origin}; "
            f"{len(result.written)} overlay files written, {len(result.updated)} source files updated")
    return work
