# SPDX-License-Identifier: GPL-2.0-only
"""Reports of data races: which are about the code under test, and was the detector awake.

KCSAN finds races of the scheduler, of memory management and of timers in every kernel.
What counts here is an access by the driver, by the software GPU, by their tests, or by the
parts of DRM and dma-buf they stand on.
"""

from __future__ import annotations

import re
from typing import Iterable, Sequence

from ..model import Case, Finding, Status
from ..verdict.ktap import FRAME

ACCESS = re.compile(r"^\s*(?:race at unknown origin, with )?(?:read|write|read-write|assert no \w+)"
                    r"(?: \([\w, ]+\))? to 0x[0-9a-f]+ of \d+ bytes by ")
"""Line above the stack of one of the two accesses."""
OURS = re.compile(r"(?:panthor|drm|sim|dma_(?:fence|resv|buf))_")
MODULE = re.compile(r"\[(?:panthor|drm|gpu)\w*\]")
ON_PURPOSE = "panthor_kcsan.race_on_purpose"
"""Case that races, so that a detector that sees nothing is seen."""


def accesses(report: Sequence[str]) -> list[str]:
    """The innermost frame of each access of a report."""
    return [after for line, after in zip(report, report[1:]) if ACCESS.search(line) and FRAME.search(after)]


def concerns(finding: Finding) -> bool:
    """Whether a report is about the code under test; one that cannot be read is."""
    frames = accesses(finding.text)
    if not frames:
        return True
    return any(MODULE.search(frame) or OURS.match(FRAME.findall(frame)[0]) for frame in frames)


def blind(marks: Sequence[tuple[int, str]], cases: Iterable[Case], seen: Iterable[Finding]) -> list[Finding]:
    """Why the silence of the detector means nothing, if it does."""
    found = []
    for no, text in marks:
        match = re.fullmatch(r"kcsan enabled=(\d+) watched=(\d+)", text)
        if not match or match[1] != "1":
            found.append(Finding(f"KCSAN was off at the end ({text})", no))
        elif not int(match[2]):
            found.append(Finding("KCSAN has watched nothing", no))
    if not marks:
        found.append(Finding("nobody said whether KCSAN was on at the end (no marker)"))
    ran = any(case.full_name == ON_PURPOSE and case.status is Status.PASS for case in cases)
    if ran and not any(one.test == ON_PURPOSE for one in seen):
        found.append(Finding(f"{ON_PURPOSE}: its race was not reported", 0, ON_PURPOSE))
    return found
