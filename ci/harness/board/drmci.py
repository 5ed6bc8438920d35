# SPDX-License-Identifier: GPL-2.0-only
"""Expectation files as drm-ci keeps them: PREFIX-fails.txt, -skips.txt, -flakes.txt.

They are read as they are, and written so that what need not change stays, comments
included. Their rules are those of drm-ci's runner: what is listed and did not run
is no fault; a listed failure that passes is one.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Iterable, Optional, Sequence

from ..model import Case, Finding, Gate, GateState, HarnessError, Status

RESULTS = {"Fail": Status.FAIL, "Crash": Status.CRASH, "Timeout": Status.CRASH}
WORDS = {Status.FAIL: "Fail", Status.XPASS: "Fail", Status.CRASH: "Crash"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """A line that is about tests, with the comment lines above it."""

    text: str
    """Test name of a failure; otherwise a regular expression."""
    result: str
    comment: str
    where: str


@dataclasses.dataclass
class Lists:
    """The three files of one board."""

    fails: dict[str, Entry] = dataclasses.field(default_factory=dict)
    skips: list[Entry] = dataclasses.field(default_factory=list)
    flakes: list[Entry] = dataclasses.field(default_factory=list)

    def skip(self, name: str) -> Optional[Entry]:
        """The entry for which a test is not to run."""
        return _covering(self.skips, name)

    def flake(self, name: str) -> Optional[Entry]:
        """The entry for which a test's result does not count."""
        return _covering(self.flakes, name)


def _covering(entries: Iterable[Entry], name: str) -> Optional[Entry]:
    # Written with and without anchors; all of them mean the begin of the name.
    return next((entry for entry in entries if re.match(entry.text, name)), None)


def _entries(path: Path) -> list[Entry]:
    found: list[Entry] = []
    comment: list[str] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise HarnessError(f"{path}: cannot read the expectations: {err}") from err
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if line.startswith("#"):
            comment.append(line.lstrip("# "))
        elif line:
            found.append(Entry(line, "", " ".join(comment), f"{path}:{number}"))
            comment = []
        else:
            comment = []
    return found


def load_fails(path: Path) -> dict[str, Entry]:
    """Known failures: ``test,Result``."""
    out: dict[str, Entry] = {}
    for entry in _entries(path):
        name, _, result = entry.text.rpartition(",")
        name, result = name.strip(), result.strip()
        if not name or result not in RESULTS:
            raise HarnessError(f"{entry.where}: {entry.text!r}: need 'test,{'|'.join(RESULTS)}'")
        if name in out:
            raise HarnessError(f"{entry.where}: {name} is already listed at {out[name].where}; remove one")
        out[name] = dataclasses.replace(entry, text=name, result=result)
    return out


def load_patterns(path: Path) -> list[Entry]:
    """Tests to skip, or flaky ones: a regular expression per line."""
    found = _entries(path)
    for entry in found:
        try:
            re.compile(entry.text)
        except re.error as err:
            raise HarnessError(f"{entry.where}: bad regular expression {entry.text!r}: {err}") from err
    return found


def load(prefix: Path) -> Lists:
    """The files of a prefix that there are; none at all is a mistake."""
    paths = {kind: prefix.with_name(f"{prefix.name}-{kind}.txt") for kind in ("fails", "skips", "flakes")}
    if not any(path.is_file() for path in paths.values()):
        raise HarnessError(f"{prefix}: no {paths['fails'].name}, {paths['skips'].name} or "
                           f"{paths['flakes'].name}; name the files without these ends")
    return Lists(load_fails(paths["fails"]) if paths["fails"].is_file() else {},
                 load_patterns(paths["skips"]) if paths["skips"].is_file() else [],
                 load_patterns(paths["flakes"]) if paths["flakes"].is_file() else [])


def apply(cases: Sequence[Case], lists: Lists) -> Gate:
    """Marks what the lists cover; the gate ``expect`` says where they are wrong."""
    findings = []
    known = 0
    for case in cases:
        name = case.full_name
        fail, flake, skip = lists.fails.get(name), lists.flake(name), lists.skip(name)
        if case.bad and flake:
            case.known = f"flaky: {flake.comment or flake.where}"
        elif case.bad and skip:
            # Whoever ran it did not know the list.
            case.known = f"to be skipped: {skip.comment or skip.where}"
        elif fail and case.status is RESULTS[fail.result]:
            case.known = f"listed: {fail.comment or fail.where}"
        elif fail and case.status is Status.PASS and not flake:
            findings.append(Finding(f"{name}: listed as {fail.result} but passed: remove it ({fail.where})",
                                    0, name))
        known += bool(case.known)
    if findings:
        more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
        return Gate("expect", GateState.RED, findings[0].title + more, findings)
    return Gate("expect", GateState.GREEN, f"{known} as listed" if known else "nothing listed has failed")


def rewrite(text: str, cases: Sequence[Case], lists: Lists) -> str:
    """A -fails.txt brought up to date with a run: lines in place, new ones sorted in.

    Tests that did not run keep their line.
    """
    new = {case.full_name: WORDS[case.status] for case in cases
           if case.status in WORDS and not lists.flake(case.full_name) and not lists.skip(case.full_name)}
    passed = {case.full_name for case in cases if case.status is Status.PASS}
    out: list[str] = []
    listed: list[str] = []
    lines = text.splitlines()
    for no, line in enumerate(lines):
        name = line.strip().rpartition(",")[0].strip()
        if not name or line.lstrip().startswith("#"):
            out.append(line)
        elif name not in passed:
            listed.append(name)
            result = new.get(name)
            out.append(f"{name},{result}" if result and not line.strip().endswith(f",{result}") else line)
        elif no + 1 == len(lines) or not _entry_line(lines[no + 1]):
            # The comment above was about this one alone.
            while out and out[-1].startswith("#"):
                out.pop()
    for name in sorted(set(new) - set(listed)):
        _insert(out, f"{name},{new[name]}")
    while out and not out[-1].strip():
        out.pop()
    return "".join(f"{line}\n" for line in out)


def _entry_line(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _insert(out: list[str], line: str) -> None:
    """Before the first entry that sorts behind it, if the file is a sorted one."""
    entries = [one for one in out if one.strip() and not one.startswith("#")]
    if entries == sorted(entries) and not any(one.startswith("#") for one in out):
        at = next((no for no, one in enumerate(out) if one > line), len(out))
        out.insert(at, line)
    else:
        out.append(line)


def write_fails(path: Path, cases: Sequence[Case], lists: Lists) -> None:
    """Brings a -fails.txt up to date, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        part.write_text(rewrite(old, cases, lists), encoding="utf-8")
        part.replace(path)
    except OSError as err:
        part.unlink(missing_ok=True)
        raise HarnessError(f"{path}: cannot write the expectations: {err.strerror}") from err
