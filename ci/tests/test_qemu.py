# SPDX-License-Identifier: GPL-2.0-only
"""Boots of a fake QEMU: a script that plays a guest."""

import dataclasses
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401  pylint: disable=unused-import

from harness.boot import qemu
from harness.boot.lanes import LANES
from harness.model import HarnessError

BOOT = "printf '[    0.0] Linux version 7.3\\r\\n'; echo 'panthor-harness: begin x86_64';"


class BootTest(unittest.TestCase):
    """How a boot can end."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)
        self.log = self.dir / "console.log"
        self.lane = dataclasses.replace(LANES["x86_64"], qemu=str(self.dir / "qemu"))
        self.lines: list[str] = []

    def guest(self, script: str) -> None:
        """Makes QEMU a shell script."""
        path = self.dir / "qemu"
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(0o755)

    def boot(self, timeout: float = 20, **more: float) -> qemu.BootResult:
        """Boots with TCG."""
        return qemu.boot(self.lane, self.dir / "i", self.dir / "r", "a b", self.log,
                         timeout, "tcg", self.lines.append, **more)

    def test_good_end(self) -> None:
        self.guest(BOOT + " printf 'no newline'")
        result = self.boot()
        self.assertEqual((result.rc, result.timed_out, result.reason, result.silent),
                         (0, False, "", False))
        self.assertGreater(result.boot_seconds, 0)
        self.assertEqual(self.lines[0], "[    0.0] Linux version 7.3")
        self.assertEqual(self.lines[-1], "no newline")
        self.assertIn(b"7.3\r\n", self.log.read_bytes())

    def test_hard_timeout(self) -> None:
        self.guest(BOOT + " while :; do echo tick; sleep 0.1; done")
        result = self.boot(0.6)
        self.assertTrue(result.timed_out)
        self.assertIn("not finished after", result.reason)
        self.assertIn(b"tick", self.log.read_bytes())

    def test_stall(self) -> None:
        self.guest(BOOT + " sleep 61")
        result = self.boot(stall=0.4)
        self.assertTrue(result.timed_out)
        self.assertIn("no output for", result.reason)
        self.assertLess(result.seconds, 10)

    def test_qemu_fails(self) -> None:
        self.guest("echo 'bad option'; exit 1")
        result = self.boot()
        self.assertEqual((result.rc, result.timed_out), (1, False))
        self.assertEqual(result.reason, "QEMU ended with status 1")
        self.assertIn(b"bad option", self.log.read_bytes())

    def test_no_qemu(self) -> None:
        with self.assertRaisesRegex(HarnessError, "not installed"):
            self.boot()

    def test_silent_kvm_falls_back(self) -> None:
        self.guest(f'case "$*" in *kvm*) echo SeaBIOS; sleep 61 ;; *) {BOOT} esac')
        told: list[str] = []
        limit, qemu.KVM_FIRST_SECONDS = qemu.KVM_FIRST_SECONDS, 0.3
        try:
            result = qemu.boot_any(self.lane, self.dir / "i", self.dir / "r", "", self.log,
                                   20, True, kvm_failed=lambda: told.append("failed"),
                                   say=told.append)
        finally:
            qemu.KVM_FIRST_SECONDS = limit
        self.assertEqual((result.accel, result.reason), ("tcg", ""))
        self.assertEqual(told[0], "failed")
        self.assertIn("KVM does not run the kernel here", told[1])
        self.assertNotIn(b"SeaBIOS", self.log.read_bytes())

    def test_good_kvm_is_kept(self) -> None:
        self.guest(BOOT)
        result = qemu.boot_any(self.lane, self.dir / "i", self.dir / "r", "", self.log, 20, True)
        self.assertEqual(result.accel, "kvm")


class CommandTest(unittest.TestCase):
    """What QEMU and the kernel are told."""

    def test_command(self) -> None:
        words = qemu.command(LANES["arm64"], Path("I"), Path("r"), "x y", "tcg")
        text = " ".join(words)
        self.assertIn("-M virt,gic-version=3 -accel tcg,thread=multi -cpu cortex-a72 -smp 2", text)
        self.assertIn("-no-reboot", words)
        self.assertEqual(words[-2:], ["-append", "x y"])
        self.assertIn("-accel kvm -cpu host",
                      " ".join(qemu.command(LANES["x86_64"], Path("I"), Path("r"), "", "kvm")))

    def test_a_steady_guest_counts_instructions(self) -> None:
        lane = dataclasses.replace(LANES["arm64"], steady=True)
        text = " ".join(qemu.command(lane, Path("I"), Path("r"), "", "tcg"))
        self.assertIn("-accel tcg,thread=single -icount shift=0,sleep=off -cpu cortex-a72", text)
        self.assertIn("-accel kvm -cpu host", " ".join(qemu.command(lane, Path("I"), Path("r"), "", "kvm")))

    def test_a_dead_kernel_ends_the_run(self) -> None:
        for name in ("arm64", "x86_64"):
            words = qemu.kernel_cmdline(LANES[name], ["kunit.filter_glob=a"]).split()
            for word in ("panic=-1", "oops=panic", f"harness.lane={name}", "kunit.filter_glob=a"):
                self.assertIn(word, words)
            self.assertIn("slab_debug=F", words)
            self.assertNotIn("slab_debug=F", qemu.kernel_cmdline(LANES[name].without_debug()))


if __name__ == "__main__":
    unittest.main()
