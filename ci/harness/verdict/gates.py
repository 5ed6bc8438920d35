# SPDX-License-Identifier: GPL-2.0-only
"""The gates over one log: what turns a run red although tests print 'ok'."""

from __future__ import annotations

import dataclasses
import re
from typing import Iterable, Optional

from ..measure import kcsan
from ..model import Case, Finding, Gate, GateState, Status
from .ktap import Line, ParsedKtap, clean_lines, markers
from .scan import Noise, ScanResult, scan_all, split_known

GREEN, RED, OFF = GateState.GREEN, GateState.RED, GateState.OFF

# Gate -> kernel options that feed it; any one of them makes the gate real.
# Without entry the kernel always reports.
CONFIG: dict[str, tuple[str, ...]] = {
    "lockdep": ("PROVE_LOCKING",),
    "kmemleak": ("DEBUG_KMEMLEAK",),
    "kasan": ("KASAN",),
    "kcsan": ("KCSAN",),
    "ubsan": ("UBSAN",),
    "warn": ("BUG",),
    "list": ("DEBUG_LIST", "LIST_HARDENED"),
    "debugobjects": ("DEBUG_OBJECTS",),
    "dma-api": ("DMA_API_DEBUG",),
    "atomic": ("DEBUG_ATOMIC_SLEEP",),
    "sim": ("DRM_PANTHOR_SIM",),
    "stall": ("DETECT_HUNG_TASK", "SOFTLOCKUP_DETECTOR", "TREE_RCU"),
}
SCANNED = ("kasan", "kcsan", "ubsan", "warn", "refcount", "list",
           "debugobjects", "dma-api", "atomic", "stall", "oops", "sim", "other")
ORDER = ("complete", "ktap", "required", "xpass", "lockdep", "kmemleak",
         *SCANNED)
DEATH = re.compile(r"Kernel panic - not syncing|---\[ end Kernel panic"
                   r"|Segfault with no mm|Attempted to kill init")
INSMOD_WHY = re.compile(r"insmod: |modprobe: |Unknown symbol|disagrees about"
                        r"|version magic|\binit_module\b|exports duplicate")


@dataclasses.dataclass
class _Run:
    """What all gates look at."""

    lines: list[Line]
    parsed: ParsedKtap
    filter: Optional[str]
    required: list[str]
    config: set[str]
    reports: ScanResult
    noise: list[Noise]
    marks: list[tuple[int, str]]

    def marked(self, prefix: str) -> list[tuple[int, str]]:
        return [(no, text) for no, text in self.marks
                if text == prefix or text.startswith(prefix + " ")]

    def on(self, gate: str) -> bool:
        wanted = CONFIG.get(gate)
        return not wanted or any(w in self.config for w in wanted)

    def off_reason(self, gate: str) -> str:
        return "not in this config: " + " or ".join(
            f"CONFIG_{w}" for w in CONFIG[gate])


def _verdict(name: str, findings: list[Finding], green: str = "") -> Gate:
    if not findings:
        return Gate(name, GREEN, green)
    first = findings[0]
    detail = first.title
    if first.test and first.test not in detail:
        detail += f" (in {first.test})"
    if len(findings) > 1:
        detail += f" and {len(findings) - 1} more"
    return Gate(name, RED, detail, findings)


def _with_known(run: _Run, gate: Gate) -> Gate:
    titles = [f.title for name, f, _ in run.reports.known if name == gate.name]
    if titles:
        known = f"{len(titles)} known: " + "; ".join(sorted(set(titles)))
        gate.detail = f"{gate.detail}; {known}" if gate.detail else known
    return gate


# --- single gates ---------------------------------------------------------

def _modules(run: _Run) -> list[Finding]:
    out = []
    for no, text in [*run.marked("insmod"), *run.marked("rmmod")]:
        match = re.match(r"(?:insmod|rmmod) (\S+) rc=(-?\d+)", text)
        if match and int(match[2]) == 0:
            continue
        why = [li.text.strip() for li in run.lines[max(0, no - 16):no - 1]
               if INSMOD_WHY.search(li.text)]
        title = f"{text}: {why[-1]}" if why else text
        out.append(Finding(title, no, "", why))
    return out


def _complete(run: _Run) -> Gate:
    findings = _modules(run)
    where = run.parsed.started
    for line in run.lines:
        if DEATH.search(line.text):
            test = _test_at(run, line.no) or where or ""
            findings.append(Finding(
                "kernel died: " + line.text.strip(), line.no, test,
                [li.text for li in run.lines[max(0, line.no - 4):line.no]]))
            break
    if not run.marked("end") and not findings:
        at = f"during {where}" if where else _stage(run)
        findings.append(Finding(
            f"stopped or hung {at}: no end marker", len(run.lines),
            where or "", [li.text for li in run.lines[-12:]]))
    elif where and not findings:
        findings.append(Finding(f"KTAP breaks off during {where}",
                                _line_of(run, where), where))
    return _verdict("complete", findings)


def _stage(run: _Run) -> str:
    if run.parsed.documents:
        return "after the last test"
    if run.marks:
        return f"after '{run.marks[-1][1]}'"
    if any("Linux version" in li.text for li in run.lines):
        return "while booting"
    return "before the kernel printed anything"


def _test_at(run: _Run, line_no: int) -> str:
    for first, last, name in run.parsed.ranges:
        if first <= line_no <= last:
            return name
    return ""


def _line_of(run: _Run, name: str) -> int:
    return next((first for first, _, n in run.parsed.ranges if n == name), 0)


def _ktap(run: _Run) -> Gate:
    cases = run.parsed.cases
    findings = [Finding(text) for text in run.parsed.errors]
    if not cases and not findings:
        findings.append(Finding("no test case in the log"))
    if cases and not findings and \
            all(c.status is Status.SKIP for c in cases):
        text = f"nothing ran: all {len(cases)} cases skipped"
        if run.filter and not _names_one(run.filter):
            return Gate("ktap", OFF, f"{text} (FILTER={run.filter})")
        findings.append(Finding(f"{text}: {cases[0].reason}", _line_of(run, cases[0].full_name)))
    return _verdict("ktap", findings, f"{len(cases)} cases")


def _names_one(pattern: str) -> bool:
    """Whether who gave the filter wants this very test, and is not served by a skip."""
    return "." in pattern and not any(sign in pattern for sign in "*?[")


def _required(run: _Run) -> Gate:
    if run.filter:
        return Gate("required", OFF, f"not run: FILTER={run.filter}")
    if not run.required:
        return Gate("required", OFF, "no required tests are listed for this "
                    "lane")
    findings = []
    for name in run.required:
        hits = [c for c in run.parsed.cases if _is(c, name)]
        if not hits:
            findings.append(Finding(f"{name}: did not run", 0, name))
        elif all(c.status is Status.SKIP for c in hits):
            findings.append(Finding(f"{name}: skipped: {hits[0].reason}",
                                    _line_of(run, hits[0].full_name), name))
    return _verdict("required", findings, f"{len(run.required)} ran")


def _is(case: Case, name: str) -> bool:
    """Whether ``suite.case`` names this case or the case it is a part of."""
    return case.full_name == name or case.full_name.startswith(name + ":")


def _xpass(run: _Run) -> Gate:
    return _verdict("xpass", [
        Finding(f"{c.full_name} passed, but the test expects a failure",
                _line_of(run, c.full_name), c.full_name)
        for c in run.parsed.cases if c.status is Status.XPASS])


def _scanned(run: _Run, name: str) -> list[Finding]:
    return [f for gate, f in run.reports.findings if gate == name]


def _lockdep(run: _Run) -> Gate:
    findings = _scanned(run, "lockdep")
    marks = run.marked("lockdep")
    for no, text in marks:
        if text != "lockdep debug_locks=1":
            findings.append(Finding("lockdep was off at the end "
                                    f"({text})", no))
    if not findings and not run.on("lockdep"):
        return Gate("lockdep", OFF, run.off_reason("lockdep"))
    if not marks and not findings:
        findings.append(Finding("nobody said whether lockdep was alive at "
                                "the end (no marker)"))
    return _with_known(run, _verdict("lockdep", findings,
                                     "alive at the end"))


def _leaks(run: _Run) -> tuple[list[Finding], int]:
    """Blocks of the debugfs report, and how many objects they stand for."""
    blocks: list[Finding] = []
    objects = 0
    for line in run.lines:
        match = re.search(r"panthor-harness: kmemleak\|\s?(.*)", line.text)
        if not match:
            continue
        if match[1].startswith("unreferenced object"):
            blocks.append(Finding("leak: " + match[1].strip(" :"), line.no))
            objects += 1
        if blocks:
            blocks[-1].text.append(match[1])
        more = re.search(r"and (\d+) more object", match[1])
        if more:
            objects += int(more[1])
    return blocks, objects


def _leak_findings(run: _Run, no: int, claimed: int) -> list[Finding]:
    blocks, objects = _leaks(run)
    split = split_known([("kmemleak", b) for b in blocks], run.noise)
    run.reports.known += split.known
    findings = [f for _, f in split.findings]
    if objects < claimed:
        findings.append(Finding(f"{claimed} leaks reported, {objects} shown",
                                no))
    return findings


def _kmemleak(run: _Run) -> Gate:
    findings = _scanned(run, "kmemleak")
    marks = run.marked("kmemleak")
    for no, text in marks:
        match = re.fullmatch(r"kmemleak state=(\w+) leaks=(\d+)", text)
        if not match:
            findings.append(Finding(f"bad marker: {text}", no))
        elif match[1] != "enabled":
            findings.append(Finding(f"kmemleak was {match[1]} at the end",
                                    no))
        elif int(match[2]):
            # The kernel's own count stands for the same leaks.
            findings = [f for f in findings
                        if "new suspected memory leak" not in f.title]
            findings += _leak_findings(run, no, int(match[2]))
    if not findings and not run.on("kmemleak"):
        return Gate("kmemleak", OFF, run.off_reason("kmemleak"))
    if not marks and not findings:
        findings.append(Finding("no scan at the end (no marker)"))
    return _with_known(run, _verdict("kmemleak", findings,
                                     "enabled, no leak"))


def _plain(run: _Run, name: str) -> Gate:
    findings = _scanned(run, name)
    if not findings and not run.on(name):
        return Gate(name, OFF, run.off_reason(name))
    return _with_known(run, _verdict(name, findings))


def _kcsan(run: _Run) -> Gate:
    reports = _scanned(run, "kcsan")
    findings = [one for one in reports if kcsan.concerns(one)]
    elsewhere = len(reports) - len(findings)
    if not run.on("kcsan"):
        return _verdict("kcsan", findings) if findings else Gate("kcsan", OFF, run.off_reason("kcsan"))
    seen = reports + [one for gate, one, _ in run.reports.known if gate == "kcsan"]
    findings += kcsan.blind(run.marked("kcsan"), run.parsed.cases, seen)
    green = "awake at the end" + (f", reports about other code: {elsewhere}" if elsewhere else "")
    return _with_known(run, _verdict("kcsan", findings, green))


def _stall(run: _Run) -> Gate:
    gate = _plain(run, "stall")
    lacking = [w for w in CONFIG["stall"] if w not in run.config]
    if gate.state is GREEN and lacking:
        gate.detail = (gate.detail + "; " if gate.detail else "") + \
            "without " + ", ".join(f"CONFIG_{w}" for w in lacking)
    return gate


def judge_log(log_text: str, parsed: ParsedKtap, *, filter: Optional[str],
              required: list[str], noise: Iterable[Noise],
              config: set[str]) -> list[Gate]:
    """All gates of one log, in ORDER: the same for every lane, driver and kernel."""
    lines = clean_lines(log_text)
    entries = list(noise)
    run = _Run(lines, parsed, filter, required,
               {c.removeprefix("CONFIG_") for c in config},
               scan_all(log_text, parsed.ranges, entries), entries,
               markers(lines))
    special = {"complete": _complete, "ktap": _ktap, "required": _required,
               "xpass": _xpass, "lockdep": _lockdep, "kmemleak": _kmemleak,
               "kcsan": _kcsan, "stall": _stall}
    return [special[name](run) if name in special else _plain(run, name)
            for name in ORDER]
