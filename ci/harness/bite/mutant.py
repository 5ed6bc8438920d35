# SPDX-License-Identifier: GPL-2.0-only
"""What a mutant is, and the catalog of those written by hand (ci/mutants/*.patch).

A patch begins with a header:

    Entry: B19                          entry of the catalog of defects
    What: an eviction leaves out ...    what it brings back
    Killer: SUITE.CASE                  the test that is expected to fail
    Quick: yes                          it is part of ``make test``

Patches apply with no fuzz. Only the place may have moved: the nearest one that has
exactly the old lines is taken.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Iterable, Mapping, Sequence

from ..model import HarnessError
from ..settings import REPO

CATALOG = REPO / "ci/mutants"
DRIVER = "drivers/gpu/drm/panthor"
_FIELDS = ("Entry", "What", "Killer", "Quick")
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")


class StaleError(HarnessError):
    """A mutation whose place is not there any more."""


@dataclasses.dataclass(frozen=True)
class Change:
    """Lines of a file that become others."""

    line: int
    """Where the old ones are, or were; the first line is 1."""
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A fault that some test has to notice."""

    name: str
    what: str
    changes: Mapping[str, tuple[Change, ...]]
    """By file, relative to the driver's folder."""
    killer: str = ""
    """``suite.case`` that is expected to fail; generated ones have none."""
    entry: str = ""
    quick: bool = False

    def apply(self, folder: Path) -> dict[str, str]:
        """The changed files' text; StaleError if one does not fit."""
        return {name: _applied(folder / name, changes) for name, changes in self.changes.items()}


def _applied(path: Path, changes: Sequence[Change]) -> str:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as err:
        raise StaleError(f"{path.name}: {err.strerror}") from err
    for change in reversed(changes):
        at = _place(lines, change)
        if at is None:
            raise StaleError(f"{path.name}: the lines at {change.line} are not there")
        lines[at:at + len(change.old)] = change.new
    return "\n".join(lines)


def _place(lines: Sequence[str], change: Change) -> int | None:
    count = len(change.old)
    fits = [at for at in range(len(lines) - count + 1) if tuple(lines[at:at + count]) == change.old]
    return min(fits, key=lambda at: abs(at + 1 - change.line)) if fits else None


def _header(where: str, text: str) -> dict[str, str]:
    fields = dict(re.findall(r"^(\w+): (.+)$", text, re.M))
    unknown = set(fields) - set(_FIELDS)
    lacking = {"Entry", "What", "Killer"} - set(fields)
    if unknown or lacking:
        raise HarnessError(f"{where}: header has " + ", ".join(
            [*(f"no {name}" for name in sorted(lacking)), *(f"an unknown {name}" for name in sorted(unknown))]))
    if fields.get("Quick", "yes") != "yes":
        raise HarnessError(f"{where}: Quick is 'yes' or left out")
    return fields


def _changes(where: str, text: str) -> dict[str, tuple[Change, ...]]:
    found: dict[str, list[Change]] = {}
    name, hunk = "", None
    old: list[str] = []
    new: list[str] = []

    def close() -> None:
        if hunk:
            found.setdefault(name, []).append(Change(int(hunk[1]), tuple(old), tuple(new)))
        old.clear()
        new.clear()

    for line in text.splitlines():
        if line.startswith("--- "):
            close()
            hunk = None
            name = line[4:].removeprefix(f"a/{DRIVER}/")
            if "/" in name or not name.endswith(".c"):
                raise HarnessError(f"{where}: {line[4:]} is no source file of the core")
        elif line.startswith("+++ "):
            continue
        elif line.startswith("@@"):
            close()
            hunk = _HUNK.match(line)
            if not hunk:
                raise HarnessError(f"{where}: bad line: {line}")
        elif hunk:
            if line[:1] in ("", " ", "-"):
                old.append(line[1:])
            if line[:1] in ("", " ", "+"):
                new.append(line[1:])
    close()
    if not found:
        raise HarnessError(f"{where}: no change in it")
    return {name: tuple(changes) for name, changes in found.items()}


def parse(path: Path) -> Mutant:
    """One patch of the catalog."""
    text = path.read_text(encoding="utf-8")
    head, mark, body = text.partition("\n--- ")
    fields = _header(path.name, head)
    return Mutant(path.stem, fields["What"], _changes(path.name, mark.lstrip("\n") + body),
                  fields["Killer"], fields["Entry"], "Quick" in fields)


def catalog(folder: Path = CATALOG) -> list[Mutant]:
    """All of them, by name."""
    return [parse(path) for path in sorted(folder.glob("*.patch"))]


def files(mutants: Iterable[Mutant]) -> list[str]:
    """The files that any of them changes."""
    return sorted({name for one in mutants for name in one.changes})


def folder_of(tree: Path) -> Path:
    """The driver in an assembled tree."""
    return tree / DRIVER
