# SPDX-License-Identifier: GPL-2.0-only
"""Runs of mutants with a compiler and boots that are fakes: who killed it, and what is red."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from typing import Mapping, Optional

import support
from harness import settings
from harness.bite import mutant_build, mutant_report, mutant_run, mutants
from harness.bite.mutant import Change, Mutant
from harness.bite.mutant_build import BrokenError, SameError
from harness.bite.mutant_report import Report
from harness.bite.mutant_run import EVERYTHING, Boot, Kill, Outcome, State
from harness.model import Case, Finding, Gate, GateState, HarnessError, LaneResult, Status, UsageError


def mutated(name: str = "B01-x", old: str = "right", killer: str = "suite.case", entry: str = "B01") -> Mutant:
    return Mutant(name, "a test", {"panthor_x.c": (Change(1, (old,), ("wrong",)),)}, killer, entry)


class Maker:
    """Makes kernels of nothing."""

    def __init__(self, error: Optional[HarnessError] = None) -> None:
        self.error = error
        self.made: list[Mapping[str, str]] = []

    def make(self, texts: Mapping[str, str]) -> Path:
        self.made.append(texts)
        if self.error:
            raise self.error
        return Path("linux")


class Runner:
    """Boots with prepared ends."""

    def __init__(self, *kills: Optional[Kill]) -> None:
        self.kills = list(kills)
        self.booted: list[Boot] = []

    def __call__(self, kernel: Path, boot: Boot, log: Path) -> Optional[Kill]:
        self.booted.append(boot)
        return self.kills.pop(0) if self.kills else None


class TryOne(unittest.TestCase):
    def setUp(self) -> None:
        temp = tempfile.TemporaryDirectory()
        self.addCleanup(temp.cleanup)
        self.folder = support.put(Path(temp.name), {"panthor_x.c": "right\n"})
        self.boots = [Boot("suite.case", "suite.case"), EVERYTHING]

    def attempt(self, one: Mutant, maker: Maker, runner: Runner) -> Outcome:
        return mutant_run.try_one(one, self.folder, maker, runner, self.boots, self.folder / "log")

    def test_first_kill_ends_it(self) -> None:
        maker, runner = Maker(), Runner(Kill("suite.case:row"))
        outcome = self.attempt(mutated(), maker, runner)
        self.assertEqual((outcome.state, outcome.by, outcome.boots), (State.KILLED, "suite.case:row", 1))
        self.assertTrue(outcome.expected)
        self.assertEqual(maker.made, [{"panthor_x.c": "wrong\n"}])

    def test_case_that_dies_before_it_has_a_name(self) -> None:
        self.assertTrue(self.attempt(mutated(), Maker(), Runner(Kill("suite.(case 1)"))).expected)
        self.assertTrue(self.attempt(mutated(), Maker(), Runner(Kill("hang in suite"))).expected)
        outcome = self.attempt(mutated(), Maker(), Runner(None, Kill("suite.(case 3)")))
        self.assertEqual((outcome.by, outcome.expected), ("suite.(case 3)", False))

    def test_kill_by_another_test(self) -> None:
        outcome = self.attempt(mutated(), Maker(), Runner(None, Kill("other.case")))
        self.assertEqual((outcome.state, outcome.boots, outcome.expected), (State.KILLED, 2, False))

    def test_survivor(self) -> None:
        runner = Runner()
        outcome = self.attempt(mutated(), Maker(), runner)
        self.assertEqual((outcome.state, runner.booted), (State.SURVIVED, self.boots))

    def test_does_not_apply(self) -> None:
        runner = Runner()
        outcome = self.attempt(mutated(old="gone"), Maker(), runner)
        self.assertEqual((outcome.state, runner.booted), (State.STALE, []))

    def test_does_not_build(self) -> None:
        runner = Runner()
        outcome = self.attempt(mutated(), Maker(BrokenError("panthor_x.c: error: no")), runner)
        self.assertEqual((outcome.state, outcome.detail, runner.booted),
                         (State.BROKEN, "panthor_x.c: error: no", []))

    def test_same_code(self) -> None:
        self.assertEqual(self.attempt(mutated(), Maker(SameError("same")), Runner()).state, State.SAME)

    def test_driver_that_fails_without_mutation(self) -> None:
        with self.assertRaisesRegex(HarnessError, "fails without any mutation: suite.case"):
            mutant_run.check_unmutated(Maker(), Runner(Kill("suite.case")), [EVERYTHING], self.folder / "log")

    def test_side_by_side(self) -> None:
        some = [mutated(f"B01-{no}") for no in range(5)]
        told: list[str] = []
        found = mutants.run_some(some, self.folder, [Maker(), Maker()], Runner(Kill("a.b"), Kill("a.b")),
                                 lambda one: self.boots, self.folder, lambda one: told.append(one.mutant.name))
        self.assertEqual([one.mutant.name for one in found], [one.name for one in some])
        self.assertEqual(sorted(told), [one.name for one in some])
        self.assertEqual(sum(one.state is State.KILLED for one in found), 2)


class Watching(unittest.TestCase):
    def feed(self, *lines: str) -> mutant_run.Watch:
        watch = mutant_run.Watch()
        for line in lines:
            watch.feed(f"[    1.000000] {line}\n".encode())
        return watch

    def test_case(self) -> None:
        watch = self.feed("KTAP version 1", "1..2", "    KTAP version 1", "    # Subtest: one", "    ok 1 a",
                          "ok 1 one", "    # Subtest: two", "    ok 1 b", "    not ok 2 c")
        self.assertEqual(watch.failed, "two.c")

    def test_parameter(self) -> None:
        watch = self.feed("    # Subtest: one", "        # Subtest: case", "        ok 1 small", "        not ok 2 large",
                          "    not ok 1 case")
        self.assertEqual(watch.failed, "one.case:large")

    def test_none_failed(self) -> None:
        watch = self.feed("    # Subtest: one", "    ok 1 a # SKIP not ok 1 b", "ok 1 one")
        self.assertEqual((watch.failed, watch.current), ("", "the boot"))

    def test_what_runs(self) -> None:
        self.assertEqual(self.feed("    # Subtest: one", "        # Subtest: case", "        ok 1 small").current,
                         "one.case")

    def test_complaint_shortens_the_wait(self) -> None:
        splat = "WARNING: possible recursive locking detected"
        watch = self.feed("    # Subtest: one", splat)
        self.assertEqual((watch.complaint, watch.patience), (splat, mutant_run.STUCK_SECONDS))
        watch.feed(b"    ok 1 a\n")
        self.assertEqual((watch.complaint, watch.patience), ("", mutant_run.SILENT_SECONDS))

    def test_in_pieces(self) -> None:
        watch = mutant_run.Watch()
        self.assertFalse(watch.feed(b"    # Subtest: one\n    not o"))
        self.assertTrue(watch.feed(b"k 1 a\n"))


class EndOfBoot(unittest.TestCase):
    def end(self, *gates: Gate, status: Status = Status.PASS) -> Optional[Kill]:
        return mutant_run.verdict(LaneResult("um", "core", "7.3", cases=[Case("suite", "case", status)],
                                             gates=list(gates)))

    def test_green(self) -> None:
        self.assertIsNone(self.end(Gate("kasan", GateState.GREEN), Gate("kcsan", GateState.OFF)))

    def test_case(self) -> None:
        self.assertEqual(self.end(status=Status.CRASH), Kill("suite.case"))

    def test_gate_of_a_case(self) -> None:
        splat = Gate("lockdep", GateState.RED, findings=[Finding("circular", 1, "suite.case")])
        self.assertEqual(self.end(splat), Kill("suite.case", "lockdep: circular"))

    def test_gate_of_the_boot(self) -> None:
        self.assertEqual(self.end(Gate("kmemleak", GateState.RED, "1 leak")), Kill("gate kmemleak", "1 leak"))


class Reports(unittest.TestCase):
    def report(self, *outcomes: Outcome) -> Report:
        return Report("title", "make mutants", list(outcomes), "make mutants FILTER={name}", {"x.f.negate.9": "why"})

    def test_all_dead(self) -> None:
        report = self.report(Outcome(mutated(), State.KILLED, "suite.case"))
        self.assertEqual((report.ok, report.exit_code), (True, 0))
        self.assertIn("1 of 1 killed (100 %)", mutant_report.summary(report))

    def test_nothing_ran(self) -> None:
        self.assertFalse(self.report().ok)

    def test_each_other_end_of_a_catalog_mutant_is_red(self) -> None:
        for state in State:
            if state is State.KILLED:
                continue
            report = self.report(Outcome(mutated(), State.KILLED, "suite.case"),
                                 Outcome(mutated("B02-y"), state, detail="<why>"))
            self.assertEqual(report.exit_code, 1, state)
            self.assertIn("RED B02-y", "\n".join(mutant_report.text(report)))
            self.assertIn("make mutants FILTER=B02-y", mutant_report.text(report)[-3])
            self.assertIn('<tr class="bad">', mutant_report.page(report))
            self.assertIn("&lt;why&gt;", mutant_report.page(report))

    def test_generated_ones_need_not_build_nor_differ(self) -> None:
        dead = [Outcome(mutated(f"x.f.negate.{no}", killer="", entry=""), State.KILLED, "a.b") for no in range(8)]
        broken = [Outcome(mutated(f"x.f.delete.{no}", killer="", entry=""), State.BROKEN) for no in range(3)]
        same = Outcome(mutated("x.f.order.1", killer="", entry=""), State.SAME)
        self.assertTrue(self.report(*dead, *broken[:2], same).ok)
        report = self.report(*dead, *broken)
        self.assertFalse(report.ok)
        self.assertIn("the rules are bad", "\n".join(mutant_report.text(report)))

    def test_generated_survivor_is_red(self) -> None:
        self.assertFalse(self.report(Outcome(mutated("x.f.negate.1", killer="", entry=""), State.SURVIVED)).ok)

    def test_kill_by_another_test_is_shown(self) -> None:
        report = self.report(Outcome(mutated(), State.KILLED, "other.case"))
        self.assertTrue(report.ok)
        self.assertIn("(expected: suite.case)", "\n".join(mutant_report.text(report)))
        self.assertIn("1 by another test than expected", mutant_report.summary(report))
        self.assertRegex(mutant_report.page(report), r'title="other.case">o</td>')

    def test_rate_by_file(self) -> None:
        report = self.report(*(Outcome(mutated(f"x.f.negate.{no}", killer="", entry=""), state, "a.b")
                               for no, state in enumerate((State.KILLED, State.KILLED, State.SURVIVED))))
        self.assertIn("panthor_x.c                2 of 3 killed (67 %)", "\n".join(mutant_report.text(report)))

    def test_json(self) -> None:
        data = json.loads(mutant_report.as_json(self.report(Outcome(mutated(), State.SURVIVED))))
        self.assertEqual((data["ok"], data["mutants"][0]["state"], data["mutants"][0]["red"]),
                         (False, "survived", True))


class Chosen(unittest.TestCase):
    catalog = [mutated("B01-x"), mutated("B02-y")]
    generated = [mutated(f"panthor_x.f.negate.{no}", killer="", entry="") for no in range(9)]

    def names(self, *words: str) -> list[str]:
        s = settings.parse(["mutants", *words])
        return [one.name for one in mutants.chosen(s, self.catalog, self.generated, 5)]

    def test_the_catalog(self) -> None:
        self.assertEqual(self.names(), ["B01-x", "B02-y"])

    def test_names(self) -> None:
        self.assertEqual(self.names("FILTER=B02*"), ["B02-y"])
        self.assertEqual(self.names("FILTER=panthor_x.f.negate.3"), ["panthor_x.f.negate.3"])
        with self.assertRaisesRegex(UsageError, "matches no mutant"):
            self.names("FILTER=none")

    def test_random_ones(self) -> None:
        found = self.names("RANDOM=4")
        self.assertEqual((len(found), found), (4, self.names("RANDOM=4")))
        self.assertEqual(len(self.names("RANDOM=4", "FILTER=*.[12]")), 2)

    def test_random_is_for_mutants(self) -> None:
        for words in (["kunit", "RANDOM=3"], ["mutants", "RANDOM=many"]):
            with self.assertRaises(UsageError):
                settings.parse(words)

    def test_first_boots_are_near(self) -> None:
        names = [boot.name for boot in mutant_run.boots_of(self.generated[0], lambda one: ["panthor_gem_pin", "none_*"])]
        self.assertEqual(names, ["panthor_gem_pin", EVERYTHING.name, mutant_run.SLOW.name])
        self.assertEqual(mutants.quick_boots(self.catalog[0]), mutants.boots(self.catalog[0])[:-1])
        for one in (mutated("x", killer="", entry=""),):
            self.assertEqual(mutants.related(one), ())


class Commands(unittest.TestCase):
    LOG = "+ gcc -m64 -o .tmp_vmlinux1 vmlinux.a .tmp_vmlinux0.kallsyms.o\n" \
          "+ gcc -m64 -o vmlinux.unstripped -Wl,--whole-archive vmlinux.a .vmlinux.export.o .tmp_vmlinux2.kallsyms.o -lrt\n"

    def test_link(self) -> None:
        self.assertEqual(mutant_build.link_command(self.LOG), (
            "gcc", "-m64", "-o", "@OUT", "-Wl,--whole-archive", "@OBJECTS", ".vmlinux.export.o", "@SYMBOLS", "-lrt",
            "-Wl,--strip-debug"))

    def test_log_without_link(self) -> None:
        for log in ("", self.LOG.replace(".tmp_vmlinux2.kallsyms.o", "")):
            with self.assertRaises(HarnessError):
                mutant_build.link_command(log)

    def test_compile(self) -> None:
        saved = "savedcmd_a/x.o := gcc -Wp,-MMD,a/.x.o.d -O2 -Ia -c -o a/x.o /tree/a/x.c  \n\ndeps := \\\n"
        self.assertEqual(mutant_build.compile_command(saved, "/b/x.c", "/b/x.o"),
                         "gcc -O2 -Ia -w -g0 -c -o /b/x.o /b/x.c  ")
        with self.assertRaises(HarnessError):
            mutant_build.compile_command("savedcmd_a/x.o := ar x\n", "/b/x.c", "/b/x.o")


if __name__ == "__main__":
    unittest.main()
