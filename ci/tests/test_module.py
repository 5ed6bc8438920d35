# SPDX-License-Identifier: GPL-2.0-only
"""The external module folder and the comparison of object files."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support  # noqa: F401  pylint: disable=unused-import
from harness.build import module
from support import PANTHOR, put

STOCK = {"panthor_gem.o": "g", "panthor_mmu.o": "m", "panthor_drv.o": "d"}
ON = {"panthor_gem.o", "panthor_mmu.o"}


class CompareObjects(unittest.TestCase):
    def test_identical_is_right(self) -> None:
        self.assertEqual(module.compare_objects(STOCK, dict(STOCK), ON), [])

    def test_changed_object_is_named(self) -> None:
        wrong = module.compare_objects(STOCK, {**STOCK, "panthor_drv.o": "x"}, ON)
        self.assertEqual(len(wrong), 1)
        self.assertIn("panthor_drv.o", wrong[0])

    def test_missing_and_added_objects_are_named(self) -> None:
        off = {**STOCK, "panthor_new.o": "n"}
        del off["panthor_mmu.o"]
        text = " ".join(module.compare_objects(STOCK, off, ON))
        self.assertIn("panthor_mmu.o", text)
        self.assertIn("panthor_new.o", text)

    def test_blind_comparison_is_noticed(self) -> None:
        self.assertEqual(len(module.compare_objects(STOCK, STOCK, {"panthor_gem.o"})), 1)

    def test_seams_are_found_in_objects(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "panthor_gem.o").write_bytes(b"\0panthor_seam_vmap\0")
            (folder / "panthor_drv.o").write_bytes(b"\0vmap\0")
            self.assertEqual(module.seamed_objects(folder), {"panthor_gem.o"})

    def test_empty_build_is_noticed(self) -> None:
        self.assertTrue(module.compare_objects({}, {}, ON))


class PlainDriver(unittest.TestCase):
    """What the objects of the driver under test are compared with."""

    def setUp(self) -> None:
        base = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.src, self.repo, self.out = base / "linux", base / "repo", base / "plain"
        put(self.src, {f"{PANTHOR}/Makefile": "panthor-y := a.o\n", f"{PANTHOR}/panthor_gem.c": "stock",
                       f"{PANTHOR}/panthor_drv.c": "drv"})
        put(self.repo, {f"{PANTHOR}/panthor_gem.c": "core", f"{PANTHOR}/panthor_gem_map.c": "map",
                        f"{PANTHOR}/Makefile.core": "core-gem := x\n", f"{PANTHOR}/tests/seam.h": "seam",
                        f"{PANTHOR}/Makefile.harness": "harness"})

    def plain(self, driver: str) -> Path:
        work = mock.Mock()
        work.src.path, work.settings.driver = self.src, driver
        with mock.patch.object(module, "REPO", self.repo):
            return module.plain_driver(work, self.out)

    def test_stock_is_the_source_itself(self) -> None:
        self.assertEqual(self.plain("stock"), self.src / PANTHOR)
        self.assertFalse(self.out.exists())

    def test_core_has_no_harness(self) -> None:
        for _ in range(2):
            folder = self.plain("core")
            self.assertEqual({path.name for path in folder.iterdir()},
                             {"Makefile", "Makefile.core", "panthor_gem.c", "panthor_gem_map.c", "panthor_drv.c"})
            self.assertEqual((folder / "panthor_gem.c").read_text(), "core")
            self.assertEqual((folder / "panthor_drv.c").read_text(), "drv")
            self.assertEqual((folder / "Makefile").read_text(),
                             "panthor-y := a.o\n\ninclude $(src)/Makefile.core\n")
        self.assertEqual((self.src / PANTHOR / "Makefile").read_text(), "panthor-y := a.o\n")
        self.assertEqual((self.src / PANTHOR / "panthor_gem.c").read_text(), "stock")

    def test_without_a_core_it_is_the_source(self) -> None:
        for path in (self.repo / PANTHOR).glob("*.[ch]"):
            path.unlink()
        (self.repo / PANTHOR / "Makefile.core").unlink()
        self.assertEqual(self.plain("core"), self.src / PANTHOR)


class Mirror(unittest.TestCase):
    def setUp(self) -> None:
        base = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.source, self.dest = base / "src", base / "dest"
        (self.source / "tests").mkdir(parents=True)
        (self.source / "a.c").write_text("a", encoding="ascii")
        (self.source / "tests/t.c").write_text("t", encoding="ascii")
        module.mirror(self.source, self.dest)

    def test_content_and_folders(self) -> None:
        self.assertEqual((self.dest / "tests/t.c").read_text(encoding="ascii"), "t")

    def test_removed_source_disappears_and_products_stay(self) -> None:
        (self.dest / "a.o").write_text("o", encoding="ascii")
        (self.source / "a.c").unlink()
        module.mirror(self.source, self.dest)
        self.assertFalse((self.dest / "a.c").is_symlink())
        self.assertTrue((self.dest / "a.o").exists())

    def test_other_source_replaces_links(self) -> None:
        other = self.source.with_name("other")
        other.mkdir()
        (other / "a.c").write_text("b", encoding="ascii")
        module.mirror(other, self.dest)
        self.assertEqual((self.dest / "a.c").read_text(encoding="ascii"), "b")
        self.assertFalse((self.dest / "tests/t.c").is_symlink())

    def test_second_run_changes_nothing(self) -> None:
        before = (self.dest / "a.c").lstat()
        module.mirror(self.source, self.dest)
        after = (self.dest / "a.c").lstat()
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))


if __name__ == "__main__":
    unittest.main()
