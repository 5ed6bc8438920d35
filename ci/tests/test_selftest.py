# SPDX-License-Identifier: GPL-2.0-only
"""The kselftests: found in their sources, and one result for each."""

import os
import subprocess
import unittest
from typing import Optional
from unittest import mock

import support  # noqa: F401  pylint: disable=unused-import
from harness import settings
from harness.boot import sim
from harness.model import UsageError
from support import Folder, put

RUNNER = settings.REPO / "ci/vm/kselftest"
SOURCE = """
FIXTURE_VARIANT_ADD(gpu, a) {
};
FIXTURE_VARIANT_ADD(gpu, b) {
};
TEST_F(gpu, store)
TEST_F(one, query)
{
\tEXPECT_EQ(0, TEST_F(gpu, not_at_the_start_of_a_line));
TEST_F_TIMEOUT(one, streams_long, 60)
TEST_F(gpu, load)
TEST_HARNESS_MAIN
"""


class Found(Folder):
    """Names of tests, without running a program."""

    def test_names_as_the_harness_prints_them(self) -> None:
        put(self.dir, {"Makefile": "TEST_GEN_PROGS := t first\n", "t.c": SOURCE, "first.c": "TEST_F(a, b)\n",
                       "helpers.c": "TEST_F(no, program)\n"})
        self.assertEqual(list(settings.selftests(self.dir).items()), [("t", [
            "gpu.a.store", "gpu.a.load", "gpu.b.store", "gpu.b.load", "one.query", "one.streams_long"]),
            ("first", ["a.b"])])

    def test_no_program_is_forgotten(self) -> None:
        mains = [path.stem for path in settings.SELFTESTS.glob("*.c")
                 if "TEST_HARNESS_MAIN" in path.read_text(encoding="utf-8")]
        self.assertEqual(sorted(mains), sorted(settings.selftests()))

    def test_some_only_by_name(self) -> None:
        with mock.patch.object(settings, "selftests", lambda: {"t": ["one.query", "one.streams_long", "one.warns_alone"]}):
            for pattern in (None, "t", "*", "t.*", "t.one.streams_*", "t.one.w*"):
                self.assertFalse([each for each in settings.chosen_programs(pattern) if "one." in each[1]
                                  and each[1] != "one.query"], pattern)
            for name in ("one.streams_long", "one.warns_alone"):
                self.assertEqual([each[:2] for each in settings.chosen_programs(f"t.{name}")], [("t", name)])
            self.assertIn("PANTHOR_BY_NAME=1", settings.programs()["t"]["one.streams_long"])
            self.assertNotIn("PANTHOR_BY_NAME", settings.programs()["t"]["one.query"])
            self.assertNotIn("one.streams_long", settings.sim_tests()["t"])
            settings.check_filter("t.one.streams_long")
            with self.assertRaisesRegex(UsageError, "matches no test"):
                settings.check_filter("t.*_long")

    def test_what_ends_the_stock_driver_runs_with_the_core(self) -> None:
        with mock.patch.object(settings, "selftests", lambda: {"t": ["one.query", "one.crash_fatal"]}):
            def names(pattern: Optional[str], driver: str) -> list[str]:
                return [case for suite, case, _ in settings.chosen_programs(pattern, driver) if suite == "t"]
            for pattern in (None, "t.*"):
                self.assertEqual(names(pattern, "core"), ["one.query", "one.crash_fatal"])
                self.assertEqual(names(pattern, "stock"), ["one.query"])
            self.assertEqual(names("t.one.crash_fatal", "stock"), ["one.crash_fatal"])
            self.assertIn("PANTHOR_BY_NAME=1", settings.programs()["t"]["one.crash_fatal"])
            settings.check_filter("t.*_fatal", driver="core")
            with self.assertRaisesRegex(UsageError, "matches no test"):
                settings.check_filter("t.*_fatal", driver="stock")

    def test_long_ones_get_time(self) -> None:
        self.assertFalse(any("limit" in word for word in sim.words("7", ["one.query"])))
        self.assertIn(f"harness.limit={sim.LONG_SECONDS}", sim.words("7", ["one.streams_long"]))

    def test_the_seed_gets_there(self) -> None:
        self.assertTrue({"harness.seed=7", "panthor_sim.seed=7"} <= set(sim.words("7", [])))
        self.assertNotEqual(sim.words(None, []), sim.words(None, []))
        # The module's parameter has 32 bits.
        self.assertIn("panthor_sim.seed=1", sim.words(str(2**32 + 1), []))

    def test_how_long_is_up_to_the_caller(self) -> None:
        with mock.patch.dict(os.environ, {"PANTHOR_SECONDS": "30", "PANTHOR_CALLS": "x y", "PANTHOR_SEED": "3"}):
            self.assertEqual([word for word in sim.words("7", []) if word.startswith("harness.env")],
                             ["harness.env.PANTHOR_SECONDS=30"])
        self.assertFalse(any(word.startswith("harness.env") for word in sim.words("7", [])))

    def test_what_is_left_behind_is_looked_at_last(self) -> None:
        self.assertEqual(settings.chosen_programs(None)[-1][:2], ("sim", "violations"))


class Runner(Folder):
    """Output of a program to the exit status that the VM's init understands."""

    def run_with(self, output: str, status: int = 0, *wrapper: str) -> tuple[int, list[str]]:
        program = put(self.dir, {"t": f"#!/bin/sh\ncat <<'END'\n{output}\nEND\nexit {status}\n"}) / "t"
        program.chmod(0o755)
        ran = subprocess.run(["sh", str(RUNNER), str(program), "one.query", *wrapper], capture_output=True,
                             text=True, check=False, env={"PATH": "/usr/bin:/bin", "TMPDIR": str(self.dir)})
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["t"])
        return ran.returncode, ran.stdout.splitlines()

    def test_pass(self) -> None:
        self.assertEqual(self.run_with("TAP version 13\n1..1\nok 1 one.query")[0], 0)

    def test_failure(self) -> None:
        status, lines = self.run_with("1..1\n# smoke.c:7:query:Expected 0\nnot ok 1 one.query", 1)
        self.assertEqual(status, 1)
        self.assertIn("# smoke.c:7:query:Expected 0", lines)

    def test_skip_is_not_a_pass(self) -> None:
        status, lines = self.run_with("1..1\nok 1 one.query # SKIP no GPU")
        self.assertEqual((status, lines[-1]), (4, "no GPU"))

    def test_unknown_test(self) -> None:
        self.assertEqual(self.run_with("TAP version 13\n1..0")[0], 1)

    def test_death_before_the_result(self) -> None:
        self.assertEqual(self.run_with("TAP version 13\n1..1", 139)[0], 1)

    def test_other_test(self) -> None:
        self.assertEqual(self.run_with("1..1\nok 1 one.query_more")[0], 1)

    def test_pass_with_a_bad_status(self) -> None:
        self.assertEqual(self.run_with("1..1\nok 1 one.query", 1)[0], 1)

    def test_the_wrapper_has_the_last_word(self) -> None:
        self.assertEqual(self.run_with("1..1\nok 1 one.query", 0, "/usr/bin/env")[0], 0)
        self.assertEqual(self.run_with("1..1\nok 1 one.query", 0, "/bin/false")[0], 1)
        # What it says comes behind the result, which is a pass for the program.
        wrapper = put(self.dir.parent, {f"{self.dir.name}.wrapper": "#!/bin/sh\n\"$@\"\necho '# left behind'\nexit 1\n"}) \
            / f"{self.dir.name}.wrapper"
        wrapper.chmod(0o755)
        self.addCleanup(wrapper.unlink)
        status, lines = self.run_with("1..1\nok 1 one.query", 0, str(wrapper))
        self.assertEqual((status, lines[-1]), (1, "no plain pass, exit status 1"))
        self.assertIn("# left behind", lines)

    def test_unexpected_pass_is_none(self) -> None:
        self.assertEqual(self.run_with("1..1\nok 1 one.query # XPASS unknown")[0], 1)


class BootsTest(unittest.TestCase):
    """Which programs run in which boot."""

    def test_each_program_has_one_boot(self) -> None:
        steady, parallel = (sim.programs(None, kind) for kind in sim.KINDS)
        self.assertEqual(sorted(steady + parallel), sorted(settings.chosen_programs(None)))
        # Some have nothing but what runs by name.
        self.assertLessEqual({suite for suite, _, _ in parallel}, set(settings.PARALLEL))
        self.assertFalse({suite for suite, _, _ in steady} & set(settings.PARALLEL))

    def test_a_boot_is_not_asked_for_the_cases_of_the_other(self) -> None:
        self.assertIn("load.share.gpu", sim.left_out("sim"))
        self.assertNotIn("load.share.gpu", sim.left_out("smp"))
        self.assertIn("sim.probe", sim.left_out("smp"))

    def test_a_filter_boots_no_more_than_it_leaves(self) -> None:
        self.assertEqual(sim.kinds("load"), ["smp"])
        self.assertEqual(sim.kinds("smoke.*"), ["sim"])
        self.assertEqual(sim.kinds(None), list(sim.KINDS))


if __name__ == "__main__":
    unittest.main()
