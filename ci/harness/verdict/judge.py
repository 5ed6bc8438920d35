# SPDX-License-Identifier: GPL-2.0-only
"""From the log of one boot to its LaneResult."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

from ..model import HarnessError, LaneResult, Status
from . import expect, gates, ktap, lockorder, scan

DRIVER = Path("drivers/gpu/drm/panthor")
KERNEL = re.compile(r"Linux version (\S+)")


def read_log(path: Path) -> str:
    """A log's text; whatever a dying console emitted stays readable."""
    try:
        return path.read_bytes().decode("utf-8", "replace").replace("\0", "")
    except OSError as err:
        raise HarnessError(f"{path}: cannot read the log: {err.strerror}; "
                           "repeat the run") from err


def judge(log_path: Path, tree: Path, lane: str, driver: str, series: str,
          filter: Optional[str], expect_dir: Path, noise_dir: Path,
          config: set[str], left_out: frozenset[str] = frozenset()) -> LaneResult:
    """Parse, scan, gate and compare with the expectations.

    ``left_out`` are cases, by full name, that this boot was not to run.
    """
    fails = {name: known for name, known in
             expect.load_fails(expect_dir, driver, series, lane).items()
             if name.partition(":")[0] not in left_out}
    required = [name for name in expect.load_required(expect_dir, lane, driver)
                if name not in left_out]
    noise = scan.load_noise(noise_dir / f"{lane}.txt")
    if "CONFIG_KCSAN" in config:
        noise += scan.load_noise(noise_dir / "kcsan.txt")
    text = read_log(log_path)
    parsed = ktap.parse(text, tree)
    result = LaneResult(lane, driver, series, cases=parsed.cases,
                        log=log_path)
    result.gates = gates.judge_log(
        text, parsed, filter=filter, required=required, noise=noise,
        config=config)
    # Behind the gates about which tests ran, before those about the kernel.
    result.gates.insert(4, expect.gate(parsed.cases, fails, filter))
    at = next(no for no, gate in enumerate(result.gates) if gate.name == "lockdep") + 1
    result.gates.insert(at, lockorder.gate(
        ktap.clean_lines(text), lane, driver, series, tree / DRIVER,
        lockorder.whole_suites(filter, {case.suite for case in parsed.cases if case.status in (
            Status.PASS, Status.FAIL)}, left_out), config))
    version = KERNEL.search(text)
    result.kernel = version[1] if version else ""
    for _, mark in ktap.markers(ktap.clean_lines(text)):
        if mark.startswith("seed="):
            result.seed = mark.removeprefix("seed=").split()[0]
    return result
