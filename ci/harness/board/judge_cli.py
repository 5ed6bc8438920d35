# SPDX-License-Identifier: GPL-2.0-only
"""ci/judge LOG...: any serial log, from any lab, to a table and a verdict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Sequence

from .. import entry, settings
from ..model import Verdict
from ..verdict import report_files, report_term
from . import drmci, seriallog, verdict

EPILOG = """exit status: 0 all as expected, 1 a test or gate failed, 2 wrong usage, 3 not a log that can be judged.
The kernel's .config makes gates sure; LOG.config beside LOG is found by itself."""


def parser() -> entry.Parser:
    """The options."""
    made = entry.Parser(prog="ci/judge", description=__doc__.partition(":")[2].strip() if __doc__ else "",
                   epilog=EPILOG)
    made.add_argument("logs", nargs="+", type=Path, metavar="LOG", help="serial log, dmesg or LAVA's log; may be gzip")
    made.add_argument("--lane", default="", help="whose expectations: board, um, arm64, arm64-sim, ...")
    made.add_argument("--driver", default=settings.DRIVERS[0], choices=settings.DRIVERS)
    made.add_argument("--series", default="", metavar="7.3", help="kernel series, if the log does not say")
    made.add_argument("--config", type=Path, help="the kernel's .config")
    made.add_argument("--expect", type=Path, metavar="PREFIX",
                      help="drm-ci's PREFIX-fails.txt, -skips.txt, -flakes.txt in the place of ours")
    made.add_argument("--write-expect", type=Path, metavar="PREFIX",
                      help="bring PREFIX-fails.txt up to date with these logs")
    made.add_argument("--required", type=Path, metavar="FILE", help="tests that must have run, SUITE.CASE per line")
    made.add_argument("--filter", metavar="GLOB", help="the run was of these tests only")
    made.add_argument("--tree", type=Path, help="kernel tree, for its KTAP parser (default: one in the cache)")
    made.add_argument("--output", type=Path, metavar="DIR", help="write index.html, junit.xml, KTAP, JSON there")
    return made


def _unique(found: Verdict) -> None:
    """Reports have a file per boot: equal names get the name of their log."""
    for lane in found.lanes:
        if sum(other.title == lane.title for other in found.lanes) > 1 and lane.log:
            lane.lane = f"{lane.lane}-{lane.log.stem}"


def run(argv: Sequence[str]) -> int:
    """Judges all logs; an error in one is an error of the call."""
    args = parser().parse_args(argv)
    options = verdict.Options(args.lane, args.driver, args.series, args.filter, args.config, args.expect,
                              args.required)
    tree = verdict.parser_tree(args.tree, settings.default_cache())
    programs = settings.selftests()
    found = Verdict([], command=" ".join(["ci/judge", *argv]))
    for log in args.logs:
        normal = seriallog.normalise(seriallog.read(log), programs)
        result = verdict.judge_text(normal, log, options, tree)
        result.repro = f"{found.command}  (look at {{case}})"
        found.lanes.append(result)
    _unique(found)
    if args.write_expect:
        path = args.write_expect.with_name(f"{args.write_expect.name}-fails.txt")
        lists = drmci.load(args.write_expect) if path.is_file() else drmci.Lists()
        drmci.write_fails(path, [case for lane in found.lanes for case in lane.cases], lists)
    if args.output:
        report_files.write_reports(found, args.output)
    report_term.print_verdict(found, sys.stdout, sys.stdout.isatty())
    return found.exit_code


def main(argv: Sequence[str]) -> int:
    """``run`` with errors as one line."""
    return entry.guarded(run, argv)
