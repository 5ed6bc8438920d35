# SPDX-License-Identifier: GPL-2.0-only
"""The boot of the um lane with user space: the driver under test on software GPUs.

No QEMU and no other compiler than the host's. The kernel differs from that of the
suites in a few objects, so its build begins with a copy of their folder.
"""

from __future__ import annotations

import dataclasses
import platform
import shutil
import sys
from pathlib import Path
from typing import Optional, Sequence

from .. import procs, settings
from ..build import initramfs, kconfig, selftest
from ..build.prepare import Work, check_space, fragments, say
from ..host import hosttools
from ..settings import REPO
from . import qemu, sim, um

LANE = dataclasses.replace(um.LANE, name="um-sim", memory_mb=1024, cmdline=(
    "console=tty", "watchdog_thresh=60", "panic=-1", "oops=panic", "printk.devkmsg=on"))
FRAGMENT = REPO / "kunitconfig/umsim.config"
RUN_SECONDS = 900.0
TYPICAL_SECONDS = 60.0
SWAP_BYTES = 128 << 20
LACKING = {
    "sim.modules_long": "the driver is built in",
    "uapi.file.bo_set_label": "an address of the kernel is not refused as such",
}
"""Cases that cannot be had here. Programs that want CPUs which run at the same time are left
out too, but what is asked for by its full name may do without: UML runs it faster than a VM."""


def programs(pattern: Optional[str], driver: str = "core") -> list[tuple[str, str, str]]:
    """Suite, case and command of what runs."""
    return [(suite, case, command) for suite, case, command in settings.chosen_programs(pattern, driver)
            if f"{suite}.{case}" not in LACKING
            and (suite not in settings.PARALLEL or f"{suite}.{case}" == pattern)]


def left_out() -> frozenset[str]:
    """Full names of the cases that only a VM runs."""
    return frozenset(f"{suite}.{case}" for suite, case, _ in
                     set(settings.chosen_programs(None)) - set(programs(None)))


def kernel(work: Work) -> Path:
    """The program that runs. Drivers share the build folder, so each has its own."""
    built = work.build(LANE.name)
    return built.with_name(f"{built.name}-{work.settings.driver}") / LANE.image


def build(work: Work, extra: Sequence[Path] = (), options: Sequence[str] = ()) -> None:
    """Kernel with driver and model, firmware image and programs.

    ``extra`` are more fragments, ``options`` more words for the kernel's make.
    """
    folder = work.build(LANE.name)
    suites = work.build(um.LANE.name)
    check_space(folder)
    if not (folder / LANE.image).exists() and (suites / LANE.image).exists():
        shutil.rmtree(folder)
        shutil.copytree(suites, folder, symlinks=True)    # with times, so make sees nothing new
        (folder / LANE.image).unlink()
    um.build_kernel(work, LANE.name, [*fragments(um.LANE), *extra], options, kconfig.read(FRAGMENT))
    um.publish(folder / LANE.image, kernel(work).parent)
    procs.run([sys.executable, str(work.tree / sim.MODEL / "mkfw.py"), str(folder / "mali_csffw.bin")],
              what="make the firmware image", log=folder / "mkfw.log", verbose=work.settings.verbose)
    selftest.build(work, LANE)


def run(work: Work, log: Path) -> str:
    """Boots and leaves the console in ``log``; returns a note for the verdict."""
    folder, image = work.build(LANE.name), kernel(work)
    chosen = programs(work.settings.filter, work.settings.driver)
    names = [case for _, case, _ in chosen]
    initrd = image.with_name("initrd.cpio")
    initramfs.build(initrd, busybox=hosttools.guest_busybox(platform.machine(), work.settings.cache, say),
                    init=REPO / "ci/vm/init", run=chosen,
                    files={sim.FIRMWARE: folder / "mali_csffw.bin", **sim.guest_files(work, LANE)})
    swap = image.with_name("swap")
    with swap.open("wb") as disk:
        disk.truncate(SWAP_BYTES)
    words = [*sim.words(work.settings.seed, names), f"ubd0={swap}"]
    limit = sim.LONG_SECONDS + RUN_SECONDS if sim.takes_long(names) else RUN_SECONDS
    try:
        result = qemu.boot(LANE, image, initrd, qemu.kernel_cmdline(LANE, words), log, limit, "uml",
                           verbose=work.settings.verbose, expect_seconds=TYPICAL_SECONDS)
    finally:
        procs.kill_program(image)    # its processes may leave its group
        swap.unlink(missing_ok=True)
    note = f"UML, {result.boot_seconds:.1f} s to init"
    return f"{note}; {result.reason}" if result.reason else note
