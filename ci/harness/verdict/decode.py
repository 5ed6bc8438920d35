# SPDX-License-Identifier: GPL-2.0-only
"""A log with source lines in its traces, by the kernel's own script."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ..boot import um, umsim
from ..boot.lanes import Lane, make_args
from ..build.prepare import Work, say

DECODE_SECONDS = 120.0


def decode(work: Work, lane: Lane, log: Path) -> None:
    """Writes ``<log>.decoded`` beside the log; a failure to do so is only told."""
    kernel = work.build(lane.name) / "vmlinux" if lane.is_vm else umsim.kernel(work) \
        if lane is umsim.LANE else um.kernel(work)
    cmd = [str(work.tree / "scripts/decode_stacktrace.sh"), str(kernel), str(work.tree)]
    if lane.is_vm:
        cmd.append(str(work.driver(lane.name)))
    env = dict(word.split("=", 1) for word in make_args(lane, work.settings.make_vars))
    out = log.with_suffix(".decoded.log")
    try:
        with log.open("rb") as src, out.open("wb") as dst:
            subprocess.run(cmd, stdin=src, stdout=dst, stderr=subprocess.DEVNULL, check=True,
                           timeout=DECODE_SECONDS, env={**os.environ, **env})
    except (OSError, subprocess.SubprocessError) as err:
        out.unlink(missing_ok=True)
        say(f"note: traces in {log.name} were not decoded ({type(err).__name__})")
