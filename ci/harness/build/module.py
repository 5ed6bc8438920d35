# SPDX-License-Identifier: GPL-2.0-only
"""VM lanes: the base kernel, and the driver under test as an external module."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Optional, Sequence

from .. import procs
from ..boot import lanes
from ..boot.lanes import Lane
from ..model import HarnessError
from ..settings import REPO
from ..tree import fixes, treefiles
from . import kconfig
from .prepare import Work, check_space, fragments

DRIVER_DIR = Path(treefiles.DRIVER_DIR)
BASE_STAMP = ".panthor-base"
FIRST_BUILD_SECONDS = 330.0
OPTIONS = ("CONFIG_DRM_PANTHOR_KUNIT_TEST", "CONFIG_DRM_PANTHOR_SIM")
"""What the overlay adds to the driver's folder; off, nothing of it may be left."""
SEAM_SYMBOL = b"panthor_seam_"


def _runner(work: Work, log: Path) -> kconfig.Run:
    def run(cmd: Sequence[str], *, cwd: Optional[Path] = None, what: str = "") -> None:
        procs.run(cmd, cwd=cwd, what=what, log=log, verbose=work.settings.verbose)
    return run


def make(work: Work, lane: Lane, *args: str) -> list[str]:
    """A make command in the assembled tree for the lane's build."""
    return ["make", "-C", str(work.tree), f"O={work.build(lane.name)}",
            f"-j{work.settings.jobs}", *lanes.make_args(lane, work.settings.make_vars), *args]


def build_base(work: Work, lane: Lane) -> Path:
    """Kernel with panthor as a module, so that all it selects is there.

    An unpacked release does not change; for somebody's tree make decides.
    """
    folder = work.build(lane.name)
    check_space(folder)
    log = work.root / "build" / f"{folder.name}.log"
    stamp = folder / BASE_STAMP
    changed = kconfig.configure(work.tree, folder, lanes.make_args(lane, work.settings.make_vars),
                                fragments(lane), {}, _runner(work, log))
    image = folder / lane.image
    if not changed and stamp.exists() and image.exists() and work.src.pristine:
        return image
    first = not image.exists()
    stamp.unlink(missing_ok=True)
    procs.run(make(work, lane, *lane.targets), what=f"build {lane.name}", log=log,
              verbose=work.settings.verbose,
              expect_seconds=FIRST_BUILD_SECONDS if first else 20.0)
    stamp.touch()
    return image


def mirror(source: Path, dest: Path) -> None:
    """Makes ``dest`` a folder of links to the sources in ``source``.

    Build products in ``dest`` stay, so that make rebuilds only what changed.
    """
    wanted: set[Path] = set()
    for path in sorted(source.rglob("*")):
        rel = path.relative_to(source)
        target = dest / rel
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        wanted.add(rel)
        if target.is_symlink() and os.readlink(target) == str(path):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.new")
        part.unlink(missing_ok=True)
        part.symlink_to(path)
        part.replace(target)
    for path in dest.rglob("*"):
        if path.is_symlink() and path.relative_to(dest) not in wanted:
            path.unlink()


def build_driver(work: Work, lane: Lane) -> Path:
    """The driver under test with the suites: a panthor.ko."""
    folder = work.driver(lane.name)
    mirror(work.tree / DRIVER_DIR, folder)
    procs.run(make(work, lane, f"M={folder}", "modules"), what=f"build panthor.ko ({lane.name})",
              log=work.root / "driver" / f"{folder.name}.log", verbose=work.settings.verbose,
              expect_seconds=12.0)
    return require(folder / "panthor.ko")


# --- the seams cost nothing when they are off --------------------------------------

def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.glob("panthor_*.o"))}


def compare_objects(stock: dict[str, str], off: dict[str, str], seamed: set[str]) -> list[str]:
    """What is wrong with two builds of the driver's objects, by digest.

    ``off``, the overlay with its options off, must be ``stock``, the driver
    without the harness around it. ``seamed`` has the objects that refer to a seam in the build under test: without them the
    comparison would be of a driver that has no seams at all.
    """
    wrong = [f"{name} differs from the stock build with the seams off"
             for name in sorted({*stock, *off}) if stock.get(name) != off.get(name)]
    if not stock:
        wrong.append("the stock build has no objects")
    for name in ("panthor_gem.o", "panthor_mmu.o"):
        if name not in seamed:
            wrong.append(f"{name} of the driver under test has no seam")
    return wrong


def seamed_objects(folder: Path) -> set[str]:
    """The driver's objects that call a seam."""
    return {path.name for path in folder.glob("panthor_*.o") if SEAM_SYMBOL in path.read_bytes()}


def plain_driver(work: Work, folder: Path) -> Path:
    """Sources of the driver under test as they are without the harness.

    The stock ones are those of the source; the core's lie over them in ``folder``.
    """
    stock = work.src.path / DRIVER_DIR
    core = treefiles.core_files(REPO) if work.settings.driver == "core" else []
    if not core:
        return stock
    shutil.rmtree(folder, ignore_errors=True)
    mirror(stock, folder)
    fixed = {name for fix in fixes.load_all(REPO) for name in fix.files}
    for path in [*core, *(work.tree / DRIVER_DIR / name for name in sorted(fixed))]:
        (folder / path.name).unlink(missing_ok=True)
        (folder / path.name).symlink_to(path)
    makefile = (stock / "Makefile").read_text(encoding="utf-8")
    (folder / "Makefile").unlink()
    (folder / "Makefile").write_text(f"{makefile}\ninclude $(src)/{treefiles.CORE_MAKEFILE}\n",
                                     encoding="utf-8")
    return folder


def _object_build(work: Work, lane: Lane, folder: Path, sources: Path) -> dict[str, str]:
    mirror(sources, folder)
    args = (f"M={folder}", *(f"{name}=n" for name in OPTIONS))
    log = work.root / "driver" / f"{folder.name}.log"
    for target in ("clean", "modules"):
        procs.run(make(work, lane, *args, target), what=f"compare objects ({lane.name})", log=log,
                  verbose=work.settings.verbose, expect_seconds=12.0)
    return _digests(folder)


def _inputs(work: Work, lane: Lane, plain: Path) -> str:
    """Digest of everything that decides about the objects."""
    state = hashlib.sha256((work.build(lane.name) / ".config").read_bytes())
    for root in (plain, work.tree / DRIVER_DIR):
        for path in sorted(root.rglob("*")):
            if path.is_file():
                state.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return state.hexdigest()


def seams_off_is_stock(work: Work, lane: Lane) -> list[str]:
    """Builds the driver twice at one path and compares; remembers the answer."""
    answer = work.root / "driver" / f"{work.driver(lane.name).name}-identity.json"
    plain = plain_driver(work, answer.with_suffix(".plain"))
    inputs = _inputs(work, lane, plain)
    try:
        known = json.loads(answer.read_text(encoding="utf-8"))
        if known["inputs"] == inputs:
            return list(known["wrong"])
    except (OSError, ValueError, KeyError):
        pass
    folder = answer.with_suffix("")
    wrong = compare_objects(
        _object_build(work, lane, folder, plain),
        _object_build(work, lane, folder, work.tree / DRIVER_DIR),
        seamed_objects(work.driver(lane.name)))
    answer.write_text(json.dumps({"inputs": inputs, "wrong": wrong}), encoding="utf-8")
    return wrong


def require(path: Path) -> Path:
    """A file a build must have left."""
    if not path.is_file():
        raise HarnessError(f"{path} was not built; see the log beside its folder")
    return path
