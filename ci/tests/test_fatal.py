# SPDX-License-Identifier: GPL-2.0-only
"""Rows that end a boot: what counts as the end that is listed."""

from __future__ import annotations

import unittest

import support
from harness.boot import fatal
from harness.model import Case, Gate, GateState, LaneResult, Status
from harness.verdict import expect

KNOWN = expect.Known("gem.part:end", "Crash", "B50: no pages", "stock-7.3-fails.txt:9")
DIED = Gate("complete", GateState.RED, "kernel died: Kernel panic")


def boot(*statuses: Status, gates: tuple[Gate, ...] = ()) -> LaneResult:
    cases = [Case("gem", "part:end", status, reason="why") for status in statuses]
    return LaneResult("um", "stock", "7.3", cases=cases, gates=list(gates))


class Outcome(unittest.TestCase):
    """One boot, one row."""

    def check(self, result: LaneResult, wrong: str) -> Case:
        case, finding = fatal.outcome(result, KNOWN)
        self.assertIn(wrong, finding.title if finding else "as listed")
        return case

    def test_death_is_as_listed(self) -> None:
        case = self.check(boot(Status.CRASH, gates=(DIED,)), "as listed")
        self.assertFalse(case.bad)
        self.assertIn("Kernel panic", case.reason)

    def test_death_before_the_row_has_a_name(self) -> None:
        for name in ("part", "part:start"):
            died = LaneResult("um", "stock", "7.3", cases=[Case("gem", name, Status.CRASH)], gates=[DIED])
            self.assertEqual(self.check(died, "as listed").name, "part:end")

    def test_another_case_died(self) -> None:
        died = LaneResult("um", "stock", "7.3", cases=[Case("gem", "party", Status.CRASH)], gates=[DIED])
        self.check(died, "did not run")

    def test_a_report_is_as_listed_though_the_row_passes(self) -> None:
        splat = Gate("lockdep", GateState.RED, "circular")
        self.assertEqual(self.check(boot(Status.PASS, gates=(splat,)), "as listed").status, Status.CRASH)

    def test_a_pass_is_out_of_date(self) -> None:
        self.check(boot(Status.PASS), "nothing happened")

    def test_gates_about_the_tests_are_no_crash(self) -> None:
        self.check(boot(Status.PASS, gates=(Gate("ktap", GateState.RED),)), "nothing happened")

    def test_a_mere_failure_is_another_entry(self) -> None:
        self.assertTrue(self.check(boot(Status.FAIL), "only failed").bad)

    def test_skipped(self) -> None:
        self.check(boot(Status.SKIP), "was skipped (why)")

    def test_did_not_run(self) -> None:
        self.check(boot(), "did not run")


class Listed(support.Folder):
    """Which rows get a boot."""

    def test_filter(self) -> None:
        support.put(self.dir, {"stock-7.3-fails.txt": "# B50\ngem.part:end,Crash\nvm.last:x,Crash\ngem.a,Fail\n"})
        for pattern, names in ((None, ["gem.part:end", "vm.last:x"]), ("gem", ["gem.part:end"]),
                               ("*.last", ["vm.last:x"]), ("gem.a", [])):
            with self.subTest(pattern):
                got = fatal.listed(self.dir, "stock", "7.3", pattern)
                self.assertEqual([one.name for one in got], names)


if __name__ == "__main__":
    unittest.main()
