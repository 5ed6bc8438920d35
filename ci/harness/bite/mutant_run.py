# SPDX-License-Identifier: GPL-2.0-only
"""One mutant after the other: who kills it?

The boots of a mutant go from the cheapest to the dearest, and end with the first that
notices something: a failed case ends the boot at once, gates are asked at its end.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import time
from pathlib import Path
from typing import Callable, Optional, Protocol, Sequence

from .. import procs, settings
from ..boot import parts, um
from ..boot.lanerun import EXPECT, NOISE
from ..boot.parts import LONG, QUICK, Part
from ..build.prepare import Work
from ..model import GateState, HarnessError, LaneResult
from ..verdict import judge
from .mutant import Mutant, StaleError
from .mutant_build import BrokenError, SameError

SILENT_SECONDS = 90.0
"""No case takes as long without a word, however busy the host is."""
STUCK_SECONDS = 15.0
"""The same, when the kernel has complained in that case: lockdep does so before it hangs."""
BOOT_SECONDS = 600.0
_LINE = re.compile(r"^(?:\[ *\d+\.\d+\] )?( *)(?:# Subtest: (?P<start>\S+)|not ok \d+ (?P<bad>\S+)|ok \d+ (?P<good>\S+))")
_COMPLAINT = re.compile(r"(?=WARNING: (?!CPU)|BUG: )")


class State(enum.Enum):
    """What became of a mutant. All but the first are red, except for SAME if it was generated."""

    KILLED = "killed"
    SAME = "same code"
    SURVIVED = "survived"
    STALE = "does not apply"
    BROKEN = "does not build"


@dataclasses.dataclass(frozen=True)
class Boot:
    """Which cases one boot runs."""

    name: str
    pattern: str = ""
    part: Part = QUICK
    cpus: int = 1


EVERYTHING = Boot("all of normal speed")
SLOW = Boot("the slow ones", part=LONG, cpus=2)


@dataclasses.dataclass
class Outcome:
    """How it went with one mutant."""

    mutant: Mutant
    state: State
    by: str = ""
    """``suite.case``, or ``gate NAME``, or ``hang in SUITE.CASE``."""
    detail: str = ""
    seconds: float = 0.0
    boots: int = 0

    @property
    def suite(self) -> str:
        """Column of the kill matrix."""
        text = self.by.removeprefix("hang in ")
        return text if text.startswith("gate ") else text.partition(".")[0]

    @property
    def expected(self) -> bool:
        """Killed by the test that was named for it, whatever its parameters."""
        return bool(self.mutant.killer) and self.state is State.KILLED and \
            self.by.removeprefix("hang in ").partition(":")[0] == self.mutant.killer


@dataclasses.dataclass
class Kill:
    """Who noticed."""

    by: str
    detail: str = ""


class Watch:
    """Follows the log of a boot, to know what runs and what failed first."""

    def __init__(self) -> None:
        self._stack: list[str] = []
        self.failed = ""
        self.complaint = ""
        self._rest = b""

    @property
    def current(self) -> str:
        """The case, or suite, that runs now."""
        return ".".join(self._stack[:2]) or "the boot"

    @property
    def patience(self) -> float:
        """Seconds without a word that are taken for a hang."""
        return STUCK_SECONDS if self.complaint else SILENT_SECONDS

    def feed(self, data: bytes) -> bool:
        """Takes the next piece; True if there is a failed case."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line.decode("utf-8", "replace").rstrip("\r"))
        return bool(self.failed)

    def _line(self, line: str) -> None:
        match = _LINE.match(line)
        if not match:
            if not self.complaint and _COMPLAINT.search(line):
                self.complaint = _COMPLAINT.split(line, maxsplit=1)[-1].strip() or line.strip()
            return
        self.complaint = ""
        depth = len(match[1]) // 4
        if match["start"]:
            del self._stack[max(depth - 1, 0):]
            self._stack.append(match["start"])
        elif match["bad"] and depth and not self.failed:
            name = match["bad"]
            if depth == 1:
                self.failed = f"{self._stack[0] if self._stack else '?'}.{name}"
            else:
                self.failed = f"{'.'.join(self._stack[:2])}:{name}"
        elif depth <= 1:
            del self._stack[depth:]


def verdict(result: LaneResult) -> Optional[Kill]:
    """Who noticed, in a boot that came to its end."""
    for case in result.cases:
        if case.bad:
            return Kill(case.full_name, case.reason)
    for gate in result.gates:
        if gate.state is GateState.RED:
            first = gate.findings[0] if gate.findings else None
            title = first.title if first else gate.detail
            if first and first.test:
                return Kill(first.test, f"{gate.name}: {title}")
            return Kill(f"gate {gate.name}", title)
    return None


class Runner(Protocol):
    """Boots a kernel; the fakes of the unit tests are others."""

    def __call__(self, kernel: Path, boot: Boot, log: Path) -> Optional[Kill]: ...


class UmlRunner:
    """Boots it in UML, under the gates of every run."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._config = um.config(work)

    def _command(self, kernel: Path, boot: Boot) -> list[str]:
        words = [str(kernel), "mem=1G", "slab_debug=F", "seccomp=on", f"ncpus={boot.cpus}",
                 *self._work.settings.kernel_args, "kunit.enable=1", "console=tty", "kunit_shutdown=halt"]
        words += [f'kunit.filter="{boot.part.attributes}"'] if boot.part.attributes else []
        words += [f"kunit.filter_glob={boot.pattern}"] if boot.pattern else []
        return words

    def _follow(self, kernel: Path, boot: Boot, log: Path) -> Optional[Kill]:
        watch = Watch()
        start = heard = time.monotonic()
        with log.open("wb") as out, procs.Child(self._command(kernel, boot)) as child:
            while True:
                data = child.read(0.2)
                if data is None:
                    return None
                now = time.monotonic()
                if data:
                    heard = now
                    out.write(data)
                    if watch.feed(data):
                        return Kill(watch.failed)
                elif now - heard > watch.patience or now - start > BOOT_SECONDS:
                    return Kill(f"hang in {watch.current}",
                                watch.complaint or f"no word for {now - heard:.0f} s")

    def __call__(self, kernel: Path, boot: Boot, log: Path) -> Optional[Kill]:
        try:
            kill = self._follow(kernel, boot, log)
        finally:
            procs.kill_program(kernel)
        if kill:
            return kill
        s = self._work.settings
        result = judge.judge(log, self._work.tree, "um", s.driver, self._work.src.series, boot.pattern or None,
                             EXPECT, NOISE, self._config, parts.left_out(boot.part))
        return verdict(result)


class Maker(Protocol):
    """Makes a kernel of changed files."""

    def make(self, texts: dict[str, str]) -> Path: ...


def boots_of(one: Mutant, related: Callable[[Mutant], Sequence[str]]) -> list[Boot]:
    """From the cheapest to the dearest."""
    there = settings.lane_tests("um").items()
    first = [one.killer] if one.killer else [pattern for pattern in related(one) if any(
        settings.filter_leaves(pattern, *suite) for suite in there)]
    named = [(pattern, parts.named(pattern)) for pattern in first]
    return [*(Boot(pattern, pattern, part, 1 if part is QUICK else SLOW.cpus) for pattern, part in named),
            EVERYTHING, SLOW]


def named_after(by: str, boot: Boot) -> str:
    """KUnit names a case when it is over; one that ends the kernel is the one that was asked for."""
    suite, _, case = boot.pattern.partition(".")
    match = re.fullmatch(rf"(hang in )?{re.escape(suite)}(?:\.\(.*\))?", by)
    return f"{match[1] or ''}{suite}.{case}" if match and re.fullmatch(r"\w+", case) else by


def try_one(one: Mutant, folder: Path, maker: Maker, runner: Runner, boots: Sequence[Boot],
            log: Path) -> Outcome:
    """Applies, builds and boots a mutant until something notices."""
    start = time.monotonic()
    outcome = Outcome(one, State.SURVIVED)
    try:
        kernel = maker.make(one.apply(folder))
        for boot in boots:
            outcome.boots += 1
            kill = runner(kernel, boot, log)
            if kill:
                outcome.state, outcome.by, outcome.detail = State.KILLED, named_after(kill.by, boot), kill.detail
                break
    except StaleError as err:
        outcome.state, outcome.detail = State.STALE, str(err)
    except SameError as err:
        outcome.state, outcome.detail = State.SAME, str(err)
    except BrokenError as err:
        outcome.state, outcome.detail = State.BROKEN, str(err)
    outcome.seconds = time.monotonic() - start
    return outcome


def check_unmutated(maker: Maker, runner: Runner, boots: Sequence[Boot], log: Path) -> None:
    """A test that fails anyway kills everything: HarnessError."""
    kernel = maker.make({})
    for boot in boots:
        kill = runner(kernel, boot, log)
        if kill:
            raise HarnessError(f"the driver fails without any mutation: {kill.by} {kill.detail}; "
                               "make kunit says more")
