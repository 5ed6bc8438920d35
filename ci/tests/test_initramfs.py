# SPDX-License-Identifier: GPL-2.0-only
"""The archive the VM boots from, and the order of modules in it."""

import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401  pylint: disable=unused-import

from harness.build import initramfs
from harness.build.initramfs import Entry
from harness.model import HarnessError

CI = Path(__file__).resolve().parent.parent


def fake_module(path: Path, depends: str = "") -> Path:
    """A file with the one module property that counts here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF\0license=GPL\0depends=" + depends.encode() + b"\0x\0")
    return path


class FolderTest(unittest.TestCase):
    """Gives each test a folder."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)


class ArchiveTest(FolderTest):
    """The newc format."""

    def build(self, **more: object) -> bytes:
        """Builds an archive of small files and returns its bytes."""
        (self.dir / "busybox").write_bytes(b"bb")
        out = self.dir / "initrd"
        initramfs.build(out, busybox=self.dir / "busybox", init=CI / "vm/init",
                        **more)  # type: ignore[arg-type]
        return out.read_bytes()

    def test_same_input_same_bytes(self) -> None:
        for compress in (False, True):
            first = self.build(compress=compress, run=[("s", "a", "true")])
            self.assertEqual(first, self.build(compress=compress, run=[("s", "a", "true")]))
        entries = [Entry("b", stat.S_IFREG), Entry("a", stat.S_IFDIR)]
        self.assertEqual(initramfs.cpio(entries), initramfs.cpio(entries[::-1]))

    @unittest.skipUnless(shutil.which("cpio"), "needs cpio")
    def test_cpio_reads_it(self) -> None:
        module = fake_module(self.dir / "panthor.ko")
        data = self.build(modules=[module], run=[("s", "a", "echo a")], files={"lib/fw/x.bin": b"123"})
        listing = subprocess.run(["cpio", "-itv"], input=data, check=True,
                                 capture_output=True).stdout.decode()
        rows = {line.split()[-1]: line.split() for line in listing.splitlines()}
        self.assertEqual(rows["init"][0], "-rwxr-xr-x")
        self.assertEqual(rows["dev/console"][0][0], "c")
        self.assertEqual(rows["dev/console"][4:6], ["5,", "1"])
        self.assertEqual(rows["lib/fw/x.bin"][4], "3")
        self.assertEqual(rows["harness/run"][4], str(len("s a echo a\n")))
        self.assertEqual(rows["lib/modules/panthor.ko"][0], "-rw-r--r--")
        self.assertEqual(rows["lib/modules"][0], "drwxr-xr-x")
        self.assertLess(listing.index("lib/fw\n"), listing.index("lib/fw/x.bin"))

    def test_missing_file_leaves_nothing(self) -> None:
        with self.assertRaisesRegex(HarnessError, "cannot read .*gone.ko"):
            self.build(modules=[self.dir / "gone.ko"])
        self.assertFalse((self.dir / "initrd").exists())

    @unittest.skipUnless(shutil.which("shellcheck"), "needs shellcheck")
    def test_scripts_are_clean(self) -> None:
        scripts = [str(path) for path in (CI / "vm").iterdir() if not path.suffix]
        subprocess.run(["shellcheck", *scripts], check=True)


class OrderTest(FolderTest):
    """Each module comes after what it needs."""

    def test_order(self) -> None:
        base = self.dir / "base"
        fake_module(base / "d/gpu-sched.ko")
        fake_module(base / "d/drm_exec.ko")
        fake_module(base / "d/drm_gpuvm.ko", "drm_exec")
        fake_module(base / "p/panthor.ko")
        (base / "modules.order").write_text(
            "d/gpu-sched.o\nd/drm_gpuvm.o\nd/drm_exec.o\np/panthor.o\n")
        mine = fake_module(self.dir / "panthor.ko", "gpu-sched,drm_gpuvm,drm_exec")
        order = initramfs.load_order([mine], initramfs.base_modules(base))
        self.assertEqual([path.name for path in order],
                         ["gpu-sched.ko", "drm_exec.ko", "drm_gpuvm.ko", "panthor.ko"])
        self.assertEqual(order[-1], mine)

    def test_missing_dependency(self) -> None:
        mine = fake_module(self.dir / "panthor.ko", "drm_exec")
        with self.assertRaisesRegex(HarnessError, "panthor.ko needs module drm_exec"):
            initramfs.load_order([mine], {})

    def test_circle(self) -> None:
        one = fake_module(self.dir / "one.ko", "two")
        two = fake_module(self.dir / "two.ko", "one")
        with self.assertRaisesRegex(HarnessError, "depend on each other"):
            initramfs.load_order([one, two], {})


if __name__ == "__main__":
    unittest.main()
