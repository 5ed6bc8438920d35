# SPDX-License-Identifier: GPL-2.0-only
"""The command soak: the same kernels again and again, each time with another seed.

Built once, then run N times. A test or gate that does not end the same way in all runs
is flaky, and that is as red as one that always fails: the code was the same.
"""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Callable, Optional, Sequence

from .. import locks
from ..boot import lanerun
from ..boot.lanes import Lane
from ..build import prepare
from ..build.prepare import Clock, Work, say
from ..model import Case, Gate, GateState, HarnessError, LaneResult, Status, Verdict
from ..settings import Settings
from ..verdict import report_files, report_term

SEEDS = 1 << 32
GATES = "gate"
"""Stands where a test has its suite."""
MISSING = "missing"
BAD = (Status.FAIL.value, Status.XPASS.value, Status.CRASH.value, GateState.RED.value, MISSING)
SHOWN_SEEDS = 3

Boot = Callable[[str, Path], list[LaneResult]]
"""Runs everything once with a seed; logs go to the folder."""
Name = tuple[str, str, str]
"""Boot, suite and case; for a gate, ``GATES`` and its name."""


@dataclasses.dataclass
class Round:
    """One run of everything."""

    number: int
    seed: str
    seconds: float = 0.0
    outcomes: dict[Name, str] = dataclasses.field(default_factory=dict)
    ended: set[str] = dataclasses.field(default_factory=set)
    """Boots that came to their end; in the others, what is missing is no news."""
    failed: list[str] = dataclasses.field(default_factory=list)
    """What a line has room for."""
    folder: Optional[Path] = None
    """Logs and reports of a run that failed."""


@dataclasses.dataclass
class Row:
    """A test or gate over all runs."""

    name: Name
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    seeds: list[str] = dataclasses.field(default_factory=list)
    """Of the runs in which it was bad."""

    @property
    def flaky(self) -> bool:
        """Whether it differs between runs."""
        return len(self.counts) > 1

    @property
    def bad(self) -> bool:
        return self.flaky or any(word in BAD for word in self.counts)

    @property
    def test(self) -> str:
        _, suite, case = self.name
        return f"{suite} {case}" if suite == GATES else f"{suite}.{case}"

    @property
    def text(self) -> str:
        """How the runs ended, the most frequent way last."""
        ways = sorted(self.counts.items(), key=lambda item: (item[1], item[0]))
        return ", ".join(f"{count} {word}" for word, count in ways)


def outcomes(boots: Sequence[LaneResult]) -> dict[Name, str]:
    """How each test and gate of a run ended."""
    found: dict[Name, str] = {}
    for boot in boots:
        for case in boot.cases:
            word = "known" if case.known and not case.bad else case.status.value
            found[boot.title, case.suite, case.name] = word
        for gate in boot.gates:
            found[boot.title, GATES, gate.name] = gate.state.value
    return found


def _failed(boots: Sequence[LaneResult]) -> list[str]:
    return [f"{boot.title}: {name}" for boot in boots for name in (
        *(case.full_name for case in boot.cases if case.bad),
        *(f"gate {gate.name}" for gate in boot.gates if gate.state is GateState.RED))]


def one_round(number: int, seed: str, folder: Path, boot: Boot, command: str) -> Round:
    """Runs everything once; only of a run that fails are results kept."""
    start = time.monotonic()
    folder.mkdir()
    try:
        boots = boot(seed, folder)
    except (KeyboardInterrupt, SystemExit):
        shutil.rmtree(folder, ignore_errors=True)    # half a run says nothing
        raise
    found = Round(number, seed, time.monotonic() - start, outcomes(boots), failed=_failed(boots))
    found.ended = {boot.title for boot in boots
                   if all(gate.name != "complete" or gate.state is not GateState.RED for gate in boot.gates)}
    verdict = Verdict(boots, command=command)
    if verdict.ok:
        shutil.rmtree(folder)
        return found
    found.folder = folder
    found.failed = found.failed or ["nothing ran"]
    report_files.write_reports(verdict, folder)
    return found


def rows(rounds: Sequence[Round]) -> list[Row]:
    """Every test and gate that was seen in any run, over all of them."""
    found = {name: Row(name) for one in rounds for name in one.outcomes}
    for one in rounds:
        for name, row in found.items():
            word = one.outcomes.get(name, MISSING)
            if word == MISSING and name[0] not in one.ended:
                continue
            row.counts[word] += 1
            if word in BAD:
                row.seeds.append(one.seed)
    # Also what ends well, but not always the same way, has seeds to look at.
    for row in found.values():
        if row.flaky and not row.seeds:
            usual = row.counts.most_common(1)[0][0]
            row.seeds = [one.seed for one in rounds if one.outcomes.get(row.name, usual) != usual]
    return list(found.values())


def summed(found: Sequence[Row], rounds: Sequence[Round], kernel: str = "") -> list[LaneResult]:
    """All runs as one result per boot, in which what is flaky has failed."""
    lanes: dict[str, LaneResult] = {}
    for row in found:
        title, suite, name = row.name
        driver, series, boot = title.split("-", 2)
        lane = lanes.setdefault(title, LaneResult(boot, driver, series, kernel=kernel))
        usual = row.counts.most_common(1)[0][0]
        why = f"{'flaky' if row.flaky else 'always'}: {row.text}; SEED={', '.join(row.seeds)}" if row.bad else ""
        if suite == GATES:
            state = GateState.RED if row.bad else GateState(usual)
            lane.gates.append(Gate(name, state, why or row.text))
        elif row.bad:
            lane.cases.append(Case(suite, name, Status.FAIL, reason=why))
        elif usual == "known":
            lane.cases.append(Case(suite, name, Status.FAIL, known=f"known in {row.counts[usual]} runs"))
        else:
            lane.cases.append(Case(suite, name, Status(usual)))
    for lane in lanes.values():
        lane.note = f"{len(rounds)} runs"
    return list(lanes.values())


def table(found: Sequence[Row], rounds: Sequence[Round]) -> list[str]:
    """Tests and gates that failed or differed, and how often; then the sum."""
    bad = sorted((row for row in found if row.bad), key=lambda row: row.name)
    failed = sum(bool(one.failed) for one in rounds)
    lines = []
    if bad:
        wide = max(len(row.test) for row in bad)
        boots = max(len(row.name[0]) for row in bad)
        lines.append(f"  {'boot':{boots}}  {'test':{wide}}  {'':6}  {'failures':>8}  how the runs ended")
        for row in bad:
            times = sum(count for word, count in row.counts.items() if word in BAD)
            seeds = ", ".join(row.seeds[:SHOWN_SEEDS]) + (", ..." if len(row.seeds) > SHOWN_SEEDS else "")
            lines.append(f"  {row.name[0]:{boots}}  {row.test:{wide}}  {'flaky' if row.flaky else 'always'}  "
                         f"{times:>8}  {row.text}; SEED={seeds}")
    flaky = sum(row.flaky for row in bad)
    lines += [f"  run {one.number}, SEED={one.seed}: {one.folder}" for one in rounds if one.folder]
    lines.append(f"{report_term.plural(len(rounds), 'run')}, {len(rounds) - failed} ok, {failed} failed; of {len(found)} tests and "
                 f"gates {flaky} flaky, {len(bad) - flaky} always bad")
    return lines


def as_json(found: Sequence[Row], rounds: Sequence[Round], command: str) -> str:
    """Every run with its seed, and every test with how the runs ended."""
    runs = [{"number": one.number, "seed": one.seed, "seconds": round(one.seconds, 3), "failed": one.failed,
             "results": str(one.folder or "")} for one in rounds]
    tests = [{"boot": row.name[0], "test": row.test, "counts": dict(row.counts), "flaky": row.flaky,
              "bad": row.bad, "seeds": row.seeds} for row in found]
    return json.dumps({"command": command, "runs": runs, "tests": tests}, indent=1) + "\n"


def report(rounds: Sequence[Round], results: Path, command: str, clock: Clock, kernel: str = "") -> Verdict:
    """Prints the table of the runs so far, and leaves it in files."""
    found = rows(rounds)
    verdict = Verdict(summed(found, rounds, kernel), clock.stages, command=command)
    lines = table(found, rounds)
    (results / "soak.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (results / "soak.json").write_text(as_json(found, rounds, command), encoding="utf-8")
    report_files.write_reports(verdict, results)
    for line in lines:
        say(line)
    say(f"verdict: {'OK' if verdict.ok else 'FAILED'}  {report_term.summary(verdict)}"
        f"{report_term.extras(verdict)}; results in {results}")
    return verdict


def _left(rounds: Sequence[Round], total: int) -> str:
    each = sum(one.seconds for one in rounds) / len(rounds)
    left = each * (total - len(rounds))
    return f"; about {left / 60:.0f} min left" if left >= 60 else ""


def repeat(s: Settings, boot: Boot, results: Path, rounds: list[Round], command: str) -> None:
    """Adds the runs to ``rounds`` as they end: N of them, or to the first that fails with STOP."""
    dice = random.SystemRandom()
    for number in range(1, s.rounds + 1):
        seed = s.seed or str(dice.randrange(1, SEEDS))
        one = one_round(number, seed, results / f"run-{number:04}-{seed}", boot, command)
        rounds.append(one)
        more = f" and {len(one.failed) - 3} more" if len(one.failed) > 3 else ""
        word = f"FAILED {', '.join(one.failed[:3])}{more}" if one.failed else "ok"
        say(f"run {number} of {s.rounds}, SEED={seed}: {word} ({one.seconds:.1f} s)"
            f"{_left(rounds, s.rounds)}")
        if one.failed and s.stop:
            break


def _booter(work: Work, built: Sequence[lanerun.Built]) -> Boot:
    def boot(seed: str, folder: Path) -> list[LaneResult]:
        again = dataclasses.replace(work, settings=dataclasses.replace(work.settings, seed=seed), clock=Clock())
        done: list[LaneResult] = []
        lanerun.run_all([dataclasses.replace(one, work=again) for one in built], folder, done)
        return done
    return boot


def soak(s: Settings, boot: Boot, results: Path, clock: Clock, kernel: str = "") -> int:
    """Runs and reports; a run that cannot be made, or Ctrl-C, ends it after the table so far."""
    command = " ".join(["make", s.command, *(f"{k}={v}" for k, v in s.given.items())])
    rounds: list[Round] = []
    try:
        with clock.stage("runs"):
            repeat(s, boot, results, rounds, command)
    except (KeyboardInterrupt, SystemExit, HarnessError) as err:
        if isinstance(err, HarnessError):
            say(f"run {len(rounds) + 1} could not be made; its logs are in {results}")
        if rounds:
            report(rounds, results, command, clock, kernel)
        raise
    return report(rounds, results, command, clock, kernel).exit_code


def run(s: Settings, chosen: Sequence[Lane], results: Path) -> int:
    """Builds once, then repeats; 0 if all runs were good and alike."""
    clock = Clock()
    prepare.host_tools(chosen)
    work = prepare.prepare(s, clock)
    with locks.locked(work.root / ".run.lock", say, f"using {work.root}"):
        built = [boot for lane in chosen for boot in lanerun.build(work, lane)]
        names = ", ".join(f"{work.title}-{one.name}" for one in built)
        say(f"{s.rounds} runs of {names}; Linux {work.src.version}")
        return soak(s, _booter(work, built), results, clock, work.src.version)
