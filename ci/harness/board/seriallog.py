# SPDX-License-Identifier: GPL-2.0-only
"""Logs of other labs in the shape of our own: kernel log, and KTAP by suite.

What is undone: gzip, LAVA's records, time stamps and names that a logger has put
before each line, kernel messages in the middle of a program's line, and the two
shapes in which kselftests print their results.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
import zlib
from pathlib import Path
from typing import Iterator, Mapping, Optional, Sequence

from ..model import HarnessError, LaneResult
from ..verdict import ktap

JUNK = 0.2
"""More of the characters unreadable than this, and it is no log."""
MARK = "panthor-harness: "

_LAVA_RECORD = re.compile(r"^- (\{.*\})\s*$")
_DATE = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_HOUR = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"
_PREFIXES = (
    re.compile(rf"^\[?(?:{_DATE}|{_HOUR})\]?(?: |\t|$)"),
    # journalctl and syslog; -o short-iso has lost its date already.
    re.compile(r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? "),
    re.compile(r"^[\w.-]+ kernel: "),
    # dmesg -x, dmesg -T
    re.compile(r"^(?:kern|user|daemon|syslog) *:[a-z]+ *: "),
    re.compile(r"^\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] "),
)
_INSIDE = re.compile(r"(?<=[^\s>])(?=\[\s*\d+\.\d{6}\](?:\[\s*[TC]\d+\])? )")
_NESTED = re.compile(r"^# selftests: (?:[\w./-]+): (\S+)\s*$")
_NESTED_END = re.compile(r"^(ok|not ok) (\d+) selftests: (?:[\w./-]+): (\S+)(?:\s+# (.*))?$")
_CHECK = re.compile(r"^#\s+([\w.-]+:\d+):([\w.-]+):(.*)$")
_RUN = re.compile(r"^#\s+RUN\s+(\S+) \.\.\.$")


@dataclasses.dataclass
class Normal:
    """A log in our own shape; ``origin`` has the line of the file for each line."""

    text: str
    origin: list[int]

    @property
    def foreign(self) -> bool:
        """Whether nobody of this harness was at work on the machine."""
        return MARK not in self.text

    def line(self, number: int) -> int:
        """Line of the file for a line of ``text``."""
        return self.origin[min(number, len(self.origin)) - 1] if number > 0 and self.origin else number


def read(path: Path) -> str:
    """A file's text; not for one that has none."""
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as err:
        raise HarnessError(f"{path}: broken gzip file ({err}); fetch the log again") from err
    except OSError as err:
        raise HarnessError(f"{path}: cannot read the log: {err.strerror}; name a file") from err
    text = data.decode("utf-8", "replace").replace("\0", "")
    if not text.strip():
        raise HarnessError(f"{path}: the log is empty; was the serial line connected?")
    bad = sum(c == "\ufffd" or (c < " " and c not in "\t\r\n\x1b\b") for c in text) + data.count(0)
    if bad > JUNK * (len(text) + data.count(0)):
        raise HarnessError(f"{path}: not a text log ({100 * bad // (len(text) or 1)}% of it unreadable); "
                           "wrong file, or wrong speed of the serial line?")
    return text


def _record(line: str) -> Optional[str]:
    """What the target said in a record of LAVA's YAML log; nothing for other records."""
    match = _LAVA_RECORD.match(line)
    if not match:
        return line
    try:
        record = json.loads(match[1])
    except ValueError:
        return line
    if "lvl" not in record or "msg" not in record:
        return line
    return str(record["msg"]) if record["lvl"] in ("target", "feedback") else None


def _bare(line: str) -> str:
    """``line`` without what loggers put before it, as often as there is one."""
    line = ktap.ESCAPES.sub("", line.rstrip("\r")).rsplit("\r", 1)[-1]
    while True:
        shorter = line
        for prefix in _PREFIXES:
            shorter = prefix.sub("", shorter, count=1)
        if shorter == line:
            return line
        line = shorter


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(text.split("\n"), 1):
        record = _record(raw.rstrip("\r"))
        if record is None:
            continue
        for part in record.split("\n"):
            line = _bare(part)
            head = ktap.PREFIX.match(line)
            start = head.end() if head else 0
            # The kernel does not wait for the end of a program's line.
            cut = [start + m.start() for m in _INSIDE.finditer(line[start:])]
            for first, last in zip([0, *cut], [*cut, None]):
                yield number, line[first:last]


def _case_first(text: str) -> str:
    """A failed check with its test in front, as KUnit has it."""
    return _CHECK.sub(r"# \2: \1: \3", text)


@dataclasses.dataclass
class _Line:
    no: int
    stamp: str
    text: str


class _Rewriter:
    """Brings results of kselftests into suites."""

    def __init__(self, programs: Mapping[str, Sequence[str]]) -> None:
        self.programs = programs
        self.out: list[tuple[int, str]] = []
        self.nested = ""

    def put(self, line: _Line, text: str) -> None:
        self.out.append((line.no, line.stamp + text))

    def run(self, lines: list[_Line]) -> None:
        at = 0
        while at < len(lines):
            end = self._flat_end(lines, at)
            if end:
                self._flat(lines[at:end])
                at = end
                continue
            self._one(lines[at])
            at += 1

    def _one(self, line: _Line) -> None:
        """A line of run_kselftest.sh, or of anything else."""
        if match := _NESTED.match(line.text):
            self.nested = match[1]
            self.put(line, f"    # Subtest: {self.nested}")
        elif (match := _NESTED_END.match(line.text)) and match[3] == self.nested:
            self.nested = ""
            skip = f" # {match[4]}" if (match[4] or "").startswith("SKIP") else ""
            if match[4] and not skip:
                self.put(line, f"# {match[3]}: {match[4]}")
            self.put(line, f"{match[1]} {match[2]} {match[3]}{skip}")
        elif self.nested and line.text.startswith("# "):
            inner = line.text[2:]
            if not ktap.VERSION.match(inner):
                if not ktap.structural(inner):
                    inner = _case_first(inner if inner.startswith("#") else f"# {inner}")
                self.put(line, f"    {inner}")
        else:
            self.put(line, line.text)

    def _flat_end(self, lines: list[_Line], at: int) -> int:
        """Where the output of a program that ran by itself ends, if it begins at ``at``."""
        if not ktap.VERSION.match(lines[at].text) or lines[at].text[0].isspace():
            return 0
        end = at + 1
        named = False
        while end < len(lines):
            text = lines[end].text
            if (ktap.VERSION.match(text) and not text[0].isspace()) or _NESTED.match(text):
                break
            if ktap.SUBTEST.match(text):
                return 0
            named = named or bool(_RUN.match(text))
            end += 1
        if not named or end < len(lines) and _NESTED.match(lines[end].text):
            return 0
        return end

    def _flat(self, lines: list[_Line]) -> None:
        names = [match[1] for line in lines if (match := _RUN.match(line.text))]
        suite = self.suite_of(names)
        self.put(lines[0], "KTAP version 1")
        self.put(lines[0], "1..1")
        self.put(lines[0], "    KTAP version 1")
        self.put(lines[0], f"    # Subtest: {suite}")
        planned, results, failed = 0, 0, False
        for line in lines[1:]:
            text = line.text
            if (plan := ktap.PLAN.match(text)) and not planned:
                planned = int(plan[2])
                self.put(line, f"    {text}")
            elif match := ktap.RESULT.match(text):
                results += 1
                failed = failed or match[2] == "not ok"
                self.put(line, f"    {text}")
                if results == planned:
                    self.put(line, f"{'not ok' if failed else 'ok'} 1 {suite}")
            else:
                self.put(line, f"    {_case_first(text)}" if text.startswith("#") and results < planned else text)

    def suite_of(self, names: Sequence[str]) -> str:
        """The program that has most of the tests."""
        hits = {suite: len(set(names) & set(cases)) for suite, cases in self.programs.items()}
        best = max(hits, key=lambda suite: hits[suite], default="")
        return best if best and hits[best] else "kselftest"


def normalise(text: str, programs: Mapping[str, Sequence[str]]) -> Normal:
    """The log as ours would be; ``programs`` are kselftests and their tests."""
    lines = []
    for number, line in _lines(text):
        match = ktap.PREFIX.match(line)
        split = match.end() if match else 0
        lines.append(_Line(number, line[:split], line[split:].rstrip()))
    rewriter = _Rewriter(programs)
    rewriter.run(lines)
    return Normal("\n".join(line for _, line in rewriter.out), [no for no, _ in rewriter.out])


_NUMBER = re.compile(r"\bline (\d+)")


def renumber(result: LaneResult, normal: Normal) -> None:
    """Has the verdict name lines of the file that was given."""
    def real(text: str) -> str:
        return _NUMBER.sub(lambda m: f"line {normal.line(int(m[1]))}", text)

    for case in result.cases:
        case.reason = real(case.reason)
    for gate in result.gates:
        gate.detail = real(gate.detail)
        for finding in gate.findings:
            finding.line_no = normal.line(finding.line_no)
            finding.title = real(finding.title)
