# SPDX-License-Identifier: GPL-2.0-only
"""The table of lanes and the choice between them."""

import shutil
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401  pylint: disable=unused-import

from harness.boot import lanes
from harness.model import UsageError

REPO = Path(__file__).resolve().parent.parent.parent
ARM64, X86, UM = (lanes.LANES[name] for name in ("arm64", "x86_64", "um"))


def names(text: str, kvm: bool) -> list[str]:
    """Names of the resolved lanes."""
    return [lane.name for lane in lanes.resolve_lanes(text, lambda: kvm)]


class ResolveTest(unittest.TestCase):
    """LANES as the user writes it."""

    def test_vm_follows_kvm(self) -> None:
        self.assertEqual(names("um vm", True), ["um", "x86_64"])
        self.assertEqual(names("um vm", False), ["um", "arm64"])

    def test_separators_and_repeats(self) -> None:
        self.assertEqual(names("arm64,um, vm  arm64", False), ["arm64", "um"])

    def test_probe_only_when_asked_for(self) -> None:
        def probe() -> bool:
            raise AssertionError("probed")
        self.assertEqual(len(lanes.resolve_lanes("um x86_64", probe)), 2)

    def test_bad_names(self) -> None:
        with self.assertRaisesRegex(UsageError, "'arm'; choose from: um arm64 x86_64 vm"):
            names("um arm", False)
        with self.assertRaisesRegex(UsageError, "choose from"):
            names(" , ", False)

    def test_every_fragment_exists(self) -> None:
        for lane in lanes.LANES.values():
            for name in {*lane.fragment_names(), *lane.without_debug().fragment_names()}:
                self.assertTrue((REPO / "kunitconfig" / f"{name}.config").is_file(), name)


class MakeArgsTest(unittest.TestCase):
    """Compilers for several architectures from one set of variables."""

    def args(self, lane: lanes.Lane, **user: str) -> list[str]:
        """``make_args`` on an x86 host."""
        return lanes.make_args(lane, user, "x86_64")

    def test_defaults(self) -> None:
        self.assertEqual(self.args(UM), ["ARCH=um"])
        self.assertEqual(self.args(X86), ["ARCH=x86_64"])
        self.assertEqual(self.args(ARM64),
                         ["ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-"])

    def test_native_arm64_host(self) -> None:
        self.assertEqual(lanes.make_args(ARM64, {}, "aarch64"), ["ARCH=arm64"])

    def test_llvm_needs_no_prefix(self) -> None:
        self.assertEqual(self.args(ARM64, LLVM="1"), ["ARCH=arm64", "LLVM=1"])

    def test_prefix_is_for_foreign_lanes(self) -> None:
        self.assertEqual(self.args(UM, CROSS_COMPILE="a-"), ["ARCH=um"])
        self.assertEqual(self.args(ARM64, CROSS_COMPILE="a-"),
                         ["ARCH=arm64", "CROSS_COMPILE=a-"])

    def test_ccache(self) -> None:
        self.assertEqual(self.args(UM, CC="ccache gcc"), ["ARCH=um", "CC=ccache gcc"])
        self.assertIn("CC=ccache aarch64-linux-gnu-gcc", self.args(ARM64, CC="ccache gcc"))
        self.assertIn("CC=aarch64-linux-gnu-gcc-12", self.args(ARM64, CC="gcc-12"))
        self.assertEqual(self.args(ARM64, CC="clang"), ["ARCH=arm64", "CC=clang"])


class KvmTest(unittest.TestCase):
    """The probe."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name)
        self.device = self.out / "kvm"
        self.device.touch()
        self.probes = 0
        if lanes.platform.machine() != "x86_64":
            self.skipTest("KVM runs x86_64 guests on x86_64 only")

    def ask(self, answer: bool) -> bool:
        """``kvm_works`` with a probe that gives ``answer``."""
        def probe() -> bool:
            self.probes += 1
            return answer
        return lanes.kvm_works(self.out, self.device, probe)

    def test_no_device(self) -> None:
        self.device.unlink()
        self.assertFalse(self.ask(True))
        self.assertEqual(self.probes, 0)

    def test_asked_once(self) -> None:
        self.assertTrue(self.ask(True))
        self.assertTrue(self.ask(False))
        self.assertEqual(self.probes, 1)

    def test_kernel_that_hangs_overrules(self) -> None:
        self.assertTrue(self.ask(True))
        lanes.remember_kvm(self.out, False)
        self.assertFalse(self.ask(True))

    def test_other_boot_and_broken_cache_ask_again(self) -> None:
        for text in ('{"boot_id": "other", "works": true}', "{", "[]"):
            (self.out / lanes.PROBE_CACHE).write_text(text)
            self.assertFalse(self.ask(False))
        self.assertEqual(self.probes, 3)

    @unittest.skipUnless(shutil.which(X86.qemu), "needs qemu-system-x86_64")
    def test_boot_sector_runs(self) -> None:
        self.assertTrue(lanes.boots_sector("tcg", 20))
        self.assertFalse(lanes.boots_sector("tcg", 0.001))

    def test_boot_sector_layout(self) -> None:
        sector = lanes.boot_sector(b"hi")
        self.assertEqual((len(sector), sector[36:39], sector[-2:]),
                         (512, b"hi\0", b"\x55\xaa"))


if __name__ == "__main__":
    unittest.main()
