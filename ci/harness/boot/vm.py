# SPDX-License-Identifier: GPL-2.0-only
"""The VM lanes: build, pack an initramfs, boot, keep the console."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

from ..build import initramfs, kconfig, module
from ..build.prepare import Work, say
from ..host import hosttools
from ..model import Finding, Gate, GateState
from ..settings import REPO
from . import lanes, qemu
from .lanes import Lane
from .parts import Part

RUN_SECONDS = 1200.0
TYPICAL_SECONDS = {"tcg": 150.0, "kvm": 15.0}
_CASE = re.compile(r"# Subtest: (\S+)")


def build_base(work: Work, lane: Lane) -> None:
    """Base kernel."""
    module.build_base(work, lane)


def build(work: Work, lane: Lane) -> None:
    """Base kernel and driver under test."""
    build_base(work, lane)
    module.build_driver(work, lane)


def identity_gate(work: Work, lane: Lane) -> Gate:
    """With the seams off, the driver's objects are those of the stock build."""
    wrong = module.seams_off_is_stock(work, lane)
    if not wrong:
        return Gate("seams-off", GateState.GREEN, "objects identical to the stock build")
    return Gate("seams-off", GateState.RED, wrong[0], [Finding(text) for text in wrong])


def _subtest(line: str) -> Optional[str]:
    found = _CASE.search(line)
    return found[1] if found else None


def run(work: Work, lane: Lane, log: Path, part: Part) -> str:
    """Boots and leaves the console in ``log``; returns a note for the verdict."""
    folder = work.build(lane.name)
    busybox = hosttools.guest_busybox(lane.arch, work.settings.cache, say)
    # The model comes along for its own suites; it makes no GPU here.
    modules = initramfs.load_order([work.driver(lane.name) / "sim/panthor_sim.ko",
                                    work.driver(lane.name) / "panthor.ko"],
                                   initramfs.base_modules(folder))
    initrd = work.root / "build" / f"{folder.name}-{work.settings.driver}-initrd.cpio"
    initramfs.build(initrd, busybox=busybox, init=REPO / "ci/vm/init", modules=modules)
    extra = ["harness.modules=" + ",".join(path.name for path in modules), *work.settings.kernel_args]
    if work.settings.filter:
        extra.append(f"kunit.filter_glob={work.settings.filter}")
    if part.attributes:
        extra.append(f"kunit.filter={part.attributes}")
    kvm = lane.arch == "x86_64" and lanes.kvm_works(work.settings.output)
    result = qemu.boot_any(
        lane, folder / lane.image, initrd, qemu.kernel_cmdline(lane, extra), log, RUN_SECONDS, kvm,
        _subtest, kvm_failed=lambda: lanes.remember_kvm(work.settings.output, False),
        verbose=work.settings.verbose,
        expect_seconds=TYPICAL_SECONDS["kvm" if kvm else "tcg"])
    note = f"{result.accel}, {result.boot_seconds:.1f} s to init"
    return f"{note}; {result.reason}" if result.reason else note


def config(work: Work, lane: Lane) -> set[str]:
    """Symbols that are on in the build."""
    return kconfig.enabled(work.build(lane.name))
