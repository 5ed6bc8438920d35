# SPDX-License-Identifier: GPL-2.0-only
"""Fixes of the tree's own files: read, applied in order, left out where they do not fit."""

from __future__ import annotations

import os
import re
import shutil
import unittest
from pathlib import Path
from typing import Optional
from unittest import mock

import support  # noqa: F401 (finds the harness)
from harness.host import hosttools
from harness.model import HarnessError
from harness.settings import REPO
from harness.tree import fixes, overlay, patches, treefiles
from support import Folder, put
from test_overlay import OVERLAY

PANTHOR = treefiles.DRIVER_DIR
FIX = """// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Return {new}
//
// Because.
//
// Defect: D{no}
// Files: {files}
@@
@@
answer(...)
{{
- return {old};
+ return {new};
}}
"""
SOURCE = "int answer(void)\n{\n\treturn 1;\n}\n"


def fix(no: int, old: int, new: int, files: str = "panthor_drv.c") -> str:
    return FIX.format(no=no, old=old, new=new, files=files)


class Reading(Folder):
    def load(self, text: str) -> fixes.Fix:
        return fixes.load(put(self.dir, {"a.cocci": text}) / "a.cocci")

    def test_what_the_commit_says(self) -> None:
        found = self.load(fix(7, 1, 2, "a.c b.h"))
        self.assertEqual((found.subject, found.body, found.defect, found.files),
                         ("drm/panthor: Return 2", "Because.", "D7", ("a.c", "b.h")))

    def test_without_a_field(self) -> None:
        for line in ("// Defect: D7\n", "// Files: panthor_drv.c\n", "// SPDX-License-Identifier: GPL-2.0-only\n"):
            with self.subTest(line), self.assertRaisesRegex(HarnessError, "must begin with"):
                self.load(fix(7, 1, 2).replace(line, ""))
        with self.assertRaisesRegex(HarnessError, "must begin with"):
            self.load("@@ @@\n- a\n")

    def test_ours_name_defects_that_are_described(self) -> None:
        text = (REPO / "Documentation/gpu/panthor/stock-defects.rst").read_text(encoding="utf-8")
        for found in fixes.load_all(REPO):
            self.assertRegex(text, rf"(?m)^{found.defect}: ", found.path.name)


@unittest.skipUnless(shutil.which("spatch"), "needs spatch (Debian package coccinelle)")
class Applying(Folder):
    def setUp(self) -> None:
        super().setUp()
        put(self.dir, {"panthor/panthor_drv.c": SOURCE})
        self.said: list[str] = []

    def stages(self, *texts: str, cache: str = "cache") -> list[fixes.Stage]:
        shutil.rmtree(self.dir / "repo", ignore_errors=True)
        put(self.dir / "repo/ci/fixes", {f"{no}.cocci": text for no, text in enumerate(texts)})
        return fixes.stages(self.dir / "panthor", fixes.load_all(self.dir / "repo"), self.dir / cache,
                            self.said.append)

    def test_one_after_the_other(self) -> None:
        done = self.stages(fix(1, 1, 2), fix(2, 2, 3))
        self.assertEqual([stage.files["panthor_drv.c"] for stage in done],
                         [SOURCE.replace("1", "2").encode(), SOURCE.replace("1", "3").encode()])
        self.assertEqual(fixes.result(done), done[1].files)
        self.assertEqual(self.said, [])

    def test_what_does_not_fit_is_left_out_and_said(self) -> None:
        for text in (fix(1, 5, 6), fix(1, 1, 2, "panthor_drv.c panthor_gone.c")):
            done = self.stages(text, fix(2, 1, 3))
            self.assertEqual([stage.fix.defect for stage in done], ["D2"])
            self.assertRegex(self.said.pop(), "fix of D1 does not fit")

    def test_asked_for_again_nothing_runs(self) -> None:
        before = self.stages(fix(1, 1, 2))
        with mock.patch.object(fixes.subprocess, "run", side_effect=AssertionError):
            self.assertEqual(self.stages(fix(1, 1, 2)), before)
            with self.assertRaises(AssertionError):
                self.stages(fix(1, 1, 4))

    def test_wrong_semantic_patch(self) -> None:
        with self.assertRaisesRegex(HarnessError, "spatch refuses it"):
            self.stages(fix(1, 1, 2).replace("@@", "@", 1))

    def test_in_the_tree_of_the_core_only(self) -> None:
        src = put(self.dir / "linux", {"Makefile": "x\n", f"{PANTHOR}/panthor_drv.c": SOURCE,
                                       f"{PANTHOR}/Kconfig": "x\n", f"{PANTHOR}/Makefile": "x\n"})
        repo = put(self.dir / "repo", {**OVERLAY, "ci/fixes/a.cocci": fix(1, 1, 2)})
        tree = self.dir / "out/tree"
        for driver, value in (("core", "2"), ("stock", "1"), ("core", "2")):
            overlay.assemble(src, repo, tree, self.said.append, driver=driver)
            self.assertEqual((tree / PANTHOR / "panthor_drv.c").read_text(), SOURCE.replace("1", value))
        self.assertEqual((src / PANTHOR / "panthor_drv.c").read_text(), SOURCE)

    def test_patches_of_their_own(self) -> None:
        done = self.stages(fix(1, 1, 2), fix(2, 2, 3))
        name = f"{PANTHOR}/panthor_drv.c"
        found = patches.commits({name: done[1].files["panthor_drv.c"]}, done)
        self.assertEqual([commit.step.subject for commit in found], ["drm/panthor: Return 2", "drm/panthor: Return 3"])
        self.assertEqual([commit.files for commit in found],
                         [{name: stage.files["panthor_drv.c"]} for stage in done])

    def test_ours_fit_the_kernel(self) -> None:
        kernel = real_kernel()
        if kernel is None:
            self.skipTest("needs KERNEL=DIR, an unpacked kernel")
        found = fixes.load_all(REPO)
        done = fixes.stages(kernel / PANTHOR, found, self.dir / "cache", self.said.append)
        self.assertEqual(self.said, [])
        self.assertEqual([stage.fix.path.name for stage in done], [one.path.name for one in found])
        for stage in done:
            for name, text in stage.files.items():
                self.assertIsNone(re.search(rb"[ \t]\n", text), f"{stage.fix.path.name}: {name}")


def real_kernel() -> Optional[Path]:
    path = Path(os.environ.get("KERNEL", ""))
    return path if (path / PANTHOR).is_dir() else None


class Missing(Folder):
    def test_no_spatch(self) -> None:
        put(self.dir, {"panthor/panthor_drv.c": SOURCE, "repo/ci/fixes/a.cocci": fix(1, 1, 2)})
        with mock.patch.object(hosttools, "ensure", side_effect=HarnessError("needs spatch")), \
                self.assertRaisesRegex(HarnessError, "needs spatch"):
            fixes.stages(self.dir / "panthor", fixes.load_all(self.dir / "repo"), self.dir / "cache", print)


if __name__ == "__main__":
    unittest.main()
