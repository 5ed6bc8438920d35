# SPDX-License-Identifier: GPL-2.0-only
"""The part of make test that puts faults into what it tests."""

from __future__ import annotations

import unittest
from pathlib import Path
from unittest import mock

import support  # noqa: F401  pylint: disable=unused-import
from harness import cli, settings
from harness.bite import bite, canaries, mutant, mutant_gen, mutants
from harness.bite.mutant import Change, Mutant
from harness.bite.mutant_report import Report
from harness.bite.mutant_run import Outcome, State
from harness.boot.lanes import LANES
from harness.build.prepare import Clock, Work
from harness.host.source import KernelSource
from harness.model import GateState, LaneResult, Status, Verdict
from harness.verdict import report_term


def mutated(name: str, entry: str = "") -> Mutant:
    return Mutant(name, "what", {"panthor_x.c": (Change(1, ("right",), ("wrong",)),)}, "", entry)


def lane(*outcomes: Outcome) -> LaneResult:
    work = Work(settings.parse(["test", "KERNEL=7.2"]), mock.Mock(spec=KernelSource, series="7.2", version="7.2.1"),
                Clock())
    return bite.lane(work, Report("t", "make test", list(outcomes), "{name}"), 5)


DEAD = Outcome(mutated("B01-x", "B01"), State.KILLED, "suite.case")


class Outcomes(unittest.TestCase):
    """What is red, and what is only said."""

    def test_all_dead(self) -> None:
        result = lane(DEAD, Outcome(mutated("x.f.negate.1"), State.KILLED, "suite.case"))
        self.assertTrue(result.ok)
        self.assertEqual([gate.state for gate in result.gates], [GateState.GREEN])
        self.assertEqual(result.seed, "5")

    def test_each_other_end_of_a_catalog_mutant_is_red(self) -> None:
        for state in State:
            if state is not State.KILLED:
                result = lane(DEAD, Outcome(mutated("B02-y", "B02"), state))
                self.assertFalse(result.ok, state)
                self.assertEqual(result.gates[0].state, GateState.RED)
                self.assertIn("B02-y", result.gates[0].detail)

    def test_generated_one_that_lives_is_listed(self) -> None:
        result = lane(DEAD, Outcome(mutated("x.f.negate.1"), State.SURVIVED))
        self.assertTrue(result.ok)
        self.assertEqual((result.cases[1].status, result.cases[1].known), (Status.FAIL, bite.UNNOTICED))
        self.assertIn("known: nobody notices x.f.negate.1", result.gates[0].detail)

    def test_generated_one_that_is_none(self) -> None:
        for state in (State.SAME, State.BROKEN):
            self.assertEqual(lane(DEAD, Outcome(mutated("x.f.negate.1"), state)).cases[1].status, Status.SKIP)
        self.assertFalse(lane(DEAD, Outcome(mutated("x.f.negate.1"), State.STALE)).ok)

    def test_none_of_the_catalog(self) -> None:
        self.assertFalse(lane(Outcome(mutated("x.f.negate.1"), State.KILLED, "a.b")).ok)

    def test_can_be_repeated(self) -> None:
        result = lane(Outcome(mutated("B02-y", "B02"), State.SURVIVED))
        command = report_term.repro(Verdict([result]))
        self.assertEqual(command, "make mutants KERNEL=7.2 FILTER=panthor_mutant.B02-y")
        s = settings.parse(command.split()[1:])
        self.assertEqual([one.name for one in mutants.chosen(s, [mutated("B02-y", "B02")], [], 1)], ["B02-y"])


class Chosen(unittest.TestCase):
    """Which ones."""

    def test_handful_and_what_the_seed_adds(self) -> None:
        generated = mutant_gen.all_of()
        some = bite.chosen(mutant.catalog(), generated, 7)
        self.assertEqual([one.name for one in some], [one.name for one in bite.chosen(mutant.catalog(), generated, 7)])
        self.assertGreaterEqual(sum(bool(one.entry) for one in some), 5)
        self.assertEqual(sum(not one.entry for one in some), bite.RANDOM)

    def test_no_known_equivalent(self) -> None:
        generated = mutant_gen.all_of()
        known = set(mutants.equivalent(generated))
        for seed in range(1, 400):
            self.assertEqual({one.name for one in bite.chosen([], generated, seed)} & known, set())

    def test_canaries(self) -> None:
        some = [one for one in canaries.TABLE if one.quick]
        self.assertTrue({"lockdep", "kasan", "kmemleak", "warn", "sim", "complete", "required"} <=
                        {gate for one in some for gate in one.red})
        self.assertLess(len(some), len(canaries.TABLE))


class PartOfTest(unittest.TestCase):
    """When make test has them."""

    def bites(self, *words: str, lanes: str = "um") -> bool:
        with mock.patch.object(settings, "drivers", lambda: ("core", "stock")):
            plan = cli._test_plan(settings.parse([*words]), [LANES[lanes]])    # pylint: disable=protected-access
        return cli._bites(plan[0])    # pylint: disable=protected-access

    def test_when(self) -> None:
        self.assertTrue(self.bites("test"))
        self.assertTrue(self.bites("test", "KERNEL=7.2"))
        self.assertFalse(self.bites("test", "DRIVER=stock"))
        self.assertFalse(self.bites("test", "FILTER=panthor_gem_pin"))
        self.assertFalse(self.bites("test", lanes="arm64"))
        self.assertFalse(self.bites("verify"))

    def test_not_after_a_failure(self) -> None:
        work = Work(settings.parse(["test"]), mock.Mock(spec=KernelSource, series="7.3", version="7.3.4"), Clock())
        self.assertEqual({gate.state for one in bite.not_run(work) for gate in one.gates}, {GateState.OFF})

    def test_runs_on_our_core(self) -> None:
        """Built last, reported first."""
        order: list[str] = []
        s = settings.parse(["test"])
        plan = [(settings.other(s, "DRIVER", name), [LANES["um"]]) for name in ("core", "stock")]

        def work(one: settings.Settings, _clock: Clock) -> mock.Mock:
            order.append(one.driver)
            return mock.Mock(settings=one, root=Path(one.driver))

        with mock.patch.multiple(cli.prepare, prepare=work, host_tools=mock.DEFAULT), \
                mock.patch.multiple(cli, _new_results=mock.DEFAULT, _versions=lambda *_: {}, _report=mock.DEFAULT), \
                mock.patch.object(cli.locks, "locked"), \
                mock.patch.object(cli.lanerun, "build", lambda one, _: [one.settings.driver]), \
                mock.patch.object(cli.lanerun, "run_all", lambda built, _, done: done.extend(
                    LaneResult("um", name, "7.3") for name in built)), \
                mock.patch.object(cli.bite, "run", lambda one, _: [LaneResult("m", one.settings.driver, "7.3")]):
            verdict = cli._verify(s, Clock(), plan)    # pylint: disable=protected-access
        self.assertEqual(order, ["stock", "core"])
        self.assertEqual([one.title for one in verdict.lanes], ["core-7.3-um", "stock-7.3-um", "core-7.3-m"])


if __name__ == "__main__":
    unittest.main()
