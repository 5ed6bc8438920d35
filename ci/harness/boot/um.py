# SPDX-License-Identifier: GPL-2.0-only
"""The UML lane: kunit.py builds and runs, we keep the log and judge."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Mapping, Optional, Sequence

from .. import procs
from ..build import kconfig
from ..build.prepare import Work, check_space, fragments, say
from ..model import HarnessError
from .lanes import LANES
from .parts import LONG, QUICK, Part

LANE = LANES["um"]
RUN_SECONDS = 900
FIRST_BUILD_SECONDS = 250.0
BUILD_SECONDS = 15.0
TYPICAL_SECONDS = {"": 30.0, "-slow": 100.0}
MACHINE = ("mem=1G", "console=tty")
"""What kunit.py gives the kernel."""
NO_SMP = "SMP is not supported with PTRACE userspace"


def _kunit(work: Work) -> list[str]:
    return [sys.executable, str(work.tree / "tools/testing/kunit/kunit.py")]


def _run_folder(work: Work, part: Part) -> Path:
    """Where a boot runs: kunit.py leaves its log there, and boots run side by side.

    Drivers share the build folder, so each has its kernel here.
    """
    built = work.build(LANE.name)
    return built.with_name(f"{built.name}-{work.settings.driver}{part.name}")


def kernel(work: Work) -> Path:
    """The program that runs; it has the symbols, too."""
    return _run_folder(work, QUICK) / LANE.image


def own_kernel(work: Work, name: str) -> Path:
    """Another folder to run the kernel in, beside those of the parts."""
    folder = _run_folder(work, Part(frozenset(), name=name))
    publish(work.build(LANE.name) / LANE.image, folder)
    return folder


def publish(built: Path, folder: Path) -> None:
    """Keeps a kernel from the next build in its folder."""
    folder.mkdir(exist_ok=True)
    dest = folder / built.name
    dest.unlink(missing_ok=True)
    try:
        os.link(built, dest)    # the linker makes a new file each time
    except OSError:
        shutil.copy2(built, dest)


def build(work: Work, configs: Sequence[Path] = ()) -> Path:
    """Builds the UML kernel with the suites, ready to run in all parts.

    ``configs`` stand in for the lane's fragments.
    """
    folder = build_kernel(work, LANE.name, configs or fragments(LANE))
    for part in (QUICK, LONG):
        publish(folder / LANE.image, _run_folder(work, part))
    return folder


def build_kernel(work: Work, name: str, configs: Sequence[Path], options: Sequence[str] = (),
                 symbols: Optional[Mapping[str, str]] = None) -> Path:
    """Builds a UML kernel in a folder of that name; kunit.py checks the symbols.

    ``symbols`` win over ``configs``.
    """
    folder = work.build(name)
    check_space(folder)
    first = not (folder / LANE.image).exists()
    cmd = [*_kunit(work), "build", "--build_dir", str(folder),
           "--jobs", str(work.settings.jobs)]
    for fragment in configs:
        cmd += ["--kunitconfig", str(fragment)]
    for symbol, value in (symbols or {}).items():
        cmd += ["--kconfig_add", f"{symbol}={value}"]
    for option in options:
        cmd += ["--make_options", option]
    for name, value in work.settings.make_vars.items():
        if name != "CROSS_COMPILE":
            cmd += ["--make_options", f"{name}={value}"]
    procs.run(cmd, cwd=work.tree, what=f"build {name}", verbose=work.settings.verbose,
              log=work.root / "build" / f"{folder.name}.log",
              expect_seconds=FIRST_BUILD_SECONDS if first else BUILD_SECONDS)
    if not (folder / LANE.image).exists():
        raise HarnessError(f"{folder}: kunit.py built no kernel; see {folder}.log")
    return folder


def _exec(work: Work, folder: Path, cpus: int, part: Part, filter_: Optional[str],
          words: Sequence[str]) -> None:
    cmd = [*_kunit(work), "exec", "--build_dir", str(folder), "--timeout", str(RUN_SECONDS)]
    # Per-CPU caches of the slab allocator keep pointers to freed and leaked
    # objects alike; kmemleak then takes a leak for referenced.
    cmd += ["--kernel_args", "slab_debug=F"]
    if cpus:
        # UML has SMP only where user space runs under seccomp.
        cmd += ["--kernel_args", "seccomp=on", "--kernel_args", f"ncpus={cpus}"]
    for word in words:
        cmd += ["--kernel_args", word]
    if part.attributes:
        cmd += ["--filter", part.attributes]
    if filter_:
        cmd.append(filter_)
    try:
        procs.run(cmd, cwd=work.tree, what=f"run um{part.name}", verbose=work.settings.verbose,
                  log=folder / "kunit.log", expect_seconds=TYPICAL_SECONDS[part.name], check=False,
                  timeout=RUN_SECONDS + 60)
    finally:
        # UML has a session of its own, and kunit.py cannot end it when it is killed.
        procs.kill_program(folder / LANE.image)


def run(work: Work, log: Path, part: Part = QUICK, filter_: Optional[str] = None,
        words: Sequence[str] = ()) -> str:
    """Boots and copies the kernel's log to ``log``; returns a note for the verdict.

    ``filter_`` stands in for the user's, ``words`` come behind those of the
    settings on the kernel's command line. kunit.py's exit status is not used: it is 0 for runs our gates refuse.
    """
    folder = _run_folder(work, part)
    # The second CPU costs more than it gives, but what is to race needs it.
    cpus = 1 if part is QUICK else LANE.cpus
    raw = folder / "test.log"
    raw.unlink(missing_ok=True)
    note = ""
    filter_ = filter_ or work.settings.filter
    words = [*work.settings.kernel_args, *words]
    _exec(work, folder, cpus, part, filter_, words)
    if raw.exists() and NO_SMP in raw.read_text(encoding="utf-8", errors="replace"):
        note = "one CPU: UML cannot use seccomp on this host, and SMP needs it"
        say(f"um: {note}")
        _exec(work, folder, 0, part, filter_, words)
    if not raw.exists():
        raise HarnessError(f"kunit.py left no log of the run; see {folder / 'kunit.log'}")
    shutil.copyfile(raw, log)
    return note


def run_alone(work: Work, folder: Path, log: Path, words: Sequence[str], timeout: float) -> None:
    """Boots the kernel of ``folder`` (see ``publish``) without kunit.py, for one log.

    A guest that does not end in time is killed; its log tells that it did not.
    """
    program = folder / LANE.image
    try:
        procs.run([str(program), *MACHINE, "kunit_shutdown=halt", "slab_debug=F", *work.settings.kernel_args,
                   *words], log=log, verbose=work.settings.verbose, check=False, timeout=timeout)
    finally:
        procs.kill_program(program)


def config(work: Work) -> set[str]:
    """Symbols that are on in the build."""
    return kconfig.enabled(work.build(LANE.name))
