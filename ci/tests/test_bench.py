# SPDX-License-Identifier: GPL-2.0-only
"""The table of the command bench, from recorded lines."""

import json
import re
import unittest

import support  # noqa: F401  pylint: disable=unused-import
from harness import settings
from harness.boot.lanes import LANES
from harness.measure import bench, benchtable
from harness.measure.benchtable import DRIVERS, KERNELS, Row, Value, meets, read, table
from harness.model import UsageError
from harness.verdict import expect

PROGRAM = [settings.SELFTESTS / name for name in ("bench.c", "bench_memory.c", "bench_swap.c")]
COUNTS = settings.TESTS / "measure_kunit.c"
LOG = """\
[    3.100000]     # begin roundtrip
[    5.200000]     # bench: roundtrips 1543 /s
[    5.200001]     # bench: roundtrips_pipe 6172 /s
[    5.200002]     # bench: probe_ms 12.50 ms
[    5.200003]     # bench: nonsense ms
[    5.200004]     ok 1 roundtrip
"""


class Table(unittest.TestCase):
    def setUp(self) -> None:
        self.lean = read(LOG)

    def line(self, title: str, boots: dict[str, dict[str, Value]]) -> str:
        found = [line for line in table(boots) if title in line]
        self.assertEqual(len(found), 1, title)
        return found[0]

    def test_reads_results(self) -> None:
        self.assertEqual(self.lean["roundtrips"], Value(1543, "/s"))
        self.assertEqual(self.lean["probe_ms"], Value(12.5, "ms"))
        self.assertEqual(len(self.lean), 3)

    def test_columns_and_goal(self) -> None:
        debug = {"roundtrips": Value(210, "/s")}
        line = self.line("one after the other", {"lean": self.lean, "debug": debug})
        self.assertRegex(line, r"1,543 /s +210 /s  >= 1000: yes")

    def test_a_missed_goal_says_no(self) -> None:
        slow = {"roundtrips": Value(999, "/s"), "probe_ms": Value(501, "ms")}
        self.assertTrue(self.line("one after the other", {"lean": slow}).endswith(": no"))
        self.assertTrue(self.line("bind to render node", {"lean": slow}).endswith(": no"))

    def test_the_goal_is_for_the_lean_kernel(self) -> None:
        line = self.line("one after the other", {"lean": {"probe_ms": Value(1, "ms")} | {
            "roundtrip_p50": Value(1, "us")}, "debug": {"roundtrips": Value(5000, "/s")}})
        self.assertTrue(line.endswith("unknown"), line)
        self.assertIn(" - ", line)

    def test_ratio_to_a_peer(self) -> None:
        self.assertIn(" 0.25", self.line("job : pipes", {"lean": self.lean}))
        row = Row("a", "", peer="b")
        self.assertIsNone(benchtable.value_of(row, {"a": Value(1, "")}))
        self.assertIsNone(benchtable.value_of(row, {"a": Value(1, ""), "b": Value(0, "")}))

    def test_sections_without_results_are_left_out(self) -> None:
        self.assertNotIn("traffic of the GPU", table({"lean": self.lean}))

    def test_json_has_what_the_tables_have(self) -> None:
        drivers = {"core": {"faults_2m": Value(32, "faults")}}
        data = json.loads(benchtable.as_json({"linux": "7.3"}, {"lean": self.lean}, drivers))
        self.assertEqual(data["boots"]["lean"]["roundtrips"], {"number": 1543.0, "unit": "/s"})
        self.assertEqual(data["drivers"]["core"]["faults_2m"]["number"], 32)
        self.assertEqual(data["goals"]["probe_ms"], "<= 500")
        self.assertEqual(data["linux"], "7.3")

    def test_tables_are_what_is_printed(self) -> None:
        printed = set(re.findall(r'\bmeasured\(test, "(\w+)"', COUNTS.read_text(encoding="utf-8")))
        for source in PROGRAM:
            printed |= set(re.findall(r'\b(?:result|loop)\((?:&gpu, )?"(\w+)"', source.read_text(encoding="utf-8")))
        shown = {name for rows in (*KERNELS.values(), *DRIVERS.values()) for row in rows
                 for name in (row.name, row.peer) if name}
        self.assertEqual(printed, shown)

    def test_cases_are_those_of_the_programs(self) -> None:
        cases = [re.findall(r'\{ "(\w+)", bench_', source.read_text(encoding="utf-8").partition("cases[] = {")[2])
                 for source in PROGRAM[:2]]
        self.assertEqual((*cases[0], "counts", *cases[1]), settings.OWN_CASES["bench"])
        self.assertEqual((*cases[0], *bench.COMPARED, *bench.SMALL), settings.OWN_CASES["bench"])

    def test_the_suite_that_counts_exists(self) -> None:
        self.assertIn(bench.SUITE, settings.known_tests())


class Drivers(unittest.TestCase):
    """The goals of the second table."""

    BOOTS = {"stock": {"faults_4k": Value(16384, "faults"), "submit_private": Value(90, "us")},
             "core": {"faults_4k": Value(256, "faults"), "submit_private": Value(91, "us")}}

    def line(self, title: str, boots: dict[str, dict[str, Value]]) -> str:
        return next(line for line in table(boots, DRIVERS, "core") if title in line)

    def test_goals_are_those_of_the_core(self) -> None:
        self.assertRegex(self.line("4 KiB: faults", self.BOOTS), r"16,384 faults +256 faults  <= stock/16: yes")

    def test_a_core_that_is_slower_misses_its_goal(self) -> None:
        self.assertTrue(self.line("resident private", self.BOOTS).endswith("<= stock: no"))

    def test_without_the_other_driver_nothing_is_said(self) -> None:
        self.assertTrue(self.line("resident private", {"core": self.BOOTS["core"]}).endswith("unknown"))

    def test_goal_that_is_a_part_of_stock(self) -> None:
        self.assertEqual(meets("<= stock/16", Value(1024, ""), Value(16384, "")), "yes")
        self.assertEqual(meets("<= stock/16", Value(1025, ""), Value(16384, "")), "no")
        self.assertEqual(meets("<= stock", Value(1, "")), "")

    def test_goal_that_leaves_room(self) -> None:
        self.assertEqual(meets("<= stock+1%", Value(101, ""), Value(100, "")), "yes")
        self.assertEqual(meets("<= stock+1%", Value(102, ""), Value(100, "")), "no")

    def test_boots_share_the_cases_out(self) -> None:
        cases = settings.own_programs("bench", None)
        alone, both = (bench.programs(cases, compared) for compared in (False, True))
        self.assertEqual({case for _, case, _ in alone + both} | {"counts"}, set(settings.OWN_CASES["bench"]))
        self.assertEqual({case for _, case, _ in alone} & {case for _, case, _ in both}, set())

    def test_small_pages_load_the_driver_once_more_and_once(self) -> None:
        for pattern in (None, "bench.footprint_small"):
            lines = [line for _, case, line in bench.programs(settings.own_programs("bench", pattern), True)
                     if case in bench.SMALL]
            self.assertIn("transparent_hugepage=N", lines[0])
            self.assertNotIn("insmod", "".join(lines[1:]))


class CommandLine(unittest.TestCase):
    def test_failures_known_elsewhere_are_not_expected_here(self) -> None:
        folder = settings.REPO / "ci/expect"
        for lane in ("arm64-bench", "arm64-lean-bench", "arm64-lean-drivers-bench",
                     "arm64-lean-counts-bench", "arm64-client"):
            self.assertEqual(expect.load_fails(folder, "stock", "7.3", lane), {})
        self.assertTrue(expect.load_fails(folder, "stock", "7.3", "arm64-sim"))
        self.assertTrue(expect.load_fails(folder, "stock", "7.3", "arm64"))

    def test_runs_in_a_vm(self) -> None:
        self.assertEqual(settings.parse(["bench"]).lanes, "vm")

    def test_filter(self) -> None:
        left = settings.own_programs("bench", "bench.m*")
        self.assertEqual(left, [("bench", "mmio", "/harness/bench mmio")])
        settings.parse(["bench", "FILTER=bench.m*"])
        with self.assertRaisesRegex(UsageError, "no case of bench: probe"):
            settings.parse(["bench", "FILTER=smoke"])
        with self.assertRaisesRegex(UsageError, "matches no test"):
            settings.parse(["verify", "FILTER=bench.mmio"])

    def test_again(self) -> None:
        s = settings.parse(["bench", "KERNEL=7.2", "FILTER=bench.mmio"])
        self.assertEqual(s.again("arm64", ["FILTER=bench.mmio"]),
                         "make bench KERNEL=7.2 LANES=arm64 FILTER=bench.mmio")

    def test_a_lean_lane_has_its_own_build_and_no_debug_options(self) -> None:
        lean = LANES["arm64"].without_debug()
        self.assertEqual(lean.name, "arm64-lean")
        self.assertNotIn("kasan", lean.fragment_names())
        self.assertIn("kasan", LANES["arm64"].fragment_names())


if __name__ == "__main__":
    unittest.main()
