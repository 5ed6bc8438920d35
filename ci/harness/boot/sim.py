# SPDX-License-Identifier: GPL-2.0-only
"""The second boot of a VM lane: the driver under test on software GPUs.

The driver is built once more, with the seam to the model in place of the KUnit
suites. What runs then are programs: the kselftests, each test a case of a KTAP
suite, and a shell script.
"""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import sys
from pathlib import Path
from typing import Mapping, Optional, Sequence, Union

from .. import procs, settings
from ..build import initramfs, module, selftest
from ..build.prepare import Work, say
from ..host import hosttools
from ..settings import REPO
from . import lanes, qemu
from .lanes import Lane

MODEL = module.DRIVER_DIR / "sim"
FIRMWARE = "lib/firmware/arm/mali/arch10.8/mali_csffw.bin"
RUN_SECONDS = 1800.0
LONG_SECONDS = 7200
SEEDS = 1 << 32
ENVIRONMENT = ("PANTHOR_SECONDS", "PANTHOR_ROUNDS", "PANTHOR_CALLS", "PANTHOR_TAME", "PANTHOR_LEAKS")
"""Numbers that programs find in their environment if the caller has them in its own."""
KINDS = ("sim", "smp")
TYPICAL_SECONDS = {"tcg": 90.0, "kvm": 30.0}
# Two GPUs, one of each kind of memory path.
PARAMETERS = ("panthor_sim.gpus=2", "panthor_sim.coherent=1,0")


def lane_name(lane: Lane) -> str:
    """Name of the boots, in expectations."""
    return f"{lane.name}-sim"


def kinds(pattern: Optional[str], driver: str = "core") -> list[str]:
    """Boots that a filter leaves something of.

    In the one called sim, time does not depend on the host; in smp, CPUs run at
    the same time.
    """
    return [kind for kind in KINDS if programs(pattern, kind, driver)]


def programs(pattern: Optional[str], kind: str, driver: str = "core") -> list[tuple[str, str, str]]:
    """Suite, case and command of what runs in one of the boots."""
    return [one for one in settings.chosen_programs(pattern, driver)
            if (one[0] in settings.PARALLEL) is (kind == KINDS[1])]


def left_out(kind: str) -> frozenset[str]:
    """Full names of the cases that run in the other boot."""
    return frozenset(f"{suite}.{case}" for other in KINDS if other != kind
                     for suite, case, _ in programs(None, other))


def folder(work: Work, lane: Lane) -> Path:
    """External module folder of driver and model."""
    stock = work.driver(lane.name)
    return stock.with_name(f"{stock.name}-sim")


def build(work: Work, lane: Lane) -> None:
    """The driver with the seam, the model, the firmware image and the programs."""
    target = folder(work, lane)
    module.mirror(work.tree / module.DRIVER_DIR, target)
    # No suites here: they run in the lane's other boot.
    procs.run(module.make(work, lane, f"M={target}", "CONFIG_DRM_PANTHOR_KUNIT_TEST=n",
                          "CONFIG_DRM_PANTHOR_SIM_KUNIT_TEST=n", "modules"),
              what=f"build panthor_sim.ko ({lane.name})",
              log=work.root / "driver" / f"{target.name}.log", verbose=work.settings.verbose,
              expect_seconds=20.0)
    procs.run([sys.executable, str(work.tree / MODEL / "mkfw.py"), str(target / "mali_csffw.bin")],
              what="make the firmware image",
              log=work.root / "driver" / f"{target.name}-fw.log", verbose=work.settings.verbose)
    selftest.build(work, lane)


def words(seed: Optional[str], names: Sequence[str]) -> list[str]:
    """Kernel command line words: parameters, seed, and time for what takes long."""
    number = int(seed) if seed else 1 + secrets.randbelow(SEEDS - 1)
    found = [*PARAMETERS, f"panthor_sim.seed={number % SEEDS}", f"harness.seed={number}"]
    found += [f"harness.env.{name}={os.environ[name]}" for name in ENVIRONMENT
              if re.fullmatch(r"\d+", os.environ.get(name, ""))]
    return found + ([f"harness.limit={LONG_SECONDS}"] if takes_long(names) else [])


def takes_long(names: Sequence[str]) -> bool:
    """Whether one of the cases is of the kind that is asked for by name."""
    return any(name.endswith(settings.LONG) for name in names)


def guest_files(work: Work, lane: Lane) -> dict[str, Path]:
    """What the cases' commands are, by name in the archive."""
    return {**{f"harness/{name}": REPO / "ci/vm" / name for name in ("sim", "kselftest", "growth")},
            **{f"harness/bin/{path.name}": path for path in selftest.programs(work, lane)}}


def run(work: Work, lane: Lane, log: Path, kind: str) -> str:
    """Boots and leaves the console in ``log``; returns a note for the verdict."""
    chosen = programs(work.settings.filter, kind, work.settings.driver)
    names = [case for _, case, _ in chosen]
    files = guest_files(work, lane)
    lane = dataclasses.replace(lane, steady=kind == KINDS[0] and not lane.kcsan)
    return boot(work, lane, log, kind, chosen, files, words(work.settings.seed, names),
                LONG_SECONDS + RUN_SECONDS if takes_long(names) else RUN_SECONDS)


def boot(work: Work, lane: Lane, log: Path, kind: str, chosen: Sequence[tuple[str, str, str]],
         files: Mapping[str, Union[Path, bytes]], extra: Sequence[str], limit: float) -> str:
    """Boots driver and model once for the programs ``chosen``; returns a note.

    ``kind`` tells the archives of one lane apart; ``extra`` are words for the kernel.
    """
    base = work.build(lane.name)
    built = folder(work, lane)
    busybox = hosttools.guest_busybox(lane.arch, work.settings.cache, say)
    modules = initramfs.load_order([module.require(built / "sim/panthor_sim.ko"),
                                    module.require(built / "panthor.ko")],
                                   initramfs.base_modules(base))
    initrd = work.root / "build" / f"{base.name}-{work.settings.driver}-{kind}-initrd.cpio"
    initramfs.build(initrd, busybox=busybox, init=REPO / "ci/vm/init", modules=modules,
                    run=chosen, files={FIRMWARE: built / "mali_csffw.bin", **files})
    names = "harness.modules=" + ",".join(path.name for path in modules)
    kvm = lane.arch == "x86_64" and lanes.kvm_works(work.settings.output)
    result = qemu.boot_any(
        lane, base / lane.image, initrd, qemu.kernel_cmdline(lane, [names, *extra]), log, limit, kvm,
        lambda line: None, kvm_failed=lambda: lanes.remember_kvm(work.settings.output, False),
        verbose=work.settings.verbose, expect_seconds=TYPICAL_SECONDS["kvm" if kvm else "tcg"])
    steady = "; an instruction is a nanosecond" if lane.steady and result.accel == "tcg" else ""
    note = f"{result.accel}, {result.boot_seconds:.1f} s to init{steady}"
    return f"{note}; {result.reason}" if result.reason else note
