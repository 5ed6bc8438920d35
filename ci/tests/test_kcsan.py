# SPDX-License-Identifier: GPL-2.0-only
"""Data races: whose they are, and when silence means nothing."""

from __future__ import annotations

import contextlib
import io
import re
import unittest

import support  # noqa: F401  pylint: disable=unused-import
from harness import cli, settings
from harness.boot import lanes
from harness.build import kconfig
from harness.measure import kcsan
from harness.model import Case, Finding, GateState, Status
from harness.verdict import scan
from test_gates import ALL, AWAKE, NEEDS_TREE, run
from test_ktap import text

KERNELS = settings.REPO / "kunitconfig"


def report(first: str, second: str) -> str:
    """A race as Linux 7.3 prints it; frames with their module."""
    names = sorted(frame.split("+")[0] for frame in (first, second))
    return "\n".join([
        "=" * 66, f"BUG: KCSAN: data-race in {names[0]} / {names[1]}", "",
        "write to 0xffff000004123450 of 4 bytes by task 61 on cpu 1:", f" {first}", " kthread+0x1ac/0x1f0", "",
        "read (marked) to 0xffff000004123450 of 4 bytes by task 62 on cpu 0:", f" {second}", " outer+0x10/0x20", "",
        "value changed: 0x00000001 -> 0x00000002", "", "Reported by Kernel Concurrency Sanitizer on:",
        "CPU: 1 UID: 0 PID: 61 Comm: kunit_try_catch", "=" * 66, ""])


CORE, MM, DRM = "panthor_gem_pin+0x7c/0x120 [panthor]", "shrink_lruvec+0x8/0x40", "drm_gem_get+0x8/0x40"


class Whose(unittest.TestCase):
    """Accesses, not callers, decide."""

    def check(self, first: str, second: str, ours: bool) -> None:
        (gate, found), = scan.scan(report(first, second), [], [])
        self.assertEqual(gate, "kcsan")
        self.assertEqual(len(kcsan.accesses(found.text)), 2, found.text)
        self.assertEqual(kcsan.concerns(found), ours)

    def test_either_side(self) -> None:
        self.check(CORE, MM, True)
        self.check(MM, CORE, True)
        self.check(MM, DRM, True)
        self.check("step+0x4/0x40 [panthor_sim]", MM, True)
        self.check("map+0x4/0x40 [drm_gpuvm]", MM, True)

    def test_neither_side(self) -> None:
        self.check(MM, "enqueue_timer+0x4/0x40", False)

    def test_what_cannot_be_read_is_ours(self) -> None:
        self.assertTrue(kcsan.concerns(Finding("BUG: KCSAN: data-race in x", text=["garbage"])))

    def test_noise_needs_functions_of_both_sides(self) -> None:
        (_, found), = scan.scan(report(CORE, DRM), [], [])
        self.assertLessEqual({"panthor_gem_pin", "drm_gem_get", "kthread", "outer"},
                             scan.trace_functions(found.text))


@NEEDS_TREE
class TheGate(unittest.TestCase):
    """Red with a race of ours, and when the detector sees nothing."""

    def log(self, more: str = "", mark: str = AWAKE, case: str = "pin_after_evict") -> str:
        log = text("um_pass").replace("pin_after_evict", case)
        at = log.rindex("\n", 0, log.index(f"    ok 2 {case}")) + 1
        log = log[:at] + more + log[at:]
        return re.sub(r"(?m)^(.*panthor-harness: )lockdep ", rf"\1{mark}\n\g<0>", log) if mark else \
            log.replace("panthor-harness: end", "panthor-harness: kcsan-less\n[    0.3] panthor-harness: end")

    def gate(self, log: str) -> tuple[GateState, str]:
        gate = run(log, required=[], config=ALL)["kcsan"]
        return gate.state, gate.detail

    def test_awake_and_silent(self) -> None:
        self.assertEqual(self.gate(self.log()), (GateState.GREEN, "awake at the end"))

    def test_a_race_of_ours(self) -> None:
        self.assertEqual(self.gate(self.log(report(CORE, MM)))[0], GateState.RED)

    def test_a_race_of_others_is_counted(self) -> None:
        state, detail = self.gate(self.log(report(MM, "tick+0x4/0x8")))
        self.assertEqual(state, GateState.GREEN)
        self.assertIn("reports about other code: 1", detail)

    def test_asleep(self) -> None:
        for mark, why in (("kcsan enabled=0 watched=900", "was off at the end"), ("", "no marker"),
                          ("kcsan enabled=1 watched=0", "watched nothing"), ("kcsan enabled=", "was off")):
            state, detail = self.gate(self.log(mark=mark))
            self.assertEqual(state, GateState.RED, mark)
            self.assertIn(why, detail)

    def test_the_race_on_purpose(self) -> None:
        cases = [Case("panthor_kcsan", "race_on_purpose", Status.PASS)]
        seen = Finding("race", test=kcsan.ON_PURPOSE)
        self.assertEqual(kcsan.blind([(1, AWAKE)], cases, [seen]), [])
        self.assertIn("not reported", kcsan.blind([(1, AWAKE)], cases, [Finding("race", test="a.b")])[0].title)
        self.assertEqual(kcsan.blind([(1, AWAKE)], [], []), [])

    def test_the_race_on_purpose_is_noise_that_is_listed(self) -> None:
        frame = "race_count_up+0x7c/0x120 [panthor]"
        text_ = report(frame, frame).replace("in race_count_up / race_count_up",
                                             "in race_count_up [panthor] / race_count_up [panthor]")
        noise = scan.load_noise(settings.REPO / "ci/noise/kcsan.txt")
        self.assertEqual(scan.scan(text_, [], noise), [])
        self.assertEqual(len(scan.scan(report(frame, CORE), [], noise)), 1)

    def test_the_source_has_it(self) -> None:
        source = (settings.TESTS / "kcsan.c").read_text(encoding="utf-8")
        suite, case = kcsan.ON_PURPOSE.split(".")
        self.assertEqual(settings.KCSAN_TESTS, {suite: [case]})
        self.assertIn(f'.name = "{suite}"', source)
        self.assertIn(f"({case})", source)


class Command(unittest.TestCase):
    """Which kernel, which lane, and what to type again."""

    def test_kernel(self) -> None:
        lane = lanes.LANES["arm64"].with_kcsan()
        names = lane.fragment_names()
        self.assertIn("kcsan", names)
        self.assertNotIn("kasan", names)
        wanted = kconfig.merge([kconfig.read(KERNELS / f"{name}.config") for name in names])
        self.assertEqual((wanted["CONFIG_KCSAN"], wanted["CONFIG_KASAN"]), ("y", "n"))
        self.assertEqual((lane.name, lane.listed.name), ("arm64-kcsan", "arm64"))
        self.assertEqual(lanes.LANES["um"].listed.name, "um")

    def test_again(self) -> None:
        self.assertEqual(settings.parse(["kcsan"]).again("arm64", ["SEED=1"]), "make kcsan LANES=arm64 SEED=1")
        self.assertEqual(settings.parse(["soak", "CONFIG=kcsan", "N=2"]).again("arm64"),
                         "make verify CONFIG=kcsan LANES=arm64")

    def test_what_failed_can_be_named(self) -> None:
        self.assertTrue(settings.kunit_left(kcsan.ON_PURPOSE))
        settings.check_filter(kcsan.ON_PURPOSE, "kcsan")

    def test_usage(self) -> None:
        for words in (["kcsan", "LANES=um"], ["verify", "CONFIG=kmsan"], ["kunit", "CONFIG=kcsan"]):
            err = io.StringIO()
            with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(cli.main(words), 2, words)


if __name__ == "__main__":
    unittest.main()
