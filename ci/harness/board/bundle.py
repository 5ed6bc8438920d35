# SPDX-License-Identifier: GPL-2.0-only
"""make board: one tarball with all that a board needs for a run.

With KDIR= it is for a kernel that the board has; otherwise it has a kernel of its
own for the Rock 5B, with debug options or (FLAVOUR=production) without.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Mapping, Union

from .. import locks, procs, settings
from ..boot import lanes
from ..boot.lanes import Lane
from ..build import initramfs, module, prepare, selftest
from ..build.prepare import Clock, Work, say
from ..model import UsageError
from ..settings import REPO, Settings
from . import bundlefile, extmod

DTB = "rockchip/rk3588-rock-5b.dtb"
FLAVOURS = ("debug", "production")
EXCLUDED = ("sim",)
"""Suites that need the software GPU."""
Files = dict[str, Union[Path, bytes]]


def lane_of(flavour: str) -> Lane:
    """The board's kernel, as a lane that nobody boots here."""
    if flavour not in FLAVOURS:
        raise UsageError(f"FLAVOUR={flavour}; choose from: {' '.join(FLAVOURS)}")
    arm64 = lanes.LANES["arm64"]
    lane = dataclasses.replace(arm64, name="board", fragments=(*arm64.fragments, "board"),
                               targets=(*arm64.targets, DTB))
    return lane if flavour == FLAVOURS[0] else lane.without_debug()


def build_driver(work: Work, lane: Lane) -> Path:
    """The driver under test as it drives a real GPU: no seams, no suites, no model."""
    folder = work.driver(lane.name).with_name(f"{work.driver(lane.name).name}-plain")
    module.mirror(work.tree / module.DRIVER_DIR, folder)
    procs.run([*module.make(work, lane, f"M={folder}"), *extmod.OFF, "modules"],
              what=f"build panthor.ko ({lane.name})", log=work.root / "driver" / f"{folder.name}.log",
              verbose=work.settings.verbose, expect_seconds=12.0)
    return module.require(folder / "panthor.ko")


def uapi_headers(work: Work) -> Path:
    """Build folder with the kernel's headers for programs: that of the lane, if it has them."""
    lane = lanes.LANES["arm64"]
    own = work.build(lane.name)
    if work.src.pristine and (own / selftest.HEADERS_STAMP).exists():
        return own
    folder = work.root / "build/board-headers"
    procs.run(["make", "-C", str(work.tree), f"O={folder}", *lanes.make_args(lane, work.settings.make_vars),
               f"-j{work.settings.jobs}", "headers"], what="kernel headers (board)",
              log=folder.with_name(f"{folder.name}.log"), verbose=work.settings.verbose, expect_seconds=20.0)
    return folder


def install_selftests(work: Work, folder: Path) -> Path:
    """Programs linked with the board's C library, as kselftest installs them."""
    headers = uapi_headers(work)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lane = lane_of(FLAVOURS[0])
    variables = lanes.make_args(lane, work.settings.make_vars)
    command = ["make", "-C", str(work.tree / "tools/testing/selftests"), f"O={folder.with_name('board-selftests')}", *variables,
               f"-j{work.settings.jobs}", f"TARGETS={selftest.TARGET}", "FORCE_TARGETS=1",
               f"KHDR_INCLUDES=-isystem {headers / 'usr/include'}", f"INSTALL_PATH={folder}", "install"]
    log = folder.with_name(f"{folder.name}.log")
    procs.run(command, what="install selftests (board)", log=log, verbose=work.settings.verbose, expect_seconds=60.0)
    module.require(folder / selftest.TARGET / next(iter(settings.selftests())))
    return folder


def cases() -> bytes:
    """What runs on a board: suite, case, and the command in the bundle's folder."""
    lines = [f"{suite} {case} {command.replace('/harness/bin/', './bin/').replace('/harness/', './')}\n"
             for suite, case, command in settings.chosen_programs(None) if suite not in EXCLUDED]
    return "".join(lines).encode()


def tests(installed: Path) -> Files:
    """Programs, scripts and the list of cases."""
    files: Files = {"run": REPO / "ci/lab/run", "kselftest": REPO / "ci/vm/kselftest", bundlefile.CASES: cases()}
    for path in sorted(installed.rglob("*")):
        if path.is_file():
            files[f"kselftests/{path.relative_to(installed)}"] = path
    for name in (*settings.selftests(), Path(settings.AROUND).name):
        files[f"bin/{name}"] = installed / selftest.TARGET / name
    return files


def of_kernel(work: Work, lane: Lane, driver: Path) -> tuple[Files, str]:
    """Image, device tree and modules of a built kernel, and its release."""
    folder = work.build(lane.name)
    release = (folder / "include/config/kernel.release").read_text(encoding="utf-8").strip()
    ordered = initramfs.load_order([driver], initramfs.base_modules(folder))
    files: Files = {"boot/Image": module.require(folder / lane.image),
                    f"boot/{Path(DTB).name}": module.require(folder / "arch/arm64/boot/dts" / DTB),
                    "boot/config": folder / ".config",
                    "modules.load": "".join(f"{path.name}\n" for path in ordered).encode()}
    files.update({f"modules/{path.name}": path for path in ordered})
    return files, release


def of_headers(driver: Path, headers: extmod.Headers) -> tuple[Files, str]:
    """The module alone; what it depends on is installed on the board."""
    depends = [name for name in initramfs.modinfo(driver, "depends").split(",") if name]
    return {"modules.load": f"{driver.name}\n".encode(), f"modules/{driver.name}": driver,
            "modules.deps": "".join(f"{name}\n" for name in depends).encode(),
            "boot/config": headers.folder / ".config"}, headers.release


def pack(work: Work, out: Path, files: Mapping[str, Union[Path, bytes]], release: str, flavour: str) -> None:
    """Writes the tarball, and says what is in it."""
    facts = {"arch": "arm64", "release": release, "flavour": flavour, "driver": work.settings.driver,
             "series": work.src.series, "source": work.src.version, "made": bundlefile.stamp(),
             "board": "rk3588-rock-5b"}
    manifest = bundlefile.write(out, files, facts)
    say(f"{out}: {out.stat().st_size >> 20} MiB, {len(manifest['sha256'])} files, "
        f"{flavour}, Linux {release}, driver {work.settings.driver}")
    say(f"on a board: ci/board root@BOARD --bundle {out}" + ("" if flavour == FLAVOURS[0] else " --production"))


def run(s: Settings) -> int:
    """make board."""
    flavour = s.flavour or FLAVOURS[0]
    lane = lane_of(flavour)
    prepare.host_tools([lane])
    work = prepare.prepare(s, Clock())
    with locks.locked(work.root / ".run.lock", say, f"using {work.root}"):
        if s.kdir:
            folder = extmod.debian(work.src.series, s.cache) if s.kdir == "debian" else Path(s.kdir).absolute()
            headers = extmod.read(folder)
            files, release = of_headers(extmod.build(work, headers), headers)
            debug = all(headers.on(name) for name in ("PROVE_LOCKING", "KASAN"))
            flavour = FLAVOURS[0] if debug else FLAVOURS[1]
        else:
            module.build_base(work, lane)
            files, release = of_kernel(work, lane, build_driver(work, lane))
        installed = install_selftests(work, work.root / "build/board-kselftests")
        out = s.output / f"panthor-board-{release}-{s.driver}-{flavour}.tar.gz"
        pack(work, out, {**tests(installed), **files}, release, flavour)
    return 0


