# SPDX-License-Identifier: GPL-2.0-only
"""What gcov counted, per file and function, and the reasons for what never ran."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

from ..model import HarnessError

# What an assertion is for does not happen, and what a message prints is not tested; each
# is a handful of branches.
UNCOUNTED = re.compile(r"\b(?:\w*WARN(?:_ON)?(?:_ONCE)?|lockdep_assert\w*|dma_resv_assert_held|\w*assert_held|"
                       r"drm_gem_gpuva_assert_lock_held|might_\w+|BUILD_BUG_ON\w*|"
                       r"drm_(?:err|warn|info|dbg)\w*)\(")


@dataclasses.dataclass
class Line:
    """One line with code."""

    function: str
    count: int = 0
    arms: list[bool] = dataclasses.field(default_factory=list)
    """Of each branch, whether it was taken."""

    @property
    def branches(self) -> int:
        """How many there are."""
        return len(self.arms)

    @property
    def taken(self) -> int:
        """How many were taken."""
        return sum(self.arms)


@dataclasses.dataclass
class Function:
    """One function."""

    name: str
    first: int
    count: int


@dataclasses.dataclass
class File:
    """One source file."""

    name: str
    text: list[str]
    lines: dict[int, Line] = dataclasses.field(default_factory=dict)
    functions: dict[str, Function] = dataclasses.field(default_factory=dict)

    def of(self, name: str) -> "Total":
        """Counts of one function."""
        return total([line for line in self.lines.values() if line.function == name])

    @property
    def total(self) -> "Total":
        """Counts of all."""
        return total(self.lines.values())

    def source(self, number: int) -> str:
        """Text of a line, without its margins."""
        return self.text[number - 1].strip() if 0 < number <= len(self.text) else ""


@dataclasses.dataclass(frozen=True)
class Total:
    """Lines and branches, and how many of them ran."""

    hit: int
    lines: int
    taken: int
    branches: int

    @property
    def line_part(self) -> float:
        """Per cent of the lines."""
        return 100.0 * self.hit / self.lines if self.lines else 100.0

    @property
    def branch_part(self) -> float:
        """Per cent of the branches."""
        return 100.0 * self.taken / self.branches if self.branches else 100.0


def total(lines: Iterable[Line]) -> Total:
    """Sum over lines."""
    every = list(lines)
    return Total(sum(bool(line.count) for line in every), len(every),
                 sum(line.taken for line in every), sum(line.branches for line in every))


def merge(files: Iterable[File]) -> Total:
    """Sum over files."""
    return total(line for one in files for line in one.lines.values())


def parse(text: str, sources: Mapping[str, Sequence[str]], found: dict[str, File]) -> None:
    """Adds gcov's JSON for one object to ``found``, as far as it is about ``sources``."""
    for entry in json.loads(text)["files"]:
        name = Path(entry["file"]).name
        if name not in sources:
            continue
        one = found.setdefault(name, File(name, list(sources[name])))
        for function in entry["functions"]:
            known = one.functions.setdefault(function["name"], Function(function["name"], function["start_line"], 0))
            known.count += function["execution_count"]
        for line in entry["lines"]:
            _add(one, line)


def _add(one: File, entry: Mapping[str, Any]) -> None:
    number = entry["line_number"]
    line = one.lines.setdefault(number, Line(entry.get("function_name", "")))
    line.count += entry["count"]
    if UNCOUNTED.search(one.source(number)):
        return
    arms = [bool(branch["count"]) for branch in entry["branches"]]
    if len(arms) == len(line.arms):
        # The same line in another kernel, which differs in the seams only.
        line.arms = [old or new for old, new in zip(line.arms, arms)]
    elif len(arms) > len(line.arms):
        line.arms = arms


# --- reasons ------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Reason:
    """Why a line, or a whole function, does not run under KUnit."""

    file: str
    function: str
    text: str
    """The line as it stands in the source, or ``*`` for the function."""
    why: str
    where: str


def load_reasons(path: Path) -> list[Reason]:
    """Reads the reviewed file: ``file | function | line or * | reason``."""
    found = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, raw in enumerate(lines, 1):
        if not raw.strip() or raw.startswith("#"):
            continue
        # The line may have such a stroke, too.
        parts = [part.strip() for part in raw.split(" | ")]
        text = " | ".join(parts[2:-1])
        if len(parts) < 4 or not all(parts):
            raise HarnessError(f"{path}:{number}: need 'file | function | line or * | reason'")
        found.append(Reason(parts[0], parts[1], text, parts[-1], f"{path.name}:{number}"))
    return found


def explain(files: Mapping[str, File], reasons: Sequence[Reason]) -> tuple[dict[tuple[str, int], Reason], list[str]]:
    """The reason of each line that has one, and what is wrong: lines without, reasons without a line."""
    given: dict[tuple[str, int], Reason] = {}
    wrong = []
    used: set[Reason] = set()
    for name, one in sorted(files.items()):
        for number, line in sorted(one.lines.items()):
            if line.count:
                continue
            reason = next((each for each in reasons if each.file == name and each.function == (line.function or "-") and
                           each.text in ("*", one.source(number))), None)
            if reason:
                given[name, number] = reason
                used.add(reason)
            else:
                wrong.append(f"{name}:{number} {line.function}(): never runs, without a reason: {one.source(number)}")
    wrong += [f"{each.where}: {each.file} {each.function}(): runs, or is not there any more: {each.text}"
              for each in reasons if each not in used]
    return given, wrong
