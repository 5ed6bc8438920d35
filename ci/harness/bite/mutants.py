# SPDX-License-Identifier: GPL-2.0-only
"""``make mutants``: does some test notice each fault that is put into the core?"""

from __future__ import annotations

import contextlib
import fnmatch
import queue
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Callable, Iterator, Sequence

from .. import locks, procs
from ..boot import um
from ..boot.lanes import LANES
from ..build import prepare
from ..build.prepare import Clock, Work, say
from ..model import HarnessError, UsageError
from ..settings import Settings
from . import mutant, mutant_build, mutant_gen, mutant_report, mutant_run
from .mutant import Mutant
from .mutant_build import Bench
from .mutant_report import Report
from .mutant_run import EVERYTHING, SLOW, Boot, Outcome, Runner

SUITE = "panthor_mutant"
"""What precedes the names of mutants where suites have cases."""

# Which suites are about a file, the nearest ones first.
_RELATED = (
    (r"panthor_gem_(?:shrink|reclaim)", ("panthor_gem_scan", "panthor_gem_reclaim", "panthor_reclaim_*")),
    (r"panthor_gem_debugfs", ("panthor_gem_debugfs", "panthor_gem_*")),
    (r"panthor_gem_map", ("panthor_gem_fault", "panthor_gem_vmap*", "panthor_gem_*")),
    (r"panthor_gem_prime", ("panthor_gem_prime",)),
    (r"panthor_gem", ("panthor_gem_create", "panthor_gem_backing", "panthor_gem_*")),
    (r"panthor_(?:as|mmu)", ("panthor_mmu_*",)),
    (r"panthor_vm_reclaim", ("panthor_reclaim_*", "panthor_gem_scan")),
    (r"panthor_vm_bind", ("panthor_vm_bind*",)),
    (r"panthor_vm_evict", ("panthor_vm_evict", "panthor_vm_*")),
    (r"panthor_vm", ("panthor_vm_*",)),
)


def related(one: Mutant) -> Sequence[str]:
    """Filters of suites to begin with, of which some may match nothing."""
    name = min(one.changes)
    return next((suites for pattern, suites in _RELATED if re.match(pattern, name)), ())


def chosen(s: Settings, catalog: Sequence[Mutant], generated: Sequence[Mutant], seed: int) -> list[Mutant]:
    """What the variables select: the catalog, or ``RANDOM=`` generated ones, or names of either."""
    if s.filter:
        pattern = s.filter.removeprefix(f"{SUITE}.")
        found = [one for one in [*catalog, *generated] if fnmatch.fnmatchcase(one.name, pattern)]
        if not found:
            raise UsageError(f"FILTER={s.filter} matches no mutant; names are those of ci/mutants/*.patch, "
                             "and FILE.FUNCTION.RULE.NUMBER for generated ones")
    else:
        found = [one for one in catalog if not s.random]
    if s.random:
        found = mutant_gen.choose([one for one in (found or generated) if not one.entry], s.random, seed)
    return found


def run_some(some: Sequence[Mutant], folder: Path, makers: Sequence[mutant_run.Maker], runner: Runner,
             boots: Callable[[Mutant], Sequence[Boot]], results: Path,
             tell: Callable[[Outcome], None]) -> list[Outcome]:
    """As many side by side as there are makers; outcomes in the order of ``some``."""
    free: queue.Queue[mutant_run.Maker] = queue.Queue()
    for maker in makers:
        free.put(maker)

    def one(mutated: Mutant) -> Outcome:
        maker = free.get()
        try:
            return mutant_run.try_one(mutated, folder, maker, runner, boots(mutated),
                                      results / f"mutant-{mutated.name}.log")
        finally:
            free.put(maker)

    pool = ThreadPoolExecutor(len(makers))
    try:
        waiting = {pool.submit(one, mutated): no for no, mutated in enumerate(some)}
        found: dict[int, Outcome] = {}
        for future in as_completed(waiting):
            found[waiting[future]] = future.result()
            tell(found[waiting[future]])
    except BaseException:
        procs.stop_all()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return [found[no] for no in sorted(found)]


@contextlib.contextmanager
def _prepared(s: Settings) -> Iterator[tuple[Work, mutant_build.Recipe]]:
    """The kernel in UML without any mutation, and how it is linked."""
    if s.driver != "core":
        raise UsageError(f"DRIVER={s.driver}: mutants are of our core")
    prepare.host_tools([LANES["um"]])
    work = prepare.prepare(s, Clock())
    with locks.locked(work.root / ".run.lock", say, f"using {work.root}"):
        um.build(work)
        yield work, mutant_build.recipe(work)


def boots(one: Mutant) -> list[Boot]:
    """The boots of a mutant, as far as they are needed."""
    return mutant_run.boots_of(one, related)


def quick_boots(one: Mutant) -> list[Boot]:
    """The same without the slow cases, which see little that the others do not."""
    return [boot for boot in boots(one) if boot is not SLOW]


def tell(outcome: Outcome) -> None:
    """One line about each, when it is over."""
    say(f"  {outcome.mutant.name}: {outcome.state.value}"
        f"{' by ' + outcome.by if outcome.by else ''} {outcome.detail} ({outcome.seconds:.1f} s)")


def measure(s: Settings, some: Sequence[Mutant], results: Path) -> list[Outcome]:
    """Builds and boots each; HarnessError if the driver fails without mutation."""
    with _prepared(s) as (work, how):
        benches = mutant_build.benches(how, work.root / "mutants", max(1, min(s.jobs, 2, len(some))))
        runner = mutant_run.UmlRunner(work)
        say(f"{len(some)} mutants, {len(benches)} at a time; first the driver without any")
        _check(benches[0], runner, [EVERYTHING], results)
        # Of many, those that live are looked at one by one, by name.
        plan = quick_boots if s.random else boots
        found = run_some(some, mutant.folder_of(work.tree), benches, runner, plan, results, tell)
        if plan is boots and any(one.boots == len(boots(one.mutant)) and one.by for one in found):
            # The slow cases have killed one: do they let the driver live?
            _check(benches[0], runner, [SLOW], results)
        return found


def _check(bench: Bench, runner: Runner, boots: Sequence[Boot], results: Path) -> None:
    mutant_run.check_unmutated(bench, runner, boots, results / "mutant-none.log")


def _report(s: Settings, some: Sequence[Outcome], skipped: dict[str, str], seconds: float, seed: int,
            results: Path) -> Report:
    words = ["make", "mutants", *(f"{k}={v}" for k, v in s.given.items() if k not in ("FILTER", "SEED"))]
    again = " ".join(word for word in words if not word.startswith("RANDOM="))
    if s.random and not s.filter:
        words.append(f"SEED={seed}")
    command = " ".join([*words, *s.filter_words])
    report = Report(f"linux {s.kernel or 'default'}, driver {s.driver}: {command}", command, list(some),
                    f"{again} FILTER={{name}}", skipped, seconds)
    (results / "mutants.txt").write_text("\n".join(mutant_report.text(report)) + "\n", encoding="utf-8")
    (results / "mutants.json").write_text(mutant_report.as_json(report), encoding="utf-8")
    (results / "mutants.html").write_text(mutant_report.page(report), encoding="utf-8")
    return report


def equivalent(generated: Sequence[Mutant]) -> dict[str, str]:
    """Reasons by name; HarnessError if one is about another mutant by now."""
    entries = mutant_gen.equivalent()
    gone = mutant_gen.stale(generated, entries)
    if gone:
        raise HarnessError(f"{mutant_gen.EQUIVALENT.name}: not there, or another one by now: {', '.join(gone)}")
    return {name: reason for name, (_, reason) in entries.items()}


def run(s: Settings, results: Path) -> int:
    """The whole command; 0 if all are dead."""
    start = time.monotonic()
    generated = mutant_gen.all_of()
    known = equivalent(generated)
    seed = int(s.seed) if s.seed else random.SystemRandom().randrange(1, 1 << 31)
    some = chosen(s, mutant.catalog(), generated, seed)
    skipped = {one.name: known[one.name] for one in some if one.name in known}
    some = [one for one in some if one.name not in skipped]
    if s.random:
        say(f"{len(some)} of {len(generated)} generated mutants, SEED={seed}")
    outcomes = measure(s, some, results) if some else []
    report = _report(s, outcomes, skipped, time.monotonic() - start, seed, results)
    for line in mutant_report.text(report):
        say(line)
    say(f"# {results / 'mutants.html'}")
    return report.exit_code
