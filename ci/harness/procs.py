# SPDX-License-Identifier: GPL-2.0-only
"""Runs commands so that none outlives the harness, however the harness ends.

Each command leads a process group of its own. The group is killed when the
command is over, on any exception (Ctrl-C, SIGTERM), and by a guard process
when the harness itself is killed.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import ctypes
import dataclasses
import os
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Callable, Iterator, Mapping, Optional, Sequence, TextIO

from .model import HarnessError

GRACE_SECONDS = 3.0
PLAIN_INTERVAL = 30.0
TTY_INTERVAL = 0.5
TAIL_LINES = 15
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_live: set["Child"] = set()
_live_lock = threading.Lock()
_stopping = threading.Event()


@dataclasses.dataclass
class Result:
    """How a command ended."""

    rc: int
    seconds: float
    timed_out: bool = False
    log: Optional[Path] = None
    tail: list[str] = dataclasses.field(default_factory=list)


def command_line(cmd: Sequence[str], cwd: Optional[Path] = None,
                 env: Optional[Mapping[str, str]] = None) -> str:
    """The command as text that does the same when pasted into a shell."""
    words = [f"{key}={shlex.quote(value)}" for key, value in (env or {}).items()]
    words.append(shlex.join(cmd))
    prefix = f"cd {shlex.quote(str(cwd))} && " if cwd else ""
    return prefix + " ".join(words)


class Child:
    """A running command: leader of its own session and process group."""

    def __init__(self, cmd: Sequence[str], cwd: Optional[Path] = None,
                 env: Optional[Mapping[str, str]] = None) -> None:
        parent = os.getpid()

        def die_with_parent() -> None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(127)

        try:
            self._popen = subprocess.Popen(  # pylint: disable=consider-using-with
                list(cmd), cwd=cwd, env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=die_with_parent)
        except (FileNotFoundError, PermissionError) as err:
            raise HarnessError(f"cannot start {cmd[0]}: {err.strerror}; "
                               "is it installed and on PATH?") from err
        self.pid = self._popen.pid
        assert self._popen.stdout is not None
        self._fd = self._popen.stdout.fileno()
        self._eof = False
        with _live_lock:
            _live.add(self)
        if _stopping.is_set():
            self._signal(signal.SIGKILL)
        # The death signal reaches the leader only. This waits for the end of
        # a pipe that closes with the harness and then takes the whole group.
        self._guard = subprocess.Popen(  # pylint: disable=consider-using-with
            ["sh", "-c", 'read -r _ || kill -s KILL -- "-$1"', "guard",
             str(self.pid)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)

    def _exited(self) -> bool:
        # WNOWAIT keeps the zombie, so the group id cannot be reused yet.
        if self._popen.returncode is not None:
            return True
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def read(self, seconds: float) -> Optional[bytes]:
        """Output so far: b"" if there was none in time, None when it is over."""
        if self._eof:
            if self._exited():
                return None
            time.sleep(min(seconds, 0.05))
            return b""
        exited = self._exited()
        ready, _, _ = select.select([self._fd], [], [], 0 if exited else seconds)
        if ready:
            data = os.read(self._fd, 65536)
            self._eof = not data
            return data
        # A background process may keep the pipe open for ever.
        return None if exited else b""

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def stop(self) -> int:
        """Ends the whole group, politely if it still works, and reaps it."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        try:
            if not self._exited():
                self._signal(signal.SIGTERM)
                end = time.monotonic() + GRACE_SECONDS
                while not self._exited() and time.monotonic() < end:
                    time.sleep(0.02)
        finally:
            self._signal(signal.SIGKILL)
            rc = self._popen.wait()
            assert self._popen.stdout is not None
            self._popen.stdout.close()
            with contextlib.suppress(BrokenPipeError):
                self._guard.communicate(b"done\n")
            with _live_lock:
                _live.discard(self)
        return rc

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def kill_all() -> None:
    """Kills what is still running, for instance on behalf of other threads."""
    with _live_lock:
        children = list(_live)
    for child in children:
        child._signal(signal.SIGKILL)  # pylint: disable=protected-access


def kill_program(path: Path) -> None:
    """Kills every process that runs ``path``: some leave their group and outlive it."""
    for link in Path("/proc").glob("[0-9]*/exe"):
        with contextlib.suppress(OSError):
            # By inode: in another mount namespace the same path is another file.
            if os.path.samefile(link, path):
                os.kill(int(link.parent.name), signal.SIGKILL)


def stop_all() -> None:
    """Kills what is still running, and from now on what other threads start."""
    _stopping.set()
    kill_all()


atexit.register(kill_all)


def _terminated(number: int, _frame: Optional[FrameType]) -> None:
    raise SystemExit(128 + number)


def install_signal_handlers() -> None:
    """Makes SIGTERM and SIGHUP unwind the stack as Ctrl-C does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminated)


class Progress:
    """One line that says what runs, for how long, and what is usual.

    Things that run side by side share the line of a terminal.
    """

    _active: list["Progress"] = []
    _lock = threading.RLock()

    def __init__(self, what: str, expect_seconds: Optional[float] = None,
                 stream: Optional[TextIO] = None) -> None:
        self.what = what
        self.detail = ""
        self._expect = expect_seconds
        self._stream = stream or sys.stderr
        self._tty = self._stream.isatty()
        self._start = time.monotonic()
        self._next = self._start + (TTY_INTERVAL if self._tty else PLAIN_INTERVAL)
        if self._tty and what:
            with self._lock:
                self._active.append(self)

    def text(self) -> str:
        """The line itself."""
        line = f"{self.what}: {time.monotonic() - self._start:.0f} s"
        if self._expect:
            line += f" of about {self._expect:.0f} s"
        return f"{line}, {self.detail}" if self.detail else line

    def tick(self) -> None:
        """Prints the line if it is time for it."""
        now = time.monotonic()
        if not self.what or now < self._next:
            return
        self._next = now + (TTY_INTERVAL if self._tty else PLAIN_INTERVAL)
        if not self._tty:
            self._stream.write(self.text() + "\n")
            self._stream.flush()
            return
        with self._lock:
            room = 110 // len(self._active)
            line = " | ".join(one.text()[:room] for one in self._active)
            self._stream.write("\r\033[K" + line)
            self._stream.flush()

    def close(self) -> None:
        """Removes the line from a terminal."""
        with self._lock:
            if self in self._active:
                self._active.remove(self)
                self._stream.write("\r\033[K")
                self._stream.flush()


def stream(child: Child, tick: Callable[[], None],
           deadline: Optional[float]) -> Iterator[bytes]:
    """Yields output until the child is over; TimeoutError at the deadline."""
    while True:
        data = child.read(0.2)
        if data is None:
            return
        if data:
            yield data
        tick()
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError


class _Tail:
    """Keeps the last lines of a byte stream."""

    def __init__(self, count: int) -> None:
        self._lines: collections.deque[bytes] = collections.deque(maxlen=count)
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Takes the next piece of the stream."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(lines)

    def lines(self) -> list[str]:
        """The last lines as text."""
        found = list(self._lines) + ([self._rest] if self._rest else [])
        return [line.decode("utf-8", "replace") for line in found]


def run(cmd: Sequence[str], *, cwd: Optional[Path] = None,
        env: Optional[Mapping[str, str]] = None, log: Optional[Path] = None,
        verbose: bool = False, what: str = "",
        expect_seconds: Optional[float] = None,
        timeout: Optional[float] = None, check: bool = True) -> Result:
    """Runs ``cmd`` to its end; ``env`` is added to the environment.

    Output goes to ``log`` (replaced) or is dropped except for the tail. With
    ``check`` a failure or timeout is a HarnessError that shows the tail.
    """
    if verbose:
        print(command_line(cmd, cwd, env), flush=True)
    start = time.monotonic()
    deadline = start + timeout if timeout is not None else None
    tail = _Tail(TAIL_LINES)
    progress = Progress(what, expect_seconds)
    timed_out = False
    with contextlib.ExitStack() as stack:
        stack.callback(progress.close)
        out = stack.enter_context(log.open("wb")) if log else None
        child = stack.enter_context(Child(cmd, cwd, env))
        try:
            for data in stream(child, progress.tick, deadline):
                tail.feed(data)
                if out:
                    out.write(data)
                    out.flush()
        except TimeoutError:
            timed_out = True
        rc = child.stop()
    result = Result(rc, time.monotonic() - start, timed_out, log, tail.lines())
    if check and (rc != 0 or timed_out):
        raise HarnessError(failure_text(what or shlex.join(cmd), result))
    return result


def failure_text(what: str, result: Result) -> str:
    """What to tell the user: the cause on one line, then the end of the log."""
    how = f"exit status {result.rc}"
    if result.timed_out:
        how = f"no end after {result.seconds:.0f} s"
    elif result.rc < 0:
        how = f"killed by {signal.Signals(-result.rc).name}"
    where = f"; whole log: {result.log}" if result.log else ""
    return "\n  ".join([f"{what} failed: {how}{where}", *result.tail])
