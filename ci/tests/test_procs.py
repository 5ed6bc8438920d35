# SPDX-License-Identifier: GPL-2.0-only
"""No command may outlive the harness."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import support  # noqa: F401  pylint: disable=unused-import

from harness import procs
from harness.model import HarnessError

CI = Path(__file__).resolve().parent.parent
# Starts a shell that starts a sleeper, as make starts compilers. It ignores
# SIGTERM, so only the kill after the grace period ends it.
PARENT = f"""
import signal, sys
# A shell starts background jobs with SIGINT ignored, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {str(CI)!r})
from harness import procs
procs.install_signal_handlers()
procs.GRACE_SECONDS = 0.3
procs.run(["sh", "-c", "trap '' TERM; sleep 61 & echo $! $$ >$0; wait; wait",
           sys.argv[1]])
"""


def alive(pid: int) -> bool:
    """True if the process runs; a zombie does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii")
    except OSError:
        return False
    return text.rsplit(")", 1)[1].split()[0] not in "ZX"


def wait_for(condition, seconds: float = 10.0) -> bool:
    """Polls until ``condition`` holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


class KillTest(unittest.TestCase):
    """Whatever ends the harness ends the whole group."""

    def check_signal(self, number: int) -> None:
        """Signals a harness process and looks for its descendants."""
        with tempfile.TemporaryDirectory() as folder:
            pids = Path(folder) / "pids"
            with subprocess.Popen([sys.executable, "-c", PARENT, str(pids)],
                                  stderr=subprocess.DEVNULL) as parent:
                self.assertTrue(wait_for(lambda: pids.exists() and
                                         len(pids.read_text().split()) == 2))
                family = [int(word) for word in pids.read_text().split()]
                self.assertTrue(all(alive(pid) for pid in family))
                parent.send_signal(number)
                parent.wait(10)
            self.assertTrue(wait_for(lambda: not any(map(alive, family))), family)

    def test_ctrl_c(self) -> None:
        self.check_signal(signal.SIGINT)

    def test_sigterm(self) -> None:
        self.check_signal(signal.SIGTERM)

    def test_signal_while_the_command_starts(self) -> None:
        """The command sends it itself, long before its starter is through."""
        text = PARENT.replace("sleep 61 & echo $! $$ >$0", "sleep 61 & echo $! $$ >$0; kill $PPID")
        self.assertNotEqual(text, PARENT)
        for _ in range(5):
            with tempfile.TemporaryDirectory() as folder:
                pids = Path(folder) / "pids"
                subprocess.run([sys.executable, "-c", text, str(pids)], check=False, timeout=30,
                               stderr=subprocess.DEVNULL)
                family = [int(word) for word in pids.read_text().split()]
                self.assertTrue(wait_for(lambda: not any(map(alive, family))), family)

    def test_killed_outright(self) -> None:
        self.check_signal(signal.SIGKILL)

    def test_background_process_dies_with_its_leader(self) -> None:
        result = procs.run(["sh", "-c", "sleep 61 & echo $!"])
        self.assertEqual(result.rc, 0)
        self.assertLess(result.seconds, 10)
        self.assertTrue(wait_for(lambda: not alive(int(result.tail[0]))))

    def test_kill_all(self) -> None:
        with procs.Child(["sleep", "61"]) as child:
            procs.kill_all()
            self.assertTrue(wait_for(lambda: not alive(child.pid)))
            self.assertEqual(child.stop(), -signal.SIGKILL)


class RunTest(unittest.TestCase):
    """Results, logs and messages."""

    def test_timeout(self) -> None:
        result = procs.run(["sleep", "61"], timeout=0.3, check=False)
        self.assertTrue(result.timed_out)
        self.assertLess(result.seconds, 10)
        with self.assertRaisesRegex(HarnessError, "sleeping failed: no end after"):
            procs.run(["sleep", "61"], timeout=0.3, what="sleeping")

    def test_failure_shows_cause_log_and_tail(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "x.log"
            script = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; done; exit 7"
            with self.assertRaises(HarnessError) as caught:
                procs.run(["sh", "-c", script], log=log, what="the build")
            text = str(caught.exception)
            self.assertIn("the build failed: exit status 7", text.splitlines()[0])
            self.assertIn(str(log), text.splitlines()[0])
            self.assertEqual([line.strip() for line in text.splitlines()[1:]],
                             [f"line {i}" for i in range(26, 41)])
            self.assertEqual(len(log.read_text().splitlines()), 40)

    def test_missing_program(self) -> None:
        with self.assertRaisesRegex(HarnessError, "cannot start no-such-program"):
            procs.run(["no-such-program"])

    def test_environment_is_added(self) -> None:
        result = procs.run(["sh", "-c", "echo $HARNESS_X; echo $PATH"],
                           env={"HARNESS_X": "1 2"})
        self.assertEqual(result.tail, ["1 2", os.environ["PATH"]])

    def test_command_line_can_be_pasted(self) -> None:
        with tempfile.TemporaryDirectory(suffix=" x") as folder:
            text = procs.command_line(["sh", "-c", 'echo "$A:$PWD"'],
                                      Path(folder), {"A": "b c"})
            done = subprocess.run(text, shell=True, check=True, text=True,
                                  capture_output=True)
            self.assertEqual(done.stdout.strip(), f"b c:{folder}")


class KillProgramTest(unittest.TestCase):
    """A program that made a session of its own."""

    def test_only_that_program_dies(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "linux"
            program.write_bytes(Path("/bin/sleep").resolve().read_bytes())
            program.chmod(0o755)
            with subprocess.Popen([program, "60"], start_new_session=True) as one, \
                    subprocess.Popen(["sleep", "60"]) as other:
                procs.kill_program(program)
                self.assertEqual(one.wait(10), -signal.SIGKILL)
                self.assertIsNone(other.poll())
                other.kill()


class ProgressTest(unittest.TestCase):
    """The line a user watches."""

    def test_plain_stream_gets_few_lines(self) -> None:
        out = io.StringIO()
        progress = procs.Progress("build", 300, out)
        progress.detail = "suite.case"
        progress.tick()
        self.assertEqual(out.getvalue(), "")
        progress._next = 0.0  # pylint: disable=protected-access
        progress.tick()
        progress.tick()
        self.assertEqual(out.getvalue(), "build: 0 s of about 300 s, suite.case\n")

    def test_a_terminal_shows_all_that_runs(self) -> None:
        out = io.StringIO()
        with mock.patch.object(out, "isatty", lambda: True):
            first, second = procs.Progress("run um", None, out), procs.Progress("boot arm64", None, out)
        first._next = 0.0  # pylint: disable=protected-access
        first.tick()
        self.assertTrue(out.getvalue().endswith("run um: 0 s | boot arm64: 0 s"), out.getvalue())
        first.close()
        second._next = 0.0  # pylint: disable=protected-access
        second.tick()
        self.assertTrue(out.getvalue().endswith("\033[Kboot arm64: 0 s"), out.getvalue())
        second.close()


if __name__ == "__main__":
    unittest.main()
