# SPDX-License-Identifier: GPL-2.0-only
"""VM lanes: the base kernel, and the driver under test as an external module."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Optional, Sequence

from . import kconfig, lanes, procs
from .lanes import Lane
from .model import HarnessError
from .prepare import Work, check_space, fragments

DRIVER_DIR = Path("drivers/gpu/drm/panthor")
BASE_STAMP = ".panthor-base"
FIRST_BUILD_SECONDS = 330.0


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


def compare_objects(stock: dict[str, str], off: dict[str, str], on: dict[str, str]) -> list[str]:
    """What is wrong with three builds of the driver's objects, by digest.

    ``off`` must be ``stock``; ``on`` must differ where a seam is, or the
    comparison itself is blind.
    """
    wrong = [f"{name} differs from the stock build with the seams off"
             for name in sorted({*stock, *off}) if stock.get(name) != off.get(name)]
    if not stock:
        wrong.append("the stock build has no objects")
    for name in ("panthor_gem.o", "panthor_mmu.o"):
        if on.get(name) == stock.get(name):
            wrong.append(f"{name} is the stock one although its seams are on")
    return wrong


def _object_build(work: Work, lane: Lane, folder: Path, sources: Path, tests: str) -> dict[str, str]:
    mirror(sources, folder)
    # The software GPU has a seam of its own, which is on where KUnit's are off.
    args = (f"M={folder}", f"CONFIG_DRM_PANTHOR_KUNIT_TEST={tests}", "CONFIG_DRM_PANTHOR_SIM=n")
    log = work.root / "driver" / f"{folder.name}.log"
    for target in ("clean", "modules"):
        procs.run(make(work, lane, *args, target), what=f"compare objects ({lane.name})", log=log,
                  verbose=work.settings.verbose, expect_seconds=12.0)
    return _digests(folder)


def _inputs(work: Work, lane: Lane) -> str:
    """Digest of everything that decides about the objects."""
    state = hashlib.sha256((work.build(lane.name) / ".config").read_bytes())
    for root in (work.src.path / DRIVER_DIR, work.tree / DRIVER_DIR):
        for path in sorted(root.rglob("*")):
            if path.is_file():
                state.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return state.hexdigest()


def seams_off_is_stock(work: Work, lane: Lane) -> list[str]:
    """Builds the driver thrice at one path and compares; remembers the answer."""
    answer = work.root / "driver" / f"{work.build(lane.name).name}-identity.json"
    inputs = _inputs(work, lane)
    try:
        known = json.loads(answer.read_text(encoding="utf-8"))
        if known["inputs"] == inputs:
            return list(known["wrong"])
    except (OSError, ValueError, KeyError):
        pass
    folder = answer.with_suffix("")
    overlaid = work.tree / DRIVER_DIR
    wrong = compare_objects(
        _object_build(work, lane, folder, work.src.path / DRIVER_DIR, "n"),
        _object_build(work, lane, folder, overlaid, "n"),
        _object_build(work, lane, folder, overlaid, "y"))
    answer.write_text(json.dumps({"inputs": inputs, "wrong": wrong}), encoding="utf-8")
    return wrong


def require(path: Path) -> Path:
    """A file a build must have left."""
    if not path.is_file():
        raise HarnessError(f"{path} was not built; see the log beside its folder")
    return path
