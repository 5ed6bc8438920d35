# SPDX-License-Identifier: GPL-2.0-only
"""UML with software GPUs: when it is built and booted, from what, and how it ends."""

import contextlib
import os
import unittest
from pathlib import Path
from typing import Optional, Sequence
from unittest import mock

import support  # noqa: F401  pylint: disable=unused-import
from harness import settings
from harness.boot import lanerun, qemu, umsim
from harness.boot.lanes import LANES
from harness.model import HarnessError
from harness.verdict import expect
from support import Folder, put

UM = LANES["um"]


def work(root: Path, command: str = "verify", pattern: Optional[str] = None, quick: bool = False,
         series: str = "7.3", lanes: str = "um", driver: str = "core") -> mock.Mock:
    """As much of a Work as building takes."""
    one = mock.Mock(root=root, tree=root / "tree", title="core-7.3")
    one.settings = settings.Settings(command, filter=pattern, quick=quick, driver=driver, lanes=lanes)
    one.src.series = series
    one.build = lambda name: root / "build" / name
    one.clock.stage = lambda _name: contextlib.nullcontext()
    return one


class Boots(Folder):
    """Which boots the um lane has."""

    def names(self, **how: object) -> list[str]:
        with mock.patch.object(lanerun.um, "build"), mock.patch.object(umsim, "build") as built:
            boots = lanerun.build(work(self.dir, **how), UM)     # type: ignore[arg-type]
        names = [one.name for one in boots]
        self.assertEqual(built.called, "um-sim" in names)
        return names

    def test_with_the_suites(self) -> None:
        self.assertEqual(self.names(), ["um", "um-slow", "um-sim"])

    def test_alone(self) -> None:
        self.assertEqual(self.names(command="kunit", pattern="smoke.one.query"), ["um-sim"])

    def test_not_without_a_program(self) -> None:
        self.assertEqual(self.names(pattern="panthor_gem_pin"), ["um"])
        self.assertEqual(self.names(pattern="sim.modules_long"), [])

    def test_what_wants_cpus_by_its_full_name_only(self) -> None:
        self.assertEqual(self.names(pattern="fuzz"), [])
        self.assertEqual(self.names(pattern="fuzz.ioctls.calls_long"), ["um-sim"])

    def test_not_in_the_edit_loop(self) -> None:
        self.assertEqual(self.names(command="kunit", quick=True), ["um"])

    def test_not_beside_a_vm_that_runs_the_same(self) -> None:
        self.assertEqual(self.names(lanes="um vm"), ["um", "um-slow"])

    def test_the_own_test_has_one_series(self) -> None:
        self.assertNotIn("um-sim", self.names(command="test", driver="stock"))
        self.assertNotIn("um-sim", self.names(command="test", series="7.2"))
        self.assertIn("um-sim", self.names(command="test"))
        self.assertIn("um-sim", self.names(series="7.2"))

    def test_deadlines_are_real(self) -> None:
        self.assertTrue(lanerun.Built(mock.Mock(), UM, kind="sim").alone)
        self.assertFalse(lanerun.Built(mock.Mock(), UM).alone)

    def test_what_runs_is_required_and_nothing_else(self) -> None:
        required = expect.load_required(lanerun.EXPECT, "um-sim")
        left_out = lanerun.Built(mock.Mock(), UM, kind="sim").left_out
        self.assertEqual(set(required) - left_out, {f"{suite}.{case}" for suite, case, _ in umsim.programs(None)})
        self.assertIn("load.share.gpu", left_out)


class Build(Folder):
    """The kernel's folder."""

    def build(self, one: mock.Mock, leaves: bool = True) -> list[str]:
        calls: list[Sequence[str]] = []

        def run(cmd: Sequence[str], **_: object) -> None:
            calls.append(cmd)
            if leaves and "build" in cmd:
                (one.build("um-sim") / "linux").touch()
        with mock.patch.object(umsim.procs, "run", run), mock.patch.object(umsim, "check_space", lambda path:
                                                                          path.mkdir(parents=True, exist_ok=True)), \
                mock.patch.object(umsim.selftest, "build"):
            umsim.build(one)
        return list(calls[0])

    def test_begins_with_that_of_the_suites(self) -> None:
        one = work(self.dir)
        put(one.build("um"), {"linux": "suites", "a.o": "x"})
        os.utime(one.build("um") / "a.o", ns=(1, 10**18 + 1))
        self.build(one)
        self.assertEqual((one.build("um-sim") / "a.o").stat().st_mtime_ns, 10**18 + 1)
        self.assertEqual((one.build("um-sim") / "linux").read_text(encoding="utf-8"), "")
        self.assertTrue(umsim.kernel(one).exists())

    def test_a_kernel_of_the_suites_is_not_taken_for_it(self) -> None:
        one = work(self.dir)
        put(one.build("um"), {"linux": "suites"})
        with self.assertRaisesRegex(HarnessError, "built no kernel"):
            self.build(one, leaves=False)

    def test_what_was_built_stays(self) -> None:
        one = work(self.dir)
        put(one.build("um"), {"linux": "suites", "a.o": "old"})
        put(one.build("um-sim"), {"linux": "", "a.o": "new"})
        self.build(one)
        self.assertEqual((one.build("um-sim") / "a.o").read_text(encoding="utf-8"), "new")

    def test_its_options_win(self) -> None:
        words = self.build(work(self.dir))
        self.assertIn("CONFIG_DRM_PANTHOR_KUNIT_TEST=n", words)
        self.assertEqual(words[words.index("CONFIG_BLK_DEV=y") - 1], "--kconfig_add")


class Boot(Folder):
    """UML is a program that gets its command line as arguments."""

    def test_command(self) -> None:
        words = qemu.command(umsim.LANE, Path("linux"), Path("r"), "a b", "uml")
        self.assertEqual(words, ["linux", "mem=1024M", "initrd=r", "a", "b"])
        self.assertIn("harness.lane=um-sim", qemu.kernel_cmdline(umsim.LANE))

    def test_a_crash_is_told(self) -> None:
        image = put(self.dir, {"linux": "#!/bin/sh\necho 'Linux version 7.3'; exit 134\n"}) / "linux"
        image.chmod(0o755)
        result = qemu.boot(umsim.LANE, image, self.dir / "r", "", self.dir / "log", 20, "uml")
        self.assertEqual(result.reason, "UML ended with status 134")


if __name__ == "__main__":
    unittest.main()
