# SPDX-License-Identifier: GPL-2.0-only
"""Runs again and again, of fakes: what differs between them is red."""

from __future__ import annotations

import contextlib
import io
import json
import unittest
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Callable, Optional
from unittest import mock

from support import Folder

from harness import cli, locks, settings
from harness.boot import lanerun
from harness.boot.lanes import LANES
from harness.build import prepare
from harness.build.prepare import Clock, Work
from harness.measure import soak
from harness.model import Case, Gate, GateState, HarnessError, LaneResult, Status

PASS, FAIL, SKIP = Status.PASS, Status.FAIL, Status.SKIP
Fake = Callable[[int], list[LaneResult]]


def boot(gate: GateState = GateState.GREEN, complete: bool = True, **cases: Status) -> list[LaneResult]:
    """A run of one boot with these cases and gates."""
    end = Gate("complete", GateState.GREEN if complete else GateState.RED)
    found = [Case("panthor_x", name, status) for name, status in cases.items()]
    return [LaneResult("um", "core", "7.3", cases=found, gates=[end, Gate("lockdep", gate)])]


class Soak(Folder):
    """The table, the files, and the exit status."""

    runs: list[str]
    text = ""

    def soak(self, fake: Fake, *words: str, ends: Optional[type[BaseException]] = None) -> int:
        self.runs = []

        def run(seed: str, folder: Path) -> list[LaneResult]:
            self.runs.append(seed)
            (folder / "um.log").write_text("log", encoding="ascii")
            return fake(len(self.runs))

        s = settings.parse(["soak", *(words or ("N=4",))])
        out = io.StringIO()
        status = -1
        with contextlib.redirect_stdout(out):
            if ends:
                with self.assertRaises(ends):
                    soak.soak(s, run, self.dir, Clock())
            else:
                status = soak.soak(s, run, self.dir, Clock())
        self.text = out.getvalue()
        self.assertEqual(status != 1, status == -1 or "verdict: OK" in self.text, self.text)
        return status

    def kept(self) -> list[str]:
        return sorted(path.name.split("-")[1] for path in self.dir.glob("run-*"))

    def record(self) -> dict[str, dict[str, object]]:
        data = json.loads((self.dir / "soak.json").read_text(encoding="utf-8"))
        return {row["test"]: row for row in data["tests"]}

    def test_all_alike(self) -> None:
        self.assertEqual(self.soak(lambda no: boot(a=PASS, b=SKIP)), 0)
        self.assertEqual(self.kept(), [])
        self.assertIn("4 runs, 4 ok, 0 failed; of 4 tests and gates 0 flaky, 0 always bad", self.text)

    def test_one_failure_is_flaky_and_red(self) -> None:
        self.assertEqual(self.soak(lambda no: boot(a=PASS, b=FAIL if no == 3 else PASS)), 1)
        row = self.record()["panthor_x.b"]
        self.assertEqual((row["flaky"], row["seeds"]), (True, [self.runs[2]]))
        self.assertFalse(self.record()["panthor_x.a"]["bad"])
        self.assertEqual(self.kept(), ["0003"])
        self.assertTrue(next(self.dir.glob("run-0003-*/um.log")).exists())
        self.assertRegex(self.text, rf"panthor_x\.b +flaky +1 +1 fail, 3 pass; SEED={self.runs[2]}")
        self.assertIn("3 ok, 1 failed; of 4 tests and gates 1 flaky, 0 always bad", self.text)

    def test_a_constant_failure_is_not_flaky(self) -> None:
        self.assertEqual(self.soak(lambda no: boot(a=FAIL)), 1)
        self.assertFalse(self.record()["panthor_x.a"]["flaky"])
        self.assertRegex(self.text, r"panthor_x\.a +always +4 +4 fail")
        self.assertEqual(len(self.kept()), 4)

    def test_a_skip_now_and_then_is_red(self) -> None:
        self.assertEqual(self.soak(lambda no: boot(a=SKIP if no == 2 else PASS)), 1)
        self.assertEqual(self.record()["panthor_x.a"]["seeds"], [self.runs[1]])
        self.assertIn("4 ok, 0 failed; of 3 tests and gates 1 flaky", self.text)

    def test_a_gate_now_and_then_is_red(self) -> None:
        def fake(state: GateState) -> Fake:
            return lambda no: boot(state if no == 2 else GateState.GREEN, a=PASS)
        for state in (GateState.RED, GateState.OFF):
            self.assertEqual(self.soak(fake(state)), 1)
            self.assertTrue(self.record()["gate lockdep"]["flaky"])

    def test_a_test_that_did_not_run_once_is_red(self) -> None:
        self.assertEqual(self.soak(lambda no: boot(a=PASS) if no == 2 else boot(a=PASS, b=PASS)), 1)
        self.assertEqual(self.record()["panthor_x.b"]["counts"], {"pass": 3, "missing": 1})

    def test_what_a_dead_boot_lacks_is_not_counted(self) -> None:
        self.assertEqual(self.soak(lambda no: boot(complete=False, a=Status.CRASH) if no == 2
                                   else boot(a=PASS, b=PASS)), 1)
        self.assertEqual(self.record()["panthor_x.b"]["counts"], {"pass": 3})
        self.assertTrue(self.record()["panthor_x.a"]["flaky"])

    def test_known_failures_are_as_expected(self) -> None:
        def fake(_no: int) -> list[LaneResult]:
            some = boot(a=FAIL)
            some[0].cases[0].known = "D1"
            return some
        self.assertEqual(self.soak(fake), 0)
        self.assertEqual(self.record()["panthor_x.a"]["counts"], {"known": 4})

    def test_nothing_ran(self) -> None:
        self.assertEqual(self.soak(lambda no: []), 1)

    def test_stop_at_the_first_failure(self) -> None:
        self.assertEqual(self.soak(lambda no: boot(a=FAIL if no == 2 else PASS), "N=9", "STOP=1"), 1)
        self.assertEqual(len(self.runs), 2)

    def test_seeds(self) -> None:
        self.soak(lambda no: boot(a=PASS), "N=5")
        self.assertEqual(len(set(self.runs)), 5)
        self.soak(lambda no: boot(a=PASS), "N=3", "SEED=77")
        self.assertEqual(self.runs, ["77"] * 3)

    def test_interrupt_gives_the_table_so_far(self) -> None:
        def fake(no: int) -> list[LaneResult]:
            if no == 3:
                raise KeyboardInterrupt
            return boot(a=FAIL if no == 2 else PASS)
        self.soak(fake, ends=KeyboardInterrupt)
        self.assertIn("2 runs, 1 ok, 1 failed; of 3 tests and gates 1 flaky", self.text)
        self.assertEqual(self.kept(), ["0002"])
        self.assertTrue((self.dir / "junit.xml").exists())

    def test_a_run_that_cannot_be_made_ends_it(self) -> None:
        def fake(no: int) -> list[LaneResult]:
            if no == 2:
                raise HarnessError("no space")
            return boot(a=PASS)
        self.soak(fake, ends=HarnessError)
        self.assertIn("run 2 could not be made", self.text)
        self.assertIn("1 run, 1 ok", self.text)

    def test_junit(self) -> None:
        self.soak(lambda no: boot(a=PASS, b=FAIL if no == 3 else PASS))
        root = ET.parse(self.dir / "junit.xml").getroot()
        bad = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
        self.assertEqual(bad, ["b"])

    def test_a_failed_run_has_its_own_verdict(self) -> None:
        self.soak(lambda no: boot(a=FAIL))
        data = json.loads(next(self.dir.glob("run-0001-*/verdict.json")).read_text(encoding="utf-8"))
        self.assertFalse(data["ok"])


class Command(Folder):
    """Variables, and what is built how often."""

    def test_built_once_and_run_with_new_seeds(self) -> None:
        seeds: list[str] = []

        def run_all(built: list[lanerun.Built], _folder: Path, done: list[LaneResult]) -> None:
            seeds.append(str(built[0].work.settings.seed))
            done += boot(a=PASS)

        s = settings.parse(["soak", "N=3", f"O={self.dir}"])
        src = mock.Mock(ident="x", series="7.3", version="7.3.4")
        work = Work(s, src, Clock())
        work.root.mkdir(parents=True)
        with mock.patch.object(prepare, "host_tools"), mock.patch.object(prepare, "prepare", return_value=work), \
                mock.patch.object(lanerun, "build", side_effect=lambda w, lane: [lanerun.Built(w, lane)]) as build, \
                mock.patch.object(lanerun, "run_all", run_all), mock.patch.object(locks, "locked"), \
                contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(soak.run(s, [LANES["um"]], self.dir), 0)
        self.assertEqual(build.call_count, 1)
        self.assertEqual(len(set(seeds)), 3)
        self.assertIsNone(s.seed)

    def test_what_a_failed_run_says_to_type(self) -> None:
        s = settings.parse(["soak", "N=3", "STOP=1", "QUICK=1", "DRIVER=stock"])
        self.assertEqual(s.again("um", ["SEED=5"]), "make kunit DRIVER=stock SEED=5")

    def test_usage(self) -> None:
        for words in (["soak", "N=0"], ["soak", "N=many"], ["verify", "N=5"], ["kunit", "STOP=1"],
                      ["soak", "QUICK=1", "FILTER=panthor_gem_pin"]):
            err = io.StringIO()
            with contextlib.redirect_stderr(err):
                self.assertEqual(cli.main(words), 2, words)
            self.assertEqual(len(err.getvalue().splitlines()), 1)

    def test_interrupted_command(self) -> None:
        with mock.patch.object(soak, "run", side_effect=KeyboardInterrupt), \
                contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(cli.main(["soak", f"O={self.dir}/out"]), 130)


if __name__ == "__main__":
    unittest.main()
