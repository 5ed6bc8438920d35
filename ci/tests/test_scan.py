# SPDX-License-Identifier: GPL-2.0-only
"""Kernel reports: recognised, counted once, attributed, noise by function."""

import tempfile
import unittest
from pathlib import Path

import support
from harness.model import Finding, HarnessError
from harness.verdict import scan

# Recorded report -> the only gate that may object, and part of its title.
REPORTS = {
    "sim": ("sim", "panthor-sim: violation: reg-readonly"),
    "kasan": ("kasan", "slab-use-after-free in panthor_gem_unpin"),
    "kcsan": ("kcsan", "data-race"),
    "ubsan": ("ubsan", "array-index-out-of-bounds"),
    "warn": ("warn", "panthor_gem.c:301"),
    "refcount": ("refcount", "underflow; use-after-free"),
    "refcount_after": ("refcount", "underflow; use-after-free"),
    "list": ("list", "list_del corruption"),
    "debugobjects": ("debugobjects", "free active"),
    "dma-api": ("dma-api", "has not allocated"),
    "dma-api_off": ("dma-api", "disabling"),
    "lockdep_warn": ("lockdep", "DEBUG_LOCKS_WARN_ON"),
    "lockdep_rcu": ("lockdep", "suspicious RCU usage"),
    "atomic": ("atomic", "sleeping function"),
    "stall": ("stall", "blocked for more than 20 seconds"),
    "stall_rcu": ("stall", "self-detected stall"),
    "oops": ("oops", "NULL pointer dereference"),
    "kmemleak": ("kmemleak", "detector disabled"),
    "kmemleak_new": ("kmemleak", "2 new suspected"),
    "other": ("other", "arch topology borken"),
}


def report(name: str) -> str:
    return (support.DATA / f"report_{name}.log").read_text()


def stamped(text: str, at: float = 0.2) -> str:
    return "".join(f"[{at + n / 1e4:12.6f}] {line}\n"
                   for n, line in enumerate(text.splitlines()))


# Headlines that have no recorded block here, as the sources print them.
HEADLINES = {
    "lockdep": [
        "WARNING: possible recursive locking detected",
        "WARNING: possible irq lock inversion dependency detected",
        "WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected",
        "WARNING: inconsistent lock state", "WARNING: held lock freed!",
        "WARNING: bad unlock balance detected!",
        "WARNING: Nested lock was not taken",
        "WARNING: kunit_try_catch/41 still has locks held!",
        "WARNING: lock held when returning to user space!",
        "[ BUG: Invalid wait context ]",
        "INFO: trying to register non-static key.",
        "BUG: MAX_LOCKDEP_CHAINS too low!", "BUG: MAX_LOCK_DEPTH too low!",
        "INFO: lockdep is turned off."],
    "kasan": ["BUG: KFENCE: use-after-free read in panthor_gem_pin+0x1/0x2"],
    "list": ["BUG kmalloc-256 (Tainted: G  N): Right Redzone overwritten",
             "BUG kmalloc-256 (Not tainted): Object corrupt",
             "BUG: Bad page state in process kswapd0  pfn:0a1c0",
             "BUG: Bad rss-counter state mm:0000 type:MM_FILEPAGES val:1",
             "list_add double add: new=0, prev=0, next=0."],
    "debugobjects": ["ODEBUG: Out of memory. ODEBUG disabled"],
    "dma-api": ["DMA-API: cacheline tracking ENOMEM, dma-debug disabled",
                "DMA-API: debugging disabled on kernel command line"],
    "atomic": ["BUG: scheduling while atomic: kunit_try_catch/41/0x00000002",
               "BUG: workqueue leaked atomic, lock or RCU: kworker/0:1[12]",
               "BUG: using smp_processor_id() in preemptible [00000000] code: "
               "kunit/41"],
    "stall": ["rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
              "rcu: INFO: rcu_sched detected expedited stalls on CPUs: {",
              "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [kunit:41]",
              "watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 0",
              "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0"],
    "oops": ["BUG: kernel NULL pointer dereference, address: 0000000000000018",
             "BUG: unable to handle page fault for address: ffffc90000c8d000",
             "Oops: general protection fault, probably for non-canonical "
             "address 0xdffffc0000000003: 0000 [#1] SMP KASAN NOPTI",
             "kernel BUG at drivers/gpu/drm/panthor/panthor_gem.c:12!",
             "BUG: failure at drivers/gpu/drm/panthor/panthor_gem.c:12/f()!",
             "Kernel panic - not syncing: Segfault with no mm",
             "Internal error: Oops - BUG: 00000000f2000800 [#1]  SMP"],
    "warn": ["WARNING: CPU: 0 PID: 41 at lib/x.c:1 f+0x1/0x2",
             "WARNING: drivers/x.c:12 at f+0x1/0x2, CPU#0: kunit/41",
             "WARNING: at f+0x1/0x2, CPU#0: kunit/41"],
}
QUIET = """\
DMA-API: preallocated 65536 debug entries
DMA-API: debugging enabled by kernel config
DMA-API: dma_debug_entry pool grown to 131072 (200%)
ODEBUG: selftest passed
kmemleak: Kernel memory leak detector initialized (mem pool available: 15624)
kmemleak: Automatic memory scanning thread started
Kernel command line: oops=panic panic_on_warn=0 softlockup_panic=1
rcu: Hierarchical RCU implementation.
RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed
INFO: NMI handler (perf_event_nmi_handler) took too long to run: 1.2 msecs
    # pin_twice: WARNING: said by a test, not by the kernel
Modules linked in: panthor(O)
"""


class Classes(unittest.TestCase):
    def test_reports(self) -> None:
        for name, (gate, title) in REPORTS.items():
            with self.subTest(name):
                found = scan.scan(stamped(report(name)), [], [])
                self.assertEqual([g for g, _ in found], [gate])
                self.assertIn(title, found[0][1].title)

    def test_whole_block_is_kept(self) -> None:
        for name in ("kasan", "warn", "lockdep_rcu", "atomic", "oops"):
            with self.subTest(name):
                text = report(name)
                finding = scan.scan(text, [], [])[0][1]
                last = [li for li in text.splitlines() if "+0x" in li][-1]
                self.assertIn(last, finding.text)

    def test_headlines(self) -> None:
        for gate, lines in HEADLINES.items():
            for line in lines:
                with self.subTest(line):
                    found = scan.scan(f"a\n{line}\nb\n", [], [])
                    self.assertEqual([(g, f.line_no) for g, f in found],
                                     [(gate, 2)])

    def test_harmless(self) -> None:
        self.assertEqual(scan.scan(QUIET, [], []), [])

    def test_unknown_is_red(self) -> None:
        found = scan.scan("xe: WARNING: something nobody listed\n", [], [])
        self.assertEqual([g for g, _ in found], ["other"])


class Blocks(unittest.TestCase):
    def test_two_reports_stay_two(self) -> None:
        for first in ("warn", "kasan", "atomic", "lockdep_rcu", "ubsan",
                      "stall"):
            for second in ("warn", "refcount", "kasan", "atomic", "oops"):
                with self.subTest(first=first, second=second):
                    text = stamped(report(first) + report(second))
                    got = [g for g, _ in scan.scan(text, [], [])]
                    self.assertEqual(got, [first.split("_")[0], second])

    def test_broken_off_block_hides_nothing(self) -> None:
        head = report("warn").split("irq event stamp")[0]
        for second in ("atomic", "kasan", "lockdep_rcu", "warn", "oops"):
            with self.subTest(second):
                got = [g for g, _ in
                       scan.scan(head + report(second), [], [])]
                self.assertEqual(got, ["warn", second.split("_")[0]])

    def test_traceless_block_hides_nothing(self) -> None:
        for second in ("atomic", "kasan", "warn", "oops", "stall"):
            with self.subTest(second):
                text = "WARNING: suspicious RCU usage\n" + \
                    report(second).replace("=" * 66 + "\n", "", 1)
                self.assertEqual([g for g, _ in scan.scan(text, [], [])],
                                 ["lockdep", second])

    def test_same_message_twice(self) -> None:
        line = "DMA-API: debugging out of memory - disabling\n"
        self.assertEqual(len(scan.scan(line + line, [], [])), 2)

    def test_attribution(self) -> None:
        text = "x\n" * 4 + report("warn")
        finding = scan.scan(text, [(1, 3, "a.b"), (4, 60, "a.c")], [])[0][1]
        self.assertEqual(finding.test, "a.c")
        self.assertEqual(text.splitlines()[finding.line_no - 1],
                         finding.title)
        self.assertEqual(scan.scan(text, [], [])[0][1].test, "")


class KnownNoise(unittest.TestCase):
    GOOD = ("# UML takes its timer signal from the idle loop (evidence: ...)\n"
            "lockdep | suspicious RCU usage | um_timer, "
            "timer_real_alarm_handler\n")

    def load(self, text: str) -> list[scan.Noise]:
        with tempfile.TemporaryDirectory() as tmp:
            path = Path(tmp) / "um.txt"
            path.write_text(text)
            return scan.load_noise(path)

    def test_match(self) -> None:
        noise = self.load(self.GOOD)
        got = scan.scan_all(stamped(report("lockdep_rcu")), [], noise)
        self.assertEqual(got.findings, [])
        self.assertEqual(len(got.known), 1)
        self.assertIn("timer signal", got.known[0][2].reason)

    def test_title_alone_never_matches(self) -> None:
        noise = self.load(self.GOOD)
        got = scan.scan_all(report("lockdep_rcu_other"), [], noise)
        self.assertEqual(len(got.findings), 1)
        self.assertEqual(got.known, [])

    def test_every_function_is_needed_exactly(self) -> None:
        for names in ("um_timer, gone", "um_time", "timer_real_alarm"):
            noise = self.load(f"# why\nlockdep | suspicious RCU | {names}\n")
            self.assertTrue(scan.scan(report("lockdep_rcu"), [], noise))

    def test_wrong_gate(self) -> None:
        noise = self.load("# why\nwarn | suspicious RCU | um_timer\n")
        self.assertTrue(scan.scan(report("lockdep_rcu"), [], noise))

    def test_function_outside_the_trace(self) -> None:
        noise = self.load("# why\nkasan | use-after-free | "
                          "panthor_gem_create\n")   # allocated there
        self.assertTrue(scan.scan(report("kasan"), [], noise))

    def test_unsure_frames(self) -> None:
        sure = ["Call Trace:", " ? left_over+0x1/0x2", " real+0x1/0x2"]
        self.assertEqual(scan.trace_functions(sure), {"real"})
        self.assertEqual(scan.trace_functions(sure[:2]), {"left_over"})

    def test_refused(self) -> None:
        for text in ("lockdep | suspicious RCU | um_timer\n",
                     "# why\n\nlockdep | suspicious RCU | um_timer\n",
                     "# why\nlockdep | suspicious RCU |\n",
                     "# why\nlockdep | suspicious RCU\n",
                     "# why\nlockdep | WARNING | um_timer\n",
                     "# why\nlockdep | .* | um_timer\n",
                     "# why\nlockdep | ( | um_timer\n",
                     "# why\nlockdep | suspicious RCU | um_.*\n",
                     "# why\nnosuchgate | suspicious RCU | um_timer\n"):
            with self.subTest(text), self.assertRaises(HarnessError):
                self.load(text)

    def test_shipped_files_load(self) -> None:
        folder = support.DATA.parent.parent / "noise"
        for lane in ("um", "arm64", "x86_64"):
            self.assertTrue((folder / f"{lane}.txt").is_file())
            scan.load_noise(folder / f"{lane}.txt")

    def test_missing_file(self) -> None:
        self.assertEqual(scan.load_noise(Path("/nonexistent/um.txt")), [])

    def test_finding_without_trace(self) -> None:
        noise = self.load("# why\nother | topology | f\n")
        self.assertFalse(noise[0].covers("other", Finding("topology")))


if __name__ == "__main__":
    unittest.main()
