# SPDX-License-Identifier: GPL-2.0-only
"""make matrix: a warning in one of our files turns its row red."""

from __future__ import annotations

import sys
import types
import unittest
from pathlib import Path
from typing import Any, Sequence
from unittest import mock

import support  # noqa: F401  pylint: disable=unused-import
from harness import procs, settings
from harness.build import kconfig
from harness.host import hosttools
from harness.measure import matrix
from harness.model import HarnessError, UsageError
from support import PANTHOR, Folder, put

OURS = {f"{PANTHOR}/panthor_gem.c", f"{PANTHOR}/tests/seam.h", f"{PANTHOR}/sim/sim.dtso"}


class Reports(unittest.TestCase):
    """What a compiler says, and whose fault it is."""

    def found(self, *lines: str) -> list[str]:
        return matrix.findings(lines, OURS)

    def test_ours(self) -> None:
        for line in (f"../tree/{PANTHOR}/panthor_gem.c:3:5: warning: unused variable 'x' [-Wunused-variable]",
                     f"/o/tree/{PANTHOR}/tests/../tests/seam.h:3: error: expected ';'",
                     f"Warning: ../tree/{PANTHOR}/panthor_gem.c:12 missing initial short description",
                     f"../tree/{PANTHOR}/sim/sim.dtso:12.3-13: Warning (reg_format): bad",
                     "../tree/include/linux/mm.h:3:5: warning: comparison is always true",
                     "ld: warning: something about panthor.o"):
            self.assertEqual(len(self.found(line)), 1, line)

    def test_path_begins_at_the_tree(self) -> None:
        line = f"/somewhere/{PANTHOR}/panthor_gem.c:3:5: warning: x"
        self.assertEqual(self.found(line), [f"{PANTHOR}/panthor_gem.c:3:5: warning: x"])

    def test_not_ours(self) -> None:
        for line in (f"../tree/{PANTHOR}/panthor_sched.c:3:5: warning: unused",
                     "<stdin>:1515:2: warning: #warning syscall clone3 not implemented [-Wcpp]",
                     "../tree/scripts/mod/modpost.c:1:1: warning: x",
                     f"  CC [M]  {PANTHOR}/panthor_gem.o",
                     f"../tree/{PANTHOR}/panthor_gem.c:3:5: note: declared here",
                     "   12 | #warning x"):
            self.assertEqual(self.found(line), [], line)

    def test_error_in_a_file_of_the_tree(self) -> None:
        self.assertTrue(self.found(f"../tree/{PANTHOR}/panthor_sched.c:3:5: error: no such function"))


class Compile(Folder):
    """One row with a make that says what it is told to."""

    def setUp(self) -> None:
        super().setUp()
        self.says: list[str] = []
        self.status = 0
        self.builds = 0
        self.empty = False
        put(self.dir, {f"tree/{PANTHOR}/panthor_gem.c": "int x;\n"})
        work: Any = types.SimpleNamespace(
            root=self.dir, tree=self.dir / "tree", src=types.SimpleNamespace(ident="linux-x", pristine=True),
            settings=types.SimpleNamespace(jobs=1, verbose=False))
        self.job = matrix.Job(work, OURS)
        self.variant = matrix.VARIANTS[0]

    def make(self, cmd: Sequence[str], *, log: Any = None, check: bool = True, **_: Any) -> procs.Result:
        if cmd[-1] == f"{PANTHOR}/":
            self.builds += 1
            build = next(word[2:] for word in cmd if word.startswith("O="))
            self.assertFalse((Path(build) / PANTHOR).exists(), "objects of an earlier build would not warn again")
            if not self.empty:
                put(Path(build) / PANTHOR, {"panthor_gem.o": "", ".panthor_gem.o.cmd": ""})
            log.write_text("\n".join(self.says))
            return procs.Result(self.status, 0.1, tail=self.says[-1:])
        return procs.Result(0, 0.1)

    def row(self, present: bool = True) -> matrix.Row:
        with mock.patch.object(procs, "run", self.make), mock.patch.object(kconfig, "configure"), \
                mock.patch.object(hosttools, "present", return_value=present):
            return matrix.compile_row(self.job, self.variant)

    def test_ok(self) -> None:
        row = self.row()
        self.assertEqual((row.state, row.files), ("ok", 1))

    def test_red_with_a_warning(self) -> None:
        self.says = [f"../tree/{PANTHOR}/panthor_gem.c:3:5: warning: unused"]
        row = self.row()
        self.assertEqual(row.state, "red")
        self.assertIn(f"    {PANTHOR}/panthor_gem.c:3:5: warning: unused", matrix.table([row]))

    def test_red_when_make_fails_without_a_word(self) -> None:
        self.status, self.says = 2, ["make: *** [x] Killed"]
        self.assertEqual(self.row().state, "red")

    def test_red_when_nothing_was_compiled(self) -> None:
        self.empty = True
        self.assertEqual(self.row().found, ["nothing was compiled"])

    def test_red_when_the_configuration_is_refused(self) -> None:
        with mock.patch.object(kconfig, "configure", side_effect=HarnessError("lost\n  CONFIG_X")), \
                mock.patch.object(procs, "run", self.make):
            row = matrix.compile_row(self.job, self.variant)
        self.assertEqual((row.state, row.found), ("red", ["lost", "  CONFIG_X"]))

    def test_off_without_clang(self) -> None:
        self.variant = next(variant for variant in matrix.VARIANTS if variant.llvm)
        row = self.row(present=False)
        self.assertEqual((row.state, self.builds), ("off", 0))

    def test_answer_is_kept_for_the_same_sources_only(self) -> None:
        self.says = [f"../tree/{PANTHOR}/panthor_gem.c:3:5: warning: unused"]
        before = self.row()
        self.assertEqual(self.row().found, before.found)
        self.assertEqual(self.builds, 1)
        (self.dir / "tree" / PANTHOR / "panthor_gem.c").write_text("int y;\n")
        self.says = []
        self.assertEqual(self.row().state, "ok")
        self.assertEqual(self.builds, 2)

    def test_checker_goes_red(self) -> None:
        for text, state in (("", "ok"), ("a.c:3: CHECK: Alignment should match open parenthesis\n", "red"),
                            ("Warning: a.h:3 function parameter 'x' not described\n", "red")):
            script = [sys.executable, "-c", f"print({text!r}, end='')"]
            with mock.patch.object(matrix, "checker_command", return_value=script):
                self.assertEqual(matrix.check_row(self.job, "checkpatch", ["a.c"], self.dir).state, state, text)

    def test_checker_that_dies_is_red(self) -> None:
        with mock.patch.object(matrix, "checker_command", return_value=[sys.executable, "-c", "raise SystemExit(3)"]):
            self.assertEqual(matrix.check_row(self.job, "checkpatch", ["a.c"], self.dir).state, "red")

    def test_accepted_complaints(self) -> None:
        put(self.dir, {"checkpatch.txt": "# Why.\na/*.c: CHECK: Align\n"})
        fine = matrix.accepted(self.dir / "checkpatch.txt")
        self.assertEqual(matrix.objections(["a/b.c:3: CHECK: Alignment"], fine), [])
        for line in ("b/b.c:3: CHECK: Alignment", "a/b.c:3: CHECK: Other"):
            self.assertIn(line, matrix.objections([line, "a/b.c:3: CHECK: Alignment"], fine))
        self.assertEqual(len(matrix.objections([], fine)), 1, "nothing is accepted in vain")

    def test_off_is_not_ok(self) -> None:
        self.assertEqual([matrix.Row("x", off="why").state, matrix.Row("x").state], ["off", "ok"])


class Table(unittest.TestCase):
    def test_variants_are_told_apart(self) -> None:
        names = [variant.name for variant in matrix.VARIANTS]
        self.assertEqual(len(set(names)), len(names))
        configs = [(v.toolchain, tuple(sorted(v.config.items()))) for v in matrix.VARIANTS]
        self.assertEqual(len(set(configs)), len(configs))

    def test_filter(self) -> None:
        self.assertEqual(matrix.chosen("c*"), ["clang", "clang-off", "checkpatch"])
        self.assertEqual(len(matrix.chosen(None)), len(matrix.VARIANTS) + 2)
        self.assertEqual(settings.parse(["matrix", "FILTER=clang"]).filter, "clang")
        with self.assertRaises(UsageError):
            matrix.chosen("msvc")

    def test_exit_status(self) -> None:
        for found, status in (([], 0), (["x"], 1)):
            row = matrix.Row("gcc", found)
            with mock.patch.object(matrix, "compile_row", return_value=row), \
                    mock.patch.object(matrix, "check_row", return_value=matrix.Row("y")), \
                    mock.patch.object(matrix.prepare, "prepare"), mock.patch.object(matrix.locks, "locked"), \
                    mock.patch.object(matrix.overlay, "assemble"), mock.patch.object(hosttools, "ensure"), \
                    mock.patch.object(matrix.treefiles, "overlay_files"), mock.patch.object(matrix, "say"):
                self.assertEqual(matrix.run(settings.parse(["matrix"])), status)


if __name__ == "__main__":
    unittest.main()
