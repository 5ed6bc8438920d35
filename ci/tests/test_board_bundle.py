# SPDX-License-Identifier: GPL-2.0-only
"""What a bundle is made of, and kernels that the driver does not fit."""

from __future__ import annotations

import struct
import unittest
from pathlib import Path
from typing import Optional
from unittest import mock

import support
from harness import settings
from harness.build import kconfig
from harness.board import bundle, extmod
from harness.model import HarnessError, UsageError
from harness.settings import REPO

GOOD = ("ARM64", *extmod.NEEDED)


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01" + bytes(10) + struct.pack("<HH", 2, machine) + bytes(44)


class Headers(support.Folder):
    """Folders that look like installed headers."""

    def headers(self, *off: str, on: tuple[str, ...] = (), release: str = "7.3.4+deb13-arm64",
                machine: int = 62, without: Optional[str] = None) -> Path:
        folder = self.dir / "linux-headers"
        support.put(folder, {
            "Makefile": "VERSION = 7\n", "Module.symvers": "0x0\tdrm_dev_enter\tdrivers/gpu/drm/drm\tEXPORT_SYMBOL\t\n",
            ".config": "".join(f"CONFIG_{name}=y\n" for name in (*GOOD, *on) if name not in off),
            "include/config/kernel.release": f"{release}\n", "scripts/mod/modpost": elf(machine)})
        if without:
            (folder / without).unlink()
        return folder

    def refused(self, folder: Path, *words: str) -> None:
        with self.assertRaises(HarnessError) as caught:
            extmod.check(extmod.read(folder), "x86_64")
        self.one_line(caught.exception, *words)

    def test_fits(self) -> None:
        extmod.check(extmod.read(self.headers()), "x86_64")

    def test_not_whole(self) -> None:
        for name in ("Makefile", ".config", "Module.symvers", "include/config/kernel.release", "scripts/mod/modpost"):
            with self.subTest(name=name):
                self.refused(self.headers(without=name), Path(name).name)
        self.refused(self.dir / "none", "no such folder")

    def test_architecture(self) -> None:
        self.refused(self.headers("ARM64"), "not an arm64 kernel")

    def test_series(self) -> None:
        self.refused(self.headers(release="6.12.9"), "Linux 6.12.9", "7.3")

    def test_each_option(self) -> None:
        for name in extmod.NEEDED:
            with self.subTest(name=name):
                self.refused(self.headers(name), f"CONFIG_{name}")

    def test_built_in(self) -> None:
        self.refused(self.headers(on=("DRM_PANTHOR",)), "built in")

    def test_signed_only(self) -> None:
        self.refused(self.headers(on=("MODULE_SIG_FORCE",)), "signed")

    def test_bound_to_a_compiler(self) -> None:
        for name in extmod.COMPILER_BOUND:
            with self.subTest(name=name):
                self.refused(self.headers(on=(name,)), f"CONFIG_{name}")

    def test_tools_of_another_machine(self) -> None:
        self.refused(self.headers(machine=183), "do not run on this machine (x86_64)", "linux-kbuild")

    def test_debians_two_folders(self) -> None:
        folder = self.headers()
        (folder / "Makefile").write_text("KBUILD_OUTPUT=/usr/src/linux-headers\n"
                                         "include /usr/src/linux-headers-0.0-common/Makefile\n")
        with self.assertRaises(HarnessError) as caught:
            extmod.read(folder)
        self.one_line(caught.exception, "linux-headers-0.0-common is missing")
        support.put(self.dir / "linux-headers-0.0-common", {"Makefile": "VERSION = 7\n"})
        self.assertEqual(extmod.read(folder).common, self.dir / "linux-headers-0.0-common")


class Module(Headers):
    """A module that came out wrong."""

    def verify(self, magic: str, *symbols: str) -> None:
        ko = self.dir / "panthor.ko"
        ko.write_bytes(b"\0vermagic=" + magic.encode() + b"\0")
        with mock.patch.object(extmod, "undefined", lambda _ko: set(symbols)):
            extmod.verify(ko, extmod.read(self.headers()))

    def test_right(self) -> None:
        self.verify("7.3.4+deb13-arm64 SMP preempt mod_unload aarch64", "drm_dev_enter")

    def test_of_another_kernel(self) -> None:
        with self.assertRaises(HarnessError) as caught:
            self.verify("7.3.4 SMP preempt")
        self.one_line(caught.exception, "came out for 7.3.4, not for 7.3.4+deb13-arm64")

    def test_symbol_that_is_not_there(self) -> None:
        with self.assertRaises(HarnessError) as caught:
            self.verify("7.3.4+deb13-arm64 SMP", "drm_dev_enter", "panthor_sim_readl", "panthor_seam")
        self.one_line(caught.exception, "panthor_seam", "1 more")


class Tools(support.Folder):
    """Programs of another release of Debian."""

    def test_loader(self) -> None:
        tool = self.dir / "modpost"
        tool.write_text("#!/bin/sh\necho \"$0: libc.so.6: version \\`GLIBC_2.38' not found\" >&2\nexit 1\n")
        tool.chmod(0o755)
        self.assertIn("GLIBC_2.38", extmod.runs(tool))
        tool.write_text("#!/bin/sh\necho usage >&2\nexit 1\n")
        self.assertEqual(extmod.runs(tool), "")
        tool.chmod(0o644)
        self.assertTrue(extmod.runs(tool))


class Content(unittest.TestCase):
    """What is packed."""

    def test_cases(self) -> None:
        lines = bundle.cases().decode().splitlines()
        suites = {line.split(" ")[0] for line in lines}
        self.assertEqual(suites, set(settings.sim_tests()) - {"sim"})
        self.assertFalse([line for line in lines if "/harness" in line])
        self.assertFalse([line for line in lines if line.split(" ")[1].endswith(settings.BY_NAME)])

    def test_kernel(self) -> None:
        """A kernel of either flavour is that of the lane, and more; nobody tests KUnit there."""
        for flavour in bundle.FLAVOURS:
            lane = bundle.lane_of(flavour)
            wanted = kconfig.merge(kconfig.read(REPO / "kunitconfig" / f"{name}.config")
                                   for name in lane.fragment_names())
            self.assertEqual(wanted["CONFIG_ARCH_ROCKCHIP"], "y")
            self.assertEqual(wanted["CONFIG_DRM_PANTHOR_KUNIT_TEST"], "n")
            self.assertEqual(wanted.get("CONFIG_PROVE_LOCKING"), "y" if flavour == "debug" else "n")
            self.assertIn(bundle.DTB, lane.targets)
        self.assertNotEqual(bundle.lane_of("debug").name, bundle.lane_of("production").name)
        with self.assertRaises(UsageError):
            bundle.lane_of("fast")


if __name__ == "__main__":
    unittest.main()
