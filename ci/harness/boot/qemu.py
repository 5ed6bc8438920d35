# SPDX-License-Identifier: GPL-2.0-only
"""Boots a lane in QEMU and keeps its whole console, whatever happens."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from pathlib import Path
from typing import BinaryIO, Callable, Optional, Sequence

from .. import procs
from ..model import HarnessError
from .lanes import Lane

STALL_SECONDS = 120.0
# Its own time does not suffer from a busy host, but the watch is the host's.
STEADY_STALL_SECONDS = 400.0
KVM_FIRST_SECONDS = 10.0
FIRST_MESSAGE = "Linux version "

OnLine = Callable[[str], Optional[str]]
"""Gets each console line; what it returns becomes the progress text."""


@dataclasses.dataclass
class BootResult:
    """How a boot ended. ``reason`` is empty if the guest ended it itself."""

    rc: int
    timed_out: bool
    seconds: float
    reason: str = ""
    silent: bool = False
    """The kernel did not say a word before its deadline."""
    accel: str = ""
    boot_seconds: float = 0.0
    """From the start of QEMU to the first message of the VM's init."""


# Linux 7.3 keeps free slab objects in arrays ("sheaves") and leaves stale
# pointers in them, which hide fresh leaks from kmemleak. A cache with any
# debug flag has none.
SEE_LEAKS = "slab_debug=F"


def kernel_cmdline(lane: Lane, extra: Sequence[str] = ()) -> str:
    """Kernel command line of a boot; a lean kernel is not slowed down."""
    debug = ["harness.leaks=0"] if lane.lean else [SEE_LEAKS]
    return " ".join([*lane.cmdline, *debug, f"harness.lane={lane.name}", *extra])


def command(lane: Lane, image: Path, initrd: Path, cmdline: str,
            accel: str) -> list[str]:
    """The command, good for a terminal too. UML is a program of its own."""
    if not lane.is_vm:
        return [str(image), f"mem={lane.memory_mb}M", f"initrd={initrd}", *cmdline.split()]
    return [lane.qemu, "-M", lane.machine, *lane.accel_args(accel),
            "-smp", str(lane.cpus), "-m", str(lane.memory_mb), "-nographic",
            "-nodefaults", "-serial", "stdio", "-no-reboot",
            "-kernel", str(image), "-initrd", str(initrd), "-append", cmdline]


class _Console:
    """Cuts the console into lines and watches over its silence."""

    def __init__(self, log: BinaryIO, on_line: Optional[OnLine],
                 progress: procs.Progress, stall: float,
                 first: Optional[float]) -> None:
        self._log = log
        self._on_line = on_line
        self._progress = progress
        self._stall = stall
        self._first = first
        self._rest = b""
        self._start = self._last = time.monotonic()
        self.spoke = False
        self.boot_seconds = 0.0

    def feed(self, data: bytes) -> None:
        """Takes the next piece of output."""
        self._log.write(data)
        self._log.flush()
        self._last = time.monotonic()
        *lines, self._rest = (self._rest + data).split(b"\n")
        for raw in lines:
            self._line(raw.decode("utf-8", "replace").rstrip("\r"))

    def finish(self) -> None:
        """Hands over a last line without an end."""
        if self._rest:
            self._line(self._rest.decode("utf-8", "replace").rstrip("\r"))
            self._rest = b""

    def _line(self, line: str) -> None:
        self.spoke = self.spoke or FIRST_MESSAGE in line
        if not self.boot_seconds and "panthor-harness: begin" in line:
            self.boot_seconds = time.monotonic() - self._start
        if self._on_line:
            self._progress.detail = self._on_line(line) or self._progress.detail

    def silence(self) -> str:
        """Why the guest counts as hung, or nothing."""
        now = time.monotonic()
        if self._first and not self.spoke and now - self._start > self._first:
            return f"no kernel message within {self._first:.0f} s"
        if now - self._last > self._stall:
            return f"no output for {self._stall:.0f} s"
        return ""


class _Hung(Exception):
    pass


def boot(lane: Lane, image: Path, initrd: Path, cmdline: str, log_path: Path,
         timeout: float, accel: str, on_line: Optional[OnLine] = None, *,
         stall: float = STALL_SECONDS, first: Optional[float] = None,
         verbose: bool = False, expect_seconds: Optional[float] = None) -> BootResult:
    """Boots once. A guest that hangs is killed; that is a result, not an error."""
    cmd = command(lane, image, initrd, cmdline, accel)
    if not shutil.which(cmd[0]):
        raise HarnessError(f"{cmd[0]} is not installed; install the package that "
                           "has it, or leave the lane out of LANES")
    if verbose:
        print(procs.command_line(cmd), flush=True)
    progress = procs.Progress(f"boot {lane.name} ({accel})", expect_seconds)
    start = time.monotonic()
    reason = ""
    with contextlib.ExitStack() as stack:
        stack.callback(progress.close)
        log = stack.enter_context(log_path.open("wb"))
        console = _Console(log, on_line, progress, stall, first)

        def tick() -> None:
            progress.tick()
            if why := console.silence():
                raise _Hung(why)

        child = stack.enter_context(procs.Child(cmd))
        try:
            for data in procs.stream(child, tick, start + timeout):
                console.feed(data)
        except TimeoutError:
            reason = f"not finished after {timeout:.0f} s"
        except _Hung as hung:
            reason = str(hung)
        rc = child.stop()
        console.finish()
    timed_out = bool(reason)
    if not reason and rc != 0:
        reason = f"{'QEMU' if lane.is_vm else 'UML'} ended with status {rc}"
    return BootResult(rc, timed_out, time.monotonic() - start, reason,
                      not console.spoke, accel, console.boot_seconds)


def boot_any(lane: Lane, image: Path, initrd: Path, cmdline: str, log_path: Path,
             timeout: float, kvm: bool, on_line: Optional[OnLine] = None, *,
             kvm_failed: Callable[[], None] = lambda: None,
             say: Callable[[str], None] = print,
             stall: Optional[float] = None, verbose: bool = False,
             expect_seconds: Optional[float] = None) -> BootResult:
    """Boots with KVM if ``kvm``, and again with TCG if the kernel stays silent.

    Some hosts let a guest start under KVM and then never run it; ``kvm_failed``
    is told, so that the next run need not try.
    """
    stall = stall or (STEADY_STALL_SECONDS if lane.steady else STALL_SECONDS)
    if kvm:
        result = boot(lane, image, initrd, cmdline, log_path, timeout, "kvm",
                      on_line, stall=stall, first=KVM_FIRST_SECONDS,
                      verbose=verbose, expect_seconds=expect_seconds)
        if not result.silent:
            return result
        kvm_failed()
        say(f"{lane.name}: KVM does not run the kernel here "
            f"({result.reason}); using TCG")
    return boot(lane, image, initrd, cmdline, log_path, timeout, "tcg", on_line,
                stall=stall, verbose=verbose, expect_seconds=expect_seconds)
