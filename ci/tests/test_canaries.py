# SPDX-License-Identifier: GPL-2.0-only
"""Faults on purpose: what counts as seen, and that none is forgotten."""

from __future__ import annotations

import re
import unittest
from pathlib import Path

import support
from harness import settings
from harness.bite import canaries
from harness.bite.canaries import Canary
from harness.model import Case, Gate, GateState, LaneResult, Status, UsageError
from harness.verdict import expect, gates

ONE = Canary("leak", ("kmemleak",))
NAMES = ("kmemleak", "lockdep", "kasan")


def boot(*red: str, case: Status = Status.PASS, off: tuple[str, ...] = ()) -> LaneResult:
    states = {**dict.fromkeys(off, GateState.OFF), **dict.fromkeys(red, GateState.RED)}
    return LaneResult("um", "stock", "7.3", cases=[Case("panthor_canary", "leak", case, reason="why")],
                      gates=[Gate(name, states.get(name, GateState.GREEN), "text") for name in NAMES])


class Outcome(unittest.TestCase):
    """One boot."""

    def check(self, canary: Canary, result: LaneResult, wrong: str) -> None:
        case = canaries.outcome(canary, result)
        self.assertEqual(case.status, Status.FAIL if wrong else Status.PASS, case.reason)
        self.assertIn(wrong, case.reason)

    def test_its_gate_alone(self) -> None:
        self.check(ONE, boot("kmemleak"), "")

    def test_no_gate(self) -> None:
        self.check(ONE, boot(), "kmemleak: still green")
        self.check(ONE, boot(off=("kmemleak",)), "kmemleak: still off")

    def test_another_gate(self) -> None:
        self.check(ONE, boot("lockdep"), "kmemleak: still green")
        self.check(ONE, boot("lockdep"), "lockdep: red, too")
        self.check(ONE, boot("kmemleak", "lockdep"), "lockdep: red, too")

    def test_a_gate_that_was_not_judged(self) -> None:
        self.check(Canary("leak", ("stall",)), boot(), "stall: still not judged")

    def test_no_fault(self) -> None:
        self.check(Canary("nothing", ()), boot(), "")
        self.check(Canary("nothing", ()), boot("kasan"), "kasan: red, too")

    def test_the_fault_could_not_be_made(self) -> None:
        self.check(ONE, boot("kmemleak", case=Status.FAIL), "leak failed: why")
        self.check(Canary("leak", ("kmemleak",), fails=True), boot("kmemleak", case=Status.FAIL), "")

    def test_nothing_ran(self) -> None:
        empty = boot("kmemleak")
        empty.cases = []
        self.check(ONE, empty, "no case ran")

    def test_table_shows_what_was_seen(self) -> None:
        cases = [canaries.outcome(ONE, boot("kmemleak")), canaries.outcome(ONE, boot("kasan"))]
        head, good, bad, why = canaries.table([ONE, ONE], cases)
        self.assertIn("expected", head)
        self.assertTrue(good.endswith("the same"))
        self.assertTrue(bad.endswith("kasan"))
        self.assertIn("kmemleak: still green", why)


class Complete(unittest.TestCase):
    """The table, the kernel's side of it, and the gates."""

    def test_every_gate_has_a_canary_or_a_reason(self) -> None:
        self.assertEqual(canaries.uncovered([*gates.ORDER, "expect", "lock-order"]), [])
        self.assertEqual(canaries.uncovered(["kasan", "brand-new"]), ["brand-new"])

    def test_no_gate_is_excused_that_has_a_canary(self) -> None:
        self.assertEqual({gate for one in canaries.TABLE for gate in one.red} & set(canaries.WITHOUT), set())

    def test_the_kernel_has_the_same(self) -> None:
        for module, paths in (("panthor", sorted(settings.TESTS.glob("canary*.c"))),
                              ("panthor_sim", [settings.SIM_TESTS / "sim_canary.c"])):
            there = {name for path in paths for name in re.findall(
                r"\tKUNIT_CASE\((\w+)\)", path.read_text(encoding="utf-8"))} - {"goes_on"}
            listed = {one.name for one in canaries.TABLE if one.module == module} - {"never_runs"}
            self.assertEqual(there, listed)

    def test_no_verdict_has_them(self) -> None:
        self.assertNotIn(canaries.SUITE, settings.known_tests())
        for path in [*settings.TESTS.glob("canary*.c"), settings.SIM_TESTS / "sim_canary.c"]:
            self.assertNotIn("kunit_test_suite", path.read_text(encoding="utf-8").replace("kunit_test_suites", ""))

    def test_filter(self) -> None:
        self.assertEqual([one.name for one in canaries.chosen_by("panthor_canary.le*")], ["leak"])
        self.assertEqual(canaries.chosen_by("panthor_canary"), list(canaries.TABLE))
        with self.assertRaises(UsageError):
            canaries.run(settings.parse(["canaries", "FILTER=panthor_gem_pin"]), Path("/nonexistent"))


class Expectations(support.Folder):
    """Lists that a boot is judged by."""

    def test_required_and_known(self) -> None:
        plain = canaries.expectations(self.dir / "plain", ONE)
        self.assertEqual(expect.load_required(plain, "um", "stock"),
                         ["panthor_canary.leak", "panthor_canary.goes_on"])
        self.assertEqual(expect.load_fails(plain, "stock", "7.3", "um"), {})
        known = canaries.expectations(self.dir / "known", Canary("ok", ("expect",), last="", known=True))
        self.assertEqual(expect.load_required(known, "um", "stock"), ["panthor_canary.ok"])
        self.assertEqual(list(expect.load_fails(known, "stock", "7.3", "um")), ["panthor_canary.ok"])


if __name__ == "__main__":
    unittest.main()
