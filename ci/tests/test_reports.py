# SPDX-License-Identifier: GPL-2.0-only
"""The verdict on terminal, as KTAP, JUnit, JSON and HTML."""

import html.parser
import io
import json
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Optional

import support  # noqa: F401
from harness.model import Case, Finding, Gate, GateState, HarnessError, LaneResult, Stage, Status, Verdict
from harness.verdict import report_files, report_html, report_term
from test_ktap import NEEDS_TREE, parse_text
from test_scan import report

EVIL = "<script>alert('x')</script> & \"q\" \x1b[31m\x00"
GREEN = ("complete", "ktap", "required", "xpass", "expect", "ubsan", "warn",
         "refcount", "list", "debugobjects", "atomic", "stall", "other")


def um_lane(good: bool) -> LaneResult:
    cases = [
        Case("panthor_gem_pin", "pin_twice", Status.PASS, 0.011),
        Case("panthor_gem_pin", "pin_alloc_fails:order 9", Status.PASS,
             0.002),
        Case("panthor_gem_vmap", "vmap_unmap", Status.PASS, 0.021),
        Case("panthor_gem_reclaim", "swap_off", Status.SKIP,
             reason="stock panthor has no swap table"),
        Case("panthor_gem_reclaim", "scan_order", Status.FAIL, 0.004,
             "EXPECTATION FAILED at reclaim_test.c:88", known="B44: evicts "
             "the youngest first (freed == 0)")]
    gates = [Gate(n, GateState.GREEN) for n in GREEN]
    gates += [Gate("lockdep", GateState.GREEN, "alive at the end; 1 known: "
                   "WARNING: suspicious RCU usage"),
              Gate("kcsan", GateState.OFF, "not in this config: "
                   "CONFIG_KCSAN"),
              Gate("dma-api", GateState.OFF, "not in this config: "
                   "CONFIG_DMA_API_DEBUG")]
    if not good:
        cases.append(Case(
            "panthor_gem_reclaim", "nr_to_scan:exactly the LRU", Status.FAIL,
            0.012, "EXPECTATION FAILED at drivers/gpu/drm/panthor/tests/"
            "panthor_gem_reclaim_test.c:88: Expected freed == 4, but freed "
            "== 0 (log line 61)",
            ["    # nr_to_scan: EXPECTATION FAILED at drivers/gpu/drm/panthor"
             "/tests/panthor_gem_reclaim_test.c:88", "    Expected freed == "
             "4, but", "        freed == 0 (0x0)", EVIL]))
    return LaneResult("um", "stock", "7.3", "7.3.0-rc2", cases, gates, "1234",
                      Path("um.log"), "make kunit DRIVER=stock FILTER={case}")


def vm_lane() -> LaneResult:
    text = report("lockdep_rcu").splitlines()
    cases = [Case("panthor_gem_pin", f"case_{n}", Status.PASS, 0.2)
             for n in range(12)]
    cases.append(Case("panthor_gem_reclaim", "evict_while_mapped",
                      Status.CRASH, 0, "no result: the log ends while it runs"
                      " (log line 412)", report("oops").splitlines()))
    gates = [Gate(n, GateState.GREEN) for n in GREEN[3:]]
    gates += [
        Gate("complete", GateState.RED, "kernel died", [Finding(
            "kernel died: Kernel panic - not syncing: Oops: Fatal exception",
            431, "panthor_gem_reclaim.evict_while_mapped")]),
        Gate("lockdep", GateState.RED, "suspicious RCU usage", [Finding(
            "WARNING: suspicious RCU usage", 300, "panthor_gem_pin.case_4",
            text), Finding("nobody said whether lockdep was alive at the end "
                           "(no marker)")]),
        Gate("kasan", GateState.RED, "use-after-free", [Finding(
            "BUG: KASAN: slab-use-after-free in panthor_gem_unpin+0x4c/0x90",
            350, "panthor_gem_pin.case_7", report("kasan").splitlines())])]
    return LaneResult("arm64", "stock", "7.3", "7.3.0-rc2-harness", cases,
                      gates, "77", Path("arm64.log"),
                      "make verify DRIVER=stock LANES=arm64 FILTER={case}",
                      "KVM does not boot here: multi-threaded TCG")


def verdict(good: bool) -> Verdict:
    lanes = [um_lane(good)] + ([] if good else [vm_lane()])
    return Verdict(lanes, [Stage("source", 2.0), Stage("tree", 1.1),
                           Stage("build um", 31.5), Stage("run um", 2.2),
                           Stage("build arm64", 205.0),
                           Stage("run arm64", 41.9)],
                   {"linux": "7.3", "gcc": "Debian 14.2.0-19",
                    "qemu": "10.0.2"}, "make verify DRIVER=stock")


def terminal(what: Verdict, colour: bool = False) -> list[str]:
    out = io.StringIO()
    report_term.print_verdict(what, out, colour)
    return out.getvalue().splitlines()


class Terminal(unittest.TestCase):
    def test_ok(self) -> None:
        lines = terminal(verdict(True))
        self.assertEqual(lines[-2], "3 passed, 0 failed, 1 skipped")
        self.assertEqual(lines[-1], "verdict: OK  3 passed, 0 failed, 1 "
                         "skipped, 1 known failure, 2 gates off")
        text = "\n".join(lines)
        for part in ("kcsan: not in this config: CONFIG_KCSAN", "B44: evicts",
                     "1 known: WARNING: suspicious RCU usage",
                     "seed 1234", "build arm64 205.0s"):
            self.assertIn(part, text)

    def test_failed(self) -> None:
        lines = terminal(verdict(False))
        self.assertEqual(lines[-1], "make kunit DRIVER=stock FILTER="
                         "panthor_gem_reclaim.nr_to_scan")
        self.assertEqual(lines[-4], "15 passed, 2 failed, 1 skipped")
        text = "\n".join(lines)
        for part in ("CRASH stock-7.3-arm64: panthor_gem_reclaim.evict_while_mapped",
                     "log line 61", "in panthor_gem_pin.case_7, log line",
                     "no marker", "multi-threaded TCG"):
            self.assertIn(part, re.sub(r"\s*\n\s+", " ", text)
                          if part not in text else text)
        self.assertNotIn("\033", text)

    def test_colour_changes_nothing_else(self) -> None:
        plain = terminal(verdict(False))
        colour = terminal(verdict(False), True)
        self.assertIn("\033[", "\n".join(colour))
        self.assertEqual([re.sub(r"\033\[[\d;]+m", "", li) for li in colour],
                         plain)

    def test_repeat_a_gate(self) -> None:
        lane = vm_lane()
        lane.cases = lane.cases[:-1]
        lane.gates = [g for g in lane.gates if g.name != "complete"]
        self.assertEqual(
            terminal(Verdict([lane]))[-1], "make verify DRIVER=stock "
            "LANES=arm64 FILTER=panthor_gem_pin.case_4")

    def test_repeat_without_name(self) -> None:
        lane = vm_lane()
        lane.cases = [Case("panthor_gem_pin", "(case 3 after x)",
                           Status.CRASH)]
        self.assertTrue(terminal(Verdict([lane]))[-1].endswith(
            "FILTER='panthor_gem_pin.*'"))
        lane.cases = [Case("(start of suite 1)", "(suite)", Status.CRASH)]
        self.assertEqual(terminal(Verdict([lane], command="make verify"))[-1],
                         "make verify")

    def test_no_results_and_no_lanes(self) -> None:
        lane = LaneResult("um", "stock", "7.3", gates=[
            Gate("ktap", GateState.RED, "no KTAP output in the log")])
        self.assertIn("no test results", "\n".join(terminal(Verdict([lane]))))
        self.assertIn("verdict: FAILED", "\n".join(terminal(Verdict([]))))


class Files(unittest.TestCase):
    def test_ktap_is_well_formed(self) -> None:
        text = report_files.ktap(um_lane(False))
        self.assertIn("ok 2 scan_order # XFAIL B44", text)
        self.assertIn("not ok 3 nr_to_scan:exactly the LRU", text)
        self.assertIn("    ok 15 kcsan # SKIP not in this config", text)

    @NEEDS_TREE
    def test_ktap_round_trip(self) -> None:
        for lane in (um_lane(True), um_lane(False), vm_lane()):
            got = parse_text(report_files.ktap(lane))
            self.assertEqual(got.errors, [])
            self.assertEqual(
                [(c.full_name, c.bad) for c in got.cases
                 if c.suite != "gates"],
                [(c.full_name, c.bad) for c in lane.cases])

    def test_junit(self) -> None:
        root = ET.fromstring(report_files.junit(verdict(False)))
        crash = root.find(".//testcase[@name='evict_while_mapped']")
        assert crash is not None
        self.assertEqual(crash.get("classname"), "stock-7.3-arm64.panthor_gem_reclaim")
        self.assertIsNotNone(crash.find("error"))
        for suite in root:
            nodes = list(suite)
            self.assertEqual(suite.get("tests"), str(len(nodes)))
            for tag in ("failure", "error", "skipped"):
                key = {"failure": "failures", "error": "errors"}.get(tag, tag)
                self.assertEqual(int(suite.get(key, "-1")), sum(
                    n.find(tag) is not None for n in nodes))
        self.assertTrue(all(n.get("name") for n in root.iter("testcase")))

    def test_json(self) -> None:
        data = json.loads(report_files.as_json(verdict(False)))
        self.assertEqual((data["ok"], data["exit_code"]), (False, 1))
        self.assertEqual(data["lanes"][1]["cases"][-1]["status"], "crash")
        self.assertEqual([la["ok"] for la in data["lanes"]], [False, False])

    def test_write(self) -> None:
        with tempfile.TemporaryDirectory() as tmp:
            paths = report_files.write_reports(verdict(False), Path(tmp) / "a")
            self.assertEqual(sorted(p.name for p in paths),
                             ["index.html", "junit.xml", "stock-7.3-arm64.ktap",
                              "stock-7.3-um.ktap", "verdict.json"])
            blocker = Path(tmp) / "file"
            blocker.write_text("")
            with self.assertRaises(HarnessError):
                report_files.write_reports(verdict(True), blocker)


class _Checker(html.parser.HTMLParser):
    VOID = {"meta", "br"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.refs: set[str] = set()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str,
                        attrs: list[tuple[str, Optional[str]]]) -> None:
        self.tags.add(tag)
        for key, value in attrs:
            if key == "id":
                self.ids.add(value or "")
            if key in ("href", "src"):
                self.refs.add(value or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.text += data


class Html(unittest.TestCase):
    def check(self, what: Verdict) -> _Checker:
        checker = _Checker()
        checker.feed(report_html.page(what))
        self.assertEqual(checker.open, [])
        return checker

    def test_well_formed_and_self_contained(self) -> None:
        for good in (True, False):
            got = self.check(verdict(good))
            self.assertFalse(got.tags & {"script", "link", "img", "iframe"})
            self.assertEqual({r for r in got.refs if not r.startswith("#")},
                             set())
            self.assertEqual({r[1:] for r in got.refs} - got.ids, set())
            self.assertNotIn("http", report_html.page(verdict(good)).replace(
                "http-equiv", ""))

    def test_escapes_every_field(self) -> None:
        lane = LaneResult(EVIL, EVIL, EVIL, EVIL, [
            Case(EVIL, EVIL, s, 0.0, EVIL, [EVIL], k) for s in Status
            for k in ("", EVIL)], [
                Gate(EVIL, s, EVIL, [Finding(EVIL, 1, EVIL, [EVIL])])
                for s in GateState], EVIL, Path("a"), EVIL, EVIL)
        got = self.check(Verdict([lane], [Stage(EVIL, 1)], {EVIL: EVIL},
                                 EVIL))
        self.assertNotIn("script", got.tags)
        ET.fromstring(report_files.junit(Verdict([lane])))

    def test_content(self) -> None:
        text = self.check(verdict(False)).text
        for part in ("FAILED", "Expected freed == 4, but freed == 0",
                     "slab-use-after-free", "B44: evicts the youngest",
                     "FILTER=panthor_gem_reclaim.nr_to_scan",
                     "Debian 14.2.0-19", "build arm64"):
            self.assertIn(part, text)
        self.assertLess(text.index("Failing cases"), text.index("Lane stock-7.3-um"))


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or \
    shutil.which("google-chrome")


@unittest.skipUnless(CHROMIUM, "no chromium: the page is not shown in a "
                     "browser")
class Browser(unittest.TestCase):
    def chromium(self, tmp: str, *args: str) -> str:
        assert CHROMIUM
        page = Path(tmp) / "index.html"
        page.write_text(report_html.page(verdict(False)))
        got = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update",
             "--disable-sync", f"--user-data-dir={tmp}/profile", *args,
             page.as_uri()], capture_output=True, text=True, timeout=60)
        self.assertEqual(got.returncode, 0, got.stderr[-500:])
        return got.stdout

    def test_renders(self) -> None:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as tmp:
            shot = Path(tmp) / "page.png"
            self.chromium(tmp, f"--screenshot={shot}",
                          "--window-size=1200,1600")
            data = shot.read_bytes()
            self.assertEqual(data[:4], b"\x89PNG")
            # A blank page of this size packs into very little.
            self.assertGreater(len(data), 60000)

    def test_browser_agrees_on_the_text(self) -> None:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as tmp:
            dom = self.chromium(tmp, "--dump-dom")
            self.assertIn("&lt;script&gt;alert", dom)
            self.assertNotIn("<script", dom)


if __name__ == "__main__":
    unittest.main()
