# SPDX-License-Identifier: GPL-2.0-only
"""Results, running test, durations and attribution on recorded logs."""

import os
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Optional

import support
from harness.model import Case, HarnessError, Status
from harness.verdict import ktap


def kernel_tree() -> Optional[Path]:
    """A kernel tree for its kunit_parser: KERNEL, or the newest cached."""
    cache = Path(os.environ.get("XDG_CACHE_HOME",
                                Path.home() / ".cache")) / "panthor-harness"
    found = sorted(cache.glob("src/linux-*"), reverse=True)
    if os.environ.get("KERNEL", "").startswith("/"):
        found.insert(0, Path(os.environ["KERNEL"]))
    return next((t for t in found if
                 (t / "tools/testing/kunit/kunit_parser.py").is_file()), None)


TREE = kernel_tree()
NEEDS_TREE = unittest.skipUnless(
    TREE, "no kernel tree for kunit_parser.py: set KERNEL=DIR or run "
    "'make tree' once")


def text(name: str) -> str:
    return (support.DATA / f"{name}.log").read_bytes().decode()


def parse(name: str) -> ktap.ParsedKtap:
    return parse_text(text(name))


def parse_text(log: str) -> ktap.ParsedKtap:
    assert TREE is not None
    return ktap.parse(log, TREE)


def case(parsed: ktap.ParsedKtap, name: str) -> Case:
    return next(c for c in parsed.cases if c.full_name == name)


class Cleaning(unittest.TestCase):
    def test_prefixes(self) -> None:
        lines = ktap.clean_lines(
            "[    1.250000] a\r\n[    1.5][    T1]     b\r\n[   12.0][C0] c\n"
            "<6>[    2.000001] d\n\x1b[2Je\nspinner\rf\n")
        self.assertEqual([(li.stamp, li.text) for li in lines],
                         [(1.25, "a"), (1.5, "    b"), (12.0, "c"),
                          (2.000001, "d"), (None, "e"), (None, "f"),
                          (None, "")])

    def test_register_dump_is_no_result(self) -> None:
        self.assertFalse(ktap.structural("Modules linked in: panthor(O)"))
        self.assertTrue(ktap.structural("    not ok 2 x # SKIP y"))


@NEEDS_TREE
class Results(unittest.TestCase):
    def test_pass(self) -> None:
        got = parse("um_pass")
        self.assertEqual(got.errors, [])
        self.assertIsNone(got.started)
        self.assertEqual([c.full_name for c in got.cases], [
            "panthor_gem_pin.pin_twice", "panthor_gem_pin.pin_after_evict",
            "panthor_gem_pin.pin_alloc_fails",
            "panthor_gem_reclaim.count_empty",
            "panthor_gem_reclaim.nr_to_scan:one page",
            "panthor_gem_reclaim.nr_to_scan:exactly the LRU",
            "panthor_gem_reclaim.nr_to_scan:more than the LRU",
            "panthor_gem_reclaim.swap_off", "panthor_gate.markers"])
        skip = case(got, "panthor_gem_reclaim.swap_off")
        self.assertIs(skip.status, Status.SKIP)
        self.assertEqual(skip.reason, "stock panthor has no swap table")
        self.assertEqual({c.status for c in got.cases if c is not skip},
                         {Status.PASS})

    def test_seconds(self) -> None:
        got = parse("um_pass")
        self.assertAlmostEqual(
            case(got, "panthor_gem_pin.pin_after_evict").seconds, 0.014)
        bare = "\n".join(li.text for li in
                         ktap.clean_lines(text("um_pass")))
        self.assertEqual({c.seconds for c in parse_text(bare).cases}, {0.0})

    def test_fail(self) -> None:
        got = parse("um_fail")
        bad = case(got, "panthor_gem_pin.pin_after_evict")
        self.assertIs(bad.status, Status.FAIL)
        self.assertIn("EXPECTATION FAILED at drivers/gpu/drm/panthor/tests/"
                      "panthor_gem_pin_test.c:142: Expected ret == 0, but "
                      "ret == -12", bad.reason)
        line = int(bad.reason.rsplit("log line ", 1)[1].rstrip(")"))
        self.assertIn("EXPECTATION FAILED",
                      text("um_fail").splitlines()[line - 1])
        self.assertTrue(any("ret == -12" in li for li in bad.log))
        self.assertEqual(got.errors, [])

    def test_failing_parameter(self) -> None:
        got = parse("um_param_fail")
        bad = [c for c in got.cases if c.bad]
        self.assertEqual([c.full_name for c in bad],
                         ["panthor_gem_reclaim.nr_to_scan:exactly the LRU"])
        self.assertIn("Expected freed == 4", bad[0].reason)

    def test_empty_plan_at_boot_is_no_error(self) -> None:
        boot = "[    2.0] KTAP version 1\n[    2.0] 1..0\n"
        log = (support.DATA / "um_pass.log").read_text(encoding="utf-8")
        self.assertEqual(ktap.parse(boot + log, TREE).errors, [])
        self.assertTrue(ktap.parse(boot, TREE).errors)

    def test_message_of_kunit_fail(self) -> None:
        # KUNIT_FAIL() prints its message on a line of its own, not indented.
        text = ("    # a_case: EXPECTATION FAILED at check.c:397\n"
                "invariant violated: I11: state UNUSED\n"
                "    not ok 1 a_case\n")
        reason = ktap.reason_of(ktap.clean_lines(text))
        self.assertIn("I11", reason)
        self.assertNotIn("not ok", reason)

    def test_xpass(self) -> None:
        got = parse("um_xpass")
        self.assertIs(case(got, "panthor_gem_pin.pin_after_evict").status,
                      Status.XPASS)

    def test_all_skipped(self) -> None:
        got = parse("um_all_skipped")
        self.assertEqual({c.status for c in got.cases}, {Status.SKIP})

    def test_suite_init(self) -> None:
        got = parse("um_suite_init")
        bad = case(got, "panthor_gem_pin.(suite)")
        self.assertIs(bad.status, Status.FAIL)
        self.assertIn("failed to initialize (-12)", bad.reason)
        self.assertEqual(case(got, "panthor_gem_vmap.(suite)").reason,
                         "no vmalloc")

    def test_case_fails_behind_its_parameters(self) -> None:
        log = text("um_pass").replace("ok 2 nr_to_scan", "not ok 2 nr_to_scan")
        self.assertIs(case(parse_text(log),
                           "panthor_gem_reclaim.nr_to_scan").status,
                      Status.FAIL)

    def test_serial_console_and_module_load(self) -> None:
        got = parse("arm64_serial")
        self.assertEqual(got.errors, [])
        self.assertEqual(got.documents, 2)
        self.assertEqual(len(got.cases), 9)
        self.assertEqual(got.cases[0].full_name, "drm_exec.sanitycheck")
        self.assertGreater(got.cases[1].seconds, 0)

    def test_skipped_binary(self) -> None:
        got = parse_text("KTAP version 1\n1..0 # SKIP no swap\n")
        self.assertEqual([(c.status, c.reason) for c in got.cases],
                         [(Status.SKIP, "no swap")])
        self.assertEqual(got.errors, [])


@NEEDS_TREE
class Broken(unittest.TestCase):
    def test_died(self) -> None:
        got = parse("um_die")
        name = "panthor_gem_reclaim.evict_while_mapped"
        self.assertEqual(got.started, name)     # from the call trace
        bad = [c for c in got.cases if c.bad]
        self.assertEqual([(c.full_name, c.status) for c in bad],
                         [(name, Status.CRASH)])
        self.assertTrue(any("Kernel panic" in li for li in bad[0].log))
        self.assertTrue(any("broke off" in e for e in got.errors))

    def test_hung(self) -> None:
        self.assertEqual(parse("um_hung").started,      # from its message
                         "panthor_gem_reclaim.evict_while_mapped")

    def test_no_clue(self) -> None:
        log = "".join(text("um_hung").splitlines(True)[:-1])
        self.assertEqual(parse_text(log).started,
                         "panthor_gem_reclaim.(case 3 after scan_order)")

    def test_truncated(self) -> None:
        got = parse("um_truncated")
        self.assertIsNotNone(got.started)
        self.assertTrue(got.errors)

    def test_every_prefix_of_a_good_log_is_bad(self) -> None:
        lines = text("um_pass").splitlines(True)
        end = next(i for i, li in enumerate(lines) if
                   li.rstrip().endswith("] ok 3 panthor_gate"))
        for cut in range(end + 1):
            got = parse_text("".join(lines[:cut]))
            self.assertTrue(got.errors, f"cut before line {cut + 1}")

    def test_no_ktap(self) -> None:
        got = parse("um_no_ktap")
        self.assertEqual((got.cases, got.errors),
                         ([], ["no KTAP output in the log"]))

    def test_numbers_and_plan(self) -> None:
        good = text("um_pass")
        for old, new in (("    ok 2 pin_after", "    ok 7 pin_after"),
                         ("    1..3\n", "    1..2\n"),
                         ("    1..3\n", "    1..4\n"),
                         ("] 1..3\n", "] 1..4\n"),
                         ("ok 1 panthor_gem_pin\n", "nothing\n")):
            log = good.replace(old, new, 1)
            self.assertNotEqual(log, good)
            self.assertTrue(parse_text(log).errors, f"{old} -> {new}")

    def test_executor_error(self) -> None:
        got = parse_text("kunit executor: error filtering suites: -22\n"
                         "KTAP version 1\n1..0\n")
        self.assertTrue(any("error filtering" in e for e in got.errors))

    def test_no_tree(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            with self.assertRaises(HarnessError):
                ktap.parse(text("um_pass"), Path(empty))


@NEEDS_TREE
class Isolation(unittest.TestCase):
    def test_tree_is_left_alone(self) -> None:
        assert TREE is not None
        with tempfile.TemporaryDirectory() as tmp:
            folder = Path(tmp) / "tools/testing/kunit"
            folder.mkdir(parents=True)
            for name in ("kunit_parser.py", "kunit_printer.py"):
                (folder / name).write_bytes(
                    (TREE / "tools/testing/kunit" / name).read_bytes())
            path = list(sys.path)
            ktap.parse(text("um_pass"), Path(tmp))
            self.assertEqual(sorted(p.name for p in folder.iterdir()),
                             ["kunit_parser.py", "kunit_printer.py"])
            self.assertEqual(sys.path, path)
            self.assertNotIn("kunit_parser", sys.modules)


if __name__ == "__main__":
    unittest.main()
