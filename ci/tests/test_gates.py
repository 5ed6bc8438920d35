# SPDX-License-Identifier: GPL-2.0-only
"""Every gate goes red on the log that calls for it, and only then."""

import re
import tempfile
import unittest
from pathlib import Path
from typing import Any, Optional

import support
from harness.model import Gate, GateState, HarnessError, LaneResult, Status
from harness.verdict import gates, judge, scan
from test_ktap import NEEDS_TREE, TREE, parse_text, text
from test_scan import REPORTS, report, stamped

GREEN, RED, OFF = GateState.GREEN, GateState.RED, GateState.OFF
AWAKE = "kcsan enabled=1 watched=900"
ALL = {w for names in gates.CONFIG.values() for w in names}
# The recorded logs are of kernels with KASAN, which have no KCSAN.
CONFIG = ALL - {"KCSAN"}


def run(log: str, *, filter: Optional[str] = None,
        required: Optional[list[str]] = None,
        noise: Optional[list[scan.Noise]] = None,
        config: Optional[set[str]] = None) -> dict[str, Gate]:
    if "KCSAN" in (config or ()) and "kcsan" not in log:
        log = re.sub(r"(?m)^(.*panthor-harness: )lockdep ", rf"\1{AWAKE}\n\g<0>", log)
    parsed = parse_text(log)
    got = gates.judge_log(log, parsed, filter=filter,
                          required=["panthor_gem_pin.pin_twice"]
                          if required is None else required,
                          noise=noise or [],
                          config=CONFIG if config is None else config)
    assert tuple(g.name for g in got) == gates.ORDER
    return {g.name: g for g in got}


def reds(got: dict[str, Gate]) -> list[str]:
    return [name for name, gate in got.items() if gate.state is RED]


def with_report(name: str) -> str:
    """The good log with a report in the output of pin_after_evict."""
    log = text("um_pass")
    at = log.index("    ok 2 pin_after_evict")
    at = log.rindex("\n", 0, at) + 1
    return log[:at] + stamped(report(name), 0.12) + log[at:]


@NEEDS_TREE
class Green(unittest.TestCase):
    def test_pass(self) -> None:
        got = run(text("um_pass"), config=ALL)
        self.assertEqual({g.state for g in got.values()}, {GREEN})

    def test_serial_console(self) -> None:
        got = run(text("arm64_serial"), config=ALL)
        self.assertEqual({g.state for g in got.values()}, {GREEN})

    def test_off_is_not_green(self) -> None:
        got = run(text("um_pass"), config=set())
        self.assertEqual({n for n, g in got.items() if g.state is OFF},
                         set(gates.CONFIG))
        self.assertIn("CONFIG_KASAN", got["kasan"].detail)

    def test_config_with_prefix(self) -> None:
        got = run(text("um_pass"), config={f"CONFIG_{c}" for c in CONFIG})
        self.assertEqual([g.name for g in got.values() if g.state is not GREEN], ["kcsan"])

    def test_partly_blind_stall_gate_says_so(self) -> None:
        gate = run(text("um_pass"), config=CONFIG - {"DETECT_HUNG_TASK"})[
            "stall"]
        self.assertIn("without CONFIG_DETECT_HUNG_TASK", gate.detail)


@NEEDS_TREE
class Reports(unittest.TestCase):
    def test_each_report_turns_its_gate_red(self) -> None:
        for name, (gate, _) in REPORTS.items():
            with self.subTest(name):
                got = run(with_report(name))
                self.assertEqual(reds(got), [gate])
                finding = got[gate].findings[0]
                self.assertEqual(finding.test,
                                 "panthor_gem_pin.pin_after_evict")
                self.assertIn(finding.test, got[gate].detail)

    def test_report_beats_config(self) -> None:
        for name, (gate, _) in REPORTS.items():
            with self.subTest(name):
                self.assertEqual(reds(run(with_report(name), config=set())),
                                 [gate])

    def test_every_gate_goes_red_somewhere(self) -> None:
        seen = {gate for gate, _ in REPORTS.values()}
        for log in ("um_die", "um_no_ktap", "um_xpass"):
            seen |= set(reds(run(text(log))))
        self.assertEqual(seen, set(gates.ORDER))

    def test_splat_with_ok_lines(self) -> None:
        got = run(text("um_splat_ok"))
        self.assertEqual(reds(got), ["lockdep"])
        first, second = got["lockdep"].findings
        self.assertEqual(first.test, "panthor_gem_pin.pin_after_evict")
        self.assertIn("circular", first.title)
        self.assertIn("was off at the end", second.title)

    def test_known_noise(self) -> None:
        noise = scan.Noise("lockdep", re.compile("suspicious RCU"),
                           frozenset({"um_timer"}), "why")
        got = run(with_report("lockdep_rcu"), noise=[noise])
        self.assertEqual(reds(got), [])
        self.assertIn("1 known: WARNING: suspicious RCU",
                      got["lockdep"].detail)
        got = run(with_report("lockdep_rcu_other"), noise=[noise])
        self.assertEqual(reds(got), ["lockdep"])


@NEEDS_TREE
class Markers(unittest.TestCase):
    def test_lockdep_off(self) -> None:
        self.assertEqual(reds(run(text("um_lockdep_off"))), ["lockdep"])

    def test_kmemleak_off(self) -> None:
        got = run(text("um_kmemleak_off"))
        self.assertEqual(reds(got), ["kmemleak"])
        self.assertIn("disabled", got["kmemleak"].detail)

    def test_leak(self) -> None:
        got = run(text("um_kmemleak_leak"))
        self.assertEqual(reds(got), ["kmemleak"])
        self.assertIn("    panthor_gem_pin_locked+0x74/0x1d0",
                      got["kmemleak"].findings[0].text)

    def test_known_leak(self) -> None:
        for function, red in (("pin_twice", []), ("other", ["kmemleak"])):
            noise = scan.Noise("kmemleak", re.compile("unreferenced object"),
                               frozenset({function}), "why")
            got = run(text("um_kmemleak_leak"), noise=[noise])
            self.assertEqual(reds(got), red)
        log = text("um_kmemleak_leak").replace("leaks=1", "leaks=2")
        noise = scan.Noise("kmemleak", re.compile("unreferenced object"),
                           frozenset({"pin_twice"}), "why")
        self.assertEqual(reds(run(log, noise=[noise])), ["kmemleak"])

    def test_missing_marker_is_red(self) -> None:
        for name in ("lockdep", "kmemleak"):
            log = re.sub(rf".*panthor-harness: {name} .*\n", "",
                         text("um_pass"))
            self.assertEqual(reds(run(log)), [name])

    def test_garbled_marker_is_red(self) -> None:
        for good, bad, gate in (
                ("debug_locks=1", "debug_locks=", "lockdep"),
                ("leaks=0", "leaks=", "kmemleak"),
                ("state=enabled", "state=stopped", "kmemleak")):
            self.assertEqual(reds(run(text("um_pass").replace(good, bad))),
                             [gate])


@NEEDS_TREE
class Completeness(unittest.TestCase):
    def test_died(self) -> None:
        got = run(text("um_die"))
        self.assertTrue({"complete", "ktap", "oops"} <= set(reds(got)))
        self.assertIn("panthor_gem_reclaim.evict_while_mapped",
                      got["complete"].detail)
        self.assertIn("Kernel mode fault", got["complete"].detail)

    def test_hung(self) -> None:
        got = run(text("um_hung"))
        self.assertIn("stopped or hung during "
                      "panthor_gem_reclaim.evict_while_mapped",
                      got["complete"].detail)

    def test_truncated(self) -> None:
        self.assertTrue({"complete", "ktap"}
                        <= set(reds(run(text("um_truncated")))))

    def test_no_end_marker(self) -> None:
        log = re.sub(r".*panthor-harness: end\n", "", text("um_pass"))
        self.assertEqual(reds(run(log)), ["complete"])

    def test_no_ktap(self) -> None:
        got = run(text("um_no_ktap"))
        self.assertEqual(reds(got), ["complete", "ktap", "required",
                                     "lockdep", "kmemleak"])
        self.assertIn("while booting", got["complete"].detail)

    def test_empty(self) -> None:
        self.assertIn("before the kernel printed anything",
                      run("")["complete"].detail)

    def test_rmmod(self) -> None:
        log = text("arm64_serial").replace(
            "panthor-harness: end", "panthor-harness: rmmod panthor rc=124\n"
            "[   99.000000] panthor-harness: end")
        self.assertIn("rmmod panthor rc=124",
                      run(log)["complete"].detail)

    def test_insmod(self) -> None:
        got = run(text("arm64_insmod"))
        self.assertIn("insmod panthor rc=1", got["complete"].detail)
        self.assertIn("insmod: can't insert", got["complete"].detail)
        self.assertEqual(reds(got), ["complete", "required"])

    def test_nothing_ran(self) -> None:
        got = run(text("um_all_skipped"))
        self.assertEqual(reds(got), ["ktap", "required"])
        self.assertIn("all 6 cases skipped", got["ktap"].detail)
        self.assertIs(run(text("um_all_skipped"),
                          filter="panthor_*")["ktap"].state, OFF)
        # Who asks for one test is not told that all is well.
        got = run(text("um_all_skipped"), filter="load.share.gpu_long")
        self.assertEqual(reds(got), ["ktap"])

    def test_xpass(self) -> None:
        self.assertEqual(reds(run(text("um_xpass"))), ["xpass"])


@NEEDS_TREE
class Required(unittest.TestCase):
    def test_missing_and_skipped(self) -> None:
        got = run(text("um_pass"), required=[
            "panthor_gem_reclaim.nr_to_scan", "panthor_gem_pin.gone",
            "panthor_gem_reclaim.swap_off", "panthor_gem_pin.pin"])
        self.assertEqual([f.title.split(": ")[0] + ": " +
                          f.title.split(": ")[1]
                          for f in got["required"].findings],
                         ["panthor_gem_pin.gone: did not run",
                          "panthor_gem_reclaim.swap_off: skipped",
                          "panthor_gem_pin.pin: did not run"])

    def test_no_list_is_not_green(self) -> None:
        self.assertIs(run(text("um_pass"), required=[])["required"].state,
                      OFF)


@NEEDS_TREE
class Filter(unittest.TestCase):
    def test_markers_come_whatever_is_left(self) -> None:
        self.assertEqual(reds(run(text("um_filter"), filter="panthor_gem_pin.*")),
                         ["complete", "lockdep", "kmemleak"])

    def test_dies_under_filter(self) -> None:
        for log in ("um_die", "um_hung"):
            got = run(text(log), filter="panthor_gem_*")
            self.assertIs(got["complete"].state, RED)


@NEEDS_TREE
class Judge(unittest.TestCase):
    def judge(self, log: str, **files: str) -> LaneResult:
        assert TREE is not None
        args: dict[str, Any] = {"driver": files.pop("driver", "stock")}
        with tempfile.TemporaryDirectory() as tmp:
            for name, content in files.items():
                stem = name.replace("__", "-").replace("_73", "-7.3")
                (Path(tmp) / f"{stem}.txt").write_text(content)
            return judge.judge(support.DATA / f"{log}.log", TREE, "um",
                               args["driver"], "7.3", None, Path(tmp),
                               Path(tmp), CONFIG)

    def test_good(self) -> None:
        got = self.judge("um_pass")
        self.assertTrue(got.ok)
        self.assertEqual((got.kernel, got.seed),
                         ("7.3.0-rc2-harness", "1234"))
        self.assertEqual([g.name for g in got.gates][:6],
                         ["complete", "ktap", "required", "xpass", "expect",
                          "lockdep"])

    def test_bad(self) -> None:
        self.assertFalse(self.judge("um_fail").ok)

    def test_known_failure(self) -> None:
        got = self.judge("um_fail", stock_73__fails="# B44: -ENOMEM\n"
                         "panthor_gem_pin.pin_after_evict,Fail\n")
        self.assertTrue(got.ok)
        self.assertEqual([c.known for c in got.cases
                          if c.status is Status.FAIL], ["B44: -ENOMEM"])

    def test_required_file(self) -> None:
        got = self.judge("um_pass", um__required="panthor_gem_pin.gone\n")
        self.assertFalse(got.ok)

    def test_no_log(self) -> None:
        with self.assertRaises(HarnessError):
            self.judge("gone")


if __name__ == "__main__":
    unittest.main()
