# SPDX-License-Identifier: GPL-2.0-only
"""The verdict over one log of a board or a lab, by the gates of our own lanes."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
import tempfile
from pathlib import Path
from typing import Optional, Sequence

from .. import settings
from ..boot import lanerun, lanes, sim, umsim
from ..build import kconfig
from ..model import Finding, Gate, GateState, HarnessError, LaneResult
from ..verdict import gates, judge, ktap, scan
from . import drmci, seriallog
from .seriallog import Normal

BOARD = "board"
OWN_LANES = frozenset((*lanes.LANES, *(f"{name}-sim" for name in lanes.LANES)))
"""Lanes whose required tests and known failures are in ci/expect."""
SPOKEN: dict[str, str] = {
    "PROVE_LOCKING": r"Lock dependency validator:|Running RCU.*lockdep|\bPROVE_LOCKING\b",
    "KASAN": r"KernelAddressSanitizer initialized",
    "KCSAN": r"kcsan: enabled",
    "DEBUG_KMEMLEAK": r"kmemleak: Kernel memory leak detector initialized",
    "DMA_API_DEBUG": r"DMA-API: (?:preallocated|debugging enabled)",
    "DRM_PANTHOR_SIM": r"insmod panthor_sim\.ko rc=0",
}
"""What a kernel says at boot about the options that gates need; of the others it is silent."""
_VERSION = re.compile(r"Linux version (\d+\.\d+)\S*")


@dataclasses.dataclass
class Options:
    """How to judge; empty means: as the log says."""

    lane: str = ""
    driver: str = settings.DRIVERS[0]
    series: str = ""
    filter: Optional[str] = None
    config: Optional[Path] = None
    expect: Optional[Path] = None
    """Prefix of drm-ci's files, in the place of ours."""
    required: Optional[Path] = None
    tree: Optional[Path] = None


def parser_tree(given: Optional[Path], cache: Path) -> Path:
    """A kernel tree for its KTAP parser: the one given, or one that is cached."""
    found = [given] if given else sorted(cache.glob("src/linux-*/"), reverse=True)
    tree = next((path for path in found if (path / "tools/testing/kunit/kunit_parser.py").is_file()), None)
    if tree is None:
        raise HarnessError(f"no kernel tree with tools/testing/kunit{f' in {given}' if given else ''}; "
                           "name one with --tree, or type 'make tree' once")
    return tree


def _lane(normal: Normal, parsed: ktap.ParsedKtap, marks: Sequence[str]) -> str:
    """The lane of ours that a log comes from, or a board."""
    said = next((mark.split()[1] for mark in marks if re.match(r"begin \S+", mark)), "")
    if not said:
        return BOARD
    programs = settings.programs()
    return f"{said}-sim" if any(case.suite in programs for case in parsed.cases) and \
        f"{said}-sim" in OWN_LANES else said


def _config(path: Optional[Path], log: Path, text: str) -> tuple[set[str], bool]:
    """Options of the kernel, and whether that is all of them."""
    beside = log.with_suffix(".config")
    path = path or (beside if beside.is_file() else None)
    if path:
        values = kconfig.read(path)
        if not values:
            raise HarnessError(f"{path}: no kernel configuration; give the .config of the kernel that ran")
        return {symbol for symbol, value in values.items() if value in ("y", "m")}, True
    return {f"CONFIG_{name}" for name, said in SPOKEN.items() if re.search(said, text)}, False


def _left_out(lane: str, parsed: ktap.ParsedKtap) -> frozenset[str]:
    """Cases that another boot of the lane runs, going by what this one has."""
    if not lane.endswith("-sim"):
        return frozenset()
    if lane == umsim.LANE.name:
        return umsim.left_out()
    ran = {case.suite for case in parsed.cases}
    kind = sim.KINDS[1] if ran and ran <= set(settings.PARALLEL) else sim.KINDS[0]
    return sim.left_out(kind)


def _required(path: Optional[Path], pattern: Optional[str]) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as err:
        raise HarnessError(f"{path}: cannot read the required tests: {err.strerror}") from err
    found = [line.split("#", 1)[0].strip() for line in lines]
    return [name for name in found if name and (not pattern or fnmatch.fnmatchcase(name, pattern))]


def judge_text(normal: Normal, log: Path, options: Options, tree: Path) -> LaneResult:
    """Parse, scan, gate, compare: what ``judge.judge`` does, for a log of anywhere."""
    text = normal.text
    parsed = ktap.parse(text, tree)
    # Nobody ends a log that is not ours; its results have to be whole then.
    if normal.foreign and parsed.cases and not parsed.started:
        text += f"\n{seriallog.MARK}end"
    elif normal.foreign and not parsed.documents and not _VERSION.search(text):
        raise HarnessError(f"{log}: neither a test result nor a kernel message in it; is it the right file?")
    said = ktap.markers(ktap.clean_lines(text))
    marks = [mark for _, mark in said]
    lane = options.lane or _lane(normal, parsed, marks)
    config, whole = _config(options.config, log, text)
    version = _VERSION.search(text)
    series = options.series or (version[1] if version else "")
    if lane in OWN_LANES and not options.expect and not options.required:
        result = _as_ours(text, lane, options, series, config, parsed, tree)
    else:
        result = _as_board(text, lane, options, series, config, parsed)
    result.log = log
    _accidents(result.gates, said)
    if not whole:
        _unsure(result.gates)
    if normal.foreign:
        _unsaid(result.gates)
    seriallog.renumber(result, normal)
    return result


def _as_ours(text: str, lane: str, options: Options, series: str, config: set[str],
             parsed: ktap.ParsedKtap, tree: Path) -> LaneResult:
    with tempfile.TemporaryDirectory(prefix="panthor-judge-") as folder:
        path = Path(folder, "log")
        path.write_text(text, encoding="utf-8")
        return judge.judge(path, tree, lane, options.driver, series, options.filter, lanerun.EXPECT,
                           lanerun.NOISE, config, _left_out(lane, parsed))


def _as_board(text: str, lane: str, options: Options, series: str, config: set[str],
              parsed: ktap.ParsedKtap) -> LaneResult:
    version = judge.KERNEL.search(text)
    result = LaneResult(lane, options.driver, series, version[1] if version else "", parsed.cases)
    result.gates = gates.judge_log(text, parsed, filter=None if options.required else options.filter,
                                   required=_required(options.required, options.filter),
                                   noise=scan.load_noise(lanerun.NOISE / f"{lane}.txt"), config=config)
    lists = drmci.load(options.expect) if options.expect else drmci.Lists()
    result.gates.insert(4, drmci.apply(parsed.cases, lists))
    return result


def _accidents(found: Sequence[Gate], said: Sequence[tuple[int, str]]) -> None:
    """A board that went away is no complete run, whatever the tests say; nor is a log with a gap."""
    gate = next(gate for gate in found if gate.name == "complete")
    accidents = []
    for number, mark in said:
        if match := re.fullmatch(r"died (.+?): (.+)", mark):
            where = match[1] if "." in match[1] else ""
            accidents.append(Finding(f"the board went away during {match[1]}: {match[2]}", number, where))
        elif match := re.fullmatch(r"gone: (.+)", mark):
            accidents.append(Finding(f"the run ended early: {match[1]}", number))
        elif re.fullmatch(r"\d+ kernel messages lost|the kernel log lacks the result of .*", mark):
            accidents.append(Finding(mark, number))
    if accidents:
        gate.findings = accidents + gate.findings
        gate.state, gate.detail = GateState.RED, gate.findings[0].title


def _unsure(found: Sequence[Gate]) -> None:
    """Without its configuration, what a kernel does not say of itself is not known."""
    for gate in found:
        if gate.state is GateState.OFF and gate.detail.startswith("not in this config: "):
            gate.detail = "not known to be on: give the kernel's .config"


def _unsaid(found: Sequence[Gate]) -> None:
    """A log that is not ours has no word about the end; that is not red, nor green."""
    for gate in found:
        if gate.name in ("lockdep", "kmemleak") and len(gate.findings) == 1 and "(no marker)" in gate.detail:
            gate.state, gate.findings = GateState.OFF, []
            gate.detail = "no report, but nobody looked whether it was alive at the end"
