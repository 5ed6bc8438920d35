# SPDX-License-Identifier: GPL-2.0-only
"""Variables and bad input: one line, the right exit status, nothing built."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support  # noqa: F401  pylint: disable=unused-import

from harness import cli, settings
from harness.model import UsageError

REQUIRED = settings.REPO / "ci/expect"


def refuse(*argv: str) -> tuple[int, str]:
    """Exit status and message of a call that must fail before any work."""
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()), \
            mock.patch.object(cli, "_verify", side_effect=AssertionError("work was begun")):
        status = cli.main(list(argv))
    return status, err.getvalue()


class BadInput(unittest.TestCase):
    def check(self, words: tuple[str, ...], *mentions: str) -> None:
        status, text = refuse(*words)
        self.assertEqual(status, 2, text)
        self.assertEqual(len(text.strip().splitlines()), 1, text)
        for word in mentions:
            self.assertIn(word, text)

    def test_unknown_driver(self) -> None:
        self.check(("verify", "DRIVER=stokc"), "stokc", "stock")

    def test_no_core_in_the_tree(self) -> None:
        with mock.patch.object(settings.treefiles, "core_files", return_value=[Path("Makefile.core")]):
            self.check(("verify", "DRIVER=core"), "DRIVER=core", "DRIVER=stock")

    def test_unknown_lane(self) -> None:
        with tempfile.TemporaryDirectory() as out:
            self.check(("verify", "LANES=um,riscv", f"O={out}"), "riscv", "arm64")

    def test_unknown_command(self) -> None:
        self.check(("verfy",), "verfy", "verify")

    def test_no_command(self) -> None:
        self.check((), "make help")

    def test_unknown_variable(self) -> None:
        self.check(("verify", "KERNL=7.3"), "KERNL", "KERNEL")

    def test_filter_matching_no_suite(self) -> None:
        self.check(("kunit", "FILTER=panfrost*"), "panfrost", "panthor_gem_pin")

    def test_filter_matching_no_case(self) -> None:
        self.check(("kunit", "FILTER=panthor_gem_pin.nothing_like_it"), "nothing_like_it")

    def test_jobs_not_a_number(self) -> None:
        self.check(("verify", "JOBS=many"), "many")

    def test_output_with_foreign_files(self) -> None:
        with tempfile.TemporaryDirectory() as out:
            (Path(out) / "thesis.tex").write_text("x", encoding="ascii")
            self.check(("verify", "LANES=um", f"O={out}"), out, "O=")

    def test_output_that_cannot_be_made(self) -> None:
        with tempfile.NamedTemporaryFile() as file:
            self.check(("verify", "LANES=um", f"O={file.name}/below"), "O=")

    def test_clean_leaves_foreign_folders(self) -> None:
        with tempfile.TemporaryDirectory() as out:
            (Path(out) / "trees").mkdir()
            self.check(("clean", f"O={out}"), out)
            self.assertTrue((Path(out) / "trees").is_dir())


class Defaults(unittest.TestCase):
    def test_kunit_is_um_only(self) -> None:
        self.assertEqual(settings.parse(["kunit"]).lanes, "um")

    def test_empty_values_are_not_given(self) -> None:
        self.assertEqual(settings.parse(["verify", "KERNEL=", "FILTER="]).given, {})

    def test_filter_globs(self) -> None:
        settings.check_filter("panthor_gem_*")
        settings.check_filter("panthor_gem_pin.pins_*")
        with self.assertRaises(UsageError):
            settings.check_filter("panthor_gem_pin.x*")

    def test_repeat_command_names_the_run(self) -> None:
        one = settings.parse(["verify", "KERNEL=7.2", "LANES=um arm64", "V=1"])
        self.assertEqual(one.again("arm64", ["FILTER=a.b"]),
                         "make verify KERNEL=7.2 LANES=arm64 FILTER=a.b")
        self.assertEqual(one.again("um"), "make kunit KERNEL=7.2")

    def test_clean_removes_what_it_made(self) -> None:
        with tempfile.TemporaryDirectory() as base:
            out = Path(base) / "o"
            one = settings.parse(["tree", f"O={out}"])
            settings.prepare_output(one)
            (out / "trees/x").mkdir(parents=True)
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(cli.main(["clean", f"O={out}"]), 0)
            self.assertFalse((out / "trees").exists())


class Driver(unittest.TestCase):
    """DRIVER= is checked and has a default."""

    def test_core_unless_told(self) -> None:
        self.assertEqual(settings.parse(["verify"]).driver, "core")
        self.assertEqual(settings.parse(["verify", "DRIVER=stock"]).driver, "stock")

    def test_stock_where_there_is_no_core(self) -> None:
        with mock.patch.object(settings.treefiles, "core_files", return_value=[]):
            self.assertEqual(settings.parse(["verify"]).driver, "stock")

    def test_half_a_core_is_one(self) -> None:
        with mock.patch.object(settings.treefiles, "core_files", return_value=[Path("panthor_mmu.c")]):
            self.assertEqual(settings.parse(["verify", "DRIVER=core"]).driver, "core")


class Suites(unittest.TestCase):
    """Where suites and programs are found."""

    def test_suites_of_driver_and_model(self) -> None:
        known = settings.known_tests()
        self.assertIn("unknown_offset", known["panthor_sim_regs"])
        self.assertIn("panthor_gem_pin", known)
        self.assertEqual(set(known), set(settings.known_tests(settings.TESTS)) |
                         set(settings.known_tests(settings.SIM_TESTS)))

    def test_filter_chooses_between_the_boots(self) -> None:
        every = sum(len(cases) for cases in settings.sim_tests().values())
        smoke = settings.sim_tests()["smoke"]
        stores = sum(name.endswith(".store") for name in smoke)
        self.assertGreater(every, 25)
        self.assertLess(0, stores)
        self.assertLess(stores, len(smoke))
        for pattern, kunit, programs in (
                (None, True, every), ("panthor_sim_*", True, 0), ("sim", False, 4),
                ("sim.probe", False, 1), ("*", True, every), ("sim.nothing", False, 0),
                ("smoke.*", False, len(smoke)), ("smoke.*.store", False, stores)):
            with self.subTest(pattern):
                self.assertEqual(settings.kunit_left(pattern), kunit)
                self.assertEqual(len(settings.chosen_programs(pattern)), programs)

    def test_filter_may_name_a_program(self) -> None:
        settings.check_filter("sim.probe")
        with self.assertRaisesRegex(UsageError, "matches no test"):
            settings.check_filter("sim.nothing")

    def test_programs_are_required(self) -> None:
        for lane in ("arm64", "x86_64", "um"):
            text = (REQUIRED / f"{lane}-sim-required.txt").read_text(encoding="utf-8")
            listed = [line for line in text.splitlines() if line and not line.startswith("#")]
            self.assertEqual(listed, [f"{suite}.{case}" for suite, cases in settings.sim_tests().items()
                                      for case in cases])


class RequiredLists(unittest.TestCase):
    """A case that exists is required; a required one exists."""

    def test_lists_equal_the_sources(self) -> None:
        cases = {f"{suite}.{case}" for suite, names in settings.known_tests().items()
                 for case in names}
        self.assertGreater(len(cases), 30)
        for lane in ("um", "arm64", "x86_64"):
            text = (REQUIRED / f"{lane}-required.txt").read_text(encoding="utf-8")
            listed = {line for line in text.splitlines() if line and not line.startswith("#")}
            wanted = {c for c in cases if lane != "um" or not c.startswith("panthor_gem_huge.")}
            self.assertEqual(listed, wanted, lane)


if __name__ == "__main__":
    unittest.main()
