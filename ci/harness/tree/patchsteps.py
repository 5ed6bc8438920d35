# SPDX-License-Identifier: GPL-2.0-only
"""Builds and runs the tree after each patch of a series."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Optional

from .. import settings
from ..boot import lanerun, parts, um
from ..build import kconfig, prepare
from ..build.prepare import Work, say
from ..model import GateState, HarnessError, LaneResult, UsageError
from ..settings import REPO
from ..verdict import judge
from . import overlay
from .treefiles import DRIVER_DIR, Node

_SYMBOL = re.compile(r"^\s*(?:menu)?config (\w+)", re.M)


def chosen(which: str, count: int) -> range:
    """Numbers of the patches to try: all, N or N-M."""
    if which == "all":
        return range(1, count + 1)
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", which)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last <= count:
        raise UsageError(f"STEPS={which} is none of the {count} patches; use all, N or N-M")
    return range(first, last + 1)


def symbols(folder: Path) -> set[str]:
    """What the Kconfig files of the driver define."""
    return {f"CONFIG_{name}" for path in folder.rglob("Kconfig*")
            for name in _SYMBOL.findall(path.read_text(encoding="utf-8"))}


def fragments(sources: Sequence[Path], later: set[str], folder: Path) -> list[Path]:
    """The lane's fragments without symbols that come with later patches."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = []
    for path in sources:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines()
                 if not set(kconfig.parse(line)) & later]
        made.append(folder / path.name)
        made[-1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return made


def expectations(source: Path, folder: Path, lane: str, cases: Sequence[str]) -> Path:
    """The lists of ``source`` as far as there are such cases; these are required."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in source.glob("*-fails.txt"):
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.strip() or line.startswith("#") or
                line.rpartition(",")[0].strip().partition(":")[0] in cases]
        (folder / path.name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    (folder / f"{lane}-required.txt").write_text("".join(f"{case}\n" for case in cases), encoding="utf-8")
    return folder


def cases(driver: Path) -> list[str]:
    """Full names of the cases that a step has in the default selection in UML."""
    folders = [folder for folder in (driver / "tests", driver / "sim/tests") if folder.is_dir()]
    if not folders:
        return []
    slow = parts.speeds(folders)
    return [f"{suite}.{case}" for suite, names in settings.known_tests(*folders).items()
            if suite not in settings.VM_ONLY for case in names if f"{suite}.{case}" not in slow]


def kernel_files(files: Node) -> str:
    """Digest of what is built into the kernel: neither documentation nor programs are."""
    state = hashlib.sha256()
    for path, content in files.walk():
        if path.startswith("drivers/"):
            text = content if isinstance(content, bytes) else content.read_bytes()
            state.update(f"{path}\0{len(text)}\0".encode() + text)
    return state.hexdigest()


def step(work: Work, name: str, files: Node, later: set[str]) -> Optional[LaneResult]:
    """Builds and runs one step; None if it has no suites yet."""
    overlay.assemble(work.src, REPO, work.tree, say, files=files)
    driver = work.tree / DRIVER_DIR
    folder = work.root / "patches" / name
    um.build(work, fragments(prepare.fragments(um.LANE), later - symbols(driver), folder / "config"))
    wanted = cases(driver)
    if not wanted:
        return None
    expect = expectations(lanerun.EXPECT, folder / "expect", um.LANE.name, wanted)
    um.run(work, folder / "kunit.log")
    return judge.judge(folder / "kunit.log", work.tree, um.LANE.name, work.settings.driver, work.src.series,
                       None, expect, lanerun.NOISE, um.config(work))


def verify(work: Work, found: Sequence[Path], which: str, next_: Callable[[Path], Node]) -> int:
    """Tries the steps in their order, so that each build is an increment of the one before.

    The tree and the build folder are those of the other commands, which find the last step's.
    """
    todo = chosen(which, len(found))
    later = symbols(REPO / DRIVER_DIR)
    red = 0
    built = ""
    for no, patch in enumerate(found, 1):
        files = next_(patch)
        if no not in todo:
            continue
        start = time.monotonic()
        try:
            now = kernel_files(files)
            if now == built:
                say(f"ok      0 s  {patch.stem}: the kernel of the step before")
                continue
            result = step(work, patch.stem, files, later)
            good, text = described(result)
        except HarnessError as err:
            good, text = False, str(err)
        built = now if good else ""
        red += not good
        say(f"{'ok ' if good else 'red'} {time.monotonic() - start:4.0f} s  {patch.stem}: {text}")
    say(f"{len(todo) - red} of {len(todo)} steps build and pass KUnit")
    return 1 if red else 0


def described(result: Optional[LaneResult]) -> tuple[bool, str]:
    """Whether a step is good, and what is to be said of it."""
    if result is None:
        return True, "builds, no suite yet"
    bad = [f"{case.full_name}: {case.status.value}" for case in result.cases if case.bad]
    bad += [f"gate {gate.name}: {gate.detail}" for gate in result.gates if gate.state is GateState.RED]
    count = f"{sum(not case.bad for case in result.cases)} of {len(result.cases)} cases as expected"
    return not bad, "\n  ".join([count, *bad[:10], *([f"SEED={result.seed}, log: {result.log}"] if bad else [])])
