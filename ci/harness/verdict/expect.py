# SPDX-License-Identifier: GPL-2.0-only
"""Lists of known failures and of required tests (see ci/expect/README)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Optional

from ..model import Case, Finding, Gate, GateState, HarnessError, Status
from ..settings import FATAL, OWN_CASES

SPDX = "SPDX-License-Identifier:"
RESULTS = ("Fail", "Crash")


@dataclasses.dataclass(frozen=True)
class Known:
    """A test listed as failing, with reason and evidence."""

    name: str
    result: str
    """One of RESULTS."""
    reason: str
    where: str


def _load_fails(path: Path, into: dict[str, Known]) -> None:
    reason: list[str] = []
    used = False
    for no, raw in enumerate(path.read_text().splitlines(), 1):
        line, where = raw.strip(), f"{path}:{no}"
        if line.startswith("#"):
            if used:    # a comment after entries starts the next group
                reason, used = [], False
            text = line.lstrip("# ")
            if text and not text.startswith(SPDX):
                reason.append(text)
        elif line:
            name, comma, word = line.rpartition(",")
            if not comma or word.strip() not in RESULTS:
                raise HarnessError(f"{where}: {line!r}: need 'suite.case,Fail' "
                                   "or 'suite.case,Crash'")
            name = name.strip()
            if "." not in name:
                raise HarnessError(f"{where}: {name!r} is no suite.case")
            if not reason:
                raise HarnessError(f"{where}: {name}: put reason and evidence "
                                   "in comment lines directly above")
            if name in into:
                raise HarnessError(f"{where}: {name} is already listed at "
                                   f"{into[name].where}; remove one")
            into[name] = Known(name, word.strip(), " ".join(reason), where)
            used = True
        else:
            reason, used = [], False


def load_fails(folder: Path, driver: str, series: str,
               lane: str, result: str = "Fail") -> dict[str, Known]:
    """Known failures of a driver on a series, all lanes' and this lane's.

    A boot with software GPUs runs no KUnit suites: all of these have a list of
    their own. The suite of a command of its own shares no cases with either.
    What is listed as ``Crash`` has boots of its own, see fatal.py.

    Our core has none, of the tree's own files that run beside it neither: see fixes.py.
    """
    out: dict[str, Known] = {}
    kind = lane.rpartition("-")[2]
    common = [] if kind in OWN_CASES else [f"{driver}-{series}{'-sim' if kind == 'sim' else ''}"]
    for stem in (*common, f"{driver}-{series}-{lane}"):
        path = folder / f"{stem}-fails.txt"
        if path.is_file():
            _load_fails(path, out)
    if driver == "core":
        every: dict[str, Known] = {}
        for path in sorted(folder.glob("core-*-fails.txt")):
            _load_fails(path, every)
        if every:
            first = next(iter(every.values()))
            raise HarnessError(f"{first.where}: our own core has no known "
                               "failures; fix it and remove the entry")
    return {name: known for name, known in out.items() if known.result == result}


def load_required(folder: Path, lane: str, driver: str = "") -> list[str]:
    """Tests that must run in a lane: <lane>[-<driver>]-required.txt.

    Those that end a stock kernel need not, with the stock driver.
    """
    out: list[str] = []
    for stem in (lane, f"{lane}-{driver}"):
        path = folder / f"{stem}-required.txt"
        if not path.is_file():
            continue
        for no, raw in enumerate(path.read_text().splitlines(), 1):
            line = raw.split("#", 1)[0].strip()
            if not line:
                continue
            if "." not in line or " " in line or "," in line:
                raise HarnessError(f"{path}:{no}: {line!r} is no suite.case")
            if line in out:
                raise HarnessError(f"{path}:{no}: {line} is listed twice")
            out.append(line)
    return [line for line in out if driver != "stock" or not line.endswith(FATAL)]


def apply(cases: list[Case], fails: dict[str, Known],
          filter: Optional[str] = None) -> list[Finding]:
    """Mark the known failures; return where the list is wrong."""
    findings = []
    for name, known in fails.items():
        hits = [c for c in cases if c.full_name == name]
        for case in hits:
            if case.status is Status.FAIL:
                case.known = known.reason
            elif case.status is Status.PASS:
                findings.append(Finding(
                    f"{name}: listed as failing but passed: remove it "
                    f"({Path(known.where).name})", 0, name, [known.reason]))
        if not filter and (not hits or all(c.status is Status.SKIP
                                           for c in hits)):
            what = "was skipped" if hits else "did not run"
            findings.append(Finding(
                f"{name}: listed as failing but {what} "
                f"({Path(known.where).name})", 0, name, [known.reason]))
    return findings


def gate(cases: list[Case], fails: dict[str, Known],
         filter: Optional[str] = None) -> Gate:
    """The gate ``expect``: the list of known failures is exact."""
    findings = apply(cases, fails, filter)
    if findings:
        more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
        return Gate("expect", GateState.RED, findings[0].title + more,
                    findings)
    known = sum(1 for c in cases if c.known)
    return Gate("expect", GateState.GREEN,
                f"{known} failed as listed" if known else "none listed"
                if not fails else f"{len(fails)} listed, none in this run")
