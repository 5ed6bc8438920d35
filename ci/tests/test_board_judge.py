# SPDX-License-Identifier: GPL-2.0-only
"""ci/judge: logs in the shapes labs have them, to verdict and exit status."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import unittest
from pathlib import Path
from unittest import mock

import support
from harness.board import drmci, judge_cli, seriallog
from harness.model import Case, GateState, HarnessError, Status
from test_ktap import NEEDS_TREE, TREE, text
from test_scan import report, stamped

PROGRAMS = {"smoke": ["gpu.open", "gpu.version", "vm.create"], "gem": ["bo.size", "gpu.open"]}

KERNEL = """\
[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x412fd050]
[    0.000000] Linux version 7.3.4 (lab@builder) (aarch64-linux-gnu-gcc 14.2.0) #1 SMP PREEMPT
[    0.000000] Machine model: Radxa ROCK 5B
[    0.000000] Running RCU self tests
[   12.401234] panthor fb000000.gpu: [drm] mali-g610 id 0xa867 major 0x0 minor 0x0 status 0x5
"""
NESTED = """\
TAP version 13
1..2
# selftests: drm/panthor: smoke
# TAP version 13
# 1..3
# # Starting 3 tests from 2 test cases.
# #  RUN           gpu.open ...
# #            OK  gpu.open
# ok 1 gpu.open
# #  RUN           gpu.version ...
# #            OK  gpu.version
# ok 2 gpu.version
# #  RUN           vm.create ...
# #      SKIP      no second GPU
# #            OK  vm.create
# ok 3 vm.create # SKIP no second GPU
# # PASSED: 3 / 3 tests passed.
# # Totals: pass:2 fail:0 xfail:0 xpass:0 skip:1 error:0
ok 1 selftests: drm/panthor: smoke
# selftests: drm/panthor: gem
# TAP version 13
# 1..1
# # Starting 1 tests from 1 test cases.
# #  RUN           bo.size ...
# # gem.c:41:bo.size:Expected 4096 (4096) == size (0)
# # bo.size: Test terminated by assertion
# #          FAIL  bo.size
# not ok 1 bo.size
# # FAILED: 0 / 1 tests passed.
not ok 2 selftests: drm/panthor: gem # exit=1
"""
FLAT = """\
TAP version 13
1..3
# Starting 3 tests from 2 test cases.
#  RUN           gpu.open ...
#            OK  gpu.open
ok 1 gpu.open
#  RUN           gpu.version ...
#            OK  gpu.version
ok 2 gpu.version
#  RUN           vm.create ...
#            OK  vm.create
ok 3 vm.create
# PASSED: 3 / 3 tests passed.
# Totals: pass:3 fail:0 xfail:0 xpass:0 skip:0 error:0
"""
GOOD = KERNEL + "root@rock-5b:~# ./smoke\r\n" + FLAT


def lava(log: str) -> str:
    """As LAVA's job log has it, dispatcher's lines between the target's."""
    stamp = "2026-11-20T10:11:12.345678"
    lines = [f'- {{"dt": "{stamp}", "lvl": "info", "msg": "start: 3 lava-test-retry (timeout 00:10:00)"}}']
    for line in log.splitlines():
        lines.append("- " + json.dumps({"dt": stamp, "lvl": "target", "msg": line}))
    lines.append(f'- {{"dt": "{stamp}", "lvl": "results", "msg": {{"case": "kselftest", "result": "pass"}}}}')
    return "\n".join(lines) + "\n"


def prefixed(log: str, prefix: str) -> str:
    return "".join(f"{prefix}{line}\n" for line in log.splitlines())


class Judge(support.Folder):
    """Whole calls of the command."""

    def call(self, data: str | bytes, *words: str) -> tuple[int, str]:
        """Exit status and output of ``ci/judge`` for one log."""
        path = self.dir / "serial.log"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), \
                mock.patch("harness.settings.selftests", lambda: PROGRAMS):
            status = judge_cli.main([str(path), "--tree", str(TREE), *words])
        if status in (2, 3):
            self.assertEqual(err.getvalue().count("\n"), 1, err.getvalue())
        return status, out.getvalue() + err.getvalue()


@NEEDS_TREE
class Shapes(Judge):
    """The same results, whoever wrote the log."""

    def same(self, data: str | bytes) -> None:
        status, out = self.call(data, "--lane", "board")
        self.assertEqual(status, 0, out)
        self.assertIn("core-7.3-board  linux 7.3.4: ok", out)
        self.assertRegex(out, r"smoke +3 +0 +0 +0")

    def test_serial(self) -> None:
        self.same(GOOD)

    def test_carriage_returns_and_colours(self) -> None:
        self.same(GOOD.replace("\n", "\r\n").replace("ok 2", "\x1b[32mok 2").replace("version\r", "version\x1b[0m\r"))

    def test_lava(self) -> None:
        self.same(lava(GOOD))

    def test_gzip(self) -> None:
        self.same(gzip.compress(GOOD.encode()))

    def test_stamps(self) -> None:
        for prefix in ("2026-11-20T10:11:12.345678 ", "2026-11-20 10:11:12 ", "10:11:12.345678  "[:-1],
                       "[2026-11-20 10:11:12.345] ", "2026-11-20T10:11:12.345+0100 "):
            with self.subTest(prefix=prefix):
                self.same(prefixed(GOOD, prefix))

    def test_journal(self) -> None:
        self.same(prefixed(GOOD, "Nov 20 10:11:12 rock-5b kernel: "))

    def test_dmesg_with_levels(self) -> None:
        self.same(re.sub(r"^\[", "kern  :info  : [", GOOD, flags=re.M))

    def test_kernel_speaks_in_the_middle_of_a_line(self) -> None:
        cut = GOOD.replace("ok 2 gpu.version", "ok 2 gpu.version[   13.000001] r8169 0004:41:00.0 end0: Link is Up")
        self.same(cut)

    def test_noise_at_the_begin(self) -> None:
        self.same(b"\xff\xfe\x80DDR 2.1\x00\x00\n" + GOOD.encode())

    def test_run_kselftest(self) -> None:
        """Cases, not programs: one fails, one is skipped."""
        status, out = self.call(KERNEL + NESTED)
        self.assertEqual(status, 1, out)
        self.assertRegex(out, r"smoke +2 +0 +1 +0")
        self.assertRegex(out, r"gem +0 +1 +0 +0")
        self.assertIn("gem.bo.size", out)
        self.assertIn("Expected 4096 (4096) == size (0)", out)
        self.assertNotIn("RED", out)

    def test_lines_are_those_of_the_file(self) -> None:
        log = lava(KERNEL + NESTED)
        _, out = self.call(log)
        number = next(no for no, line in enumerate(log.splitlines(), 1) if "gem.c:41" in line)
        self.assertRegex(re.sub(r"\s+", " ", out), rf"\(log line {number}\)")

    def test_our_own(self) -> None:
        status, out = self.call(text("arm64_serial"), "--lane", "board")
        self.assertEqual(status, 0, out)
        self.assertIn("panthor_gem_pin", out)


@NEEDS_TREE
class Red(Judge):
    """What turns a verdict red."""

    def red(self, log: str, *words: str) -> str:
        status, out = self.call(log, *words)
        self.assertEqual(status, 1, out)
        return re.sub(r"\s+", " ", out)

    def test_failed(self) -> None:
        out = self.red(GOOD.replace("ok 2 gpu.version", "not ok 2 gpu.version"))
        self.assertIn("smoke.gpu.version", out)

    def test_lockdep(self) -> None:
        """All tests pass, and lockdep complains in the second one, through LAVA."""
        log = GOOD.replace("ok 2 gpu.version\n", stamped(report("lockdep_rcu"), 13.0) + "ok 2 gpu.version\n")
        out = self.red(lava(log))
        self.assertIn("RED lockdep", out)
        self.assertIn("suspicious RCU usage", out)
        self.assertIn("in smoke.gpu.version", out)

    def test_kasan(self) -> None:
        self.assertIn("RED kasan", self.red(GOOD.replace("ok 3", stamped(report("kasan"), 13.0) + "ok 3")))

    def test_dies(self) -> None:
        """The kernel dies in the third test, and the log ends there."""
        at = GOOD.index("ok 3")
        out = self.red(GOOD[:at] + stamped(report("oops"), 13.0) +
                       "[   13.100000] Kernel panic - not syncing: Oops: Fatal exception\n")
        self.assertIn("RED complete", out)
        self.assertIn("RED oops", out)
        self.assertIn("kernel died: Kernel panic", out)

    def test_cut(self) -> None:
        """The connection ends in the second test."""
        out = self.red(GOOD[:GOOD.index("ok 2")])
        self.assertIn("RED complete", out)
        self.assertIn("stopped or hung", out)

    def test_cut_in_nested(self) -> None:
        out = self.red(KERNEL + NESTED[:NESTED.index("# ok 3")])
        self.assertIn("RED complete", out)
        self.assertIn("smoke", out)

    def test_no_result(self) -> None:
        """A boot without tests is a failed run, not an error of the call."""
        self.assertIn("RED ktap", self.red(KERNEL))

    def test_required(self) -> None:
        path = self.dir / "required.txt"
        path.write_text("smoke.gpu.open\ngem.bo.size\n")
        self.assertIn("gem.bo.size: did not run", self.red(GOOD, "--required", str(path)))

    def test_marks_of_accidents(self) -> None:
        """What the runner has written about the board counts offline, too."""
        for mark, title in (("died smoke.gpu.open: it booted", "the board went away during smoke.gpu.open"),
                            ("gone: no answer for 300 s", "the run ended early"), ("7 kernel messages lost", "7 kernel"),
                            ("the kernel log lacks the result of smoke.x", "lacks the result")):
            with self.subTest(mark=mark):
                log = text("arm64_serial").replace("panthor-harness: end", f"panthor-harness: {mark}\npanthor-harness: end")
                out = self.red(log, "--lane", "board")
                self.assertIn("RED complete", out)
                self.assertIn(title, out)

    def test_ours_without_end(self) -> None:
        """A log with our marks has to have the last one, too."""
        log = text("arm64_serial").replace("panthor-harness: end", "")
        self.assertIn("no end marker", self.red(log, "--lane", "board"))


@NEEDS_TREE
class Sure(Judge):
    """What is not known is off, never green."""

    def gates(self, *words: str) -> dict[str, str]:
        status, out = self.call(GOOD, "--output", str(self.dir / "out"), *words)
        self.assertEqual(status, 0, out)
        data = json.loads((self.dir / "out/verdict.json").read_text())
        return {gate["name"]: gate["state"] + " " + gate["detail"] for gate in data["lanes"][0]["gates"]}

    def test_without_config(self) -> None:
        gates = self.gates()
        for name in ("kasan", "ubsan", "warn", "kmemleak"):
            self.assertTrue(gates[name].startswith("off not known to be on"), gates[name])
        self.assertTrue(gates["complete"].startswith("green"))

    def test_with_config(self) -> None:
        config = self.dir / "kernel.config"
        config.write_text("CONFIG_KASAN=y\nCONFIG_PROVE_LOCKING=y\n# CONFIG_UBSAN is not set\n")
        gates = self.gates("--config", str(config))
        self.assertTrue(gates["kasan"].startswith("green"))
        self.assertTrue(gates["ubsan"].startswith("off not in this config"))
        # Lockdep switches itself off after a report; nobody looked.
        self.assertTrue(gates["lockdep"].startswith("off no report, but nobody looked"), gates["lockdep"])

    def test_config_beside(self) -> None:
        (self.dir / "serial.config").write_text("CONFIG_KASAN=y\n")
        self.assertTrue(self.gates()["kasan"].startswith("green"))

    def test_reports(self) -> None:
        self.gates()
        self.assertEqual({path.name for path in (self.dir / "out").iterdir()},
                         {"index.html", "junit.xml", "verdict.json", "core-7.3-board.ktap"})


@NEEDS_TREE
class BadInput(Judge):
    """One line, exit status 3; wrong usage 2."""

    def refused(self, data: str | bytes, *words: str) -> None:
        status, out = self.call(data)
        self.assertEqual(status, 3, out)
        for word in words:
            self.assertIn(word, out)

    def test_empty(self) -> None:
        self.refused("", "is empty")
        self.refused("\n \r\n\0", "is empty")

    def test_junk(self) -> None:
        self.refused(bytes(range(256)) * 64, "not a text log")

    def test_broken_gzip(self) -> None:
        self.refused(gzip.compress(GOOD.encode())[:-20], "broken gzip")

    def test_other_text(self) -> None:
        self.refused("Dear Sir,\nplease find attached\n", "neither a test result nor a kernel message")

    def test_no_file(self) -> None:
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            self.assertEqual(judge_cli.main([str(self.dir / "none.log"), "--tree", str(TREE)]), 3)
        self.assertIn("No such file", err.getvalue())

    def test_usage(self) -> None:
        for words in ([], ["x.log", "--lanes", "um"], ["x.log", "--driver", "mine"]):
            err = io.StringIO()
            with contextlib.redirect_stderr(err):
                self.assertEqual(judge_cli.main(words), 2, words)
            self.assertEqual(err.getvalue().count("\n"), 1)

    def test_no_tree(self) -> None:
        (self.dir / "a.log").write_text(GOOD)
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            self.assertEqual(judge_cli.main([str(self.dir / "a.log"), "--tree", str(self.dir)]), 3)
        self.assertIn("no kernel tree", err.getvalue())


UPSTREAM = """\
core_hotunplug@hotreplug,Fail
core_hotunplug@hotunplug-rescan,Fail
core_setmaster@master-drop-set-user,Fail
"""


def case(name: str, status: Status) -> Case:
    suite, _, rest = name.partition(".")
    return Case(suite, rest, status)


class Expectations(support.Folder):
    """drm-ci's files, as they are."""

    def lists(self, **files: str) -> drmci.Lists:
        for kind, content in files.items():
            (self.dir / f"panthor-rk3588-{kind}.txt").write_text(content)
        return drmci.load(self.dir / "panthor-rk3588")

    def test_listed_failure_is_known(self) -> None:
        cases = [case("smoke.a", Status.FAIL), case("smoke.b", Status.PASS)]
        gate = drmci.apply(cases, self.lists(fails="# D7: the clock\nsmoke.a,Fail\n"))
        self.assertIs(gate.state, GateState.GREEN)
        self.assertEqual(cases[0].known, "listed: D7: the clock")

    def test_listed_failure_passes(self) -> None:
        gate = drmci.apply([case("smoke.a", Status.PASS)], self.lists(fails="smoke.a,Fail\n"))
        self.assertIs(gate.state, GateState.RED)
        self.assertIn("remove it", gate.detail)

    def test_other_failure_stays_bad(self) -> None:
        for listed, status in (("smoke.b,Fail", Status.FAIL), ("smoke.a,Crash", Status.FAIL),
                               ("smoke.a,Fail", Status.CRASH)):
            cases = [case("smoke.a", status)]
            drmci.apply(cases, self.lists(fails=f"{listed}\n"))
            self.assertTrue(cases[0].bad, listed)

    def test_not_run_is_no_fault(self) -> None:
        gate = drmci.apply([case("smoke.a", Status.PASS)], self.lists(fails=UPSTREAM))
        self.assertIs(gate.state, GateState.GREEN)

    def test_flake(self) -> None:
        lists = self.lists(flakes="# Bug Report: https://lore.kernel.org/x\n# Board Name: rk3588-rock-5b\n"
                                  "# Failure Rate: 50\nsmoke\\.a\n")
        for status in (Status.PASS, Status.FAIL):
            cases = [case("smoke.a", status)]
            self.assertIs(drmci.apply(cases, lists).state, GateState.GREEN)
            self.assertFalse(cases[0].bad)
        self.assertIn("Failure Rate: 50", cases[0].known)

    def test_skips(self) -> None:
        lists = self.lists(skips="# KMS\nkms_.*\n^hostile\n")
        self.assertTrue(lists.skip("kms_color@x") and lists.skip("hostile.one"))
        self.assertIsNone(lists.skip("smoke.kms_x"))

    def test_mistakes(self) -> None:
        for kind, content in (("fails", "smoke.a\n"), ("fails", "smoke.a,Bad\n"), ("fails", "a.b,Fail\na.b,Fail\n"),
                              ("skips", "smoke.(\n")):
            with self.subTest(content=content), self.assertRaises(HarnessError) as caught:
                self.lists(**{kind: content})
            self.one_line(caught.exception, f"panthor-rk3588-{kind}.txt:")
            (self.dir / f"panthor-rk3588-{kind}.txt").unlink()
        with self.assertRaises(HarnessError):
            drmci.load(self.dir / "other")

    def test_nothing_changes(self) -> None:
        """A file that fits its run is written as it was, to the byte."""
        old = "# group one\nsmoke.a,Fail\nsmoke.b,Crash\n\n# igt\ncore_x@y,Fail\n"
        cases = [case("smoke.a", Status.FAIL), case("smoke.b", Status.CRASH), case("smoke.c", Status.PASS)]
        self.assertEqual(drmci.rewrite(old, cases, drmci.Lists()), old)

    def test_brought_up_to_date(self) -> None:
        old = "# reason of a\nsmoke.a,Fail\n\n# of b and c\nsmoke.b,Fail\nsmoke.c,Fail\n"
        cases = [case("smoke.a", Status.PASS), case("smoke.b", Status.PASS), case("smoke.c", Status.CRASH),
                 case("smoke.d", Status.FAIL)]
        self.assertEqual(drmci.rewrite(old, cases, drmci.Lists()),
                         "\n# of b and c\nsmoke.c,Crash\nsmoke.d,Fail\n")

    def test_sorted_stays_sorted(self) -> None:
        new = drmci.rewrite(UPSTREAM, [case("core_i.x", Status.FAIL)], drmci.Lists())
        self.assertEqual(new.splitlines(), sorted(new.splitlines()))
        self.assertEqual(len(new.splitlines()), 4)

    def test_flakes_are_not_written(self) -> None:
        lists = self.lists(flakes="smoke.a\n")
        self.assertEqual(drmci.rewrite("", [case("smoke.a", Status.FAIL)], lists), "")

    @unittest.skipUnless(TREE and (TREE / "drivers/gpu/drm/ci/xfails").is_dir(), "no kernel tree")
    def test_the_trees_own(self) -> None:
        """What drm-ci has for panthor is read, and written as it is."""
        assert TREE
        prefix = TREE / "drivers/gpu/drm/ci/xfails/panthor-rk3588"
        lists = drmci.load(prefix)
        self.assertTrue(lists.fails and lists.skips)
        self.assertTrue(lists.skip("kms_color@x"))
        old = Path(f"{prefix}-fails.txt").read_text()
        self.assertEqual(drmci.rewrite(old, [case("smoke.a", Status.PASS)], lists), old)


@NEEDS_TREE
class WithExpectations(Judge):
    """The files in a call."""

    def test_written_then_green(self) -> None:
        log = GOOD.replace("ok 2 gpu.version", "not ok 2 gpu.version")
        prefix = str(self.dir / "panthor-rk3588")
        self.assertEqual(self.call(log, "--write-expect", prefix)[0], 1)
        self.assertEqual((self.dir / "panthor-rk3588-fails.txt").read_text(), "smoke.gpu.version,Fail\n")
        self.assertEqual(self.call(log, "--expect", prefix)[0], 0)
        self.assertEqual(self.call(GOOD, "--expect", prefix)[0], 1)


class Shape(unittest.TestCase):
    """Single steps of the normal form."""

    def test_origin(self) -> None:
        normal = seriallog.normalise("a\n" + FLAT, PROGRAMS)
        at = normal.text.split("\n").index("    ok 2 gpu.version")
        self.assertEqual((FLAT.splitlines())[normal.line(at + 1) - 2], "ok 2 gpu.version")

    def test_program_of_most_tests(self) -> None:
        self.assertIn("# Subtest: smoke", seriallog.normalise(FLAT, PROGRAMS).text)
        self.assertIn("# Subtest: kselftest", seriallog.normalise(FLAT, {}).text)

    def test_kunit_is_left_alone(self) -> None:
        log = text("um_pass")
        self.assertEqual([line.strip() for line in seriallog.normalise(log, PROGRAMS).text.split("\n")],
                         [line.strip() for line in log.replace("\r", "").split("\n")])


if __name__ == "__main__":
    unittest.main()
