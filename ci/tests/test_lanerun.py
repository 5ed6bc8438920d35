# SPDX-License-Identifier: GPL-2.0-only
"""Lanes that run side by side."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import unittest
from pathlib import Path
from unittest import mock

import support
from harness import settings
from harness.boot import lanerun, parts
from harness.boot.lanes import LANES
from harness.build.prepare import Clock, Work
from harness.model import HarnessError, LaneResult

WAIT_SECONDS = 10.0


def built(*names: str) -> list[lanerun.Built]:
    """Lanes that are ready; the fakes below look at nothing but the lane."""
    return [lanerun.Built(mock.Mock(), LANES[name], [], parts.QUICK) for name in names]


def result(one: lanerun.Built) -> LaneResult:
    return LaneResult(one.lane.name, "stock", "7.3")


class RunAll(unittest.TestCase):
    """Two CPUs, three lanes, and no kernel."""

    def setUp(self) -> None:
        patch = mock.patch("os.sched_getaffinity", lambda _pid: {0, 1})
        patch.start()
        self.addCleanup(patch.stop)

    def run_all(self, names: list[str], fake: object) -> list[LaneResult]:
        done: list[LaneResult] = []
        with mock.patch.object(lanerun, "run", fake):
            lanerun.run_all(built(*names), Path(), done)
        return done

    def test_two_run_at_once(self) -> None:
        both = threading.Barrier(2)

        def fake(one: lanerun.Built, _results: Path) -> LaneResult:
            both.wait(WAIT_SECONDS)
            return result(one)

        self.assertEqual(len(self.run_all(["um", "arm64"], fake)), 2)

    def test_no_more_than_cpus(self) -> None:
        lock, running, most = threading.Lock(), 0, 0
        both = threading.Barrier(2)

        def fake(one: lanerun.Built, _results: Path) -> LaneResult:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            if one.lane.name != "x86_64":
                both.wait(WAIT_SECONDS)
            with lock:
                running -= 1
            return result(one)

        self.run_all(["um", "arm64", "x86_64"], fake)
        self.assertEqual(most, 2)

    def test_order_is_that_of_the_lanes(self) -> None:
        second = threading.Event()

        def fake(one: lanerun.Built, _results: Path) -> LaneResult:
            if one.lane.name == "um":
                second.wait(WAIT_SECONDS)
            else:
                second.set()
            return result(one)

        done = self.run_all(["um", "arm64"], fake)
        self.assertEqual([one.lane for one in done], ["um", "arm64"])

    def test_an_error_does_not_lose_the_others(self) -> None:
        def fake(one: lanerun.Built, _results: Path) -> LaneResult:
            if one.lane.name == "um":
                raise HarnessError("no log")
            return result(one)

        done: list[LaneResult] = []
        with mock.patch.object(lanerun, "run", fake), self.assertRaisesRegex(HarnessError, "no log"):
            lanerun.run_all(built("um", "arm64"), Path(), done)
        self.assertEqual([one.lane for one in done], ["arm64"])

    def test_parallel_cpus_are_alone_and_last(self) -> None:
        seen: list[bool] = []
        company: list[bool] = []
        two = threading.Barrier(2)

        def fake(one: lanerun.Built, _results: Path) -> LaneResult:
            seen.append(one.alone)
            if one.alone:
                try:
                    two.wait(0.2)
                    company.append(True)
                except threading.BrokenBarrierError:
                    two.reset()
            return result(one)

        some = built("um", "arm64", "arm64", "x86_64")
        some[0].kind = some[2].kind = "smp"
        some[1].kind = "sim"
        with mock.patch.object(lanerun, "run", fake):
            lanerun.run_all(some, Path(), [])
        self.assertEqual(seen, [False, False, True, True])
        self.assertEqual(company, [])


class Seed(support.Folder):
    """One number repeats all that throws dice in a boot."""

    def seed_of(self, given: str) -> tuple[str, str]:
        """What the boot was given, and what the result says to type."""
        s = settings.parse(["verify", *([f"SEED={given}"] if given else [])])
        work = Work(s, mock.Mock(series="7.3", ident="x"), Clock())
        seen: list[str] = []

        def boot(one: lanerun.Built, _log: Path) -> str:
            seen.extend(word for word in one.work.settings.kernel_args if "seed" in word)
            return ""
        with mock.patch.object(lanerun, "_boot", boot), mock.patch("shutil.copyfile"), \
                mock.patch.object(lanerun.kconfig, "enabled", lambda _folder: set()), \
                mock.patch.object(lanerun.judge, "judge", lambda *_args: LaneResult("um", "core", "7.3")):
            made = lanerun.run(lanerun.Built(work, LANES["um"], part=parts.QUICK), self.dir)
        numbers = {word.partition("=")[2] for word in seen}
        self.assertEqual([word.partition(".")[0] for word in seen], ["panthor", "panthor_sim"])
        self.assertEqual(len(numbers), 1)
        return numbers.pop(), made.repro

    def test_given(self) -> None:
        self.assertEqual(self.seed_of("77"), ("77", "make kunit SEED=77 FILTER={case}"))

    def test_new_each_time(self) -> None:
        (one, repro), (other, _) = self.seed_of(""), self.seed_of("")
        self.assertNotEqual(one, other)
        self.assertIn(f"SEED={one}", repro)


class Interrupt(unittest.TestCase):
    """Ctrl-C while two lanes run in threads."""

    def test_nothing_is_left_running(self) -> None:
        code = textwrap.dedent("""
            import os, signal, sys, threading, time
            # A background job of a shell inherits SIGINT ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.path.insert(0, sys.argv[1])
            from pathlib import Path
            from unittest import mock
            from harness import procs
            from harness.boot import lanerun, parts
            from harness.boot.lanes import LANES

            started = threading.Barrier(3)
            def fake(one, results):
                with procs.Child(["sleep", "60"]) as child:
                    # In one piece, or the other thread's comes in before the newline.
                    print(f"{child.pid}\\n", end="", flush=True)
                    started.wait(10)
                    for _ in procs.stream(child, lambda: None, None):
                        pass
                procs.run(["sleep", "60"])
            def interrupt():
                started.wait(10)
                os.kill(os.getpid(), signal.SIGINT)
            threading.Thread(target=interrupt).start()
            lanerun.run = fake
            os.sched_getaffinity = lambda pid: {0, 1}
            two = [lanerun.Built(mock.Mock(), LANES[n], [], parts.QUICK) for n in ("um", "arm64")]
            try:
                lanerun.run_all(two, Path(), [])
            except KeyboardInterrupt:
                print("interrupted", flush=True)
        """)
        ran = subprocess.run([sys.executable, "-c", code, str(support.DATA.parents[1])], capture_output=True,
                             text=True, timeout=30, check=True)
        *pids, last = ran.stdout.split()
        self.assertEqual(last, "interrupted")
        self.assertEqual(len(pids), 2)
        for pid in pids:
            self.assertFalse(Path("/proc", pid).exists())


if __name__ == "__main__":
    unittest.main()
