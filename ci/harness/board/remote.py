# SPDX-License-Identifier: GPL-2.0-only
"""Commands on the board over ssh, and its kernel log as it comes."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Optional, Sequence

from .. import procs
from ..model import HarnessError

ALIVE = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5",
         "-o", "ServerAliveCountMax=3")
LOST = 255
"""What ssh exits with when it is ssh itself that failed."""
COMMAND_SECONDS = 120.0
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


class Lost(Exception):
    """The connection is gone; the text is what ssh said."""


class Remote:
    """One machine; ``ssh`` are the words of the command, without the host."""

    def __init__(self, host: str, ssh: Sequence[str]) -> None:
        self.host = host
        self._ssh = [*ssh, *ALIVE]
        self._folder = tempfile.TemporaryDirectory(prefix="panthor-ssh-")  # pylint: disable=consider-using-with
        # One connection for all short commands: a new one takes longer than most tests.
        self._shared = ["-o", "ControlMaster=auto", "-o", f"ControlPath={self._folder.name}/c",
                        "-o", "ControlPersist=60"]

    def command(self, text: str, shared: bool = True) -> list[str]:
        """Words that run ``text`` in the board's shell."""
        return [*self._ssh, *(self._shared if shared else ["-o", "ControlPath=none"]), self.host, text]

    def run(self, text: str, data: bytes = b"", timeout: float = COMMAND_SECONDS) -> tuple[int, str, str]:
        """Exit status, output, errors; Lost if nobody answers."""
        try:
            done = subprocess.run(self.command(text), input=data, capture_output=True, timeout=timeout, check=False)
        except FileNotFoundError as err:
            raise HarnessError(f"{self._ssh[0]} is not installed; install openssh-client or name it with --ssh") from err
        except subprocess.TimeoutExpired as err:
            self.drop()
            raise Lost(f"no answer within {timeout:.0f} s") from err
        errors = done.stderr.decode("utf-8", "replace").strip()
        if done.returncode == LOST:
            self.drop()
            raise Lost(errors.splitlines()[-1] if errors else "connection lost")
        return done.returncode, done.stdout.decode("utf-8", "replace"), errors

    def drop(self) -> None:
        """Forgets a connection that no longer carries anything."""
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run([*self._ssh, *self._shared, "-O", "exit", self.host], capture_output=True,
                           timeout=5, check=False)

    def close(self) -> None:
        """Ends it."""
        self.drop()
        self._folder.cleanup()


def record(raw: bytes) -> Optional[tuple[int, str]]:
    """Number and line of a record of /dev/kmsg; nothing for its continuations."""
    head, semicolon, text = raw.rstrip(b"\n").partition(b";")
    fields = head.split(b",")
    if not semicolon or len(fields) < 3 or not fields[1].isdigit() or not fields[2].isdigit():
        return None
    text = _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]), text)
    seconds, micro = divmod(int(fields[2]), 1000000)
    return int(fields[1]), f"[{seconds:5}.{micro:06}] {text.decode('utf-8', 'replace')}"


class KernelLog:
    """The kernel log of all boots in one file, without gaps or repeats.

    A connection that ends is made again until ``close``. What the kernel said
    before ``mark`` is left out, but for the lines that say what it is.
    """

    FACTS = re.compile(r"\] (?:Linux version |Machine model: |Kernel command line: )")

    def __init__(self, remote: Remote, command: str, path: Path, mark: str) -> None:
        self._remote, self._command, self._mark = remote, command, mark
        self._file: IO[str] = path.open("w", encoding="utf-8")
        self._lock = threading.Condition()
        self._tail: list[str] = []
        self._boot = ""
        self._next = 0
        self._marked = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """A line of our own, after all that came."""
        with self._lock:
            self._write(line)

    def wait(self, pattern: str, seconds: float) -> bool:
        """Whether a line that ``pattern`` finds has come since ``forget``."""
        wanted = re.compile(pattern)
        end = time.monotonic() + seconds
        with self._lock:
            while not any(wanted.search(line) for line in self._tail):
                left = end - time.monotonic()
                if left <= 0 or not self._lock.wait(left):
                    return any(wanted.search(line) for line in self._tail)
        return True

    def forget(self) -> None:
        """What came so far is not what is waited for."""
        with self._lock:
            self._tail.clear()

    def close(self) -> None:
        """Stops, with what has come in the file."""
        self._closing.set()
        self._thread.join(10)
        with self._lock:
            self._file.close()

    def _write(self, line: str) -> None:
        if self._file.closed:
            return
        self._file.write(line + "\n")
        self._file.flush()
        self._tail.append(line)
        self._lock.notify_all()

    def _take(self, raw: bytes) -> None:
        found = record(raw)
        if not found:
            return
        number, line = found
        with self._lock:
            if number < self._next:
                return
            if self._next and number > self._next:
                self._write(f"panthor-harness: {number - self._next} kernel messages lost")
            self._next = number + 1
            self._marked = self._marked or self._mark in line
            if self._marked or self.FACTS.search(line):
                self._write(line)

    def _boots(self, raw: bytes) -> None:
        boot = raw.decode("ascii", "replace").strip()
        with self._lock:
            if self._boot and boot != self._boot:
                # Of a boot that comes after a crash everything counts.
                self._next, self._marked = 0, True
                self._write(f"panthor-harness: boot {boot}")
            self._boot = boot

    def _follow(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(HarnessError, OSError, ValueError):
                self._once()
            self._closing.wait(1.0)

    def _once(self) -> None:
        rest, first = b"", True
        with procs.Child(self._remote.command(self._command, shared=False)) as child:
            while not self._closing.is_set():
                data = child.read(0.5)
                if data is None:
                    return
                *lines, rest = (rest + data).split(b"\n")
                for raw in lines:
                    if first and re.fullmatch(rb"[0-9a-f-]{36}\s*", raw):
                        self._boots(raw)
                        first = False
                    elif not first:
                        self._take(raw)
