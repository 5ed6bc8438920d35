# SPDX-License-Identifier: GPL-2.0-only
"""make matrix: the driver's folder compiled in variants, and what the kernel's checkers say.

Only that folder is compiled, after what the kernel needs for a module build. A warning in
a file of this repository is a failure, one in the tree's own files is not.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import json
import posixpath
import re
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Optional

from .. import locks, procs
from ..boot import lanes
from ..build import kconfig, prepare
from ..build.prepare import Clock, Work, say
from ..host import hosttools
from ..model import HarnessError, UsageError
from ..settings import REPO, Settings
from ..tree import fixes, overlay, treefiles
from ..tree.treefiles import DRIVER_DIR

CLANG = "-19"
"""Suffix of Debian's versioned LLVM tools."""
FRAGMENT = REPO / "kunitconfig/matrix.config"
_NO_TESTS = {"CONFIG_DRM_PANTHOR_KUNIT_TEST": "n", "CONFIG_DRM_PANTHOR_SIM_KUNIT_TEST": "n"}
_NO_SIM = {"CONFIG_DRM_PANTHOR_SIM": "n", "CONFIG_DRM_PANTHOR_SIM_KUNIT_TEST": "n"}
_ONLY_DRIVER = {**_NO_TESTS, **_NO_SIM, "CONFIG_KUNIT": "n"}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to compile; all with the kernel's extra warnings (W=1)."""

    name: str
    what: str
    arch: str = "arm64"
    llvm: bool = False
    config: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def toolchain(self) -> str:
        """Variants with the same one share a build folder."""
        return f"{self.arch}-{'clang' if self.llvm else 'gcc'}"

    @property
    def make_vars(self) -> list[str]:
        """For the kernel's make."""
        if self.llvm:
            return [f"ARCH={self.arch}", f"LLVM={CLANG}", "W=1"]
        return [*lanes.make_args(lanes.LANES["arm64"], {}), "W=1"]


VARIANTS = (
    Variant("gcc", "modules, tests and software GPU, gcc"),
    Variant("builtin", "the same built in", config={
        "CONFIG_DRM_PANTHOR": "y", "CONFIG_DRM_PANTHOR_SIM": "y", "CONFIG_KUNIT": "y"}),
    Variant("tests-off", "modules without tests and software GPU", config=_ONLY_DRIVER),
    Variant("sim-only", "the driver with the software GPU's seam", config={**_NO_TESTS, "CONFIG_KUNIT": "n"}),
    Variant("no-debugfs", "DEBUG_FS=n", config={**_ONLY_DRIVER, "CONFIG_DEBUG_FS": "n"}),
    Variant("no-thp", "TRANSPARENT_HUGEPAGE=n", config={"CONFIG_TRANSPARENT_HUGEPAGE": "n", **_NO_SIM}),
    Variant("no-pm", "PM=n", config={**_ONLY_DRIVER, "CONFIG_PM": "n"}),
    Variant("16k", "pages of 16 KiB", config={"CONFIG_ARM64_16K_PAGES": "y"}),
    Variant("64k", "pages of 64 KiB, without tests", config={"CONFIG_ARM64_64K_PAGES": "y", **_ONLY_DRIVER}),
    Variant("clang", "modules, tests and software GPU, clang", llvm=True),
    Variant("clang-off", "built in without tests, clang", llvm=True, config={
        **_ONLY_DRIVER, "CONFIG_DRM_PANTHOR": "y"}),
    Variant("arm32", "32-bit arm with tests, clang", arch="arm", llvm=True, config={
        "CONFIG_ARCH_MULTI_V7": "y", "CONFIG_AEABI": "y", "CONFIG_TRANSPARENT_HUGEPAGE": "n", **_NO_SIM}),
)
CHECKERS = ("kernel-doc", "checkpatch")


@dataclasses.dataclass
class Row:
    """What came of one variant or checker."""

    name: str
    found: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    off: str = ""
    """Why it did not run; never counted as ok."""
    files: int = 0
    """Objects or sources that were looked at."""

    @property
    def state(self) -> str:
        return "off" if self.off else "red" if self.found else "ok"


# --- what a compiler said ----------------------------------------------------------

_REPORT = re.compile(r"\b(?:warning|error)\b[ :]", re.I)
_PLACE = re.compile(r"([\w./+~-]+\.\w+):\d")
_NOT_CODE = re.compile(r"^(?:<stdin>|make(?:\[\d+\])?:|.*\bscripts/)|^\s*(?:\d+ )?\|")


def findings(lines: Iterable[str], ours: set[str]) -> list[str]:
    """Warnings and errors that are not about the tree's own files of the driver.

    ``ours`` are paths from the top of the tree. A report in a header of the kernel counts:
    nothing but the driver is compiled, so something of it brought that about.
    """
    found = []
    for line in lines:
        if not _REPORT.search(line) or _NOT_CODE.search(line):
            continue
        place = _PLACE.search(line)
        path = place[1] if place else ""
        inside = path.partition(f"{DRIVER_DIR}/")[2]
        error = re.search(r"\berror\b:", line)
        if inside and posixpath.normpath(f"{DRIVER_DIR}/{inside}") not in ours and not error:
            continue
        found.append(line[line.index(DRIVER_DIR):] if DRIVER_DIR in line else line)
    return found


def objects(folder: Path) -> int:
    """How many objects of C files a build has left; no objects, nothing compiled."""
    return sum(1 for path in folder.rglob("*.o") if path.with_name(f".{path.name}.cmd").is_file()
               and "_c.o" not in path.name)


# --- building ----------------------------------------------------------------------

@dataclasses.dataclass
class Job:
    """The matrix for one kernel."""

    work: Work
    ours: set[str]

    @property
    def root(self) -> Path:
        return self.work.root / "matrix"

    def inputs(self, *more: object) -> str:
        """Digest of all that decides about a row."""
        state = hashlib.sha256(repr((self.work.src.ident, self.work.src.pristine, more)).encode())
        for path in sorted((self.work.tree / DRIVER_DIR).rglob("*")):
            if path.is_file():
                state.update(f"{path.relative_to(self.work.tree)}\0".encode() + path.read_bytes())
        return state.hexdigest()

    def known(self, name: str, inputs: str) -> Optional[Row]:
        """The row of an earlier run with the same inputs."""
        try:
            data = json.loads((self.root / f"{name}.json").read_text(encoding="utf-8"))
            if data["inputs"] == inputs and self.work.src.pristine:
                return Row(name, list(data["found"]), 0.0, files=int(data["files"]))
        except (OSError, ValueError, KeyError):
            pass
        return None

    def remember(self, row: Row, inputs: str) -> Row:
        """Keeps a row for ``known``."""
        text = json.dumps({"inputs": inputs, "found": row.found, "files": row.files})
        (self.root / f"{row.name}.json").write_text(text, encoding="utf-8")
        return row


def _compile(job: Job, variant: Variant, log: Path) -> Row:
    work = job.work
    build = job.root / "build" / variant.toolchain

    def run(cmd: Sequence[str], *, cwd: Optional[Path] = None, what: str = "") -> None:
        procs.run(cmd, cwd=cwd, what=what, log=log.with_suffix(".prepare.log"), verbose=work.settings.verbose)
    args = variant.make_vars
    kconfig.configure(work.tree, build, args, [FRAGMENT], variant.config, run)
    make = ["make", "-C", str(work.tree), f"O={build}", f"-j{work.settings.jobs}", *args]
    run([*make, "modules_prepare"], what=f"prepare {variant.toolchain}")
    # What is not compiled again does not warn again.
    shutil.rmtree(build / DRIVER_DIR, ignore_errors=True)
    log.unlink(missing_ok=True)
    ran = procs.run([*make, "-k", f"{DRIVER_DIR}/"], what=f"compile {variant.name}", log=log,
                    verbose=work.settings.verbose, check=False)
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    row = Row(variant.name, findings(text, job.ours), files=objects(build / DRIVER_DIR))
    if ran.rc and not row.found:
        row.found = [f"make ended with {ran.rc}: {(ran.tail or ['no output'])[-1]}"]
    if not row.found and not row.files:
        row.found = ["nothing was compiled"]
    return row


def compile_row(job: Job, variant: Variant) -> Row:
    """One variant; an answer for the same sources is not asked for again."""
    if variant.llvm and not all(hosttools.present(tool) for tool in hosttools.tool_table("")["clang"]):
        return Row(variant.name, off=f"clang{CLANG} or lld{CLANG} is not installed")
    inputs = job.inputs(variant, FRAGMENT.read_text(encoding="utf-8"))
    row = job.known(variant.name, inputs)
    if row:
        return row
    job.root.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    try:
        row = _compile(job, variant, job.root / f"{variant.name}.log")
    except HarnessError as err:
        return Row(variant.name, str(err).splitlines(), time.monotonic() - start)
    row.seconds = time.monotonic() - start
    return job.remember(row, inputs)


# --- the kernel's own checkers -------------------------------------------------------

def checker_command(tree: Path, name: str, files: Sequence[str]) -> list[str]:
    """Prints a line for each complaint, and nothing else."""
    if name == "kernel-doc":
        return [str(tree / "scripts/kernel-doc"), "-none", "-Wall", *files]
    return ["perl", str(tree / "scripts/checkpatch.pl"), "--strict", "--no-tree", "--terse", "--no-summary",
            "--quiet", "-f", *files]


def accepted(path: Path) -> list[tuple[str, str]]:
    """Path globs and what a checker may say of such files."""
    pairs = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        if line.strip() and not line.startswith("#"):
            glob, _, pattern = line.partition(": ")
            pairs.append((glob.strip(), pattern.strip()))
    return pairs


def objections(lines: Iterable[str], fine: Sequence[tuple[str, str]]) -> list[str]:
    """Complaints that are not accepted, and what is accepted in vain."""
    used: set[tuple[str, str]] = set()
    found = []
    for line in lines:
        if not re.search(r"\b(?:warning|error|check)\b[ :]", line, re.I):
            continue
        hits = {(glob, pattern) for glob, pattern in fine
                if fnmatch.fnmatchcase(line.partition(":")[0], glob) and re.search(pattern, line)}
        used |= hits
        if not hits:
            found.append(line)
    return found + [f"{glob}: {pattern}: accepted, but not there any more" for glob, pattern in fine
                    if (glob, pattern) not in used]


def check_row(job: Job, name: str, files: Sequence[str], noise: Path = REPO / "ci/noise") -> Row:
    """What a checker says of all our C files."""
    start = time.monotonic()
    log = job.root / f"{name}.log"
    job.root.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    ran = procs.run(checker_command(job.work.tree, name, files), cwd=job.work.tree, what=name, log=log,
                    verbose=job.work.settings.verbose, check=False)
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    fine = accepted(noise / f"{name}.txt")
    found = objections(text, fine)
    # checkpatch.pl ends with 1 for what is accepted, too.
    if ran.rc and not found and not (fine and ran.rc == 1):
        found = [f"{name} ended with {ran.rc}: {(ran.tail or ['no output'])[-1]}"]
    return Row(name, found, time.monotonic() - start, files=len(files))


# --- the command ---------------------------------------------------------------------

def table(rows: Sequence[Row], first: int = 3) -> list[str]:
    """The rows as text, each red one with its first reports."""
    lines = [f"{'variant':<12} {'':<4} {'files':>5} {'time':>7}  what"]
    about = {variant.name: variant.what for variant in VARIANTS}
    for row in rows:
        text = row.off or about.get(row.name, "all C files of this repository")
        if row.found:
            text += f": {len(row.found)} reports"
        lines.append(f"{row.name:<12} {row.state:<4} {row.files:>5} {row.seconds:>6.1f}s  {text}")
        lines += [f"    {line}" for line in row.found[:first]]
    return lines


def chosen(pattern: Optional[str]) -> list[str]:
    """Names of the rows that a filter leaves."""
    names = [*(variant.name for variant in VARIANTS), *CHECKERS]
    left = fnmatch.filter(names, pattern or "*")
    if not left:
        raise UsageError(f"FILTER={pattern} matches no variant: {' '.join(names)}")
    return left


def run(s: Settings) -> int:
    """The command: 0 if no row is red."""
    wanted = chosen(s.filter)
    hosttools.ensure(["build", "arm64", "clang"], say)
    work = prepare.prepare(s, Clock())
    with locks.locked(work.root / ".run.lock", say, f"using {work.root}"):
        overlay.assemble(work.src, REPO, work.tree, say, driver=s.driver)
        cache = work.root / overlay.FIXED
        ours = {path for path, _ in treefiles.overlay_files(work.src.path, REPO, s.driver, cache).walk()}
        ours -= {f"{DRIVER_DIR}/{name}" for fix in fixes.load_all(REPO) for name in fix.files}
        job = Job(work, {path for path in ours if path.startswith(f"{DRIVER_DIR}/")})
        rows = [compile_row(job, variant) for variant in VARIANTS if variant.name in wanted]
        files = sorted(path for path in ours if path.endswith((".c", ".h")))
        rows += [check_row(job, name, files) for name in CHECKERS if name in wanted]
    say(f"compile matrix of {work.title}, Linux {work.src.version}; logs in {job.root}")
    for line in table(rows):
        say(line)
    red = sum(row.state == "red" for row in rows)
    off = sum(row.state == "off" for row in rows)
    say(f"{len(rows) - red - off} ok, {red} red, {off} off")
    return 1 if red else 0
