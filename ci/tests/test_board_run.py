# SPDX-License-Identifier: GPL-2.0-only
"""ci/board against a machine of files: what it survives, refuses, and leaves."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import unittest
from unittest import mock

import fakeboard
import support
from harness.board import board_cli, bundlefile, remote
from harness.model import HarnessError
from test_ktap import NEEDS_TREE, TREE

SSH = support.DATA / "board/ssh"


class Board(support.Folder):
    """Whole calls of ci/board."""

    def setUp(self) -> None:
        super().setUp()
        self.root = fakeboard.machine(self.dir / "root")
        self.out = self.dir / "out"

    def call(self, *suites: str, words: tuple[str, ...] = (), host: str = "root@board",
             env: dict[str, str] | None = None, **facts: str) -> tuple[int, str]:
        """Exit status and output; the machine is as before, but after a crash."""
        bundle = fakeboard.bundle(self.dir / "b.tar.gz", suites, **facts)
        before = fakeboard.snapshot(self.root)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), \
                mock.patch("harness.board.verdict.parser_tree", lambda *_: TREE), \
                mock.patch("harness.board.runner.RETRY_SECONDS", 0.1), \
                mock.patch("harness.board.runner.LINE_SECONDS", 4.0), \
                mock.patch("harness.board.runner.WAIT_SECONDS", 3), \
                mock.patch.dict(os.environ, {"FAKE_ROOT": str(self.root), **(env or {})}):
            status = board_cli.main([host, "--bundle", str(bundle), "--ssh", str(SSH), "--dir",
                                     str(self.root / "var/tmp"), "--output", str(self.out), "--limit", "2",
                                     "--patience", "3", *words])
        if "panic" not in suites and "gone" not in suites:
            self.assertEqual(fakeboard.snapshot(self.root), before)
            self.assertEqual(list((self.root / "var/tmp").iterdir()), [])
        if status in (2, 3):
            self.assertEqual(err.getvalue().count("\n"), 1, err.getvalue())
        return status, re.sub(r"\s+", " ", out.getvalue() + err.getvalue())

    def gates(self) -> dict[str, str]:
        data = json.loads((self.out / "verdict.json").read_text())
        return {gate["name"]: gate["state"] + " " + gate["detail"] for gate in data["lanes"][0]["gates"]}

    def log(self) -> str:
        return (self.out / "board.log").read_text()


@NEEDS_TREE
class Runs(Board):
    """From a board to a verdict."""

    def test_green(self) -> None:
        status, out = self.call("good")
        self.assertEqual(status, 0, out)
        self.assertIn("Radxa ROCK 5B", out)
        self.assertRegex(out, r"good 2 0 1 0")
        gates = self.gates()
        for name in ("complete", "ktap", "required", "lockdep", "kasan", "ubsan"):
            self.assertTrue(gates[name].startswith("green"), f"{name}: {gates[name]}")
        self.assertIn("insmod panthor.ko rc=0", self.log())
        self.assertIn("rmmod panthor rc=0", self.log())
        # What the machine said before was not our doing.
        self.assertNotIn("old noise", self.log())
        self.assertIn("Linux version", self.log())
        self.assertIn("== /proc/vmstat", (self.out / "board.counters").read_text())

    def test_failure(self) -> None:
        status, out = self.call("good", "bad")
        self.assertEqual(status, 1, out)
        self.assertRegex(out, r"bad 1 1 0 0")
        self.assertIn("bad.fails", out)

    def test_filter(self) -> None:
        status, out = self.call("good", "bad", words=("--filter", "bad.after"))
        self.assertEqual(status, 0, out)
        self.assertEqual(self.call("good", words=("--filter", "none"))[0], 2)

    def test_splat(self) -> None:
        """The test passes and lockdep complains meanwhile."""
        status, out = self.call("splat")
        self.assertEqual(status, 1, out)
        self.assertIn("RED lockdep", out)

    def test_lockdep_dies_meanwhile(self) -> None:
        with mock.patch.dict(fakeboard.CASES, {"splat.off": (
                "sh -c 'echo \" debug_locks: 0\" >$PANTHOR_ROOT/proc/lockdep_stats'")}):
            bundle_suites = ("splat",)
            before = (self.root / "proc/lockdep_stats").read_text()
            with mock.patch("fakeboard.snapshot", lambda _root: {}):
                status, out = self.call(*bundle_suites, words=("--filter", "splat.off"))
            self.assertNotEqual((self.root / "proc/lockdep_stats").read_text(), before)
        self.assertEqual(status, 1, out)
        self.assertIn("lockdep was off at the end", out)

    def test_the_boards_own_driver_comes_back(self) -> None:
        support.put(self.root, {"proc/modules": "drm 1 0 - Live\npanthor 1 0 - Live\n"})
        self.assertEqual(self.call("good")[0], 0)

    def test_swap_of_the_board_stays(self) -> None:
        support.put(self.root, {"proc/swaps": fakeboard.SWAPS + "/dev/mmcblk0p3 partition 1 0 -2\n"})
        self.assertEqual(self.call("good")[0], 0)


@NEEDS_TREE
class Survives(Board):
    """Accidents: marked, and the rest runs."""

    def test_hang(self) -> None:
        status, out = self.call("hang")
        self.assertEqual(status, 1, out)
        self.assertRegex(out, r"hang 1 1 0 0")
        self.assertIn("no end after 2 s", self.log())
        self.assertTrue(self.gates()["complete"].startswith("green"))

    def test_panic(self) -> None:
        status, out = self.call("panic", "good")
        self.assertEqual(status, 1, out)
        self.assertRegex(out, r"panic 1 1 0 0")
        self.assertRegex(out, r"good 2 0 1 0")
        self.assertIn("the board went away during panic.dies: it booted", self.gates()["complete"])
        self.assertIn(f"panthor-harness: boot {fakeboard.BOOTS[1]}", self.log())

    def test_network(self) -> None:
        """The test goes on without us; nothing is lost, nothing is red."""
        status, out = self.call("cut")
        self.assertEqual(status, 0, out)
        self.assertIn("connected again during cut.network", out)
        self.assertRegex(out, r"cut 2 0 0 0")
        self.assertNotIn("messages lost", self.log())

    def test_gone(self) -> None:
        """It never comes back: a verdict all the same."""
        status, out = self.call("good", "gone", words=("--patience", "1"))
        self.assertEqual(status, 1, out)
        self.assertRegex(out, r"good 2 0 1 0")
        self.assertIn("the run ended early: no answer for 1 s", self.gates()["complete"])
        self.assertIn("gone.after: did not run", out)

    def test_power_cycle(self) -> None:
        """Somebody pulls the plug for us."""
        status, out = self.call("gone", words=(
            "--filter", "gone.*", "--patience", "2", "--power-cycle",
            f"PANTHOR_ROOT={self.root} sh {self.root}/bin/boot"))
        self.assertEqual(status, 1, out)
        self.assertRegex(out, r"gone 1 1 0 0")
        self.assertIn("the board went away during gone.dies: it booted", self.gates()["complete"])


@NEEDS_TREE
class Refuses(Board):
    """Bad input: one line, exit status 3, and a board as it was (see call)."""

    def refused(self, *words: str, env: dict[str, str] | None = None, options: tuple[str, ...] = (),
                host: str = "root@board", **facts: str) -> None:
        status, out = self.call("good", words=options, env=env, host=host, **facts)
        self.assertEqual(status, 3, out)
        for word in words:
            self.assertIn(word, out)

    def test_architecture(self) -> None:
        self.refused("root@board is x86_64, the bundle is for aarch64", env={"FAKE_ARCH": "x86_64"})

    def test_not_root(self) -> None:
        self.refused("not root", env={"FAKE_UID": "1000"})

    def test_no_device(self) -> None:
        (self.root / "sys/bus/platform/devices/fb000000.gpu/modalias").write_text("of:NuartT(null)Cns16550\n")
        self.refused("no device that panthor drives")

    def test_no_firmware(self) -> None:
        (self.root / fakeboard.FIRMWARE).unlink()
        self.refused("firmware is missing", "mali_csffw.bin")

    def test_no_swap(self) -> None:
        for path in (self.root / "sys/class/zram-control").iterdir():
            path.unlink()
        (self.root / "sys/class/zram-control").rmdir()
        self.refused("no swap possible")

    def test_swap_fails(self) -> None:
        """zram is there and does not work: found out in the middle, undone."""
        self.refused("no swap possible: zram does not work here", env={"FAKE_NOSWAP": "1"})

    def test_unreachable(self) -> None:
        self.refused("nowhere: cannot connect", "No route to host", host="nowhere")

    def test_disk_full(self) -> None:
        self.refused("disk full", "MiB free", env={"FAKE_FREE": "100"})

    def test_disk_full_meanwhile(self) -> None:
        (self.root / "bin/tar").write_text("#!/bin/sh\necho 'tar: No space left on device' >&2\nexit 2\n")
        (self.root / "bin/tar").chmod(0o755)
        self.refused("cannot unpack the bundle", "disk full")

    def test_kernel_without_debug_options(self) -> None:
        import gzip
        (self.root / "proc/config.gz").write_bytes(gzip.compress(b"CONFIG_KASAN=y\n"))
        self.refused("without CONFIG_PROVE_LOCKING, CONFIG_DEBUG_KMEMLEAK", "--production")
        status, out = self.call("good", words=("--production",))
        self.assertEqual(status, 0, out)
        self.assertTrue(self.gates()["ubsan"].startswith("off"))

    def test_kernel_without_configuration(self) -> None:
        (self.root / "proc/config.gz").unlink()
        self.refused("does not tell its configuration")

    def test_other_kernel(self) -> None:
        self.refused("runs Linux 6.1.0, the bundle's modules are for 7.3.4-board", env={"FAKE_RELEASE": "6.1.0"})

    def test_driver_in_use(self) -> None:
        support.put(self.root, {"proc/modules": "panthor 1 2 - Live\n"})
        self.refused("panthor is in use")

    def test_driver_cannot_be_removed(self) -> None:
        support.put(self.root, {"proc/modules": "panthor 1 0 - Live\n"})
        self.refused("panthor is in use", env={"FAKE_BUSY": "panthor"})

    def test_driver_built_in(self) -> None:
        (self.root / "sys/module/panthor").mkdir(parents=True)
        self.refused("built into the kernel")

    def test_lockdep_is_off_already(self) -> None:
        support.put(self.root, {"proc/lockdep_stats": " debug_locks: 0\n"})
        self.refused("lockdep has switched itself off")

    def test_module_does_not_load(self) -> None:
        bundle = mock.patch("fakeboard.bundle.__defaults__", (("gpu-sched", "broken"),))
        with bundle:
            self.refused("cannot load broken.ko", "Unknown symbol")

    def test_usage(self) -> None:
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            self.assertEqual(board_cli.main(["board"]), 2)
        self.assertEqual(err.getvalue().count("\n"), 1)


class Bundles(support.Folder):
    """A tarball is what its manifest says."""

    def test_round_trip(self) -> None:
        path = fakeboard.bundle(self.dir / "b.tar.gz", ["good"], flavour="debug")
        bundle = bundlefile.read(path)
        self.assertEqual(bundle.release, fakeboard.RELEASE)
        self.assertEqual(bundle.manifest["flavour"], "debug")
        self.assertEqual([one[:2] for one in bundle.cases], [("good", "one"), ("good", "two"), ("good", "skip")])

    def test_equal_input_equal_bytes(self) -> None:
        files = {"run": b"#!/bin/sh\n", "cases.list": b"a b c\n"}
        for name in ("one", "two"):
            bundlefile.write(self.dir / name, files, {"made": "then"})
        self.assertEqual((self.dir / "one").read_bytes(), (self.dir / "two").read_bytes())

    def refused(self, data: bytes | None, *words: str) -> None:
        path = self.dir / "b.tar.gz"
        if data is not None:
            path.write_bytes(data)
        with self.assertRaises(HarnessError) as caught:
            bundlefile.read(path)
        self.one_line(caught.exception, *words)

    def test_bad_files(self) -> None:
        self.refused(None, "no such bundle")
        self.refused(b"", "not a board bundle")
        self.refused(os.urandom(4096), "not a board bundle")
        good = fakeboard.bundle(self.dir / "good.tar.gz", ["good"]).read_bytes()
        self.refused(good[:len(good) // 2], "not a board bundle")

    def test_changed_content(self) -> None:
        real = bundlefile.hashlib.sha256
        with mock.patch.object(bundlefile.hashlib, "sha256", lambda data: real(data + b"x")):
            fakeboard.bundle(self.dir / "b.tar.gz", ["good"])
        self.refused(None, "is not what the manifest says")


class Records(unittest.TestCase):
    """Lines of /dev/kmsg."""

    def test_line(self) -> None:
        self.assertEqual(remote.record(b"6,339,5140900,-;NET: Registered\\x09x"), (339, "[    5.140900] NET: Registered\tx"))
        self.assertEqual(remote.record(b"12,7,1,-,caller=T1;a;b"), (7, "[    0.000001] a;b"))

    def test_others(self) -> None:
        for raw in (b" SUBSYSTEM=drm", b"", b"cat: /dev/kmsg: Broken pipe", b"x;y"):
            self.assertIsNone(remote.record(raw), raw)


if __name__ == "__main__":
    unittest.main()
