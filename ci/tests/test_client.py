# SPDX-License-Identifier: GPL-2.0-only
"""The command client: packages found without a mirror, and skipped where there are none."""

import contextlib
import io
import json
import re
import subprocess
import unittest
from pathlib import Path
from unittest import mock

import support
from harness import settings
from harness.boot.lanes import LANES
from harness.host import debs
from harness.measure import client
from harness.model import HarnessError

ARM64 = LANES["arm64"]
LIBS = Path("usr/lib/aarch64-linux-gnu")


class Names(unittest.TestCase):
    """Libraries to packages."""

    def test_owner_is_a_dependency(self) -> None:
        depends = {"libdrm2", "libx11-6", "libxcb-dri3-0", "libelf1t64", "zlib1g", "libgcc-s1", "libc6",
                   "libdisplay-info3", "libstdc++6"}
        for soname, package in (
                ("libdrm.so.2", "libdrm2"), ("libX11.so.6", "libx11-6"), ("libelf.so.1", "libelf1t64"),
                ("libxcb-dri3.so.0", "libxcb-dri3-0"), ("libz.so.1", "zlib1g"), ("libm.so.6", "libc6"),
                ("ld-linux-aarch64.so.1", "libc6"), ("libgcc_s.so.1", "libgcc-s1"),
                ("libdisplay-info.so.3", "libdisplay-info3"), ("libstdc++.so.6", "libstdc++6"),
                ("libLLVM.so.19.1", None), ("libdrm.so.3", None), ("nonsense", None)):
            self.assertEqual(debs.owner(soname, depends), package, soname)

    def test_dependencies(self) -> None:
        self.assertEqual(debs.dependencies("libc6 (>= 2.38), libdrm2 (>= 2.4.99), python3:any, a1 | b2+c (<< 3)"),
                         {"libc6", "libdrm2", "python3", "a1", "b2+c"})


class Closure(support.Folder):
    """Unpacking what is needed, with packages and programs made up."""

    packages = {"app": ({"usr/bin/app": "liba.so.1", "usr/bin/other": "libdrm.so.2"}, {"liba1", "libdrm2"}),
                "liba1": ({str(LIBS / "liba.so.1"): "libc.so.6 libb.so.2"}, {"libc6", "libb2"}),
                "libb2": ({str(LIBS / "libb.so.2"): ""}, set()),
                "libc6": ({str(LIBS / "libc.so.6"): "ld-linux-aarch64.so.1",
                           "usr/lib/ld-linux-aarch64.so.1": ""}, set())}

    def close(self) -> list[str]:
        self.added: list[str] = []

        def add(name: str) -> set[str]:
            self.added.append(name)
            files, depends = self.packages[name]
            support.put(self.dir, files)
            return depends

        with mock.patch.object(debs, "needed", lambda path: path.read_text().split()):
            return [str(path.relative_to(self.dir))
                    for path in debs.close(self.dir, LIBS, [Path("usr/bin/app")], ["app"], add)]

    def test_only_what_is_needed(self) -> None:
        self.assertEqual(self.close(), ["usr/lib/ld-linux-aarch64.so.1", *(
            str(LIBS / name) for name in ("liba.so.1", "libb.so.2", "libc.so.6"))])
        self.assertEqual(sorted(self.added), ["app", "liba1", "libb2", "libc6"])

    def test_a_library_of_nobody(self) -> None:
        self.packages = {**self.packages, "libb2": ({str(LIBS / "libb.so.2"): "libq.so.7"}, set())}
        with self.assertRaisesRegex(HarnessError, "no package is known to have libq.so.7"):
            self.close()

    def test_a_package_without_its_library(self) -> None:
        self.packages = {**self.packages, "libb2": ({"usr/share/doc": ""}, set())}
        with self.assertRaisesRegex(HarnessError, "libb2 does not have libb.so.2"):
            self.close()

    def test_prune_keeps_what_links_mean(self) -> None:
        support.put(self.dir, {"a/lib.so.1.2": "x", "a/junk": "x", "b/h/one.h": "x", "c": "x"})
        (self.dir / "a/lib.so.1").symlink_to("lib.so.1.2")
        debs.prune(self.dir, [self.dir / "a/lib.so.1", self.dir / "b"])
        left = {str(path.relative_to(self.dir)) for path in self.dir.rglob("*") if not path.is_dir()}
        self.assertEqual(left, {"a/lib.so.1", "a/lib.so.1.2", "b/h/one.h"})


class Fetching(support.Folder):
    def test_absent_is_a_reason_and_leaves_nothing(self) -> None:
        with mock.patch.object(debs.aptfetch, "configured_mirrors", lambda: []), \
                self.assertRaisesRegex(client.Absent, "no Debian mirror"):
            client.fetch(ARM64, self.dir)
        self.assertFalse((self.dir / "client-arm64").exists())

    def test_an_unreachable_mirror_is_asked_once(self) -> None:
        mirror = debs.aptfetch.Mirror("http://mirror.invalid/debian", ("bookworm",))
        asked: list[str] = []

        def update(apt: debs.Apt) -> None:
            asked.append(apt.state.name)
            raise debs.AptError("E: Could not resolve 'mirror.invalid'")

        with mock.patch.object(debs.aptfetch, "configured_mirrors", lambda: [mirror]), \
                mock.patch.object(debs.Apt, "update", update), \
                self.assertRaisesRegex(client.Absent, "Could not resolve"):
            client.fetch(ARM64, self.dir)
        self.assertEqual(asked, ["apt-sid"])

    def test_the_cache_is_used(self) -> None:
        support.put(self.dir, {"client-arm64/packages.json": "{}"})
        with mock.patch.object(debs, "Packages", side_effect=AssertionError):
            self.assertEqual(client.fetch(ARM64, self.dir), self.dir / "client-arm64")

    def test_skipped_with_one_line_and_success(self) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), \
                mock.patch.object(client.single, "prepared", lambda *_: contextlib.nullcontext(mock.MagicMock())), \
                mock.patch.object(client, "fetch", side_effect=client.Absent("no mirror here")):
            status = client.run(settings.parse(["client", f"O={self.dir}"]), ARM64, self.dir)
        self.assertEqual((status, out.getvalue()), (0, "client: skipped: no mirror here\n"))

    def test_files_of_the_guest(self) -> None:
        support.put(self.dir, {
            "packages.json": json.dumps({"libraries": [str(LIBS / "libc.so.6"), "usr/lib/ld-linux-aarch64.so.1"]}),
            "root/usr/share/vulkan/icd.d/panfrost_icd.json": "{}", "root/usr/bin/vulkaninfo": "",
            f"root/{LIBS}/libc.so.6": "", "root/usr/lib/ld-linux-aarch64.so.1": ""})
        files = client.guest_files(ARM64, self.dir, self.dir / "client")
        self.assertTrue({"lib/ld-linux-aarch64.so.1", "usr/bin/vulkaninfo", "harness/bin/client",
                         "usr/share/vulkan/icd.d/panfrost_icd.json", str(LIBS / "libc.so.6")} <= set(files))
        self.assertEqual(files["harness/client.lib"], f"{LIBS}\n".encode())


class Cases(unittest.TestCase):
    def test_the_programs_have_them_all(self) -> None:
        program = (settings.REPO / "ci/vm/client.c").read_text(encoding="utf-8")
        own = set(re.findall(r'\{ "(\w+)", case_', program)) | {"six_clients"}
        script = {"vulkaninfo", "violations"}
        self.assertEqual(own | script, set(settings.OWN_CASES["client"]))

    def test_they_are_required(self) -> None:
        for name in ("arm64", "x86_64"):
            path = settings.REPO / f"ci/expect/{name}-client-required.txt"
            self.assertEqual([line for line in path.read_text(encoding="utf-8").splitlines()
                              if line and not line.startswith("#")],
                             [f"client.{case}" for case in settings.OWN_CASES["client"]])

    def test_shell(self) -> None:
        for name in ("client", "sim"):
            subprocess.run(["sh", "-n", str(settings.REPO / "ci/vm" / name)], check=True)


if __name__ == "__main__":
    unittest.main()
