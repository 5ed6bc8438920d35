# SPDX-License-Identifier: GPL-2.0-only
"""The table of the command bench, from recorded lines."""

import json
import re
import unittest

import support  # noqa: F401  pylint: disable=unused-import
from harness import bench, expect, settings
from harness.bench import Row, Value
from harness.lanes import LANES
from harness.model import UsageError

SOURCE = settings.REPO / "tools/testing/selftests/drm/panthor/bench.c"
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
        self.lean = bench.read(LOG)

    def line(self, title: str, boots: dict[str, dict[str, Value]]) -> str:
        found = [line for line in bench.table(boots) if title in line]
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
        self.assertIsNone(bench.value_of(row, {"a": Value(1, "")}))
        self.assertIsNone(bench.value_of(row, {"a": Value(1, ""), "b": Value(0, "")}))

    def test_sections_without_results_are_left_out(self) -> None:
        self.assertNotIn("traffic of the GPU", bench.table({"lean": self.lean}))

    def test_json_has_what_the_table_has(self) -> None:
        data = json.loads(bench.as_json({"linux": "7.3"}, {"lean": self.lean}))
        self.assertEqual(data["boots"]["lean"]["roundtrips"], {"number": 1543.0, "unit": "/s"})
        self.assertEqual(data["goals"]["probe_ms"], "<= 500")
        self.assertEqual(data["linux"], "7.3")

    def test_table_is_what_the_program_prints(self) -> None:
        text = SOURCE.read_text(encoding="utf-8")
        printed = set(re.findall(r'\b(?:result|loop)\((?:&gpu, )?"(\w+)"', text))
        shown = {name for rows in bench.TABLE.values() for row in rows
                 for name in (row.name, row.peer) if name}
        self.assertEqual(printed, shown)

    def test_cases_are_those_of_the_program(self) -> None:
        table = SOURCE.read_text(encoding="utf-8").partition("} cases[] = {")[2]
        self.assertEqual(tuple(re.findall(r'\{ "(\w+)", bench_', table)), settings.OWN_CASES["bench"])


class CommandLine(unittest.TestCase):
    def test_failures_known_elsewhere_are_not_expected_here(self) -> None:
        folder = settings.REPO / "ci/expect"
        for lane in ("arm64-bench", "arm64-lean-bench", "arm64-client"):
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
