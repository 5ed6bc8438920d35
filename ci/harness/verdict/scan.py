# SPDX-License-Identifier: GPL-2.0-only
"""Kernel reports in a log: found, cut out as blocks, sorted into gates.

The patterns follow the printk strings of Linux 7.2 and 7.3. A headline that
looks like a report and fits no pattern lands in the gate ``other``: unknown
is red.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Iterable, Optional

from ..measure.kcsan import ACCESS
from ..model import Finding, HarnessError
from .ktap import FRAME, MARKER, Line, clean_lines, structural

BLOCK_LIMIT = 120
GAP_SECONDS = 2.0

CUT_HERE = re.compile(r"-+\[ cut here \]-+")
END_TRACE = re.compile(r"---\[ end (?:trace|Kernel panic)")
RULER = re.compile(r"^={20,}$")
CALL_TRACE = re.compile(r"\bCall [Tt]race:\s*$")
TRACE_LINE = re.compile(r"\+0x[0-9a-f]+|^\s*</?[A-Za-z_# ]+>\s*$|"
                        r"^\s*(?:RIP|RSP|RAX|RDX|RBP|R\d+|FS|CS|CR\d|Code|ORIG"
                        r"|pstate|pc|lr|sp|x\d+|Modules linked in|PKRU)\b")

# First match wins, so the special comes before the general.
GATES: tuple[tuple[str, str], ...] = (
    ("sim", r"panthor-sim: violation: "),
    ("lockdep",
     r"WARNING: possible (?:circular|recursive|irq lock inversion)"
     r"|WARNING: .*-safe -> .*-unsafe lock order detected"
     r"|possible .*deadlock|bad unlock balance|bad contention detected"
     r"|WARNING: held lock freed|still has locks held"
     r"|lock held when returning to user space"
     r"|suspicious RCU (?:context )?usage|inconsistent lock state"
     r"|Invalid wait context|trying to register non-static key"
     r"|Nested lock was not taken|DEBUG_LOCKS_WARN_ON"
     r"|chain_key collision|BUG: key .* has not been registered"
     r"|(?:MAX_LOCK\w+|MAX_STACK_TRACE_ENTRIES) too low"
     r"|INFO: lockdep is turned off|turning off the locking correctness"
     r"|CPU \d+ left hardirqs enabled|lockdep bfs error"),
    ("kasan", r"BUG: (?:KASAN|KFENCE|KMSAN): "),
    ("kcsan", r"BUG: KCSAN: "),
    ("ubsan", r"UBSAN: "),
    ("refcount", r"refcount_t: "),
    ("list",
     r"list_(?:add|del) (?:corruption|double add)"
     r"|^BUG .+ \((?:Not tainted|Tainted)"
     r"|BUG: Bad (?:page|rss)|BUG: non-zero pgtables_bytes"
     r"|pagealloc: (?:memory corruption|single bit error)"
     r"|BUG: mempool element|Object corrupt|still has objects"),
    ("debugobjects", r"ODEBUG: (?!selftest passed)"),
    ("dma-api",
     r"DMA-API: (?!preallocated \d+ debug entries|debugging enabled by kernel"
     r"|dma_debug_entry pool grown)"),
    ("atomic",
     r"BUG: sleeping function called from invalid context"
     r"|BUG: scheduling (?:while atomic|in a non-blocking section)"
     r"|BUG: workqueue leaked|BUG: assuming (?:atomic|non migratable) context"
     r"|BUG: using \S+ in preemptible|do not call blocking ops when"),
    ("stall",
     r"(?:self-detected stall|detected (?:expedited )?stalls? on"
     r"|detected stall, but suppressed)"
     r"|kthread starved for \d+ jiffies|kthread timer wakeup didn't happen"
     r"|soft lockup - CPU|hard LOCKUP|BUG: workqueue lockup"
     r"|INFO: task .* blocked.* for more than"),
    ("oops",
     r"\bOops\b|BUG: failure at |BUG: unable to handle|BUG: kernel NULL pointer"
     r"|general protection fault|kernel BUG at|Kernel panic"
     r"|Unable to handle kernel|Internal error: |Segfault with no mm"
     r"|Segfault (?:with pagefaults disabled|without recovery)"
     r"|Kernel mode (?:fault at|signal)|Kernel tried to access user memory"
     r"|stack guard page was hit|kernel stack overflow|SError Interrupt"
     r"|Insufficient stack space|(?:divide error|invalid opcode): "),
    ("kmemleak",
     r"kmemleak: (?!Kernel memory leak detector initialized"
     r"|Automatic memory scanning| |$)"),
    ("warn", r"WARNING: (?:CPU: \d|.*CPU#\d+: |.* at \S+\+0x|at )"),
)
_GATES = tuple((gate, re.compile(text)) for gate, text in GATES)
GATE_NAMES = tuple(gate for gate, _ in GATES) + ("other",)
CATCH_ALL = re.compile(r"\b(?:BUG|WARNING|INFO): ")

HARMLESS = re.compile(
    # What the CPU of the machine underneath can or cannot do about
    # speculation; says nothing about the code under test.
    r"(?:Spectre V2 |RETBleed|ITS|SRSO|TAA|MDS|VMSCAPE) ?: WARNING: "
    r"|WARNING: Spectre-v2|EBPF is enabled with eIBRS"
    # An emulated CPU takes its time in an NMI.
    r"|INFO: NMI handler \(.*\) took too long to run"
    # Second line of a hung-task report.
    r"|INFO: task .* is blocked on|INFO: Stall ended")


# --- known noise ----------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Noise:
    """A reviewed report that may appear: title and functions must match."""

    gate: str
    title: re.Pattern[str]
    functions: frozenset[str]
    reason: str

    def covers(self, gate: str, finding: Finding) -> bool:
        return gate == self.gate and bool(self.title.search(finding.title)) \
            and self.functions <= trace_functions(finding.text)


def _entry(where: str, line: str, reason: list[str]) -> Noise:
    fields = [field.strip() for field in line.split("|")]
    if len(fields) < 3:
        raise HarnessError(f"{where}: need 'gate | title regex | functions'; "
                           "an entry without functions is refused")
    gate, title, names = fields[0], "|".join(fields[1:-1]), fields[-1]
    functions = frozenset(n.strip() for n in names.split(",") if n.strip())
    if gate not in GATE_NAMES:
        raise HarnessError(f"{where}: no gate {gate!r}; one of "
                           + ", ".join(GATE_NAMES))
    if not functions or not all(re.fullmatch(r"[A-Za-z_]\w*", f)
                                for f in functions):
        raise HarnessError(f"{where}: name the exact functions of the call "
                           "trace, separated by commas")
    if not reason:
        raise HarnessError(f"{where}: put the reason in a comment line "
                           "directly above the entry")
    try:
        pattern = re.compile(title)
    except re.error as err:
        raise HarnessError(f"{where}: bad regex {title!r}: {err}") from err
    if pattern.search("") or pattern.search("WARNING: "):
        raise HarnessError(f"{where}: {title!r} fits any report; name this "
                           "one")
    return Noise(gate, pattern, functions, " ".join(reason))


def load_noise(path: Path) -> list[Noise]:
    """Read ci/noise/<lane>.txt; a missing file means no known noise."""
    entries: list[Noise] = []
    reason: list[str] = []
    if not path.is_file():
        return entries
    for no, raw in enumerate(path.read_text().splitlines(), 1):
        line = raw.strip()
        if line.startswith("#"):
            reason.append(line.lstrip("# "))
        elif line:
            entries.append(_entry(f"{path}:{no}", line,
                                  [r for r in reason if r]))
            reason = []
        else:
            reason = []
    return entries


def trace_functions(block: Iterable[str]) -> frozenset[str]:
    """Functions of a block's call trace, compiler suffixes dropped.

    Frames marked '?' are leftovers on the stack; they count only where the
    unwinder marks every frame so (UML without frame pointers).
    """
    sure: set[str] = set()
    unsure: set[str] = set()
    inside = raced = False
    for text in block:
        if CALL_TRACE.search(text) or text.lstrip().startswith("backtrace") or ACCESS.search(text):
            inside, raced = True, raced or bool(ACCESS.search(text))
            continue
        if not inside:
            continue
        match = FRAME.search(text)
        if not match:
            if TRACE_LINE.search(text):
                continue
            if not raced:
                break
            inside = False    # a race has two stacks
            continue
        name = re.sub(r"\.(?:isra|constprop|part|cold)\b.*", "", match[1])
        (unsure if "? " + match[1] in text else sure).add(name)
    return frozenset(sure or unsure)


# --- blocks ---------------------------------------------------------------

def classify(text: str) -> Optional[str]:
    """The gate a single line belongs to, if it is a report's headline."""
    if not text or text.lstrip().startswith("# ") or MARKER.search(text):
        return None
    if HARMLESS.search(text):
        return None
    for gate, pattern in _GATES:
        if pattern.search(text):
            return gate
    return "other" if CATCH_ALL.search(text) else None


def _cut_here_gate(block: list[Line]) -> tuple[str, Line]:
    """Gate and headline of a '[ cut here ]' block.

    WARN() prints its message before or after the WARNING line, depending on
    the architecture; a message of a known kind decides.
    """
    best: Optional[tuple[str, Line]] = None
    for line in block[1:]:
        gate = classify(line.text)
        if gate and (best is None or best[0] in ("warn", "other")
                     and gate not in ("warn", "other")):
            best = (gate, line)
        if CALL_TRACE.search(line.text) or "Modules linked in" in line.text \
                or line.text.startswith("CPU: "):
            break
    return best or ("warn", block[0])


class _Scanner:
    """Walks the log once and cuts out the blocks."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.found: list[tuple[str, Finding]] = []

    def run(self) -> None:
        at = 0
        while at < len(self.lines):
            text = self.lines[at].text
            if CUT_HERE.search(text):
                end = self._end_cut_here(at)
                gate, head = _cut_here_gate(self.lines[at:end])
                self._add(gate, head, at, end)
            elif (gate_ := classify(text)):
                end = self._end_plain(at, gate_)
                self._add(gate_, self.lines[at], at, end)
            else:
                end = at + 1
            at = end

    def _add(self, gate: str, head: Line, start: int, end: int) -> None:
        block = [li.text for li in self.lines[start:end]
                 if not structural(li.text)]
        while block and not block[-1].strip():
            block.pop()
        title = head.text.strip(" []")
        self.found.append((gate, Finding(title[:240], head.no, "", block)))

    def _end_cut_here(self, at: int) -> int:
        traced = False
        for end in range(at + 1, min(at + BLOCK_LIMIT, len(self.lines))):
            text = self.lines[end].text
            traced = traced or bool(CALL_TRACE.search(text))
            if END_TRACE.search(text):
                return end + 1
            if CUT_HERE.search(text) or MARKER.search(text):
                return end
            # A different report can start inside when this one never ends;
            # it must not vanish in the block of a known one.
            if RULER.match(text) and self._ruler_starts(end) or \
                    traced and classify(text):
                return end
        return min(at + BLOCK_LIMIT, len(self.lines))

    def _ruler_starts(self, at: int) -> bool:
        following = self.lines[at + 1:at + 2]
        return bool(following) and classify(following[0].text) is not None

    def _end_plain(self, at: int, gate: str) -> int:
        ruled = at > 0 and bool(RULER.match(self.lines[at - 1].text)) and \
            gate in ("kasan", "kcsan")
        traced = False
        last = min(at + BLOCK_LIMIT, len(self.lines))
        for end in range(at + 1, last):
            line = self.lines[end]
            if END_TRACE.search(line.text):
                return end + 1
            if ruled and RULER.match(line.text):
                return end + 1
            if self._foreign(end, gate, traced, ruled):
                return end
            if CALL_TRACE.search(line.text):
                traced = True
            elif traced and not ruled and gate != "oops" and \
                    not TRACE_LINE.search(line.text):
                return end
        return last

    def _foreign(self, at: int, gate: str, traced: bool, ruled: bool) -> bool:
        """Whether line ``at`` certainly does not belong to the block."""
        line, before = self.lines[at], self.lines[at - 1]
        if CUT_HERE.search(line.text) or MARKER.search(line.text):
            return True
        if structural(line.text) and not ruled:
            return True
        if line.stamp is not None and before.stamp is not None and \
                line.stamp - before.stamp > GAP_SECONDS:
            return True
        other = classify(line.text)
        if other is None or other == gate:
            # One-line messages repeat: each is a report of its own.
            return other is not None and not traced and not ruled and \
                gate in ("dma-api", "debugobjects", "kmemleak", "other")
        # A dying kernel calls the same death by several names; lockdep
        # prints inside the WARN or splat it comes from.
        return not (gate == "oops" and other in ("warn", "stall"))


def _owner(line_no: int, ranges: list[tuple[int, int, str]]) -> str:
    for first, last, name in ranges:
        if first <= line_no <= last:
            return name
    return ""


@dataclasses.dataclass
class ScanResult:
    findings: list[tuple[str, Finding]]
    known: list[tuple[str, Finding, Noise]]


def split_known(found: Iterable[tuple[str, Finding]],
                noise: Iterable[Noise]) -> ScanResult:
    """Separate what a noise entry covers from what stays."""
    entries = list(noise)
    out = ScanResult([], [])
    for gate, finding in found:
        entry = next((n for n in entries if n.covers(gate, finding)), None)
        if entry:
            out.known.append((gate, finding, entry))
        else:
            out.findings.append((gate, finding))
    return out


def scan_all(log_text: str, ranges: list[tuple[int, int, str]],
             noise: Iterable[Noise]) -> ScanResult:
    """Every kernel report of the log, attributed, known noise apart."""
    scanner = _Scanner(clean_lines(log_text))
    scanner.run()
    for _, finding in scanner.found:
        finding.test = _owner(finding.line_no, ranges)
    return split_known(scanner.found, noise)


def scan(log_text: str, ranges: list[tuple[int, int, str]],
         noise: Iterable[Noise]) -> list[tuple[str, Finding]]:
    """Kernel reports no noise entry covers, as (gate, finding)."""
    return scan_all(log_text, ranges, noise).findings
