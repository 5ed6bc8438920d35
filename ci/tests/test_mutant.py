# SPDX-License-Identifier: GPL-2.0-only
"""Patches of the catalog: header, changes, and what does not apply."""

from __future__ import annotations

import re
import tempfile
import unittest
from pathlib import Path

import support
from harness import settings
from harness.bite import mutant
from harness.bite.mutant import StaleError
from harness.model import HarnessError

HEAD = "Entry: B01\nWhat: a test\nKiller: suite.case\n\n"
PATCH = HEAD + """--- a/drivers/gpu/drm/panthor/panthor_x.c
+++ b/drivers/gpu/drm/panthor/panthor_x.c
@@ -2,3 +2,3 @@
 two

-three
+drei
"""


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        temp = tempfile.TemporaryDirectory()
        self.addCleanup(temp.cleanup)
        self.folder = Path(temp.name)

    def put(self, text: str) -> None:
        support.put(self.folder, {"panthor_x.c": text})

    def parse(self, text: str = PATCH) -> mutant.Mutant:
        support.put(self.folder, {"B01-x.patch": text})
        return mutant.parse(self.folder / "B01-x.patch")


class Parse(Folder):
    def test_header(self) -> None:
        one = self.parse()
        self.assertEqual((one.name, one.entry, one.what, one.killer, one.quick),
                         ("B01-x", "B01", "a test", "suite.case", False))
        self.assertTrue(self.parse(PATCH.replace("\n\n", "\nQuick: yes\n\n", 1)).quick)

    def test_header_that_lacks_a_field(self) -> None:
        with self.assertRaisesRegex(HarnessError, "no Killer"):
            self.parse(PATCH.replace("Killer: suite.case\n", ""))

    def test_header_with_a_misspelt_field(self) -> None:
        with self.assertRaisesRegex(HarnessError, "unknown Quik"):
            self.parse(PATCH.replace("\n\n", "\nQuik: yes\n\n", 1))

    def test_no_change(self) -> None:
        with self.assertRaisesRegex(HarnessError, "no change"):
            self.parse(HEAD)

    def test_only_sources_of_the_core(self) -> None:
        for name in ("drivers/gpu/drm/panthor/tests/x.c", "drivers/gpu/drm/panthor/panthor_x.h", "mm/x.c"):
            with self.assertRaisesRegex(HarnessError, "no source file"):
                self.parse(PATCH.replace("a/drivers/gpu/drm/panthor/panthor_x.c", f"a/{name}"))


class Apply(Folder):
    def test_in_place(self) -> None:
        self.put("one\ntwo\n\nthree\nfour\n")
        self.assertEqual(self.parse().apply(self.folder), {"panthor_x.c": "one\ntwo\n\ndrei\nfour\n"})

    def test_moved(self) -> None:
        self.put("new\nnew\nnew\nnew\none\ntwo\n\nthree\n")
        self.assertIn("drei", self.parse().apply(self.folder)["panthor_x.c"])

    def test_nearest_of_several(self) -> None:
        self.put("two\n\nthree\n" + "x\n" * 20 + "two\n\nthree\n")
        self.assertTrue(self.parse().apply(self.folder)["panthor_x.c"].startswith("two\n\ndrei\nx\n"))

    def test_changed_lines_do_not_apply(self) -> None:
        self.put("one\ntwo\n\nthree  \n")
        with self.assertRaisesRegex(StaleError, "panthor_x.c: the lines at 2"):
            self.parse().apply(self.folder)

    def test_missing_file_does_not_apply(self) -> None:
        with self.assertRaises(StaleError):
            self.parse().apply(self.folder)


class Catalog(unittest.TestCase):
    """The patches that are there."""

    def test_apply_and_change_something(self) -> None:
        folder = settings.REPO / mutant.DRIVER
        for one in mutant.catalog():
            for name, text in one.apply(folder).items():
                self.assertNotEqual(text, (folder / name).read_text("utf-8"), one.name)

    def test_killers_run_in_uml(self) -> None:
        cases = {f"{suite}.{case}" for suite, names in settings.lane_tests("um").items() for case in names}
        self.assertEqual({one.name for one in mutant.catalog() if one.killer not in cases}, set())

    def test_entries_are_explained(self) -> None:
        text = (settings.REPO / "Documentation/gpu/panthor/stock-defects.rst").read_text("utf-8")
        self.assertEqual({one.entry for one in mutant.catalog()} - set(re.findall(r"(?m)^(B\d\d)  ", text)), set())

    def test_names_begin_with_the_entry(self) -> None:
        for one in mutant.catalog():
            self.assertTrue(one.name.startswith(one.entry + "-"), one.name)

    def test_each_entry_has_a_mutant_or_a_reason(self) -> None:
        text = (settings.REPO / "Documentation/gpu/panthor/stock-defects.rst").read_text("utf-8")
        explained = set(re.findall(r"(?m)^(B\d\d)  ", text))
        document = (settings.REPO / "Documentation/gpu/panthor/mutants.rst").read_text("utf-8")
        without = set(re.findall(r"(?m)^(B\d\d)  ", document))
        entries = {one.entry for one in mutant.catalog()}
        self.assertEqual(explained - entries, without & explained)
        self.assertEqual(entries & without, set())

    def test_some_are_quick(self) -> None:
        self.assertIn(sum(one.quick for one in mutant.catalog()), range(3, 8))


if __name__ == "__main__":
    unittest.main()
