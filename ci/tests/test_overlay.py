# SPDX-License-Identifier: GPL-2.0-only
"""The assembled tree: complete, incremental, and without harm to the source."""

import errno
import os
import shutil
import stat
import subprocess
import threading
import time
import unittest
import unittest.mock
from pathlib import Path
from typing import Any, Optional

import support
from harness.locks import locked
from harness.model import HarnessError, UsageError
from harness.tree import overlay, treefiles
from support import PANTHOR, Folder, kernel_tree, put

OVERLAY = {
    f"{PANTHOR}/Kconfig.harness": "config DRM_PANTHOR_TEST\n",
    f"{PANTHOR}/Makefile.harness": "panthor-y += tests/a.o\n",
    f"{PANTHOR}/tests/a.c": "int a;\n",
    f"{PANTHOR}/tests/b.c": "int b;\n",
    "tools/testing/selftests/drm/panthor/Makefile": "all:\n",
    "Documentation/gpu/panthor/index.rst": "Panthor\n",
}


def state(root: Path) -> dict[str, tuple[Any, ...]]:
    """Inode, mode, time stamp and content of everything below ``root``."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        content: Any = os.readlink(path) if path.is_symlink() else None
        if stat.S_ISREG(info.st_mode):
            content = path.read_bytes()
        found[str(path.relative_to(root))] = info.st_ino, info.st_mode, info.st_mtime_ns, content
    return found


def no_links(code: int) -> Any:
    def link(src: str, dest: str) -> None:
        raise OSError(code, os.strerror(code), src)
    return link


class Trees(Folder):
    def setUp(self) -> None:
        super().setUp()
        self.src = kernel_tree(self.dir / "linux")
        self.repo = put(self.dir / "repo", OVERLAY)
        self.dest = self.dir / "out" / "tree"

    def assemble(self, **more: Any) -> overlay.OverlayResult:
        return overlay.assemble(self.src, self.repo, self.dest, self.log, **more)

    def text(self, name: str) -> str:
        return (self.dest / name).read_text()

    def inode(self, root: Path, name: str) -> int:
        return (root / name).lstat().st_ino

    def names(self) -> set[str]:
        return {str(p.relative_to(self.dest)) for p in self.dest.rglob("*")
                if p.is_symlink() or not p.is_dir()}


CORE = {
    f"{PANTHOR}/Makefile.core": "core-gem := panthor_gem_pages.o\n",
    f"{PANTHOR}/panthor_gem.c": "int core;\n",
    f"{PANTHOR}/panthor_gem_pages.c": "int pages;\n",
}


class TwoDrivers(Trees):
    """One tree for both drivers; only one of them is in it."""

    def setUp(self) -> None:
        super().setUp()
        put(self.repo, CORE)

    def test_stock_has_nothing_of_the_core(self) -> None:
        self.assemble()
        for name in CORE:
            if (self.src / name).exists():
                self.assertEqual(self.inode(self.dest, name), self.inode(self.src, name))
            else:
                self.assertNotIn(name, self.names())
        for name in OVERLAY:
            self.assertIn(name, self.names())

    def test_core_replaces_and_adds(self) -> None:
        put(self.src, {f"{PANTHOR}/panthor_mmu.c": "int stock_mmu;\n"})
        self.assemble(driver="core")
        for name, content in CORE.items():
            self.assertEqual(self.text(name), content)
        self.assertEqual(self.text(f"{PANTHOR}/panthor_mmu.c"), "int stock_mmu;\n")

    def test_each_switch_gives_a_new_time_stamp(self) -> None:
        """Objects that are newer than both sources are built again all the same."""
        name = f"{PANTHOR}/panthor_gem.c"
        for driver, content in (("stock", "int stock; /* shrinker_alloc() */\n"), ("core", "int core;\n")) * 2:
            result = self.assemble(driver=driver)
            self.assertTrue(result.changed)
            self.assertEqual(self.text(name), content)
            if (self.dir / "built").exists():
                self.assertGreater((self.dest / name).stat().st_mtime_ns, (self.dir / "built").stat().st_mtime_ns)
            time.sleep(0.02)
            (self.dir / "built").write_text("object")
            time.sleep(0.02)
        self.assertFalse(self.assemble(driver="core").changed)

    def test_files_below_the_driver_are_not_the_core(self) -> None:
        self.assertEqual({path.name for path in treefiles.core_files(self.repo)},
                         {name.rpartition("/")[2] for name in CORE})
        for name in (f"{PANTHOR}/tests/a.c", f"{PANTHOR}/Makefile.harness", f"{PANTHOR}/Kconfig.harness",
                     "drivers/gpu/drm/panthor.c"):
            self.assertFalse(treefiles.is_core(name), name)


class Assembly(Trees):
    def test_source_and_overlay_are_there(self) -> None:
        result = self.assemble()
        self.assertTrue(result.changed)
        self.assertEqual(self.inode(self.src, "include/linux/gem.h"), self.inode(self.dest, "include/linux/gem.h"))
        self.assertEqual(os.readlink(self.dest / "scripts/include"), "../include")
        for name, content in OVERLAY.items():
            self.assertEqual(self.text(name), content)
            self.assertNotEqual(self.inode(self.repo, name), self.inode(self.dest, name))
        self.assertFalse([n for n in self.names() if ".panthor-new-" in n])

    def test_hooks_end_the_stock_files(self) -> None:
        self.assemble()
        self.assertEqual(self.text(f"{PANTHOR}/Kconfig"),
                         f'config DRM_PANTHOR\n\nsource "{PANTHOR}/Kconfig.harness"\n')
        self.assertEqual(self.text(f"{PANTHOR}/Makefile"),
                         "obj-y += panthor.o\n\n# panthor harness\ninclude $(src)/Makefile.harness\n")

    def test_no_hook_to_a_file_that_is_not_there(self) -> None:
        (self.repo / PANTHOR / "Kconfig.harness").unlink()
        self.assemble()
        self.assertEqual(self.text(f"{PANTHOR}/Kconfig"), "config DRM_PANTHOR\n")

    def test_hook_already_in_the_source(self) -> None:
        with open(self.src / PANTHOR / "Makefile", "a") as handle:
            handle.write("include $(src)/Makefile.harness\n")
        self.assemble()
        self.assertEqual(self.text(f"{PANTHOR}/Makefile").count("Makefile.harness"), 1)

    def test_hooked_file_in_the_repository_is_refused(self) -> None:
        put(self.repo, {f"{PANTHOR}/Kconfig": "ours\n"})
        with self.assertRaises(HarnessError) as caught:
            self.assemble()
        self.one_line(caught.exception, f"{PANTHOR}/Kconfig", "remove it")

    def test_source_is_untouched(self) -> None:
        put(self.repo, {f"{PANTHOR}/panthor_gem.c": "int core;\n"})
        before = state(self.src)
        self.assemble(driver="core")
        self.assemble(driver="core")
        put(self.repo, {f"{PANTHOR}/panthor_gem.c": "int core2;\n"})
        self.assemble(driver="core")
        self.assemble()
        shutil.rmtree(self.repo / "drivers")
        self.assemble()
        self.assertEqual(state(self.src), before)

    def test_second_run_changes_nothing(self) -> None:
        self.assemble()
        before, folder = state(self.dest), self.dest.stat().st_mtime_ns
        result = self.assemble()
        self.assertFalse(result.changed, result)
        self.assertEqual(state(self.dest), before)
        self.assertEqual(self.dest.stat().st_mtime_ns, folder)

    def test_half_assembled_tree_is_completed(self) -> None:
        self.assemble()
        whole = self.names()
        shutil.rmtree(self.dest / PANTHOR)
        (self.dest / "Makefile").unlink()
        put(self.dest, {"include/.panthor-new-x1": "torn"})
        self.assemble()
        self.assertEqual(self.names(), whole)

    def test_kill_in_the_middle(self) -> None:
        left = [4]

        def link(src: str, dest: str) -> None:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
            os.link(src, dest)

        with self.assertRaises(KeyboardInterrupt):
            self.assemble(link=link)
        self.assemble()
        self.assertEqual({n for n in self.names() if n not in OVERLAY},
                         {str(p.relative_to(self.src)) for p in self.src.rglob("*")
                          if p.is_symlink() or not p.is_dir()})

    def test_empty_directories_do_not_come_and_go(self) -> None:
        (self.src / "empty/deep").mkdir(parents=True)
        (self.dest / "stale/deep").mkdir(parents=True)
        self.assemble()
        self.assertFalse((self.dest / "empty").exists())
        self.assertFalse((self.dest / "stale").exists())

    def test_kinds_that_changed(self) -> None:
        self.assemble()
        (self.dest / "Kconfig").unlink()
        put(self.dest, {"Kconfig/file": "x"})
        shutil.rmtree(self.dest / "include")
        os.symlink("../linux/include", self.dest / "include")
        (self.dest / "scripts/include").unlink()
        put(self.dest, {"scripts/include": "x"})
        self.assemble()
        self.assertEqual(self.text("Kconfig"), "mainmenu\n")
        self.assertFalse((self.dest / "include").is_symlink())
        self.assertEqual(os.readlink(self.dest / "scripts/include"), "../include")
        self.assertEqual((self.src / "include/linux/gem.h").read_text(), "#define GEM 1\n")

    def test_build_products_stay_behind(self) -> None:
        products = {".config": "", "include/config/auto.conf": "", "include/generated/a.h": "",
                    "arch/arm64/include/generated/b.h": "", "mm/page.o": "", "mm/.page.o.cmd": "",
                    "mm/built-in.a": "", "vmlinux": "", "Module.symvers": "", "modules.order": "",
                    ".tmp_vmlinux1": "", "mm/x.mod.c": "", "mm/x.ko": ""}
        kept = {"tools/bpf/vmlinux/x.h": "", "Documentation/kbuild/modules.rst": "",
                "arch/arm64/include/asm/c.h": "", "mm/x.o_shipped": "", "kernel/vmlinux.lds.S": ""}
        put(self.src, {**products, **kept})
        put(self.repo, {f"{PANTHOR}/tests/a.o": "", f"{PANTHOR}/tests/a.c~": "",
                        "tools/__pycache__/a.pyc": ""})
        self.assemble()
        self.assertTrue(set(kept) <= self.names())
        self.assertFalse(set(products) & self.names())
        self.assertFalse([n for n in self.names() if n.endswith(("a.o", "~", ".pyc"))])


class Edits(Trees):
    def setUp(self) -> None:
        super().setUp()
        self.assemble()

    def test_in_place(self) -> None:
        put(self.src, {"include/linux/gem.h": "#define GEM 2\n"})
        self.assemble()
        self.assertEqual(self.text("include/linux/gem.h"), "#define GEM 2\n")

    def test_by_rename(self) -> None:
        put(self.src, {"new": "#define GEM 3\n"})
        os.replace(self.src / "new", self.src / "include/linux/gem.h")
        result = self.assemble()
        self.assertEqual(result.updated, ["include/linux/gem.h"])
        self.assertEqual(self.text("include/linux/gem.h"), "#define GEM 3\n")
        self.assertFalse(self.assemble().changed)

    def test_older_file_still_makes_make_rebuild(self) -> None:
        before = (self.dest / "include/linux/gem.h").stat().st_mtime_ns
        put(self.src, {"new": "#define GEM 4\n"})
        os.utime(self.src / "new", ns=(10 ** 18, 10 ** 18))
        os.replace(self.src / "new", self.src / "include/linux/gem.h")
        self.assemble()
        self.assertGreaterEqual((self.dest / "include/linux/gem.h").stat().st_mtime_ns, before)
        self.assertEqual((self.src / "include/linux/gem.h").stat().st_mtime_ns, 10 ** 18)

    def test_same_size_and_time_but_other_content(self) -> None:
        path = self.src / "include/linux/gem.h"
        info = path.stat()
        put(self.src, {"new": "#define GEM 5\n"})
        os.utime(self.src / "new", ns=(info.st_atime_ns, info.st_mtime_ns))
        os.replace(self.src / "new", path)
        self.assemble()
        self.assertEqual(self.text("include/linux/gem.h"), "#define GEM 5\n")

    def test_source_unpacked_afresh(self) -> None:
        before = {n: s[2:] for n, s in state(self.dest).items() if not (self.dest / n).is_dir()}
        shutil.copytree(self.src, self.dir / "again", symlinks=True)
        shutil.rmtree(self.src)
        os.rename(self.dir / "again", self.src)
        self.assertFalse(self.assemble().changed)
        self.assertEqual({n: s[2:] for n, s in state(self.dest).items() if not (self.dest / n).is_dir()}, before)
        self.assertEqual(self.inode(self.src, "include/linux/gem.h"), self.inode(self.dest, "include/linux/gem.h"))

    def test_copies_are_compared_once(self) -> None:
        put(self.src, {"new": "#define GEM 6\n"})
        os.replace(self.src / "new", self.src / "include/linux/gem.h")
        self.assemble()
        time.sleep(overlay.SETTLED_NS / 1e9)
        compared: list[str] = []
        real = overlay.filecmp.cmp

        def cmp(one: str, two: str, shallow: bool) -> bool:
            compared.append(two)
            return real(one, two, shallow)

        with unittest.mock.patch.object(overlay.filecmp, "cmp", cmp):
            for _ in range(3):
                self.assertFalse(self.assemble().changed)
            self.assertEqual(len([n for n in compared if n.endswith("gem.h")]), 1)
            self.assertEqual(len(compared), len(set(compared)))
            put(self.src, {"include/linux/gem.h": "#define GEM 7\n"})
            self.assertEqual(self.assemble().updated, ["include/linux/gem.h"])
        put(self.dest.parent, {".tree.equals": "{torn"})
        self.assertFalse(self.assemble().changed)

    def test_new_and_deleted(self) -> None:
        put(self.src, {"mm/new.c": "int n;\n"})
        shutil.rmtree(self.src / "include")
        result = self.assemble()
        self.assertEqual(self.text("mm/new.c"), "int n;\n")
        self.assertFalse((self.dest / "include").exists())
        self.assertEqual(result.removed, ["include"])

    def test_overlay_replaces_and_gives_back(self) -> None:
        name = f"{PANTHOR}/panthor_gem.c"
        put(self.repo, {name: "int core;\n"})
        self.assertEqual(self.assemble(driver="core").written, [name])
        self.assertEqual(self.text(name), "int core;\n")
        (self.repo / name).unlink()
        replaced = (self.dest / name).stat().st_mtime_ns
        self.assertEqual(self.assemble().updated, [name])
        self.assertEqual(self.text(name), (self.src / name).read_text())
        # An object compiled from our file is younger than the stock file is.
        self.assertGreaterEqual((self.dest / name).stat().st_mtime_ns, replaced)
        self.assertFalse(self.assemble().changed)

    def test_overlay_file_removed(self) -> None:
        (self.repo / PANTHOR / "tests/a.c").unlink()
        self.assertEqual(self.assemble().removed, [f"{PANTHOR}/tests/a.c"])
        self.assertFalse((self.dest / PANTHOR / "tests/a.c").exists())

    def test_hooked_file_edited_in_the_source(self) -> None:
        put(self.src, {f"{PANTHOR}/Makefile": "obj-y += other.o\n"})
        self.assertEqual(self.assemble().written, [f"{PANTHOR}/Makefile"])
        self.assertTrue(self.text(f"{PANTHOR}/Makefile").startswith("obj-y += other.o\n"))
        self.assertIn("Makefile.harness", self.text(f"{PANTHOR}/Makefile"))

    def test_mode(self) -> None:
        put(self.src, {"new": "#!/bin/sh\n"})
        os.replace(self.src / "new", self.src / "scripts/tool.sh")
        self.assemble()
        self.assertFalse(os.access(self.dest / "scripts/tool.sh", os.X_OK))


class WithoutLinks(Trees):
    def test_copies_instead(self) -> None:
        for code in (errno.EXDEV, errno.EPERM, errno.EROFS):
            with self.subTest(errno.errorcode[code]):
                shutil.rmtree(self.dest, ignore_errors=True)
                result = self.assemble(link=no_links(code))
                self.assertEqual(result.linked, 0)
                for name in ("include/linux/gem.h", "scripts/tool.sh"):
                    one, two = (self.src / name).stat(), (self.dest / name).stat()
                    self.assertNotEqual(one.st_ino, two.st_ino)
                    self.assertEqual((one.st_mtime_ns, one.st_mode), (two.st_mtime_ns, two.st_mode))
                before = state(self.dest)
                self.assertFalse(self.assemble(link=no_links(code)).changed)
                self.assertEqual(state(self.dest), before)
                put(self.src, {"include/linux/gem.h": f"#define GEM {code}\n"})
                self.assertEqual(self.assemble(link=no_links(code)).updated, ["include/linux/gem.h"])
                self.assertEqual(self.text("include/linux/gem.h"), f"#define GEM {code}\n")

    def test_one_file_with_too_many_links(self) -> None:
        def link(src: str, dest: str) -> None:
            if src.endswith("gem.h"):
                raise OSError(errno.EMLINK, "Too many links", src)
            os.link(src, dest)

        result = self.assemble(link=link)
        self.assertGreater(result.linked, 3)
        self.assertEqual(self.text("include/linux/gem.h"), "#define GEM 1\n")
        self.assertFalse(self.assemble(link=link).changed)

    def test_full_disk(self) -> None:
        with self.assertRaises(HarnessError) as caught:
            self.assemble(link=no_links(errno.ENOSPC))
        self.one_line(caught.exception, "no space left", "O=DIR")
        self.assertEqual(caught.exception.exit_code, 3)

    def test_read_only_source(self) -> None:
        for path in [self.src, *self.src.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
        self.addCleanup(lambda: [p.chmod(0o755) for p in [self.src, *self.src.rglob("*")] if p.is_dir()])
        before = state(self.src)
        self.assemble()
        self.assertFalse(self.assemble().changed)
        self.assertEqual(state(self.src), before)
        self.assemble(link=no_links(errno.EXDEV))
        put(self.repo, {"include/ignored": "", "tools/new": "x"})
        self.assertEqual(self.assemble().written, ["tools/new"])

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_folder_that_cannot_be_written(self) -> None:
        (self.dir / "out").mkdir(mode=0o555)
        with self.assertRaises(HarnessError) as caught:
            self.assemble()
        self.one_line(caught.exception, "O=DIR")

    def test_folder_that_is_a_file(self) -> None:
        put(self.dir, {"out": "a file"})
        with self.assertRaises(HarnessError) as caught:
            self.assemble()
        self.one_line(caught.exception, str(self.dir / "out"), "O=DIR")

    def test_tree_inside_the_source(self) -> None:
        self.dest = self.src / "out"
        with self.assertRaises(UsageError) as caught:
            self.assemble()
        self.one_line(caught.exception, "O=DIR")
        self.assertFalse(self.dest.exists())

    def test_second_run_waits_for_the_first(self) -> None:
        lock = self.dest.parent / f".{self.dest.name}.lock"
        other: Optional[threading.Thread] = None
        with locked(lock, self.log, "x"):
            other = threading.Thread(target=self.assemble)
            other.start()
            for _ in range(500):
                other.join(0.01)
                if self.said:
                    break
            self.assertFalse(self.dest.exists())
        other.join(10)
        self.assertIn("waiting: another run is assembling", self.said[0])
        self.assertEqual(self.text("Kconfig"), "mainmenu\n")


@unittest.skipIf(shutil.which("git") is None, "git is not installed")
class Checkout(Trees):
    def git(self, *args: str) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-C", str(self.src), *args],
                       check=True, env=env, stdout=subprocess.DEVNULL)

    def setUp(self) -> None:
        super().setUp()
        put(self.src, {".gitignore": "*.o\n/build/\n/include/generated/\n", "gone.c": "", "sub/gone.c": ""})
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "base")

    def test_dirty_untracked_ignored_deleted(self) -> None:
        put(self.src, {"include/linux/gem.h": "#define DIRTY\n", "mm/untracked.c": "int u;\n",
                       "mm/x.o": "", "build/y": "", "include/generated/z.h": "", ".config": ""})
        (self.src / "gone.c").unlink()
        shutil.rmtree(self.src / "sub")
        index = (self.src / ".git/index").read_bytes()
        before = state(self.src)
        self.assemble()
        self.assertEqual(self.text("include/linux/gem.h"), "#define DIRTY\n")
        self.assertEqual(self.text("mm/untracked.c"), "int u;\n")
        self.assertEqual(os.readlink(self.dest / "scripts/include"), "../include")
        for name in ("mm/x.o", "build", "include/generated", ".config", "gone.c", "sub", ".git"):
            self.assertFalse((self.dest / name).exists(), name)
        self.assertEqual((self.src / ".git/index").read_bytes(), index)
        self.assertEqual(state(self.src), before)
        self.assertFalse(self.assemble().changed)

    def test_branch_switch(self) -> None:
        self.assemble()
        self.git("checkout", "-q", "-b", "topic")
        put(self.src, {"include/linux/gem.h": "#define TOPIC\n", "mm/topic.c": ""})
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "topic")
        self.assemble()
        self.assertEqual(self.text("include/linux/gem.h"), "#define TOPIC\n")
        self.git("checkout", "-q", "-")
        self.assemble()
        self.assertEqual(self.text("include/linux/gem.h"), "#define GEM 1\n")
        self.assertFalse((self.dest / "mm").exists())

    def test_variables_of_a_git_hook_do_not_mislead(self) -> None:
        os.environ["GIT_DIR"] = str(self.dir / "elsewhere")
        self.addCleanup(os.environ.pop, "GIT_DIR")
        self.assemble()
        self.assertEqual(self.text("Kconfig"), "mainmenu\n")
        self.assertEqual(self.said, [])

    def test_broken_repository(self) -> None:
        (self.src / ".git/HEAD").unlink()
        put(self.src, {"mm/x.o": ""})
        self.assemble()
        self.assertIn("git cannot list", self.said[0])
        self.assertEqual(self.text("Kconfig"), "mainmenu\n")
        self.assertFalse((self.dest / "mm").exists())
        self.assertFalse((self.dest / ".git").exists())

    def test_repository_that_ignores_everything(self) -> None:
        shutil.rmtree(self.src / ".git")
        put(self.src, {".gitignore": "/*\n"})
        self.git("init", "-q")
        self.assemble()
        self.assertEqual(self.text("Kconfig"), "mainmenu\n")
        self.assertIn("does not know", self.said[0])


if __name__ == "__main__":
    unittest.main()
