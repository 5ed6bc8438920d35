# SPDX-License-Identifier: GPL-2.0-only
"""make patches: the series gives the assembled tree, file by file and step by step."""

from __future__ import annotations

import subprocess
import types
import unittest
from pathlib import Path
from typing import Any, Callable
from unittest import mock

import support  # noqa: F401  pylint: disable=unused-import
from harness import settings
from harness.model import Case, Gate, GateState, HarnessError, LaneResult, Status, UsageError
from harness.settings import REPO
from harness.tree import overlay, patches, patchsteps, series, treefiles
from support import PANTHOR, Folder, kernel_tree, put

WHO = patches.Author("A Tester", "tester@example.org", "@1000000000 +0000")
TESTS = f"{PANTHOR}/tests"
OVERLAY = {
    f"{PANTHOR}/Kconfig.harness": f'# SPDX\nsource "{TESTS}/Kconfig"\n',
    f"{PANTHOR}/Makefile.harness": "# SPDX\n-include $(src)/Makefile.core\ninclude $(src)/tests/Kbuild.include\n",
    f"{PANTHOR}/Makefile.core": "# SPDX\n\ncore-gem := \\\n\tpanthor_gem_map.o\n\npanthor-y += $(core-gem)\n",
    f"{PANTHOR}/panthor_gem.c": "int core;\n",
    f"{PANTHOR}/panthor_gem_map.c": "int map;\n",
    f"{TESTS}/Kconfig": "config DRM_PANTHOR_KUNIT_TEST\n",
    f"{TESTS}/Kbuild.include": "# SPDX\n\npanthor-y += \\\n\ttests/seam.o \\\n\ttests/help.o\n\n"
                               "# Suites.\npanthor-y += tests/seam_kunit.o tests/gem_pin_kunit.o\n",
    f"{TESTS}/seam.h": "int seam(void);\n",
    f"{TESTS}/seam.c": '#include "seam.h"\n',
    f"{TESTS}/seam_kunit.c": '#include "seam.h"\n',
    f"{TESTS}/help.h": "int help(void);\n",
    f"{TESTS}/help.c": '#include "help.h"\n',
    f"{TESTS}/gem_pin_kunit.c": '#include "help.h"\n#include "../panthor_gem.h"\n',
    "Documentation/gpu/panthor/index.rst": "Panthor\n",
}


def absent(*names: str) -> Callable[[str], bool]:
    return lambda path: path in names


class Lists(unittest.TestCase):
    """Lists of files grow with what they list."""

    def pruned(self, text: str, *gone: str, path: str = f"{PANTHOR}/Makefile.core") -> str:
        return series.pruned(path, text, absent(*(f"{PANTHOR}/{name}" for name in gone)))

    def test_items_go_alone(self) -> None:
        text = "# Objects.\na-y := \\\n\tone.o \\\n\ttwo.o \\\n\tthree.o\n"
        self.assertEqual(self.pruned(text, "two.c"), "# Objects.\na-y := \\\n\tone.o \\\n\tthree.o\n")
        self.assertEqual(self.pruned(text, "three.c"), "# Objects.\na-y := \\\n\tone.o \\\n\ttwo.o\n")
        self.assertEqual(self.pruned("a-y += one.o two.o\n", "two.c"), "a-y += one.o\n")

    def test_with_the_last_item_goes_what_is_about_it(self) -> None:
        text = "# SPDX\n\n# Suites.\na-y := \\\n\tone.o \\\n\ttwo.o\n\nb-y := $(a-y)\n"
        self.assertEqual(self.pruned(text, "one.c", "two.c"), "# SPDX\n\nb-y := $(a-y)\n")

    def test_flags_go_with_their_object(self) -> None:
        text = "a-y := one.o\n\n# For it.\nCFLAGS_two.o += $(if $(shell grep x $(src)/one.h), \\\n\t-DTWO)\n"
        self.assertEqual(self.pruned(text, "two.c"), "a-y := one.o\n")

    def test_condition_goes_with_what_it_is_about(self) -> None:
        text = "x := 1\n\n# Seams.\nifeq ($(X),y)\nifneq ($(Y),)\nccflags-y += -include $(src)/sim/seam.h\nendif\nendif\n"
        self.assertEqual(self.pruned(text, "sim/seam.h"), "x := 1\n")

    def test_condition_in_a_condition(self) -> None:
        text = "ifeq ($(X),y)\na-y := one.o\n\nifeq ($(Y),y)\na-y += two.o\nendif\nendif\n"
        self.assertEqual(self.pruned(text, "two.c"), "ifeq ($(X),y)\na-y := one.o\n\nendif\n")

    def test_condition_that_goes_on_stays(self) -> None:
        text = "# About it.\nifeq ($(X),y)\na-y += one.o\n\nb := 1\n\nendif\n"
        self.assertEqual(self.pruned(text, "one.c"), "ifeq ($(X),y)\n\nb := 1\n\nendif\n")

    def test_other_statements_go_whole(self) -> None:
        text = f'# SPDX\nsource "{PANTHOR}/a/Kconfig"\nsource "{PANTHOR}/b/Kconfig"\n'
        self.assertEqual(self.pruned(text, "b/Kconfig"), f'# SPDX\nsource "{PANTHOR}/a/Kconfig"\n')

    def test_nothing_absent_changes_nothing(self) -> None:
        for path in sorted((REPO / PANTHOR).rglob("*")):
            name = str(path.relative_to(REPO))
            if path.is_file() and series.is_list(name):
                text = path.read_text(encoding="utf-8")
                self.assertEqual(series.pruned(name, text, absent()), text, name)

    def test_device_tree_objects(self) -> None:
        text = "a-y := \\\n\tgpu.dtbo.o \\\n\tone.o\n"
        self.assertEqual(series.pruned(f"{PANTHOR}/sim/Makefile", text, absent(f"{PANTHOR}/sim/gpu.dtso")),
                         "a-y := \\\n\tone.o\n")

    def test_included_lists_name_files_of_the_driver(self) -> None:
        self.assertEqual(self.pruned("a-y := tests/a.o tests/b.o\n", "tests/b.c", path=f"{TESTS}/Kbuild.include"),
                         "a-y := tests/a.o\n")


class Split(unittest.TestCase):
    """Which step has which file."""

    def setUp(self) -> None:
        self.files = {name: text.encode() for name, text in OVERLAY.items()}

    def steps(self) -> dict[str, int]:
        return {path: no for no, (_, new) in enumerate(series.split(self.files)) for path in new}

    def test_needs_come_not_later(self) -> None:
        self.files[f"{TESTS}/seam_kunit.c"] += b'#include "help.h"\n'
        where = self.steps()
        self.assertEqual(where[f"{TESTS}/help.c"], where[f"{TESTS}/seam_kunit.c"])

    def test_needs_come_not_earlier(self) -> None:
        where = self.steps()
        self.assertEqual(where[f"{TESTS}/help.c"], where[f"{TESTS}/gem_pin_kunit.c"])
        self.assertLess(where[f"{TESTS}/seam.c"], where[f"{TESTS}/help.c"])

    def test_core_before_suites(self) -> None:
        where = self.steps()
        self.assertEqual(where[f"{PANTHOR}/panthor_gem.c"], 0)
        self.assertLess(0, where[f"{TESTS}/seam.c"])

    def test_file_without_a_place(self) -> None:
        self.files["tools/new/thing.c"] = b""
        with self.assertRaisesRegex(HarnessError, "tools/new/thing.c is in none"):
            series.split(self.files)

    def test_every_file_of_the_overlay_has_a_place(self) -> None:
        names = subprocess.run(["git", "-C", str(REPO), "ls-files", *treefiles.OVERLAY_DIRS],
                               capture_output=True, text=True, check=False).stdout.split()
        files = {name: (REPO / name).read_bytes() for name in names if (REPO / name).is_file()}
        found = [path for _, new in series.split(files) for path in new]
        self.assertEqual(sorted(found), sorted(files))

    def test_messages_fit_a_mail(self) -> None:
        for step in series.STEPS:
            self.assertLessEqual(len(step.subject), 75, step.subject)
            self.assertTrue(all(len(line) <= 75 for line in step.body.split("\n")), step.subject)


class Series(Folder):
    """Written, applied and compared, on a tree with a handful of files."""

    def setUp(self) -> None:
        super().setUp()
        self.src = kernel_tree(self.dir / "linux")
        self.repo = put(self.dir / "repo", OVERLAY)
        tool = put(self.repo, {f"{PANTHOR}/sim/mkfw.py": "#!/bin/sh\n"}) / PANTHOR / "sim/mkfw.py"
        tool.chmod(0o755)
        self.tree = self.dir / "out/tree"
        self.work: Any = types.SimpleNamespace(
            root=self.dir / "out", src=types.SimpleNamespace(path=self.src, version="7.3.4", origin="test"),
            settings=types.SimpleNamespace(driver="core"))
        self.out = self.dir / "out/patches"

    def written(self, driver: str = "core") -> list[Path]:
        overlay.assemble(self.src, self.repo, self.tree, self.log, driver=driver)
        self.files = dict(treefiles.overlay_files(self.src, self.repo, driver, self.dir / "fixed").walk())
        return patches.write(self.work, self.files, self.out, WHO)

    def check(self, found: list[Path]) -> list[str]:
        return patches.check(self.src, self.tree, found, self.dir / "am", sorted(self.files), WHO)

    def test_gives_the_assembled_tree(self) -> None:
        for driver in ("core", "stock"):
            with self.subTest(driver):
                found = self.written(driver)
                self.assertEqual(self.check(found), [])
                replaced = any("panthor_gem.c" in path.read_text() for path in found)
                self.assertEqual(replaced, driver == "core")

    def test_signed_and_in_order(self) -> None:
        found = self.written()
        self.assertEqual([path.name[:5] for path in found], [f"{no:04}-" for no in range(1, len(found) + 1)])
        for path in found:
            text = path.read_text()
            self.assertIn("From: A Tester <tester@example.org>\n", text)
            self.assertEqual(text.count("Signed-off-by: A Tester <tester@example.org>\n"), 1)
        self.assertIn("git am", (self.out / patches.COVER).read_text())

    def test_same_again(self) -> None:
        before = [path.read_bytes() for path in self.written()]
        self.assertEqual([path.read_bytes() for path in self.written()], before)

    def test_older_ones_go(self) -> None:
        put(self.out, {"0099-old.patch": "x"})
        self.assertNotIn("0099-old.patch", [path.name for path in self.written()])

    def test_first_step_has_no_list_of_later_files(self) -> None:
        found = self.written()
        self.assertNotIn("Kbuild.include", found[0].read_text())
        self.assertIn("+include $(src)/tests/Kbuild.include", found[1].read_text())

    def test_red_when_the_tree_differs(self) -> None:
        found = self.written()
        name = f"{TESTS}/seam.c"
        (self.tree / name).write_text("other\n")
        self.assertEqual(self.check(found), [f"{name}: other content than in the assembled tree"])

    def test_red_when_the_tree_has_more(self) -> None:
        found = self.written()
        put(self.tree, {"include/linux/new.h": "x\n"})
        self.assertEqual(self.check(found), ["include/linux/new.h: no patch has it"])

    def test_red_when_the_tree_has_less(self) -> None:
        found = self.written()
        (self.tree / TESTS / "seam.c").unlink()
        self.assertEqual(self.check(found), [f"{TESTS}/seam.c: not in the assembled tree"])

    def test_red_when_a_mode_differs(self) -> None:
        found = self.written()
        (self.tree / PANTHOR / "sim/mkfw.py").chmod(0o644)
        self.assertEqual(self.check(found), [f"{PANTHOR}/sim/mkfw.py: executable in one of the two only"])

    def test_red_when_a_patch_does_not_apply(self) -> None:
        found = self.written()
        (self.src / PANTHOR / "Makefile").write_text("something else\n")
        wrong = self.check(found)
        self.assertEqual(len(wrong), 1)
        self.assertIn(f"{found[0].name} does not apply", wrong[0])

    def test_red_when_one_is_missing(self) -> None:
        found = self.written()
        self.assertTrue(self.check(found[:-1]))

    def test_each_step_has_what_its_lists_name(self) -> None:
        found = self.written()
        repo = patches.scratch(self.dir / "am", self.src, sorted(self.files), WHO)
        for patch in found:
            patches.git(repo, "am", "-q", str(patch), env=WHO.env)
            kbuild = repo / TESTS / "Kbuild.include"
            for word in kbuild.read_text().split() if kbuild.exists() else ():
                if word.endswith(".o"):
                    self.assertTrue((repo / PANTHOR / word).with_suffix(".c").exists(), (patch.name, word))


class Author(unittest.TestCase):
    """Nobody is made up."""

    def test_as_given(self) -> None:
        who = patches.author("Some Body <some@example.org>")
        self.assertEqual((who.name, who.mail), ("Some Body", "some@example.org"))

    def test_as_git_says(self) -> None:
        answers = {"user.name": "Git User", "user.email": "git@example.org"}
        with mock.patch.object(patches, "_ask_git", lambda *a: answers.get(a[-1], "1")):
            self.assertEqual(patches.author(None).name, "Git User")

    def test_refused(self) -> None:
        with mock.patch.object(patches, "_ask_git", lambda *a: ""):
            for given in (None, "nobody", "<a@b>", "A <b>"):
                with self.subTest(given), self.assertRaisesRegex(UsageError, "SIGNOFF="):
                    patches.author(given)


class Steps(Folder):
    """Each patch built and run."""

    def test_choice(self) -> None:
        self.assertEqual(list(patchsteps.chosen("all", 3)), [1, 2, 3])
        self.assertEqual(list(patchsteps.chosen("2", 3)), [2])
        self.assertEqual(list(patchsteps.chosen("2-3", 3)), [2, 3])
        for wrong in ("0", "4", "3-2", "x", "2-"):
            with self.subTest(wrong), self.assertRaises(UsageError):
                patchsteps.chosen(wrong, 3)

    def test_config_without_what_comes_later(self) -> None:
        put(self.dir, {"a.config": "# A\nCONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n"})
        made = patchsteps.fragments([self.dir / "a.config"], {"CONFIG_B", "CONFIG_C"}, self.dir / "made")
        self.assertEqual([path.read_text() for path in made], ["# A\nCONFIG_A=y\n"])

    def test_symbols_of_the_driver(self) -> None:
        self.assertLessEqual({"CONFIG_DRM_PANTHOR_KUNIT_TEST", "CONFIG_DRM_PANTHOR_SIM"},
                             patchsteps.symbols(REPO / PANTHOR))

    def test_required_is_what_is_there(self) -> None:
        every = patchsteps.cases(REPO / PANTHOR)
        required = (REPO / "ci/expect/um-required.txt").read_text().split("\n")
        self.assertLessEqual(set(every), set(required))
        self.assertGreater(len(every), 500)
        put(self.dir, {"t/tests/one_kunit.c": (REPO / TESTS / "seam_kunit.c").read_text()})
        some = patchsteps.cases(self.dir / "t")
        self.assertTrue(some and set(some) < set(every))

    def test_expectations_of_missing_cases_go(self) -> None:
        put(self.dir, {"x/stock-7.3-fails.txt": "# D1\na.b,Fail\nc.d,Fail\nc.d:e,Fail\n"})
        made = patchsteps.expectations(self.dir / "x", self.dir / "y", "um", ["c.d"])
        self.assertEqual((made / "stock-7.3-fails.txt").read_text(), "# D1\nc.d,Fail\nc.d:e,Fail\n")
        self.assertEqual((made / "um-required.txt").read_text(), "c.d\n")

    same = False
    """Whether the steps have no file of the kernel."""

    def node(self, patch: Path) -> treefiles.Node:
        node = treefiles.Node()
        node.put("Documentation/x.rst" if self.same else "drivers/x.c", patch.name.encode())
        return node

    def verify(self, *results: Any) -> tuple[int, str]:
        said: list[str] = []
        todo = list(results)

        def step(*_: Any) -> Any:
            result = todo.pop(0)
            if isinstance(result, Exception):
                raise result
            return result
        found = [Path(f"{no:04}-x.patch") for no in range(1, len(results) + 1)]
        with mock.patch.object(patchsteps, "step", step), mock.patch.object(patchsteps, "say", said.append):
            status = patchsteps.verify(mock.Mock(), found, "all", self.node)
        return status, "\n".join(said)

    def result(self, status: Status, gate: GateState = GateState.GREEN) -> LaneResult:
        return LaneResult("um", "core", "7.3", cases=[Case("s", "c", status)], gates=[Gate("required", gate, "why")])

    def test_green(self) -> None:
        status, text = self.verify(None, self.result(Status.PASS))
        self.assertEqual(status, 0, text)
        self.assertIn("2 of 2 steps", text)

    def test_kernel_of_the_step_before(self) -> None:
        self.same = True
        status, text = self.verify(None, None)
        self.assertEqual(status, 0, text)
        self.assertIn("0002-x: the kernel of the step before", text)
        self.assertEqual(self.verify(HarnessError("one"), HarnessError("two"))[0], 1)

    def test_red(self) -> None:
        for bad, words in ((HarnessError("build um failed"), "build um failed"),
                           (self.result(Status.FAIL), "s.c: fail"),
                           (self.result(Status.PASS, GateState.RED), "gate required: why")):
            with self.subTest(words):
                status, text = self.verify(None, bad, None)
                self.assertEqual(status, 1)
                self.assertIn(words, text)
                self.assertIn("2 of 3 steps", text)


class Variables(unittest.TestCase):
    def test_given(self) -> None:
        s = settings.parse(["patches", "SIGNOFF=A B <a@b.c>", "STEPS=2-3"])
        self.assertEqual((s.signoff, s.steps), ("A B <a@b.c>", "2-3"))


if __name__ == "__main__":
    unittest.main()
