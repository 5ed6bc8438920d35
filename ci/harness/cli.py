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

from . import entry, locks, procs, settings
from .bite import bite, canaries, mutants
from .board import bundle, e2e
from .boot import lanerun, lanes
from .boot.lanes import Lane
from .build import prepare
from .build.prepare import Clock, Work, say
from .host import source
from .measure import bench, client, coverage, lockgraph, matrix, soak
from .model import HarnessError, UsageError, Verdict
from .settings import REPO, Settings
from .tree import patches
from .verdict import report_files, report_term

KEEP_RESULTS = 20


def _begin(s: Settings) -> list[Lane]:
    """The lanes to run, with the output folder made ours."""
    lanes.resolve_lanes(s.lanes, lambda: False)
    settings.prepare_output(s)
    chosen = lanes.resolve_lanes(s.lanes, lambda: lanes.kvm_works(s.output))
    if s.config == "16k":
        if not all(lane.arch == "arm64" for lane in chosen):
            raise UsageError("only arm64 has pages of 16 KiB; choose LANES=arm64")
        return [lane.with_big_pages() for lane in chosen]
    if s.config != "kcsan":
        return chosen
    if not all(lane.is_vm for lane in chosen):
        raise UsageError("UML has no KCSAN; choose LANES=arm64 or LANES=x86_64")
    return [lane.with_kcsan() for lane in chosen]


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
    """Builds and runs the lanes of each kernel in ``plan`` and reports on all of them."""
    prepare.host_tools([lane for _, chosen in plan for lane in chosen])
    results = _new_results(s)
    verdict = Verdict([], clock.stages, command=" ".join(["make", s.command, *(
        f"{k}={v}" for k, v in s.given.items())]))
    built: list[list[lanerun.Built]] = [[] for _ in plan]
    roots: set[Path] = set()
    works: list[Work] = []
    with contextlib.ExitStack() as stack:
        # Drivers share a build folder; what is built last is there for the mutants.
        for no, (one, chosen) in reversed(list(enumerate(plan))):
            work = prepare.prepare(one, clock)
            works.insert(0, work)
            for name, version in _versions(work, chosen).items():
                key = f"{name} {work.src.series}" if name == "linux" else name
                verdict.versions[key] = version
            if work.root not in roots:
                stack.enter_context(locks.locked(work.root / ".run.lock", say, f"using {work.root}"))
                roots.add(work.root)
            for lane in chosen:
                built[no] += lanerun.build(work, lane)
        try:
            lanerun.run_all([boot for boots in built for boot in boots], results, verdict.lanes)
            if _bites(plan[0]):
                verdict.lanes += bite.run(works[0], results) if verdict.ok else bite.not_run(works[0])
        except HarnessError:
            if verdict.lanes:
                say("what ran beside the error below:")
                _report(verdict, results, s.verbose)
            raise
    _report(verdict, results, s.verbose)
    return verdict


def _bites(first: tuple[Settings, Sequence[Lane]]) -> bool:
    """Whether mutants and canaries are part of the run: what they are put into is our core in UML."""
    s, chosen = first
    return s.command == "test" and s.driver == "core" and not s.filter and any(not lane.is_vm for lane in chosen)


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
    return _verify(s, clock, _test_plan(s, chosen)).exit_code


def _test_plan(s: Settings, chosen: Sequence[Lane]) -> list[tuple[Settings, Sequence[Lane]]]:
    """Both drivers in all lanes, and in UML on the other kernel, as far as ``s`` leaves it open."""
    drivers = [s] if "DRIVER" in s.given else [settings.other(s, "DRIVER", name) for name in settings.drivers()]
    plan = [(one, chosen) for one in drivers]
    if not s.kernel:
        series = next(name for name in source.SUPPORTED if name != source.DEFAULT)
        plan += [(settings.other(one, "KERNEL", series), [lanes.LANES["um"]]) for one in drivers]
    return plan


def _cmd_own(s: Settings) -> int:
    """A command that boots one VM lane for a suite of its own."""
    chosen = _begin(s)
    if len(chosen) != 1 or not chosen[0].is_vm:
        raise UsageError(f"{s.command} boots one VM; choose it with LANES=arm64 or LANES=x86_64")
    return OWN[s.command](s, chosen[0], _new_results(s))


def _cmd_soak(s: Settings) -> int:
    return soak.run(s, _begin(s), _new_results(s))


def _cmd_mutants(s: Settings) -> int:
    settings.prepare_output(s)
    return mutants.run(s, _new_results(s))


def _cmd_um(s: Settings) -> int:
    """A command that boots UML for something else than suites."""
    if [lane.name for lane in _begin(s)] != ["um"]:
        raise UsageError(f"{s.command} is for UML; leave LANES= out")
    return UM[s.command](s, _new_results(s))


def _cmd_tree(s: Settings) -> int:
    settings.prepare_output(s)
    prepare.host_tools([])
    work = prepare.prepare(s, Clock())
    say(str(work.tree))
    return 0


def _cmd_patches(s: Settings) -> int:
    settings.prepare_output(s)
    return patches.run(s)


def _cmd_board(s: Settings) -> int:
    settings.prepare_output(s)
    return e2e.run(s) if s.command == "board-vm" else bundle.run(s)


def _cmd_matrix(s: Settings) -> int:
    matrix.chosen(s.filter)
    settings.prepare_output(s)
    return matrix.run(s)


def _remove(folder: Path) -> None:
    if folder.exists():
        say(f"removing {folder}")
        shutil.rmtree(folder)


def _cmd_clean(s: Settings) -> int:
    if s.output.exists() and not (s.output / settings.OUTPUT_MARK).exists():
        raise UsageError(f"O={s.output} was not made by this harness; nothing removed")
    for name in ("trees", "results", "patches"):
        _remove(s.output / name)
    return 0


def _cmd_distclean(s: Settings) -> int:
    _cmd_clean(s)
    for folder in {s.output, s.cache}:
        if (folder / settings.OUTPUT_MARK).exists():
            _remove(folder)
    return 0


OWN = {"bench": bench.run, "client": client.run}
UM = {"canaries": canaries.run, "coverage": coverage.run, "lockgraph": lockgraph.run}
COMMANDS = {**{name: _cmd_own for name in OWN},
            **{name: _cmd_um for name in UM},
            "verify": _cmd_verify,
            "kunit": _cmd_verify,
            **{name: _cmd_verify for name in settings.CONFIGS},
            "test": _cmd_test,
            "soak": _cmd_soak,
            "mutants": _cmd_mutants,
            "matrix": _cmd_matrix,
            "board": _cmd_board,
            "board-vm": _cmd_board,
            "patches": _cmd_patches,
            "tree": _cmd_tree,
            "clean": _cmd_clean, "distclean": _cmd_distclean}


def _run(argv: Sequence[str]) -> int:
    s = settings.parse(argv)
    if s.command not in COMMANDS:
        raise UsageError(f"unknown command '{s.command}'; commands are: {' '.join(COMMANDS)}")
    return COMMANDS[s.command](s)


def main(argv: Sequence[str]) -> int:
    """Runs one command."""
    procs.install_signal_handlers()
    return entry.guarded(_run, argv)
