# SPDX-License-Identifier: GPL-2.0-only
"""The UML lane: kunit.py builds and runs, we keep the log and judge."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from . import kconfig, procs
from .lanes import LANES
from .model import HarnessError
from .prepare import Work, check_space, fragments, say

LANE = LANES["um"]
RUN_SECONDS = 900
FIRST_BUILD_SECONDS = 250.0
BUILD_SECONDS = 15.0
NO_SMP = "SMP is not supported with PTRACE userspace"


def _kunit(work: Work) -> list[str]:
    return [sys.executable, str(work.tree / "tools/testing/kunit/kunit.py")]


def build(work: Work) -> Path:
    """Builds the UML kernel with the suites; kunit.py checks the symbols."""
    folder = work.build(LANE.name)
    check_space(folder)
    first = not (folder / LANE.image).exists()
    cmd = [*_kunit(work), "build", "--build_dir", str(folder),
           "--jobs", str(work.settings.jobs)]
    for fragment in fragments(LANE):
        cmd += ["--kunitconfig", str(fragment)]
    for name, value in work.settings.make_vars.items():
        if name != "CROSS_COMPILE":
            cmd += ["--make_options", f"{name}={value}"]
    procs.run(cmd, cwd=work.tree, what="build um", verbose=work.settings.verbose,
              log=work.root / "build" / f"{folder.name}.log",
              expect_seconds=FIRST_BUILD_SECONDS if first else BUILD_SECONDS)
    if not (folder / LANE.image).exists():
        raise HarnessError(f"{folder}: kunit.py built no kernel; see {folder}.log")
    return folder


def _exec(work: Work, folder: Path, smp: bool) -> None:
    cmd = [*_kunit(work), "exec", "--build_dir", str(folder), "--timeout", str(RUN_SECONDS)]
    # Per-CPU caches of the slab allocator keep pointers to freed and leaked
    # objects alike; kmemleak then takes a leak for referenced.
    cmd += ["--kernel_args", "slab_debug=F"]
    if smp:
        # UML has SMP only where user space runs under seccomp.
        cmd += ["--kernel_args", "seccomp=on", "--kernel_args", f"ncpus={LANE.cpus}"]
    for word in work.settings.kernel_args:
        cmd += ["--kernel_args", word]
    if work.settings.quick:
        cmd += ["--filter", "speed>slow"]
    if work.settings.filter:
        cmd.append(work.settings.filter)
    try:
        procs.run(cmd, cwd=work.tree, what="run um", verbose=work.settings.verbose,
                  log=folder / "kunit.log", expect_seconds=60.0, check=False,
                  timeout=RUN_SECONDS + 60)
    finally:
        # UML has a session of its own, and kunit.py cannot end it when it is killed.
        procs.kill_program(folder / LANE.image)


def run(work: Work, log: Path) -> str:
    """Boots and copies the kernel's log to ``log``; returns a note for the verdict.

    kunit.py's exit status is not used: it is 0 for runs our gates refuse.
    """
    folder = work.build(LANE.name)
    raw = folder / "test.log"
    raw.unlink(missing_ok=True)
    note = ""
    _exec(work, folder, smp=True)
    if raw.exists() and NO_SMP in raw.read_text(encoding="utf-8", errors="replace"):
        note = "one CPU: UML cannot use seccomp on this host, and SMP needs it"
        say(f"um: {note}")
        _exec(work, folder, smp=False)
    if not raw.exists():
        raise HarnessError(f"kunit.py left no log of the run; see {folder / 'kunit.log'}")
    shutil.copyfile(raw, log)
    return note


def config(work: Work) -> set[str]:
    """Symbols that are on in the build."""
    return kconfig.enabled(work.build(LANE.name))
