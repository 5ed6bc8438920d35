# SPDX-License-Identifier: GPL-2.0-only
"""Commands behind the Makefile."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import unittest
from pathlib import Path
from typing import Sequence

from . import decode, judge, lanes, locks, prepare, procs, report_files, report_term, settings, sim, source, um, vm
from .lanes import Lane
from .model import HarnessError, LaneResult, UsageError, Verdict
from .prepare import Clock, Work, say
from .settings import REPO, Settings

EXPECT = REPO / "ci/expect"
NOISE = REPO / "ci/noise"
KEEP_RESULTS = 20


def _begin(s: Settings) -> list[Lane]:
    """The lanes to run, with the output folder made ours."""
    lanes.resolve_lanes(s.lanes, lambda: False)
    settings.prepare_output(s)
    return lanes.resolve_lanes(s.lanes, lambda: lanes.kvm_works(s.output))


def _run_sim(work: Work, lane: Lane, results: Path) -> LaneResult:
    """The second boot of a VM lane."""
    s, clock = work.settings, work.clock
    name = sim.lane_name(lane)
    log = results / f"{name}-{work.src.series}.log"
    with clock.stage(f"build {name}"):
        vm.build_base(work, lane)
        sim.build(work, lane)
    with clock.stage(f"run {name}"):
        note = sim.run(work, lane, log)
    result = judge.judge(log, work.tree, name, s.driver, work.src.series, s.filter,
                         EXPECT, NOISE, vm.config(work, lane))
    result.note = note
    result.repro = s.again(lane.name, ["FILTER={case}"])
    if not result.ok:
        decode.decode(work, lane, log)
    return result


def _run_lane(work: Work, lane: Lane, results: Path) -> LaneResult:
    s, clock = work.settings, work.clock
    log = results / f"{lane.name}-{work.src.series}.log"
    with clock.stage(f"build {lane.name}"):
        if lane.is_vm:
            vm.build(work, lane)
        else:
            um.build(work)
    extra = []
    if lane.is_vm and not s.filter:
        with clock.stage(f"seams-off {lane.name}"):
            extra.append(vm.identity_gate(work, lane))
    with clock.stage(f"run {lane.name}"):
        note = vm.run(work, lane, log) if lane.is_vm else um.run(work, log)
    config = vm.config(work, lane) if lane.is_vm else um.config(work)
    quick = s.quick and not lane.is_vm
    left_out = settings.slow_tests() if quick else frozenset()
    if quick:
        note = f"{note + '; ' if note else ''}{len(left_out)} slow cases left out, make verify runs them"
    result = judge.judge(log, work.tree, lane.name, s.driver, work.src.series, s.filter,
                         EXPECT, NOISE, config, left_out)
    result.gates += extra
    result.note = note
    result.repro = s.again(lane.name, [*([f"SEED={result.seed}"] if result.seed else []),
                                       "FILTER={case}"])
    shutil.copyfile(work.build(lane.name) / ".config", log.with_suffix(".config"))
    if not result.ok:
        decode.decode(work, lane, log)
    return result


def _new_results(s: Settings) -> Path:
    folder = s.output / "results"
    folder.mkdir(exist_ok=True)
    old = sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink())
    for path in old[:-KEEP_RESULTS]:
        shutil.rmtree(path, ignore_errors=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    made = folder / f"{stamp}-{os.getpid()}"
    made.mkdir()
    link = folder / f".latest-{os.getpid()}"
    link.symlink_to(made.name)
    link.replace(folder / "latest")
    return made


def _versions(work: Work, chosen: Sequence[Lane]) -> dict[str, str]:
    tools = {"gcc": ["gcc", "--version"], "make": ["make", "--version"]}
    for lane in chosen:
        if lane.is_vm:
            tools[lane.qemu] = [lane.qemu, "--version"]
    found = {"linux": f"{work.src.version} ({work.src.origin})"}
    for name, cmd in tools.items():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            text = subprocess.run(cmd, capture_output=True, text=True, check=True, timeout=20).stdout
            found[name] = text.splitlines()[0]
    return found


def _verify(s: Settings, clock: Clock, plan: Sequence[tuple[Settings, Sequence[Lane]]]) -> Verdict:
    """Runs the lanes of each kernel in ``plan`` and reports on all of them."""
    prepare.host_tools([lane for _, chosen in plan for lane in chosen])
    results = _new_results(s)
    verdict = Verdict([], clock.stages, command=" ".join(["make", s.command, *(
        f"{k}={v}" for k, v in s.given.items())]))
    try:
        for one, chosen in plan:
            work = prepare.prepare(one, clock)
            for name, version in _versions(work, chosen).items():
                key = f"{name} {work.src.series}" if name == "linux" else name
                verdict.versions[key] = version
            with locks.locked(work.root / ".run.lock", say, f"using {work.root}"):
                for lane in chosen:
                    if settings.kunit_left(one.filter):
                        verdict.lanes.append(_run_lane(work, lane, results))
                    if lane.is_vm and sim.programs(one.filter):
                        verdict.lanes.append(_run_sim(work, lane, results))
    except HarnessError:
        if verdict.lanes:
            say("what ran before the error below:")
            _report(verdict, results, s.verbose)
        raise
    _report(verdict, results, s.verbose)
    return verdict


def _report(verdict: Verdict, results: Path, verbose: bool) -> None:
    paths = report_files.write_reports(verdict, results)
    report_term.print_verdict(verdict, sys.stdout, sys.stdout.isatty())
    if verbose:
        say("# " + " ".join(str(p) for p in paths))


def _cmd_verify(s: Settings) -> int:
    return _verify(s, Clock(), [(s, _begin(s))]).exit_code


def _cmd_test(s: Settings) -> int:
    """The harness's own tests, then a verdict on both supported kernels."""
    chosen = _begin(s)
    prepare.host_tools(chosen)
    clock = Clock()
    with clock.stage("source"):
        # The recorded logs are judged with the tree's own KTAP parser.
        os.environ["KERNEL"] = str(source.resolve(s.kernel, s.cache, say).path)
    with clock.stage("own tests"):
        own = unittest.TextTestRunner(sys.stdout, verbosity=2 if s.verbose else 1).run(
            unittest.defaultTestLoader.discover(str(REPO / "ci/tests")))
    if not own.wasSuccessful():
        say("the harness's own tests failed: no verdict of it can be trusted")
        return 1
    plan = [(s, chosen)]
    if not s.kernel:
        plan.append((settings.other_series(s), [lanes.LANES["um"]]))
    return _verify(s, clock, plan).exit_code


def _cmd_tree(s: Settings) -> int:
    settings.prepare_output(s)
    prepare.host_tools([])
    work = prepare.prepare(s, Clock())
    say(str(work.tree))
    return 0


def _remove(folder: Path) -> None:
    if folder.exists():
        say(f"removing {folder}")
        shutil.rmtree(folder)


def _cmd_clean(s: Settings) -> int:
    if s.output.exists() and not (s.output / settings.OUTPUT_MARK).exists():
        raise UsageError(f"O={s.output} was not made by this harness; nothing removed")
    for name in ("trees", "results"):
        _remove(s.output / name)
    return 0


def _cmd_distclean(s: Settings) -> int:
    _cmd_clean(s)
    for folder in {s.output, s.cache}:
        if (folder / settings.OUTPUT_MARK).exists():
            _remove(folder)
    return 0


COMMANDS = {"verify": _cmd_verify, "kunit": _cmd_verify, "test": _cmd_test, "tree": _cmd_tree,
            "clean": _cmd_clean, "distclean": _cmd_distclean}


def main(argv: Sequence[str]) -> int:
    """Runs one command; 0 ok, 1 failed, 2 usage, 3 infrastructure, 130 interrupted."""
    procs.install_signal_handlers()
    try:
        s = settings.parse(argv)
        if s.command not in COMMANDS:
            raise UsageError(f"unknown command '{s.command}'; commands are: {' '.join(COMMANDS)}")
        return COMMANDS[s.command](s)
    except HarnessError as err:
        print(f"error: {err}", file=sys.stderr)
        return err.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except OSError as err:
        print(f"error: {err.filename or 'system'}: {err.strerror}; free space or check permissions, "
              "then run again", file=sys.stderr)
        return 3
