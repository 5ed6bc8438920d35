# SPDX-License-Identifier: GPL-2.0-only
"""ci/board HOST: a bundle's tests on a board, over ssh, to a verdict."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Sequence

from .. import entry, settings
from ..build.prepare import say
from ..model import Finding, GateState, HarnessError, LaneResult, UsageError, Verdict
from ..verdict import report_files, report_term
from . import bundlefile, drmci, runner, verdict
from .remote import Remote
from .runner import Outcome
from .seriallog import Normal

EPILOG = """exit status: 0 all as expected, 1 a test or gate failed, 2 wrong usage, 3 the board cannot run this."""


def parser() -> entry.Parser:
    """The options."""
    made = entry.Parser(prog="ci/board", description=__doc__.partition(":")[2].strip() if __doc__ else "", epilog=EPILOG)
    made.add_argument("host", metavar="HOST", help="root@BOARD, as ssh takes it")
    made.add_argument("--bundle", type=Path, required=True, help="what 'make board' made")
    made.add_argument("--ssh", default="ssh", metavar="WORDS", help="ssh with options: 'ssh -p 2222 -i KEY'")
    made.add_argument("--dir", default="/var/tmp", help="folder on the board, not in RAM (default: %(default)s)")
    made.add_argument("--filter", metavar="GLOB", help="SUITE or SUITE.CASE")
    made.add_argument("--production", action="store_true", help="a kernel without debug options will do")
    made.add_argument("--limit", type=int, default=400, metavar="S", help="seconds for a test (%(default)s)")
    made.add_argument("--patience", type=float, default=300, metavar="S",
                      help="seconds for the board to come back (%(default)s)")
    made.add_argument("--power-cycle", metavar="COMMAND", help="run here when the board does not come back")
    made.add_argument("--no-reboot", action="store_true", help="end the run rather than reboot after a stuck task")
    made.add_argument("--keep", action="store_true", help="leave the bundle on the board")
    made.add_argument("--expect", type=Path, metavar="PREFIX", help="drm-ci's PREFIX-fails.txt and so on")
    made.add_argument("--output", type=Path, metavar="DIR", help="folder for results (default: in the cache)")
    return made


def _folder(given: Path | None) -> Path:
    folder = given or settings.default_cache() / "results" / time.strftime("board-%Y%m%d-%H%M%S")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise HarnessError(f"{folder}: cannot write results: {err.strerror}; choose another --output") from err
    return folder


def add_missing(result: LaneResult, wanted: Sequence[str]) -> None:
    """Every chosen test has a result, be it that it cannot run here."""
    have = {case.full_name for case in result.cases}
    missing = [Finding(f"{name}: did not run", 0, name) for name in wanted if name not in have]
    gate = next(gate for gate in result.gates if gate.name == "required")
    if missing:
        gate.state, gate.findings = GateState.RED, missing
        gate.detail = f"{missing[0].title} and {len(missing) - 1} more" if len(missing) > 1 else missing[0].title
    else:
        gate.state, gate.detail, gate.findings = GateState.GREEN, f"{len(wanted)} have a result", []


def judge(log: Path, bundle: bundlefile.Bundle, options: verdict.Options, outcome: Outcome,
          wanted: Sequence[str], tree: Path) -> LaneResult:
    """The verdict of a run, by the gates of every other one."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = text.count("\n") + 1
    result = verdict.judge_text(Normal(text, list(range(1, lines + 1))), log, options, tree)
    add_missing(result, wanted)
    model = outcome.facts.get("model") or "a machine without a name"
    result.note = f"{model}; bundle {bundle.path.name} of {bundle.manifest.get('made', '?')}"
    return result


def run(argv: Sequence[str]) -> int:
    """One run on one board."""
    args = parser().parse_args(argv)
    bundle = bundlefile.read(args.bundle)
    chosen = runner.chosen(bundle, args.filter)
    if not chosen:
        raise UsageError(f"--filter={args.filter} matches no test; suites are: "
                         f"{' '.join(dict.fromkeys(suite for suite, _, _ in bundle.cases))}")
    if args.expect:
        drmci.load(args.expect)
    tree = verdict.parser_tree(None, settings.default_cache())
    folder = _folder(args.output)
    log = folder / "board.log"
    remote = Remote(args.host, shlex.split(args.ssh))
    options = runner.Options(args.dir, args.filter, args.production, args.limit, args.patience, args.power_cycle,
                             not args.no_reboot, args.keep)
    try:
        outcome = runner.Runner(remote, bundle, options, log).run()
    finally:
        remote.close()
    log.with_suffix(".config").write_text(outcome.config, encoding="utf-8")
    log.with_suffix(".counters").write_text(outcome.counters, encoding="utf-8")
    judging = verdict.Options(verdict.BOARD, str(bundle.manifest["driver"]), str(bundle.manifest["series"]),
                              args.filter, log.with_suffix(".config") if outcome.config else None, args.expect)
    wanted = [f"{suite}.{case}" for suite, cases in chosen.items() for case in cases]
    result = judge(log, bundle, judging, outcome, wanted, tree)
    again = " ".join(["ci/board", *(shlex.quote(word) for word in argv)])
    result.repro = f"{again} --filter {{case}}"
    found = Verdict([result], command=again, versions={"linux": result.kernel})
    report_files.write_reports(found, folder)
    report_term.print_verdict(found, sys.stdout, sys.stdout.isatty())
    say(f"results: {folder}")
    return found.exit_code


def main(argv: Sequence[str]) -> int:
    """``run`` with errors as one line."""
    return entry.guarded(run, argv)
