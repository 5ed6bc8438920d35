# SPDX-License-Identifier: GPL-2.0-only
"""Missing host tools: installed where that is ours to do, named where it is not."""

import struct
import subprocess
import tempfile
import unittest
import unittest.mock
import shutil
from collections.abc import Sequence
from pathlib import Path

import support
from harness.host import hosttools
from harness.host.aptfetch import Fetched, Package, Ran
from harness.host.hosttools import Host, Tool
from harness.locks import Log
from harness.model import HarnessError
from support import Folder, put

DEBIAN = 'PRETTY_NAME="Debian"\nID=debian\n'
UBUNTU = 'ID=ubuntu\nID_LIKE=debian\n'
FEDORA = 'ID=fedora\nID_LIKE="rhel"\n'


class FakeHost(Host):
    """A machine without ``lacks``; its apt needs an update first if ``stale``."""

    def __init__(self, lacks: set[str], root: bool = True, os_release: str = DEBIAN, stale: bool = False,
                 broken: str = "", machine: str = "x86_64") -> None:
        self.lacks, self.stale, self.broken = set(lacks), stale, broken
        self.ran: list[list[str]] = []
        super().__init__(present=lambda tool: tool.package not in self.lacks, root=root,
                         os_release=os_release, machine=machine, run=self.apt)

    def apt(self, argv: Sequence[str]) -> Ran:
        self.ran.append(list(argv))
        if argv[1] == "update":
            self.stale = False
        elif self.broken:
            return Ran(100, self.broken)
        elif self.stale:
            return Ran(100, "E: Unable to locate package bison\n")
        else:
            self.lacks -= set(argv)
        return Ran(0, "")


class Ensure(Folder):
    def ensure(self, host: Host, *groups: str) -> None:
        hosttools.ensure(groups or ("build",), self.log, host)

    def test_nothing_missing_nothing_done(self) -> None:
        host = FakeHost(set())
        self.ensure(host, "build", "arm64", "x86_64", "vm", "check")
        self.assertEqual((host.ran, self.said), ([], []))

    def test_root_installs_exactly_the_missing(self) -> None:
        host = FakeHost({"bison", "libelf-dev", "qemu-system-arm"})
        self.ensure(host)
        self.assertEqual(len(host.ran), 1)
        self.assertEqual([w for w in host.ran[0] if w in ("bison", "libelf-dev", "gcc")], ["bison", "libelf-dev"])
        self.assertNotIn("qemu-system-arm", host.ran[0])
        self.assertIn("--no-install-recommends", host.ran[0])
        self.assertIn("installing: apt-get install --no-install-recommends bison libelf-dev", self.said)

    def test_lists_are_updated_only_when_they_must(self) -> None:
        host = FakeHost({"bison"}, os_release=UBUNTU, stale=True)
        self.ensure(host)
        self.assertEqual([argv[1] for argv in host.ran], ["install", "update", "install"])
        self.assertEqual(host.lacks, set())

    def test_install_that_fails(self) -> None:
        host = FakeHost({"bison"}, broken="E: dpkg was interrupted\n")
        with self.assertRaises(HarnessError) as caught:
            self.ensure(host)
        self.one_line(caught.exception, "dpkg was interrupted", "apt-get install", "bison")
        self.assertEqual([argv[1] for argv in host.ran], ["install"])

    def test_install_that_only_claims_to_work(self) -> None:
        host = FakeHost({"bison"})
        host.run = lambda argv: Ran(0, "")
        with self.assertRaises(HarnessError):
            self.ensure(host)

    def test_user_is_told_one_line(self) -> None:
        host = FakeHost({"bison", "flex"}, root=False)
        with self.assertRaises(HarnessError) as caught:
            self.ensure(host)
        self.one_line(caught.exception, "sudo apt-get install --no-install-recommends flex bison")
        self.assertEqual(caught.exception.exit_code, 3)
        self.assertEqual(host.ran, [])

    def test_other_system(self) -> None:
        host = FakeHost({"bison"}, os_release=FEDORA)
        with self.assertRaises(HarnessError) as caught:
            self.ensure(host)
        self.one_line(caught.exception, "bison")
        self.assertNotIn("sudo", str(caught.exception))
        self.assertEqual(host.ran, [])

    def test_optional_tool_stops_nobody(self) -> None:
        self.ensure(FakeHost({"shellcheck"}, root=False), "check")
        self.assertIn("shellcheck", self.said[0])
        self.ensure(FakeHost({"shellcheck"}, broken="E: no\n"), "check")

    def test_own_compiler_where_it_is_native(self) -> None:
        tools = hosttools.tool_table("aarch64")
        self.assertEqual(tools["arm64"][0].probe, "gcc")
        self.assertEqual(tools["x86_64"][0].probe, "x86_64-linux-gnu-gcc")
        self.assertEqual([tool.package for tool in tools["x86_64"]][:2], ["gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"])
        self.assertNotIn("cross", " ".join(tool.package for tool in tools["arm64"]))
        self.assertEqual([tool.package for tool in hosttools.tool_table("x86_64")["arm64"]][:2],
                         ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"])

    def test_probes(self) -> None:
        self.assertTrue(hosttools.present(Tool("python3", "")))
        self.assertFalse(hosttools.present(Tool("no-such-tool", "")))
        self.assertFalse(hosttools.present(Tool("<no/such.h>", "")))
        self.assertTrue(hosttools.present(Tool(str(self.dir), "")))
        self.assertFalse(hosttools.present(Tool(str(self.dir / "libc.a"), "")))
        os_path = put(self.dir, {"inc/x/y.h": ""}) / "inc"
        with unittest.mock.patch.dict("os.environ", {"CPATH": str(os_path)}):
            self.assertTrue(hosttools.present(Tool("<x/y.h>", "")))


def elf(kind: int) -> bytes:
    """A header and one program header of the given kind."""
    head = b"\x7fELF\x02\x01" + bytes(26) + struct.pack("<Q", 64) + bytes(14) + struct.pack("<HH", 56, 1) + bytes(6)
    return head + struct.pack("<I", kind) + bytes(52)


class Busybox(Folder):
    def setUp(self) -> None:
        super().setUp()
        self.fetched: list[str] = []

    def test_static_or_not(self) -> None:
        put(self.dir, {"static": elf(1), "dynamic": elf(3), "script": "#!/bin/sh\n" + "x" * 100})
        self.assertTrue(hosttools.is_static_elf(self.dir / "static"))
        self.assertFalse(hosttools.is_static_elf(self.dir / "dynamic"))
        self.assertFalse(hosttools.is_static_elf(self.dir / "script"))
        self.assertFalse(hosttools.is_static_elf(self.dir / "absent"))

    def fetch(self, name: str, target: Path, arch: str, log: Log) -> Fetched:
        self.fetched.append(arch)
        with tempfile.TemporaryDirectory() as folder:
            root = put(Path(folder), {"DEBIAN/control": f"Package: {name}\nVersion: 1\nArchitecture: {arch}\n"
                                                        "Maintainer: n <n@example.org>\nDescription: d\n",
                                      self.inside: elf(1)})
            subprocess.run(["dpkg-deb", "-Zxz", "-b", str(root), str(target / "b.deb")], check=True,
                           stdout=subprocess.DEVNULL)
        return Fetched(target / "b.deb", Package(name, "1", arch, 0, ""), "s")

    @unittest.skipIf(shutil.which("dpkg-deb") is None, "dpkg-deb is not installed")
    def test_foreign_guest(self) -> None:
        for self.inside in ("bin/busybox", "usr/bin/busybox"):
            cache = self.dir / self.inside.replace("/", "-")
            for _ in range(2):
                path = hosttools.guest_busybox("arm64", cache, self.log, "x86_64", self.fetch)
            self.assertTrue(hosttools.is_static_elf(path))
            self.assertTrue(path.stat().st_mode & 0o100)
            self.assertFalse((cache / "busybox/b.deb").exists())
        self.assertEqual(self.fetched, ["arm64", "arm64"])

    @unittest.skipIf(shutil.which("dpkg-deb") is None, "dpkg-deb is not installed")
    def test_package_without_it(self) -> None:
        self.inside = "bin/other"
        with self.assertRaises(HarnessError) as caught:
            hosttools.guest_busybox("arm64", self.dir, self.log, "x86_64", self.fetch)
        self.one_line(caught.exception, "no busybox")
        self.assertFalse((self.dir / "busybox/busybox-arm64").exists())


if __name__ == "__main__":
    unittest.main()
