# SPDX-License-Identifier: GPL-2.0-only
"""The gates around each program: each goes red, and none without a reason."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401  pylint: disable=unused-import
from harness import settings
from support import Folder, put


def gems(*sizes: int) -> str:
    """The driver's list of BOs."""
    rows = "".join(f"{f'fw/{pid}':<32}{0:<8}{1:<8}{0:<8}{size:<16}{0:<16}0x{0:<12x}0x{0:<8x}0x{0:<8x}\n"
                   for pid, size in enumerate(sizes, 1))
    return f"GEM state flags: imported (0x1)\n\ncreated-by size\n{'-' * 20}\n{rows}{'=' * 20}\n" \
        f"Total size: {sum(sizes)}, Total resident: 0\n"


GEMS, MORE = gems(4096), gems(4096, 4096)
FRESH = {
    "sys/kernel/debug/dri/0/gems": GEMS,
    "sys/kernel/debug/dri/0/gpuvas": "VM\n",
    "sys/kernel/debug/dri/bridges": "bridge[0]\n",
    "sys/kernel/debug/panthor-sim/0/counters": "reads 7\nviolations 0\n",
    "sys/kernel/debug/panthor-sim/1/counters": "reads 7\nviolations 2\n",
    "sys/kernel/debug/kmemleak": "......\n",
    "sys/kernel/warn_count": "0\n",
    "sys/kernel/oops_count": "0\n",
    "proc/sys/fs/file-nr": "100\t0\t2466177\n",
    "proc/sys/kernel/tainted": "262144\n",
    "proc/lockdep_stats": " lock-classes:                         1000 [max: 8192]\n debug_locks:                             1\n",
}
GROWN = (
    ("sys/kernel/debug/dri/0/gems", MORE, "BOs in debugfs gems: 1 before, 2 after"),
    ("sys/kernel/debug/dri/0/gems", gems(8192), "bytes in debugfs gems: 4096 before, 8192 after"),
    ("sys/kernel/debug/dri/1/gems", GEMS, "BOs in debugfs gems: 1 before, 2 after"),
    ("sys/kernel/debug/dri/0/gpuvas", "VM\nVM\n", "gpuvas: 1 before, 2 after"),
    ("sys/kernel/debug/panthor-sim/1/counters", "violations 3\n", "violations seen by software GPUs: 2 before, 3 after"),
    ("sys/kernel/debug/kmemleak", "......\nunreferenced object 0xffff:\n  comm\n", "leaks found by kmemleak: 0 before, 1 after"),
    ("sys/kernel/warn_count", "1\n", "kernel warnings: 0 before, 1 after"),
    ("sys/kernel/oops_count", "1\n", "oopses: 0 before, 1 after"),
    ("proc/sys/fs/file-nr", "101\t0\t2466177\n", "open files: 100 before, 101 after"),
    ("proc/sys/kernel/tainted", "262176\n", "taint flags: 262144 before, 262176 after"),
    ("proc/lockdep_stats", FRESH["proc/lockdep_stats"].replace(" 1\n", " 0\n"), "lockdep switched off: 0 before, 1 after"),
)


class Around(Folder):
    """The program, on the host and with files in place of the kernel's."""

    program: Path
    place: "tempfile.TemporaryDirectory[str]"

    @classmethod
    def setUpClass(cls) -> None:
        cls.place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.place.cleanup)
        cls.program = Path(cls.place.name) / "around"
        subprocess.run([os.environ.get("HOSTCC", "gcc"), "-Wall", "-Wextra", "-Werror",
                        f"-I{settings.SELFTESTS}", "-o", str(cls.program),
                        *(str(settings.SELFTESTS / name) for name in ("around.c", "gemlist.c"))], check=True)

    def run_it(self, script: str, **words: str) -> tuple[int, str]:
        done = subprocess.run([str(self.program), "sh", "-c", script], capture_output=True, text=True, check=False,
                              cwd=self.dir, env={**os.environ, "AROUND_ROOT": str(self.dir), "AROUND_MS": "40",
                                                 "AROUND_AGE_MS": "0", "AROUND_LEAKS": "1", **words})
        return done.returncode, done.stdout

    def test_the_status_is_that_of_the_command(self) -> None:
        put(self.dir, FRESH)
        self.assertEqual(self.run_it("echo hello"), (0, "hello\n"))
        self.assertEqual(self.run_it("exit 4"), (4, ""))
        self.assertEqual(self.run_it("kill -9 $$"), (137, ""))

    def test_each_gate_goes_red(self) -> None:
        for path, after, message in GROWN:
            with self.subTest(message):
                put(self.dir, FRESH)
                put(self.dir, {"after": after})
                status, output = self.run_it(f"mkdir -p $(dirname {path}); cp after {path}")
                self.assertEqual(status, 1)
                self.assertIn(message, output)
                (self.dir / "sys/kernel/debug/dri/1/gems").unlink(missing_ok=True)

    def test_open_files_can_be_left_out(self) -> None:
        """On a machine that does other things, too."""
        put(self.dir, FRESH)
        change = "echo 101 0 2466177 >proc/sys/fs/file-nr"
        self.assertEqual(self.run_it(change, AROUND_FILES="0"), (0, ""))
        put(self.dir, FRESH)
        self.assertEqual(self.run_it(change, AROUND_FILES="1")[0], 1)

    def test_a_failure_keeps_its_status(self) -> None:
        put(self.dir, FRESH)
        status, output = self.run_it("echo 1 >sys/kernel/warn_count; exit 3")
        self.assertEqual(status, 3)
        self.assertIn("kernel warnings", output)

    def test_what_is_freed_a_little_later_is_freed(self) -> None:
        put(self.dir, FRESH)
        put(self.dir, {"after": MORE, "before": GEMS})
        late = "cp after {0}; (sleep 0.2; mv before {0}) >/dev/null 2>&1 &"
        self.assertEqual(self.run_it(late.format("sys/kernel/debug/dri/0/gems"), AROUND_MS="20000"), (0, ""))

    def test_what_has_happened_is_not_waited_for(self) -> None:
        put(self.dir, FRESH)
        late = "echo 1 >sys/kernel/warn_count; (sleep 2; echo 0 >sys/kernel/warn_count) >/dev/null 2>&1 &"
        self.assertEqual(self.run_it(late, AROUND_MS="60000")[0], 1)

    def test_less_is_no_leak(self) -> None:
        put(self.dir, FRESH)
        self.assertEqual(self.run_it("rm sys/kernel/debug/dri/0/gems; echo 90 0 0 >proc/sys/fs/file-nr"), (0, ""))

    def test_a_list_that_is_none_is_no_empty_one(self) -> None:
        put(self.dir, FRESH)
        status, output = self.run_it("echo 'no list' >sys/kernel/debug/dri/0/gems")
        self.assertEqual(status, 1)
        self.assertIn("around: /sys/kernel/debug/dri/0/gems: Protocol error", output)

    def test_leaks_of_any_program_on_request(self) -> None:
        put(self.dir, FRESH)
        self.assertEqual(self.run_it("cat sys/kernel/debug/kmemleak", AROUND_LEAKS="", PANTHOR_LEAKS="1"), (0, "scan..\n"))

    def test_no_scan_unless_asked(self) -> None:
        put(self.dir, FRESH)
        self.assertEqual(self.run_it("cat sys/kernel/debug/kmemleak", AROUND_LEAKS="0"), (0, "......\n"))
        self.assertEqual(self.run_it("cat sys/kernel/debug/kmemleak"), (0, "scan..\n"))


class Commands(unittest.TestCase):
    """Which programs are run in it."""

    def test_all_are(self) -> None:
        for suite, cases in settings.programs().items():
            for case, command in cases.items():
                self.assertIn(f" {settings.AROUND}", f" {command}", f"{suite}.{case}")

    def test_long_ones_are_scanned_for_leaks(self) -> None:
        for suite, cases in settings.programs().items():
            for case, command in cases.items():
                self.assertEqual("AROUND_LEAKS=1" in command, case.endswith(settings.LONG), f"{suite}.{case}")


if __name__ == "__main__":
    unittest.main()
