# SPDX-License-Identifier: GPL-2.0-only
"""Fixes of the tree's own files that the memory core does not replace.

Each is a semantic patch (ci/fixes/*.cocci) for Coccinelle, so that it holds no text of the
tree and does not care about line numbers. They are part of DRIVER=core only.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..host import hosttools
from ..locks import Log
from ..model import HarnessError

_HEAD = re.compile(r"(?:^//.*\n)+", re.M)
_FIELD = re.compile(r"^(Defect|Files): (.+)$", re.M)


@dataclasses.dataclass(frozen=True)
class Fix:
    """One semantic patch and what its commit says."""

    path: Path
    subject: str
    body: str
    defect: str
    """Its id in stock-defects.rst."""
    files: tuple[str, ...]
    """Names in the driver's folder."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """The tree's files as one fix leaves them, by name in the driver's folder."""

    fix: Fix
    files: dict[str, bytes]


def load(path: Path) -> Fix:
    """A fix from its file: comment lines with SPDX, subject, text, ``Defect:``, ``Files:``."""
    match = _HEAD.match(path.read_text(encoding="utf-8"))
    head = [line[2:].strip() for line in match[0].splitlines()] if match else []
    fields = dict(_FIELD.findall("\n".join(head)))
    if len(head) < 4 or not head[0].startswith("SPDX") or set(fields) != {"Defect", "Files"}:
        raise HarnessError(f"{path}: must begin with comment lines: SPDX, subject, why, Defect: ID, Files: NAMES")
    body = "\n".join(line for line in head[2:] if not _FIELD.match(line)).strip()
    return Fix(path, head[1], body, fields["Defect"], tuple(fields["Files"].split()))


def load_all(repo: Path) -> list[Fix]:
    """All fixes, in the order in which they are applied."""
    return [load(path) for path in sorted((repo / "ci/fixes").glob("*.cocci"))]


def stages(folder: Path, found: list[Fix], cache: Path, log: Log) -> list[Stage]:
    """What each of ``found`` makes of the stock driver's ``folder``, one after the other.

    A fix that finds nothing to change, in a tree that has it or looks different by now, is
    left out and said so.
    """
    now: dict[str, bytes] = {}
    done: list[Stage] = []
    for fix in found:
        changed: dict[str, bytes] = {}
        for name in fix.files:
            try:
                old = now[name] if name in now else (folder / name).read_bytes()
            except FileNotFoundError:
                continue
            new = _patched(fix, name, old, cache, log)
            if new != old:
                changed[name] = new
        if set(changed) != set(fix.files):
            log(f"note: the fix of {fix.defect} does not fit this tree's {' '.join(fix.files)}: "
                "fixed there, or written anew; left out")
            continue
        now.update(changed)
        done.append(Stage(fix, changed))
    return done


def result(done: list[Stage]) -> Mapping[str, bytes]:
    """The files after all of them."""
    return {name: text for stage in done for name, text in stage.files.items()}


def _patched(fix: Fix, name: str, old: bytes, cache: Path, log: Log) -> bytes:
    """``old`` with the fix; remembered, as it is asked for in each run."""
    key = hashlib.sha256(fix.path.read_bytes() + b"\0" + name.encode() + b"\0" + old).hexdigest()
    known = cache / key[:32]
    try:
        return known.read_bytes()
    except FileNotFoundError:
        pass
    hosttools.ensure(["fixes"], log)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fix-", dir=cache) as temp:
        before, after = Path(temp, name), Path(temp, f"new-{name}")
        before.write_bytes(old)
        argv = ["spatch", "--very-quiet", "--no-includes", "--no-show-diff", "--sp-file", str(fix.path),
                str(before), "-o", str(after)]
        try:
            ran = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                 timeout=120, check=False)
        except subprocess.TimeoutExpired as err:
            raise HarnessError(f"{fix.path}: spatch does not end with {name}") from err
        if ran.returncode:
            lines = (ran.stderr or ran.stdout).strip().splitlines() or ["no message"]
            raise HarnessError(f"{fix.path}: spatch refuses it for {name}: {lines[-1]}")
        if not after.exists():
            after.write_bytes(old)
        os.replace(after, known)
    return known.read_bytes()
