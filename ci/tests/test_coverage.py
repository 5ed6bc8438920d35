# SPDX-License-Identifier: GPL-2.0-only
"""Coverage: what counts, and what makes it red."""

from __future__ import annotations

import json
import unittest

import support
from harness.measure import coverage, gcov
from harness.measure.gcov import File, Reason
from harness.model import HarnessError

SOURCE = ["int f(int a)", "{", "\tif (a)", "\t\treturn 1;", "\tdrm_WARN_ON(dev, a);", "\treturn 0;", "}"]
NAME = "panthor_x.c"


def report(**counts: int) -> str:
    """gcov's JSON for one object: lines of f(), by number."""
    lines = [{"line_number": int(key[1:]), "function_name": "f", "count": count,
              "branches": [{"count": count}, {"count": 0}] if key in ("l3", "l5") else []}
             for key, count in counts.items()]
    files = [{"file": f"drivers/gpu/{NAME}", "lines": lines,
              "functions": [{"name": "f", "start_line": 1, "execution_count": counts.get("l3", 0)}]},
             {"file": "include/linux/slab.h", "lines": lines, "functions": []}]
    return json.dumps({"files": files})


def files(**counts: int) -> dict[str, File]:
    found: dict[str, File] = {}
    gcov.parse(report(**counts), {NAME: SOURCE}, found)
    return found


class Counts(unittest.TestCase):
    """gcov's numbers."""

    def test_lines_and_branches(self) -> None:
        found = files(l3=4, l4=0, l5=4, l6=4)
        self.assertEqual(list(found), [NAME])
        # The warning's branches are not among them.
        self.assertEqual(found[NAME].total, gcov.Total(3, 4, 1, 2))
        self.assertEqual(found[NAME].of("f"), found[NAME].total)

    def test_objects_add_up(self) -> None:
        found = files(l3=1, l4=0)
        gcov.parse(report(l3=0, l4=2), {NAME: SOURCE}, found)
        self.assertEqual(found[NAME].total.hit, 2)

    def test_branches_of_two_kernels_add_up(self) -> None:
        def line(*counts: int) -> str:
            return json.dumps({"files": [{"file": NAME, "functions": [], "lines": [
                {"line_number": 3, "function_name": "f", "count": 1, "branches": [{"count": each} for each in counts]}]}]})
        counted = coverage.Counted({NAME: SOURCE})
        counted.add(coverage.SUITES, line(1, 0, 0))
        counted.add(coverage.PROGRAMS, line(1, 0, 5))
        self.assertEqual(counted.files[NAME].total, gcov.Total(1, 1, 2, 3))
        self.assertEqual([each[NAME].total.taken for each in counted.alone.values()], [1, 2])
        # Compiled otherwise: there is no telling which branch is which.
        counted.add(coverage.PROGRAMS, line(1, 1))
        self.assertEqual(counted.files[NAME].total, gcov.Total(1, 1, 2, 3))

    def test_nothing_is_complete(self) -> None:
        self.assertEqual(gcov.total([]).line_part, 100.0)


class Reasons(support.Folder):
    """Lines that never run."""

    def check(self, *reasons: tuple[str, str, str]) -> list[str]:
        known = [Reason(*each, "why", "reasons:1") for each in reasons]
        return gcov.explain(files(l3=4, l4=0, l5=4, l6=4), known)[1]

    def test_without(self) -> None:
        self.assertIn(f"{NAME}:4 f(): never runs, without a reason: return 1;", self.check()[0])

    def test_with(self) -> None:
        self.assertEqual(self.check((NAME, "f", "return 1;")), [])
        self.assertEqual(self.check((NAME, "f", "*")), [])

    def test_of_another(self) -> None:
        for reason in ((NAME, "g", "return 1;"), ("panthor_y.c", "f", "return 1;"), (NAME, "f", "return 2;")):
            self.assertEqual(len(self.check(reason)), 2)

    def test_for_a_line_that_runs(self) -> None:
        wrong = self.check((NAME, "f", "return 1;"), (NAME, "f", "return 0;"))
        self.assertEqual(len(wrong), 1)
        self.assertIn("reasons:1", wrong[0])

    def test_file(self) -> None:
        support.put(self.dir, {"reasons": "# comment\na.c | f | because\n"})
        with self.assertRaises(HarnessError) as caught:
            gcov.load_reasons(self.dir / "reasons")
        self.one_line(caught.exception, "reasons:2")
        support.put(self.dir, {"reasons": "# comment\n\na.c | f | x = a | b || c; | because\n"})
        reason = gcov.load_reasons(self.dir / "reasons")[0]
        self.assertEqual((reason.text, reason.why), ("x = a | b || c;", "because"))

    def test_ours_can_be_read(self) -> None:
        names = set(coverage.core_sources())
        self.assertEqual({each.file for each in gcov.load_reasons(coverage.REASONS)} - names, set())


class Verdict(unittest.TestCase):
    """What the command says."""

    def test_thresholds(self) -> None:
        good = {NAME: File(NAME, [], {number: gcov.Line("f", 1, [True] * 9 + [False]) for number in range(20)})}
        self.assertEqual(coverage.faults(good, []), [])
        self.assertEqual(coverage.faults(good, ["a line"]), ["a line"])
        bad = files(l3=4, l4=0, l5=4, l6=4)
        lines, branches = coverage.faults(bad, [])
        self.assertIn("75.0 % of the lines", lines)
        self.assertIn("50.0 % of the branches", branches)

    def test_reports(self) -> None:
        found = files(l3=4, l4=0, l5=4, l6=4)
        text = "\n".join(coverage.text_report(found, {}, {"KUnit": found}))
        self.assertIn("3/4", text)
        self.assertIn("f()", text)
        for reasons, kind in (({}, "no"), ({(NAME, 4): Reason(NAME, "f", "*", "<why>", "")}, "why")):
            page = coverage.html_report(found, reasons, "title", {"KUnit": found})
            self.assertIn(f"<span class='{kind}'", page)
            self.assertEqual("&lt;why&gt;" in page, kind == "why")

    def test_sources_are_those_of_the_core(self) -> None:
        names = coverage.core_sources()
        self.assertIn("panthor_gem_reclaim.c", names)
        self.assertTrue(all(name.endswith(".c") for name in names))


if __name__ == "__main__":
    unittest.main()
