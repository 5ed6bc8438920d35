# SPDX-License-Identifier: GPL-2.0-only
"""Runs a bundle's tests on a board, one by one, whatever the board does meanwhile.

This side knows which test it has asked for, so nothing has to survive on the
board. A connection that is lost is made again; if the board booted meanwhile, the
test that ran is marked, the board is made ready again and the next one follows.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
import secrets
import shlex
import subprocess
import time
from pathlib import Path
from typing import Callable, Optional

from ..build.prepare import say
from ..model import HarnessError
from ..settings import REPO
from . import checks
from .bundlefile import MANIFEST, TOP, Bundle
from .remote import KernelLog, Lost, Remote

SCRIPT = REPO / "ci/lab/run"
RETRY_SECONDS = 2.0
WAIT_SECONDS = 20
LINE_SECONDS = 15.0
SETUP_SECONDS = 300.0
MOST_CRASHES = 20
MOST_TRIES = 50
AWAY = (75, 126, 127)
"""What ``run`` exits with in another boot, and the shell without it."""


@dataclasses.dataclass
class Options:
    """What the user may choose."""

    folder: str = "/var/tmp"
    filter: Optional[str] = None
    production: bool = False
    limit: int = 400
    patience: float = 300.0
    power_cycle: Optional[str] = None
    reboot: bool = True
    keep: bool = False


@dataclasses.dataclass
class Outcome:
    """What the run leaves beside the log."""

    config: str = ""
    facts: dict[str, str] = dataclasses.field(default_factory=dict)
    died: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    """Test that ran, and how the board went away."""
    counters: str = ""
    ended: str = ""
    """Why there is no rest of the run."""


class Gone(Exception):
    """The board does not come back."""


class Rebooted(Exception):
    """It came back, but it is another boot."""


def chosen(bundle: Bundle, pattern: Optional[str]) -> dict[str, list[str]]:
    """Suites and cases that a filter leaves."""
    suite_glob, _, case_glob = (pattern or "*").partition(".")
    found: dict[str, list[str]] = {}
    for suite, case, _ in bundle.cases:
        if fnmatch.fnmatchcase(suite, suite_glob) and fnmatch.fnmatchcase(case, case_glob or "*"):
            found.setdefault(suite, []).append(case)
    return found


class Runner:
    """One run on one board."""

    def __init__(self, remote: Remote, bundle: Bundle, options: Options, log: Path) -> None:
        self.remote, self.bundle, self.options, self.path = remote, bundle, options, log
        self.outcome = Outcome()
        self.place = f"{options.folder.rstrip('/')}/{TOP}"
        self.token = secrets.token_hex(4)
        self.log: Optional[KernelLog] = None
        self.boot = ""
        self.number = 0

    # --- one command ---------------------------------------------------------------

    def _ours(self, words: str, data: bytes = b"", timeout: float = 120.0) -> tuple[int, str, str]:
        found = self.remote.run(f"PANTHOR_BOOT={self.boot} {shlex.quote(self.place)}/run {words}", data, timeout)
        if found[0] in AWAY:
            raise Lost("it is another boot, or the bundle is gone")
        return found

    def _must(self, words: str, timeout: float = 120.0) -> str:
        rc, out, err = self._ours(words, timeout=timeout)
        if rc:
            why = [*out.splitlines(), *err.splitlines()][-1:] or [f"exit status {rc}"]
            raise HarnessError(f"{self.remote.host}: {why[0]}")
        return out

    def _boot_id(self) -> str:
        _, out, _ = self.remote.run("cat /proc/sys/kernel/random/boot_id", timeout=20.0)
        return out.strip()

    def _reconnect(self) -> None:
        """Waits until the board answers. Rebooted if it is not the boot from before."""
        end = time.monotonic() + self.options.patience
        cycled = False
        while True:
            try:
                now = self._boot_id()
                break
            except Lost as lost:
                if time.monotonic() >= end:
                    if cycled or not self.options.power_cycle:
                        raise Gone(f"no answer for {self.options.patience:.0f} s ({lost})") from lost
                    say(f"{self.remote.host}: {self.options.power_cycle}")
                    subprocess.run(self.options.power_cycle, shell=True, check=False)
                    cycled, end = True, time.monotonic() + self.options.patience
                time.sleep(RETRY_SECONDS)
        if now != self.boot:
            self.boot = now
            raise Rebooted

    def _steady(self, step: Callable[[], None]) -> None:
        """A step that may be done twice; after a reboot the board is made ready first."""
        for _ in range(MOST_TRIES):
            try:
                step()
                return
            except Lost:
                time.sleep(RETRY_SECONDS)
                try:
                    self._reconnect()
                except Rebooted:
                    self._died("between tests", "it booted")
                    self._again()
        raise Gone("it answers, and does nothing")

    # --- begin and end -----------------------------------------------------------------

    def check(self) -> None:
        """Refuses a board that does not fit; nothing is changed there."""
        script = SCRIPT.read_bytes()
        folder = shlex.quote(self.options.folder)
        host = self.remote.host
        try:
            rc, out, err = self.remote.run(f"cd {folder} && sh -s -- check", script)
        except Lost as lost:
            raise HarnessError(f"{host}: cannot connect ({lost}); is it on, and does 'ssh {host}' work?") from lost
        if rc:
            raise HarnessError(f"{host}: {err.splitlines()[-1] if err else f'exit status {rc}'}; "
                               "choose another folder with --dir")
        found = self.outcome.facts = checks.facts(out)
        self.boot = found.get("boot_id", "")
        checks.machine(found, host, self.bundle)
        _, self.outcome.config, _ = self.remote.run("sh -s -- config", script)
        checks.kernel(found, host, self.bundle, checks.enabled(self.outcome.config), self.options.production)
        checks.space(found, host, self.options.folder, self.bundle.bytes)

    def copy(self) -> None:
        """The bundle onto the board; what an earlier run left there goes."""
        place = shlex.quote(self.place)
        folder = shlex.quote(self.options.folder)
        rc, _, err = self.remote.run(
            f"if [ -x {place}/run ]; then {place}/run restore; fi; rm -rf {place} && gzip -dc | tar xf - -C {folder} "
            f"&& test -f {place}/{MANIFEST}", self.bundle.path.read_bytes(), SETUP_SECONDS)
        if rc:
            why = "disk full" if "No space left" in err else (err.splitlines() or ["tar failed"])[-1]
            raise HarnessError(f"{self.remote.host}: cannot unpack the bundle in {self.options.folder} ({why}); "
                               "choose another folder with --dir")

    def _ready(self) -> None:
        """Driver in, swap on; after a boot the bundle may be gone, too."""
        rc, _, _ = self.remote.run(f"test -x {shlex.quote(self.place)}/run")
        if rc:
            self.copy()
        self._must("setup", SETUP_SECONDS)

    def _again(self) -> None:
        """After a boot; it may die of it."""
        while True:
            if len(self.outcome.died) > MOST_CRASHES:
                raise Gone(f"{MOST_CRASHES} times it booted by itself")
            try:
                self._ready()
                return
            except Lost:
                try:
                    self._reconnect()
                except Rebooted:
                    self._died("setup", "it booted")

    def _died(self, what: str, how: str) -> None:
        self.outcome.died.append((what, how))
        say(f"{self.remote.host}: {how} during {what}")
        self._put(f"panthor-harness: died {what}: {how}")

    def _put(self, line: str) -> None:
        if self.log:
            self.log.put(line)

    def _say(self, *lines: str) -> None:
        """Lines into the kernel log, and seen to come back from it."""
        assert self.log
        log, text = self.log, "\n".join(lines) + "\n"
        log.forget()

        def step() -> None:
            if not log.wait(f"] {re.escape(lines[-1])}$", 0):
                self._ours("say", text.encode())
                log.wait(f"] {re.escape(lines[-1])}$", LINE_SECONDS)
        self._steady(step)

    # --- the tests --------------------------------------------------------------------------

    def run(self) -> Outcome:
        """All of it. The board is left as found, also after an error."""
        self.check()
        try:
            self.copy()
            self.log = KernelLog(self.remote, f"{shlex.quote(self.place)}/run log", self.path, self.token)
            self._ours("say", f"panthor-harness: run {self.token}\n".encode())
            self._ready()
            self._tests()
        except Gone as gone:
            self.outcome.ended = str(gone)
            self._put(f"panthor-harness: gone: {gone}")
        except Lost as lost:
            raise HarnessError(f"{self.remote.host}: connection lost ({lost}); run it again") from lost
        finally:
            self._leave()
        return self.outcome

    def _tests(self) -> None:
        suites = chosen(self.bundle, self.options.filter)
        self._say("KTAP version 1", f"1..{len(suites)}")
        for at, (suite, cases) in enumerate(suites.items(), 1):
            self._say("    KTAP version 1", f"    # Subtest: {suite}", f"    1..{len(cases)}")
            good = True
            for number, case in enumerate(cases, 1):
                good = self._case(number, suite, case) and good
            self._say(f"{'ok' if good else 'not ok'} {at} {suite}")
            say(f"{suite}: {'ok' if good else 'not ok'}")
        self._steady(self._finish)

    def _finish(self) -> None:
        assert self.log
        self.log.forget()
        self.outcome.counters = self._must("counters")
        self._must("finish", SETUP_SECONDS)
        self.log.wait(r"panthor-harness: end$", LINE_SECONDS)

    def _case(self, number: int, suite: str, case: str) -> bool:
        """One test; False if it did not end well."""
        assert self.log
        self.number += 1
        self.log.forget()
        ident = f"{self.token}-{self.number}"
        start = f"case {ident} {self.options.limit} {number} {WAIT_SECONDS} {suite} {case}"
        end = time.monotonic() + self.options.limit + self.options.patience
        while True:
            try:
                _, out, _ = self._ours(start)
                words = out.split()
                if words[:1] == ["rc"]:
                    break
                if time.monotonic() > end:
                    raise Lost("the board's own time limit did not work")
            except Lost:
                time.sleep(RETRY_SECONDS / 4)
                try:
                    self._reconnect()
                    if time.monotonic() > end + self.options.patience:
                        raise Gone("it answers, but the test does not end")
                    say(f"{self.remote.host}: connected again during {suite}.{case}")
                except Rebooted:
                    self._crashed(number, f"{suite}.{case}", "it booted")
                    return False
        rc = int(words[1])
        if not self.log.wait(rf"\] +(?:not )?ok {number} {re.escape(case)}(?: # SKIP .*)?$", LINE_SECONDS):
            self._put(f"panthor-harness: the kernel log lacks the result of {suite}.{case}")
        if rc == 125:
            self._stuck(f"{suite}.{case}")
        return rc in (0, 4)

    def _crashed(self, number: int, name: str, how: str) -> None:
        case = name.partition(".")[2]
        self._died(name, how)
        self._put(f"    # {case}: the board went away while it ran: {how}")
        self._put(f"    not ok {number} {case}")
        self._again()

    def _stuck(self, name: str) -> None:
        """A task that cannot be killed: only a boot helps."""
        self._died(name, "a task is stuck")
        if not self.options.reboot:
            raise Gone("a task is stuck, and --no-reboot")
        try:
            self._ours("reboot", timeout=10.0)
        except Lost:
            pass
        deadline = time.monotonic() + self.options.patience
        while time.monotonic() < deadline:
            try:
                self._reconnect()
            except Rebooted:
                self._again()
                return
            time.sleep(RETRY_SECONDS)
        raise Gone("it does not boot")

    def _leave(self) -> None:
        """As it was found: modules, swap, settings, files."""
        try:
            self._ours("restore", timeout=SETUP_SECONDS)
            if not self.options.keep:
                self.remote.run(f"rm -rf {shlex.quote(self.place)}")
        except (Lost, HarnessError) as err:
            say(f"{self.remote.host}: not cleaned up ({err}); {self.place} is left there")
        if self.log:
            self.log.close()
