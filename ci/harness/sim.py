# SPDX-License-Identifier: GPL-2.0-only
"""The second boot of a VM lane: the driver under test on software GPUs.

The driver is built once more, with the seam to the model in place of the KUnit
suites. What runs then are programs, as the cases of one KTAP suite.
"""

from __future__ import annotations

import fnmatch
import sys
from pathlib import Path
from typing import Optional

from . import hosttools, initramfs, lanes, module, procs, qemu
from .lanes import Lane
from .prepare import Work, say
from .settings import PROGRAMS, REPO

SUITE = "sim"
MODEL = module.DRIVER_DIR / "sim"
FIRMWARE = "lib/firmware/arm/mali/arch10.8/mali_csffw.bin"
RUN_SECONDS = 600.0
TYPICAL_SECONDS = {"tcg": 45.0, "kvm": 15.0}
# Two GPUs, one of each kind of memory path.
PARAMETERS = ("panthor_sim.gpus=2", "panthor_sim.coherent=1,0")


def lane_name(lane: Lane) -> str:
    """Name of the boot, in reports and expectations."""
    return f"{lane.name}-sim"


def programs(filter_: Optional[str]) -> list[tuple[str, str]]:
    """Names and commands of what the filter leaves."""
    suite, _, case = (filter_ or SUITE).partition(".")
    if not fnmatch.fnmatchcase(SUITE, suite):
        return []
    return [(name, command) for name, command in PROGRAMS[SUITE].items()
            if fnmatch.fnmatchcase(name, case or "*")]


def folder(work: Work, lane: Lane) -> Path:
    """External module folder of driver and model."""
    stock = work.driver(lane.name)
    return stock.with_name(f"{stock.name}-sim")


def build(work: Work, lane: Lane) -> None:
    """The driver with the seam, the model, and the firmware image."""
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


def run(work: Work, lane: Lane, log: Path) -> str:
    """Boots and leaves the console in ``log``; returns a note for the verdict."""
    base = work.build(lane.name)
    built = folder(work, lane)
    busybox = hosttools.guest_busybox(lane.arch, work.settings.cache, say)
    modules = initramfs.load_order([module.require(built / "sim/panthor_sim.ko"),
                                    module.require(built / "panthor.ko")],
                                   initramfs.base_modules(base))
    initrd = work.root / "build" / f"{base.name}-sim-initrd.cpio"
    initramfs.build(initrd, busybox=busybox, init=REPO / "ci/vm/init", modules=modules,
                    suite=SUITE, run=programs(work.settings.filter),
                    files={FIRMWARE: built / "mali_csffw.bin", "harness/sim": REPO / "ci/vm/sim"})
    extra = ["harness.modules=" + ",".join(path.name for path in modules), *PARAMETERS]
    kvm = lane.arch == "x86_64" and lanes.kvm_works(work.settings.output)
    result = qemu.boot_any(
        lane, base / lane.image, initrd, qemu.kernel_cmdline(lane, extra), log, RUN_SECONDS, kvm,
        lambda line: None, kvm_failed=lambda: lanes.remember_kvm(work.settings.output, False),
        verbose=work.settings.verbose, expect_seconds=TYPICAL_SECONDS["kvm" if kvm else "tcg"])
    note = f"{result.accel}, {result.boot_seconds:.1f} s to init"
    return f"{note}; {result.reason}" if result.reason else note
