# SPDX-License-Identifier: GPL-2.0-only
"""Which of the KUnit cases one boot runs, by the speed they are marked with."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Optional, Sequence

from .. import settings

NORMAL, SLOW, VERY_SLOW = "normal", "slow", "very_slow"
_MARK = re.compile(r"KUNIT_CASE_(?:SLOW\((\w+)|\w*ATTR\((\w+)[^;{}]*\{[^{}]*KUNIT_SPEED_(\w+))")


@dataclasses.dataclass(frozen=True)
class Part:
    """Cases of some speeds."""

    speeds: frozenset[str]
    attributes: str = ""
    """Value of kunit.filter that leaves them."""
    name: str = ""
    """What the name of the boot ends in, if the cases are a lane's second boot."""


ALL = Part(frozenset((NORMAL, SLOW, VERY_SLOW)))
QUICK = Part(frozenset((NORMAL,)), "speed>slow")
# The exhaustive searches take no other turn on another architecture.
MOST = Part(frozenset((NORMAL, SLOW)), "speed>very_slow")
LONG = Part(frozenset((SLOW, VERY_SLOW)), "speed<=slow", "-slow")


def speeds(folders: Sequence[Path] = ()) -> dict[str, str]:
    """Full names of the cases that are not of normal speed, from the sources."""
    marked: dict[str, str] = {}
    for path in settings.sources(folders or settings.SUITES):
        for plain, case, speed in _MARK.findall(path.read_text(encoding="utf-8")):
            marked[plain or case] = speed.lower() or SLOW
    return {f"{suite}.{case}": marked[case] for suite, cases in settings.known_tests(*folders).items()
            for case in cases if marked.get(case, NORMAL) != NORMAL}


def left_out(part: Part) -> frozenset[str]:
    """Full names of the cases that ``part`` lacks."""
    slow = speeds()
    lacking = {name for name, speed in slow.items() if speed not in part.speeds}
    if NORMAL not in part.speeds:
        lacking |= {f"{suite}.{case}" for suite, cases in settings.known_tests().items()
                    for case in cases if f"{suite}.{case}" not in slow}
    return frozenset(lacking)


def named(pattern: str) -> Part:
    """What runs when a filter names the cases: nothing it leaves is too slow."""
    hit = any(settings.filter_leaves(pattern, *_split(name)) for name in speeds())
    return ALL if hit else QUICK


def _split(name: str) -> tuple[str, list[str]]:
    suite, _, case = name.partition(".")
    return suite, [case]


def of_lane(is_vm: bool, pattern: Optional[str], quick: bool) -> list[Part]:
    """The boots of a lane."""
    if pattern:
        # KUnit does not survive kunit.filter where the glob leaves a suite without cases.
        return [ALL]
    if quick and not is_vm:
        return [QUICK]
    return [MOST] if is_vm else [QUICK, LONG]


def note(part: Part, pattern: Optional[str], quick: bool) -> str:
    """What a verdict says about the cases that are missing, and where they run."""
    if pattern or part is LONG or part is ALL:
        return ""
    lacking = [name for name, speed in speeds().items() if speed not in part.speeds]
    if not lacking or part is QUICK and not quick:
        return ""    # none, or they run beside it
    return f"{len(lacking)} slow cases left out, make verify LANES=um runs them"
