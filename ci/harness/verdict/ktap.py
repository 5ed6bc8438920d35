# SPDX-License-Identifier: GPL-2.0-only
"""Test results out of a kernel log.

The tree of results comes from the kernel's own parser (kunit_parser.py of the
tree under test). It does not know when a case began, where in the log it
stands, what an XPASS is, or which test ran when the kernel died; a light pass
over the same lines (_walk) answers those. The two must agree
on which results exist; a difference is a parser error.
"""

from __future__ import annotations

import collections
import dataclasses
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Iterator, Optional

from ..model import Case, HarnessError, Status

PREFIX = re.compile(r"^(?:<\d+>)?\[\s*(\d+\.\d+)\](?:\[\s*[TC]\d+\])? ?")
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?=]*[A-Za-z]|[c78])")
MARKER = re.compile(r"panthor-harness([:|].*)")
VERSION = re.compile(r"^(\s*)K?TAP version \d+\s*$")
SUBTEST = re.compile(r"^(\s*)# Subtest: (.*?)\s*$")
PLAN = re.compile(r"^(\s*)1\.\.(\d+)(?:\s+# SKIP\s*(.*))?\s*$")
RESULT = re.compile(r"^(\s*)(ok|not ok) (\d+)(?: (?:- )?(.*?))?(?:\s+# "
                    r"(SKIP|XPASS|XFAIL|TODO)\b\s*(.*))?\s*$")
ATTRIBUTE = re.compile(r"^\s*# [\w.]*\b(?:module|speed|is_init): ")
DIAGNOSTIC = re.compile(r"^\s*# ([^\s:]+): (.*)$")
TOTALS = re.compile(r"^\s*# [^:]+: pass:\d+ fail:\d+ skip:\d+ total:\d+")
FRAME = re.compile(r"([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+")
LOG_LIMIT = 200
WHOLE_SUITE = "(suite)"


@dataclasses.dataclass
class Line:
    """One log line without carriage returns, escapes and printk prefix."""

    no: int
    stamp: Optional[float]
    text: str


@dataclasses.dataclass
class ParsedKtap:
    cases: list[Case]
    errors: list[str]
    started: Optional[str] = None
    """Test or suite that had begun and not ended when the log stopped."""
    ranges: list[tuple[int, int, str]] = dataclasses.field(
        default_factory=list)
    documents: int = 0


def clean_lines(text: str) -> list[Line]:
    """The log as numbered lines, printk time split off."""
    out = []
    for no, raw in enumerate(text.split("\n"), 1):
        # A serial console ends lines with \r\n; a progress display on the
        # same console overwrites its line with a bare \r.
        line = ESCAPES.sub("", raw.rstrip("\r")).rsplit("\r", 1)[-1]
        match = PREFIX.match(line)
        if match:
            out.append(Line(no, float(match[1]), line[match.end():].rstrip()))
        else:
            out.append(Line(no, None, line.rstrip()))
    return out


def markers(lines: list[Line]) -> list[tuple[int, str]]:
    """Texts behind ``panthor-harness: `` with their line numbers."""
    found = []
    for line in lines:
        match = MARKER.search(line.text)
        if match and match[1].startswith(": "):
            found.append((line.no, match[1][2:]))
    return found


def structural(text: str) -> bool:
    """Whether a line is KTAP skeleton rather than output."""
    return any(r.match(text) for r in (VERSION, SUBTEST, PLAN, RESULT))


# --- the light pass -------------------------------------------------------

Path_ = tuple[str, ...]


@dataclasses.dataclass
class _Result:
    path: Path_
    leaf: bool
    directive: str
    text: str
    first: int
    last: int
    seconds: float


@dataclasses.dataclass
class _Group:
    name: str
    indent: int
    children: int = 0
    last_child: str = ""


@dataclasses.dataclass
class _Walk:
    results: list[_Result] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    open_groups: list[_Group] = dataclasses.field(default_factory=list)
    plan: Optional[int] = None
    top: int = 0
    top_last: str = ""
    mark: int = 0
    """Last line of KTAP skeleton: what follows belongs to the next result."""
    mark_stamp: Optional[float] = None
    skip: Optional[str] = None

    @property
    def complete(self) -> bool:
        return not self.open_groups and self.plan is not None and \
            self.top >= self.plan

    def feed(self, line: Line) -> None:
        if (match := SUBTEST.match(line.text)):
            self.open_groups.append(_Group(match[2], len(match[1])))
        elif (match := PLAN.match(line.text)):
            if not match[1] and not self.open_groups:
                self.plan = int(match[2])
                if not self.plan and match[3] is not None:
                    self.skip = match[3]
        elif (match := RESULT.match(line.text)):
            self._result(line, match)
        elif not VERSION.match(line.text):
            return
        self.mark, self.mark_stamp = line.no, line.stamp

    def _result(self, line: Line, match: re.Match[str]) -> None:
        name = (match[4] or "").strip()
        indent = len(match[1])
        while self.open_groups and indent < self.open_groups[-1].indent and \
                name != self.open_groups[-1].name:
            lost = self.open_groups.pop()
            self.errors.append(f"{lost.name}: no result line")
        leaf = True
        if self.open_groups and indent < self.open_groups[-1].indent:
            leaf = self.open_groups.pop().children == 0
        path = tuple(g.name for g in self.open_groups) + (name,)
        seconds = 0.0
        if line.stamp is not None and self.mark_stamp is not None:
            seconds = max(0.0, line.stamp - self.mark_stamp)
        self.results.append(_Result(path, leaf, match[5] or "", match[6] or "",
                                    self.mark + 1, line.no, seconds))
        if self.open_groups:
            self.open_groups[-1].children += 1
            self.open_groups[-1].last_child = name
        else:
            self.top += 1
            self.top_last = name


def _walk(doc: list[Line]) -> _Walk:
    walk = _Walk(mark=doc[0].no, mark_stamp=doc[0].stamp)
    for line in doc[1:]:
        walk.feed(line)
    return walk


def running_case(lines: list[Line], suite: str) -> str:
    """Name of the case whose output ``lines`` is, or ''.

    KUnit prints nothing when a case begins. But a case is named after its
    function, and that function is the frame below kunit_try_run_case().
    """
    below = ""
    for line in lines:
        frame = FRAME.search(line.text)
        if not frame or "? " + frame[1] in line.text:
            continue
        if frame[1] == "kunit_try_run_case" and below:
            return below
        below = re.sub(r"\.(?:isra|constprop|part|cold)\b.*", "", frame[1])
    for line in lines:
        found = DIAGNOSTIC.match(line.text)
        if found and not ATTRIBUTE.match(line.text) and \
                found[1] not in (suite, "Totals"):
            return found[1].split(".")[0]
    return ""


def _running(walk: _Walk, tail: list[Line]) -> str:
    """Full name of what ran when the document broke off."""
    if not walk.open_groups:
        after = f" after {walk.top_last}" if walk.top_last else ""
        return f"(start of suite {walk.top + 1}{after}).{WHOLE_SUITE}"
    group = walk.open_groups[-1]
    suite = walk.open_groups[0].name
    nth = f"{group.children + 1}"
    if group.last_child:
        nth += f" after {group.last_child}"
    if len(walk.open_groups) > 1:
        names = ":".join(g.name for g in walk.open_groups[1:])
        return f"{suite}.{names}:(parameter {nth})"
    return f"{suite}.{running_case(tail, suite) or f'(case {nth})'}"


# --- the kernel's parser --------------------------------------------------

class _Printer:
    """Stands in for kunit_printer.Printer; keeps what it reports as errors."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def print_with_timestamp(self, message: str) -> None:
        if message.startswith("[ERROR]"):
            self.errors.append(message[len("[ERROR]"):].strip())

    def red(self, text: str) -> str:
        return text

    yellow = green = red

    def color_len(self) -> int:
        return 0


_parsers: dict[Path, ModuleType] = {}


def load_parser(tree: Path) -> ModuleType:
    """Import the tree's kunit_parser without leaving a trace in the tree."""
    folder = (tree / "tools/testing/kunit").resolve()
    if folder in _parsers:
        return _parsers[folder]
    if not (folder / "kunit_parser.py").is_file():
        raise HarnessError(f"{tree}: no tools/testing/kunit/kunit_parser.py; "
                           "point KERNEL at a complete kernel tree")
    bytecode = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    names = ("kunit_parser", "kunit_printer")
    kept = {name: sys.modules.pop(name, None) for name in names}
    try:
        _parsers[folder] = importlib.import_module("kunit_parser")
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = bytecode
        for name in names:
            sys.modules.pop(name, None)
            old = kept[name]
            if old is not None:
                sys.modules[name] = old
    return _parsers[folder]


def _leaves(test: Any, path: Path_) -> Iterator[tuple[Path_, Any]]:
    """Leaves of the parser's tree, and groups that failed on their own."""
    if not test.subtests:
        yield path, test
        return
    good = True
    for sub in test.subtests:
        for sub_path, leaf in _leaves(sub, path + (sub.name,)):
            good = good and leaf.ok_status()
            yield sub_path, leaf
    if path and good and not test.ok_status():
        yield path, test


# --- both together --------------------------------------------------------

def split_name(path: Path_) -> tuple[str, str]:
    """suite and ``case[:parameter]`` of a path in the result tree."""
    if len(path) == 1:
        return path[0], WHOLE_SUITE
    return path[0], ":".join(path[1:])


RESULT_LINE = re.compile(r"\s*(not )?ok \d")


def reason_of(lines: list[Line]) -> str:
    """The first failure in a case's output, on one line."""
    for index, line in enumerate(lines):
        match = DIAGNOSTIC.match(line.text)
        if not match or ATTRIBUTE.match(line.text) or TOTALS.match(line.text):
            continue
        parts = [match[2].strip()]
        for after, more in enumerate(lines[index + 1:index + 8]):
            # A message of the test's own follows without indentation.
            if DIAGNOSTIC.match(more.text) or RESULT_LINE.match(more.text) or \
                    (after and not more.text.startswith(" ")):
                break
            parts.append(more.text.strip())
        text = " ".join(parts)
        if "FAILED at" in parts[0] and len(parts) > 1:
            text = parts[0] + ": " + " ".join(parts[1:])
        return f"{text[:300]} (log line {line.no})"
    return ""


STATUS = {"SUCCESS": Status.PASS, "SKIPPED": Status.SKIP,
          "FAILURE": Status.FAIL, "NO_TESTS": Status.FAIL}


class _Document:
    """One KTAP document: from its version line to the next one's."""

    def __init__(self, doc: list[Line], tree: Path) -> None:
        self.doc = doc
        self.tree = tree
        self.walk = _walk(doc)
        self.cases: list[Case] = []
        self.errors: list[str] = []
        self.ranges: list[tuple[int, int, str]] = []
        self.started: Optional[str] = None

    @property
    def empty(self) -> bool:
        """A plan for no test, kept."""
        return self.walk.plan == 0 and self.walk.skip is None and not self.walk.results

    def parse(self) -> None:
        walk = self.walk
        if walk.skip is not None:
            self.cases = [Case("ktap", "(all)", Status.SKIP,
                               reason=walk.skip)]
            return
        parser = load_parser(self.tree)
        printer = _Printer()
        root = parser.parse_run_tests([li.text for li in self.doc], printer)
        for text, count in collections.Counter(printer.errors).items():
            text = text.removeprefix("Test: ")
            self.errors.append(text + (f" ({count} times)" if count > 1
                                       else ""))
        self.errors += walk.errors
        if walk.plan is None:
            self.errors.append(f"line {self.doc[0].no}: no test plan")
        self._join(root)
        if not walk.complete:
            self._broke_off()

    def _join(self, root: Any) -> None:
        known: dict[Path_, collections.deque[_Result]] = {}
        for result in self.walk.results:
            known.setdefault(result.path,
                             collections.deque()).append(result)
        for path, test in _leaves(root, ()):
            if not path or not path[-1]:
                continue    # a planned test that never came
            if not known.get(path):
                # A header without result: _broke_off() reports it.
                continue
            self._case(path, test, known[path].popleft())
        for path, left in known.items():
            if any(r.leaf for r in left):
                self.errors.append(f"{'.'.join(path)}: result outside of any "
                                   "plan")

    def _case(self, path: Path_, test: Any, result: _Result) -> None:
        suite, name = split_name(path)
        status = STATUS.get(test.status.name, Status.CRASH)
        if result.directive == "XPASS":
            status = Status.XPASS
        case = Case(suite, name, status, result.seconds)
        lines = self._output(result.first, result.last)
        if status is Status.SKIP:
            case.reason = result.text.strip()
        elif status is not Status.PASS:
            case.reason = reason_of(lines) or (
                result.text.strip() or "no message") + \
                f" (log line {result.last})"
        case.log = [li.text for li in lines
                    if status not in (Status.PASS, Status.SKIP)
                    or DIAGNOSTIC.match(li.text)][:LOG_LIMIT]
        self.cases.append(case)
        self.ranges.append((result.first, result.last, case.full_name))

    def _output(self, first: int, last: int) -> list[Line]:
        base = self.doc[0].no
        return [li for li in self.doc[first - base:last - base + 1]
                if li.text and not structural(li.text)
                and not ATTRIBUTE.match(li.text)
                and not MARKER.search(li.text)]

    def _broke_off(self) -> None:
        first = self.walk.mark + 1
        last = self.doc[-1].no
        tail = self._output(first, last)
        self.started = _running(self.walk, tail)
        suite, name = self.started.split(".", 1)
        self.ranges.append((first, last, self.started))
        planned = self.walk.plan
        if planned is not None:
            self.errors.append(f"broke off during {self.started}; "
                               f"{self.walk.top} of {planned} suites ended")
        self.cases.append(Case(
            suite, name, Status.CRASH,
            reason=f"no result: the log ends while it runs "
                   f"(log line {first})",
            log=[li.text for li in tail][:LOG_LIMIT]))


def _documents(lines: list[Line]) -> list[list[Line]]:
    starts = [i for i, li in enumerate(lines)
              if (m := VERSION.match(li.text)) and not m[1]]
    ends = starts[1:] + [len(lines)]
    return [lines[a:b] for a, b in zip(starts, ends)]


EXECUTOR = re.compile(r"kunit executor: (.*)"
                      r"|kunit: (disabled|test interrupted)")


def parse(log_text: str, tree: Path) -> ParsedKtap:
    """All test results of a log, from every KTAP document in it."""
    lines = clean_lines(log_text)
    out = ParsedKtap([], [])
    for line in lines:
        if (match := EXECUTOR.search(line.text)):
            out.errors.append(f"kunit: {match[1] or match[2]} "
                              f"(log line {line.no})")
    documents = [_Document(doc, tree) for doc in _documents(lines)]
    # A kernel whose suites are all in modules announces none at boot.
    for document in [d for d in documents if not d.empty] or documents:
        document.parse()
        out.documents += 1
        out.cases += document.cases
        out.errors += document.errors
        out.ranges += document.ranges
        out.started = document.started or out.started
    if not out.documents:
        out.errors.append("no KTAP output in the log")
    return out
