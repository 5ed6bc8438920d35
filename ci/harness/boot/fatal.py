# SPDX-License-Identifier: GPL-2.0-only
"""Rows that a known defect makes fatal: each in a boot of UML of its own.

One of them ends the kernel, or switches lockdep off, and so would hide all
that comes behind it. The driver must still do so here: when a row gets through
without a complaint its entry in the list is out of date.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from .. import settings
from ..build.prepare import Work
from ..model import Case, Finding, Gate, GateState, LaneResult, Status
from ..verdict import expect, judge
from . import parts, um

NAME = "um-fatal"
WORD = "panthor.kunit_fatal"
# About which tests ran, not about what the kernel did.
_FORMAL = ("ktap", "required", "expect", "xpass")


def listed(expect_dir: Path, driver: str, series: str, filter_: Optional[str]) -> list[expect.Known]:
    """Rows of the list that the filter leaves."""
    known = expect.load_fails(expect_dir, driver, series, "um", "Crash").values()
    return [one for one in known if settings.filter_leaves(filter_ or "*", *_split(one.name))]


def _split(name: str) -> tuple[str, list[str]]:
    suite, _, row = name.partition(".")
    return suite, [row.partition(":")[0]]


def outcome(boot: LaneResult, known: expect.Known) -> tuple[Case, Optional[Finding]]:
    """How the boot of one row went, and what is wrong with that."""
    suite, _, name = known.name.partition(".")
    hit = next((case for case in boot.cases if case.full_name == known.name), None)
    if hit is None:
        # KUnit names a row when it is over; the end came before that.
        whole = known.name.partition(":")[0]
        hit = next((case for case in boot.cases if case.status is Status.CRASH and
                    case.full_name.partition(":")[0] == whole), None)
    if hit is None or hit.status is Status.SKIP:
        what = f"was skipped ({hit.reason})" if hit else "did not run"
        return Case(suite, name, Status.SKIP, reason=what), \
            Finding(f"{known.name}: listed as Crash but {what}", 0, known.name)
    red = next((gate for gate in boot.gates
                if gate.state is GateState.RED and gate.name not in _FORMAL), None)
    if red:
        return Case(suite, name, Status.CRASH, hit.seconds, f"{red.name}: {red.detail}", hit.log,
                    known.reason), None
    if hit.status is Status.PASS:
        return hit, Finding(f"{known.name}: listed as Crash but nothing happened: remove it "
                            f"({Path(known.where).name})", 0, known.name, [known.reason])
    return hit, Finding(f"{known.name}: listed as Crash but only failed: list it as Fail, and "
                        f"run it always ({Path(known.where).name})", 0, known.name, [known.reason])


def run(work: Work, results: Path, expect_dir: Path, noise_dir: Path) -> LaneResult:
    """All listed rows, one boot after the other."""
    s, series = work.settings, work.src.series
    result = LaneResult(NAME, s.driver, series)
    findings: list[Finding] = []
    config = um.config(work)
    for known in listed(expect_dir, s.driver, series, s.filter):
        suite, rows = _split(known.name)
        row = known.name.partition(":")[2]
        log = results / f"{result.title}-{suite}-{row}.log"
        pattern = f"{suite}.{rows[0]}"
        um.run(work, log, parts.ALL, pattern, words=[f"{WORD}={row}"])
        boot = judge.judge(log, work.tree, "um", s.driver, series, pattern, expect_dir, noise_dir, config)
        case, wrong = outcome(boot, known)
        result.cases.append(case)
        result.kernel, result.log = boot.kernel, log
        findings += [wrong] if wrong else []
    state = GateState.RED if findings else GateState.GREEN
    result.gates.append(Gate("expect", state, findings[0].title if findings else
                             f"{len(result.cases)} ended as listed", findings))
    return result
