# SPDX-License-Identifier: GPL-2.0-only
"""The part of ``make test`` that shows that a green verdict means something.

A handful of the mutants and of the canaries, on the kernel that the um lane has just
tested, and a few generated mutants that are others in each run.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Sequence

from .. import procs
from ..boot import um
from ..build.prepare import Work
from ..model import Case, Gate, GateState, LaneResult, Status
from . import canaries, mutant, mutant_build, mutant_gen, mutant_report, mutant_run, mutants
from .mutant import Mutant
from .mutant_report import Report
from .mutant_run import EVERYTHING, Outcome, State

NAME = "um-mutants"
RANDOM = 3
SEEDS = 1 << 31
UNNOTICED = "a generated mutant that no case of normal speed notices: a test is missing, or it changes nothing that matters"


def case(outcome: Outcome) -> Case:
    """What became of a mutant, as the result of a case.

    A mutant of the catalog has to die. One that was generated is new in each run, and
    whether it is a fault at all somebody has to find out: if it lives, it is listed as
    a known failure is.
    """
    one = outcome.mutant
    name = f"{outcome.by} {outcome.detail}".strip()
    found = Case(mutants.SUITE, one.name, Status.PASS, outcome.seconds, f"{one.what}: {outcome.state.value} {name}")
    if outcome.state is State.KILLED:
        return found
    if one.entry or outcome.state is State.STALE:
        found.status = Status.FAIL
    elif outcome.state is State.SURVIVED:
        found.status, found.known = Status.FAIL, UNNOTICED
    else:
        found.status = Status.SKIP
    return found


def lane(work: Work, report: Report, seed: int) -> LaneResult:
    """All outcomes, and the gate over them."""
    result = LaneResult(NAME, work.settings.driver, work.src.series, work.src.version, seed=str(seed))
    result.note = "the kill matrix is in mutants.html"
    result.cases = [case(one) for one in report.outcomes]
    wrong = [f"{one.name}: {one.reason}" for one in result.cases if one.bad]
    if not any(one.mutant.entry for one in report.outcomes):
        wrong.append("no mutant of the catalog was tried")
    alive = [one.name for one in result.cases if one.known]
    detail = f"{len(result.cases)} mutants" + (f", {len(alive)} known: nobody notices {', '.join(alive)}" if alive else "")
    result.gates.append(Gate("mutants", GateState.RED, wrong[0]) if wrong else Gate("mutants", GateState.GREEN, detail))
    result.repro = f"{_command(work)} FILTER={{case}}"
    return result


def _command(work: Work) -> str:
    given = work.settings.given
    return " ".join(["make mutants", *(f"{key}={given[key]}" for key in ("KERNEL", "O", "CC", "LLVM") if key in given)])


def chosen(catalog: Sequence[Mutant], generated: Sequence[Mutant], seed: int) -> list[Mutant]:
    """The handful of the catalog, and what the seed adds to it."""
    known = mutants.equivalent(generated)
    return [*(one for one in catalog if one.quick),
            *mutant_gen.choose([one for one in generated if one.name not in known], RANDOM, seed)]


def _mutants(work: Work, how: mutant_build.Recipe, results: Path, seed: int) -> LaneResult:
    start = time.monotonic()
    some = chosen(mutant.catalog(), mutant_gen.all_of(), seed)
    bench = mutant_build.benches(how, work.root / "mutants", 1)[0]
    runner = mutant_run.UmlRunner(work)
    # A kernel that dies anyway would kill them all.
    mutant_run.check_unmutated(bench, runner, [EVERYTHING], results / "mutant-none.log")
    outcomes = mutants.run_some(some, mutant.folder_of(work.tree), [bench], runner, mutants.quick_boots, results,
                                mutants.tell)
    report = Report(f"linux {work.src.version}, a part of the mutants, SEED={seed}", "make test", outcomes,
                    f"{_command(work)} FILTER={{name}}", seconds=time.monotonic() - start)
    (results / "mutants.html").write_text(mutant_report.page(report), encoding="utf-8")
    return lane(work, report, seed)


def _canaries(work: Work, results: Path) -> LaneResult:
    result = canaries.boot_all(work, [one for one in canaries.TABLE if one.quick], results, 1)
    # What make test repeats is not what it was asked for.
    result.repro = f"{_command(work)} FILTER={{case}}".replace("mutants", "canaries")
    return result


def not_run(work: Work) -> list[LaneResult]:
    """In the place of both where the suites fail: whoever dies then may have died of that."""
    result = LaneResult(NAME, work.settings.driver, work.src.series, work.src.version)
    result.gates = [Gate(name, GateState.OFF, "the run has failed without any mutation") for name in ("mutants", "canaries")]
    return [result]


def run(work: Work, results: Path) -> list[LaneResult]:
    """Mutants and canaries side by side, one of each at a time."""
    s = work.settings
    seed = int(s.seed) if s.seed else random.SystemRandom().randrange(1, SEEDS)
    with work.clock.stage(f"build {work.title}-um"):
        um.build(work)
        how = mutant_build.recipe(work)
    with work.clock.stage(f"run {work.title}-mutants and canaries"), ThreadPoolExecutor(2) as pool:
        parts = [pool.submit(_mutants, work, how, results, seed), pool.submit(_canaries, work, results)]
        try:
            return [part.result() for part in parts]
        except BaseException:
            procs.stop_all()
            raise
