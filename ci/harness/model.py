# SPDX-License-Identifier: GPL-2.0-only
"""What a run consists of: cases, gates, lanes, and the verdict over them."""

from __future__ import annotations

import dataclasses
import enum
from pathlib import Path
from typing import Optional


class HarnessError(Exception):
    """Something that is not a test result; one line: cause, then remedy."""

    exit_code = 3


class UsageError(HarnessError):
    """The command line asked for something that does not exist."""

    exit_code = 2


class Status(enum.Enum):
    """Result of one test case as printed, before expectations are applied."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"
    XPASS = "xpass"
    CRASH = "crash"


@dataclasses.dataclass
class Case:
    """One leaf of the KTAP tree. ``name`` holds ``case`` or ``case:parameter``."""

    suite: str
    name: str
    status: Status
    seconds: float = 0.0
    reason: str = ""
    log: list[str] = dataclasses.field(default_factory=list)
    known: str = ""
    """Entry of the known-failures list that covers this failure, if any."""

    @property
    def full_name(self) -> str:
        return f"{self.suite}.{self.name}"

    @property
    def bad(self) -> bool:
        return not self.known and self.status not in (Status.PASS, Status.SKIP)


@dataclasses.dataclass
class Finding:
    """One kernel report (or absence) that a gate objects to."""

    title: str
    line_no: int = 0
    test: str = ""
    """``suite.case`` between whose KTAP lines the report stands, if any."""
    text: list[str] = dataclasses.field(default_factory=list)


class GateState(enum.Enum):
    GREEN = "green"
    RED = "red"
    OFF = "off"
    """Not run, with the reason in ``detail``; never counted as green."""


@dataclasses.dataclass
class Gate:
    """A check over a whole run."""

    name: str
    state: GateState
    detail: str = ""
    findings: list[Finding] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Stage:
    """One timed step, for the table at the end."""

    name: str
    seconds: float


@dataclasses.dataclass
class LaneResult:
    """Everything one boot of one lane told us."""

    lane: str
    driver: str
    series: str
    kernel: str = ""
    """Version of the kernel that ran, from its own log."""
    cases: list[Case] = dataclasses.field(default_factory=list)
    gates: list[Gate] = dataclasses.field(default_factory=list)
    seed: str = ""
    log: Optional[Path] = None
    repro: str = ""
    """Command that repeats one case; ``{case}`` stands for its full name."""
    note: str = ""

    @property
    def title(self) -> str:
        """Name that tells the boots of one run apart, as in the lists of known failures."""
        return f"{self.driver}-{self.series}-{self.lane}"

    @property
    def ok(self) -> bool:
        return not any(c.bad for c in self.cases) and \
            not any(g.state is GateState.RED for g in self.gates)


@dataclasses.dataclass
class Verdict:
    """The whole run."""

    lanes: list[LaneResult]
    stages: list[Stage] = dataclasses.field(default_factory=list)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    command: str = ""

    @property
    def ok(self) -> bool:
        return bool(self.lanes) and all(lane.ok for lane in self.lanes)

    @property
    def exit_code(self) -> int:
        return 0 if self.ok else 1
