# SPDX-License-Identifier: GPL-2.0-only
"""The kselftests, built for a VM. Which tests they have is in settings."""

from __future__ import annotations

from pathlib import Path

from .. import procs, settings
from ..boot.lanes import Lane
from . import module
from .prepare import Work

TARGET = "drm/panthor"
HEADERS_STAMP = ".panthor-headers"


def programs(work: Work, lane: Lane) -> list[Path]:
    """What build() leaves."""
    folder = work.build(lane.name) / "kselftest" / TARGET
    return [module.require(folder / name)
            for name in (*settings.selftests(), Path(settings.AROUND).name)]


def build(work: Work, lane: Lane) -> None:
    """Links the programs for the lane's guest, through their own Makefile.

    All that this writes is in the build folder of the lane's kernel.
    """
    folder = work.build(lane.name)
    log = work.root / "build" / f"{folder.name}-selftest.log"
    stamp = folder / HEADERS_STAMP
    if not (stamp.exists() and work.src.pristine):
        procs.run(module.make(work, lane, "headers"), what=f"kernel headers ({lane.name})", log=log,
                  verbose=work.settings.verbose, expect_seconds=20.0)
        stamp.touch()
    command = module.make(work, lane, f"TARGETS={TARGET}", "FORCE_TARGETS=1", "USERLDFLAGS=-static")
    command[2] = str(work.tree / "tools/testing/selftests")
    procs.run(command, what=f"build selftests ({lane.name})", log=log,
              verbose=work.settings.verbose, expect_seconds=5.0)
