# SPDX-License-Identifier: GPL-2.0-only
"""Mutants made from the core's source by rule.

Works on lines, as the code is formatted by the kernel's rules: a statement begins with
tabs, ends with a semicolon, and one that fits on a line is on one. Only bodies of
functions are looked at. What merely asserts or prints is left alone, as its loss can
change nothing.

The name of a mutant, FILE.FUNCTION.RULE.NUMBER, and the choice that a seed makes depend
on nothing but the sources.
"""

from __future__ import annotations

import dataclasses
import random
import re
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence

from ..model import HarnessError
from ..settings import REPO
from ..tree import treefiles
from .mutant import CATALOG, Change, Mutant

EQUIVALENT = CATALOG / "equivalent"
_FUNCTION = re.compile(r"^(?!static inline)[a-z][\w\s*]*?\b(\w+)\(")
_SILENT = re.compile(
    r"\b(?:drm_(?:WARN|err|dbg|info|warn|printf)\w*|WARN\w*|lockdep_assert\w*|dma_resv_assert_held|might_\w+|"
    r"mutex_destroy|kmemleak_\w+|seq_\w+|fs_reclaim_\w+|dma_fence_(?:begin|end)_signalling|pt_check_locked)\(")
_LOCK = re.compile(r"\b(?:mutex|dma_resv|xa|spin|fs_reclaim|mmap_read)_(?:un)?lock\(")
_TAKE = re.compile(r"\b(?:mutex|dma_resv|xa|spin)_lock\(")
_RELEASE = re.compile(r"\b(?:mutex|dma_resv|xa|spin|mmap_read)_unlock\(")
_CALL = re.compile(r"^\t+(?!return\b|if\b|while\b|for\b|goto\b|CLASS\(|LIST_HEAD\()[a-z]\w*\(.*\);$")
_ASSIGN = re.compile(r"^\t+\*?[a-z]\w*(?:(?:->|\.)\w+|\[[^\]]*\])*\s*(?:[-+|&^]|<<|>>)?=\s.*;$")
_STATE = re.compile(r"^\t+(?:\*?[a-z]\w*(?:(?:->|\.)\w+|\[[^\]]*\])+\s*(?:[-+|&^])?=\s|"
                    r"(?:WRITE_ONCE|refcount_\w+|atomic_\w+|list_\w+|INIT_LIST_HEAD)\()")
_IF = re.compile(r"^(\t+(?:\} else )?if \()(.*)(\)(?: \{)?)$")
_LOOP = re.compile(r"^(\t+while \()(.*)(\)(?: \{)?)$")
_ERRNOS = ("EINVAL", "ENOMEM", "EBUSY", "ENOENT", "EIO")
_STATES = ("UNUSED", "MMAPPED", "GPU_MAPPED_SINGLE_VM", "GPU_MAPPED_MULTI_VM", "UNRECLAIMABLE")
_SIZES = {"SZ_2M": "SZ_1M", "SZ_4K": "SZ_8K", "SZ_1G": "SZ_2G", "SZ_4G": "SZ_2G", "SZ_256M": "SZ_128M"}


@dataclasses.dataclass(frozen=True)
class Edit:
    """Lines ``at`` to ``end`` of a file, from 0, become ``new``."""

    rule: str
    at: int
    end: int
    new: tuple[str, ...]
    what: str


def balanced(text: str) -> bool:
    """Whether all parentheses of the text are closed in it, in order."""
    depth = 0
    for char in text:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth < 0:
            return False
    return depth == 0


def _code(line: str) -> str:
    """The line without what is in quotes."""
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', line)


def _indent(line: str) -> str:
    return line[:len(line) - len(line.lstrip("\t"))]


def _whole(line: str) -> bool:
    return line.endswith(";") and balanced(_code(line))


def _deletions(lines: Sequence[str], no: int) -> Iterator[Edit]:
    line = lines[no]
    if not _whole(line) or not (_CALL.match(line) or _ASSIGN.match(line)):
        return
    if re.match(r"\t+(?:guard|scoped_guard)\(", line):
        rule, what = "unguard", "takes no lock"
    elif _LOCK.search(line):
        return    # the balance of locks is what every run would notice
    elif _STATE.match(line):
        rule, what = "state", "is not done"
    else:
        rule, what = "delete", "is not done"
    yield Edit(rule, no, no + 1, (_indent(line) + ";",), f"'{line.strip()}' {what}")


def _swaps(lines: Sequence[str], no: int) -> Iterator[Edit]:
    line, after = lines[no], lines[no + 1] if no + 1 < len(lines) else ""
    if not (_whole(line) and _whole(after) and _indent(line) == _indent(after)):
        return
    # The body of an if without braces does not change places.
    if _indent(lines[no - 1]) != _indent(line) and not lines[no - 1].endswith("{") and lines[no - 1]:
        return
    if "return" in line + after or "goto" in line + after or after == line:
        return
    if _TAKE.search(line) or _RELEASE.search(after):
        yield Edit("order", no, no + 2, (after, line), f"'{line.strip()}' comes behind '{after.strip()}'")


def _conditions(lines: Sequence[str], no: int) -> Iterator[Edit]:
    line = lines[no]
    match = _IF.match(line) or _LOOP.match(line)
    if not match or not balanced(_code(match[2])):
        return
    if _IF.match(line):
        yield Edit("negate", no, no + 1, (f"{match[1]}!({match[2]}){match[3]}",), f"'{line.strip()}' is negated")
    for rule, old, new in (("boundary", " < ", " <= "), ("boundary", " <= ", " < "), ("boundary", " > ", " >= "),
                           ("boundary", " >= ", " > "), ("logic", " && ", " || "), ("logic", " || ", " && ")):
        for hit in re.finditer(re.escape(old), _code(match[2])):
            if _code(match[2]) != match[2]:
                continue
            text = match[2][:hit.start()] + new + match[2][hit.end():]
            yield Edit(rule, no, no + 1, (f"{match[1]}{text}{match[3]}",),
                       f"'{old.strip()}' is '{new.strip()}' in '{line.strip()}'")


def _errors(lines: Sequence[str], no: int) -> Iterator[Edit]:
    line = lines[no]
    after = lines[no + 1] if no + 1 < len(lines) else ""
    if re.match(r"\t+if \((?:ret|err|IS_ERR\(\w+\))\)$", line) and re.match(r"\t+(?:return|goto)\b.*;$", after):
        yield Edit("error", no, no + 2, ("", ""), f"'{line.strip()} {after.strip()}' is left out")
    if re.match(r"\t+return ret;$", line):
        yield Edit("error", no, no + 1, (_indent(line) + "return 0;",), "an error is not passed on")
    match = re.search(r"(?<=-)(" + "|".join(_ERRNOS) + r")\b", line)
    if match:
        other = _ERRNOS[(_ERRNOS.index(match[1]) + 1) % len(_ERRNOS)]
        yield Edit("constant", no, no + 1, (line[:match.start()] + other + line[match.end():],),
                   f"{match[1]} is {other}")


def _constants(lines: Sequence[str], no: int) -> Iterator[Edit]:
    line = lines[no]

    def edit(start: int, end: int, new: str) -> Edit:
        return Edit("constant", no, no + 1, (line[:start] + new + line[end:],),
                    f"{line[start:end]} is {new} in '{line.strip()}'")

    code = _code(line)
    if code != line or line.lstrip().startswith(("case ", "#")):
        return
    for hit in re.finditer(r"\b(?:true|false)\b", line):
        yield edit(*hit.span(), "false" if hit[0] == "true" else "true")
    for hit in re.finditer(r"(?<=PANTHOR_GEM_)(?:" + "|".join(_STATES) + r")\b", line):
        yield edit(*hit.span(), _STATES[(_STATES.index(hit[0]) + 1) % len(_STATES)])
    for hit in re.finditer(r"\b(?:" + "|".join(_SIZES) + r")\b", line):
        yield edit(*hit.span(), _SIZES[hit[0]])
    for hit in re.finditer(r"(?<=[-+=<>*/%] )\d+\b", line):
        yield edit(*hit.span(), str(int(hit[0]) + 1))


RULES: tuple[Callable[[Sequence[str], int], Iterator[Edit]], ...] = (
    _deletions, _swaps, _conditions, _errors, _constants)


def bodies(lines: Sequence[str]) -> Iterator[tuple[str, range]]:
    """Functions by name, with the lines between their braces."""
    name, begin = "", 0
    for no, line in enumerate(lines):
        if line == "{" and name:
            begin = no + 1
        elif line == "}" and begin:
            yield name, range(begin, no)
            name, begin = "", 0
        elif not begin:
            match = _FUNCTION.match(line)
            if match and not line.rstrip().endswith(";"):
                name = match[1]
            elif line and not line.startswith(("\t", " ", "{")) and not re.match(r"[\w *]+$", line):
                name = ""


def of_text(name: str, text: str) -> list[Mutant]:
    """All mutants of a file."""
    lines = text.split("\n")
    found: list[Mutant] = []
    for function, body in bodies(lines):
        counts: dict[str, int] = {}
        for no in body:
            line = lines[no]
            if not line.startswith("\t") or line.lstrip().startswith(("/*", "*", "//")) or _SILENT.search(line):
                continue
            for rule in RULES:
                for edit in rule(lines, no):
                    counts[edit.rule] = counts.get(edit.rule, 0) + 1
                    found.append(Mutant(
                        f"{name.removesuffix('.c')}.{function}.{edit.rule}.{counts[edit.rule]}", edit.what,
                        {name: (Change(edit.at + 1, tuple(lines[edit.at:edit.end]), edit.new),)}))
    return found


def all_of(folder: Optional[Path] = None) -> list[Mutant]:
    """All mutants of the core, file by file."""
    paths = sorted(folder.glob("panthor_*.c")) if folder else \
        sorted(path for path in (REPO / one for one in treefiles.core_files(REPO)) if path.suffix == ".c")
    return [one for path in paths for one in of_text(path.name, path.read_text(encoding="utf-8"))]


def choose(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """``count`` of them, or all, in an order that the seed makes."""
    ordered = sorted(mutants, key=lambda one: one.name)
    return random.Random(seed).sample(ordered, min(count, len(ordered)))


def equivalent(path: Path = EQUIVALENT) -> dict[str, tuple[str, str]]:
    """Mutants that no test can tell from the driver: name to line and reason.

    Entries are blocks of three lines, ``NAME``, ``| LINE`` and ``# REASON``, which may
    go on; the line is there to find entries that mean another one by now.
    """
    found: dict[str, tuple[str, str]] = {}
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for block in re.split(r"\n\s*\n", re.sub(r"\A(?:#.*\n)+", "", text)):
        rows = block.strip().split("\n")
        if rows == [""]:
            continue
        reason = " ".join(row[1:].strip() for row in rows[2:])
        if len(rows) < 3 or not rows[1].startswith("| ") or not all(row.startswith("#") for row in rows[2:]):
            raise HarnessError(f"{path.name}: need NAME, '| LINE' and '# REASON': {rows[0]}")
        if rows[0] in found:
            raise HarnessError(f"{path.name}: {rows[0]} is there twice")
        found[rows[0]] = (rows[1][2:], reason)
    return found


def stale(mutants: Sequence[Mutant], entries: dict[str, tuple[str, str]]) -> list[str]:
    """Entries whose mutant is gone, or is another one."""
    lines = {one.name: next(iter(one.changes.values()))[0].old[0].strip() for one in mutants}
    return [name for name, (line, _) in entries.items() if lines.get(name) != line]
