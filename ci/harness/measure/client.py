# SPDX-License-Identifier: GPL-2.0-only
"""The command client: Debian's Vulkan driver, unmodified, on the software GPUs.

Mesa's panvk, the loader and vulkaninfo are fetched for the guest's architecture;
a small client of ours, linked with that loader, does what needs no shader.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import Union

from .. import locks, procs, settings
from ..boot import lanes, sim, single
from ..boot.lanes import Lane
from ..build import module
from ..build.prepare import Clock, Work, say
from ..host import aptfetch, debs
from ..host.hosttools import DEBIAN_ARCH
from ..model import HarnessError, Verdict
from ..settings import REPO, Settings
from ..verdict import report_files, report_term

# The first one whose Mesa knows the GPU well; older releases are a second choice.
SUITES = ("sid", "forky", "trixie")
WANTED = ("mesa-vulkan-drivers", "libvulkan1", "vulkan-tools", "libvulkan-dev")
TRIPLETS = {"arm64": "aarch64-linux-gnu", "x86_64": "x86_64-linux-gnu"}
STAMP = "packages.json"
RUN_SECONDS = 900.0
CASE_SECONDS = 300
CACHE = ("panthor_sim.cache=eager",)
"""Mesa maintains the CPU's cache by instructions, which the model does not see."""


class Absent(Exception):
    """The packages cannot be had; the text says why."""


def roots(lane: Lane) -> tuple[Path, list[Path]]:
    """Folder of the libraries, and what is run or loaded by name."""
    libs = Path("usr/lib") / TRIPLETS[lane.arch]
    return libs, [Path("usr/bin/vulkaninfo"), libs / "libvulkan_panfrost.so", libs / "libvulkan.so.1"]


def fetch(lane: Lane, cache: Path) -> Path:
    """A folder with what the packages hold and ``packages.json``; kept in the cache."""
    arch = DEBIAN_ARCH[lane.arch]
    final = cache.absolute() / f"client-{arch}"
    with locks.locked(final.with_name(f".{final.name}.lock"), say, "fetching the Vulkan client"):
        if (final / STAMP).is_file():
            return final
        work = final.with_name(f".{final.name}.part")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        libs, start = roots(lane)
        root = work / "root"
        packages = debs.Packages(work, root, arch, say)
        try:
            packages.find(SUITES, WANTED[0])
            found = debs.close(root, libs, start, WANTED, packages.add)
            driver = icd(root)
        except aptfetch.NoSpace as err:
            raise HarnessError(f"no space left in {cache} for the Vulkan client ({err}); free some") from err
        except HarnessError as err:
            shutil.rmtree(work)
            raise Absent(str(err)) from err
        debs.prune(root, [*found, *(root / path for path in start), root / "usr/include", driver])
        stamp = {"suite": packages.suite, "packages": packages.versions,
                 "libraries": [str(path.relative_to(root)) for path in found]}
        (work / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
        for path in work.glob("apt-*"):
            shutil.rmtree(path)
        shutil.rmtree(final, ignore_errors=True)
        work.replace(final)
    return final


def icd(root: Path) -> Path:
    """The driver's manifest, by which the loader finds it."""
    found = sorted((root / "usr/share/vulkan/icd.d").glob("panfrost_icd*.json"))
    if not found:
        raise HarnessError("mesa-vulkan-drivers has no panvk")
    return found[0]


def guest_files(lane: Lane, folder: Path, program: Path) -> dict[str, Union[Path, bytes]]:
    """What the guest gets beyond its busybox, by name there."""
    root = folder / "root"
    libs, start = roots(lane)
    names = json.loads((folder / STAMP).read_text(encoding="utf-8"))["libraries"]
    files: dict[str, Union[Path, bytes]] = {
        "harness/client": REPO / "ci/vm/client", "harness/sim": REPO / "ci/vm/sim",
        "harness/bin/client": program, "harness/client.lib": f"{libs}\n".encode()}
    for name in (*start, *(Path(name) for name in names), icd(root).relative_to(root)):
        files[str(name)] = (root / name).resolve()
        if name.name.startswith("ld-linux"):
            # Programs ask for it by the name it had before /lib was merged.
            folder_name = "lib64" if lane.arch == "x86_64" else "lib"
            files[f"{folder_name}/{name.name}"] = (root / name).resolve()
    return files


def compile_client(work: Work, lane: Lane, folder: Path) -> Path:
    """Our client, linked with the loader that was fetched."""
    root, out = folder / "root", work.build(lane.name) / "client"
    variables = dict(word.split("=", 1) for word in lanes.make_args(lane, work.settings.make_vars))
    compiler = variables.get("CC") or f"{variables.get('CROSS_COMPILE', '')}gcc"
    libs, _ = roots(lane)
    # The loader wants a newer libc than the one of the compiler, and gets it in the guest.
    procs.run([*compiler.split(), "-O2", "-Wall", "-Wextra", "-Wno-missing-field-initializers",
               "-isystem", str(root / "usr/include"), "-o", str(out), str(REPO / "ci/vm/client.c"),
               str((root / libs / "libvulkan.so.1").resolve()), "-Wl,--allow-shlib-undefined"],
              what="build the Vulkan client", log=out.with_suffix(".log"), verbose=work.settings.verbose)
    return module.require(out)


def _build(work: Work, lane: Lane, folder: Path) -> Path:
    with work.clock.stage(f"build {lane.name}"):
        module.build_base(work, lane)
        sim.build(work, lane)
        return compile_client(work, lane, folder)


def run(s: Settings, lane: Lane, results: Path) -> int:
    """Fetches, builds, boots and judges; without the packages nothing runs."""
    clock = Clock()
    chosen = settings.own_programs("client", s.filter)
    verdict = Verdict([], clock.stages, command=s.again(lane.name, s.filter_words))
    with single.prepared(s, lane, clock) as work:
        try:
            with clock.stage("packages"):
                folder = fetch(lane, s.cache)
        except Absent as absent:
            say(f"client: skipped: {absent}")
            return 0
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        verdict.versions = {"linux": work.src.version,
                            "mesa": f"{stamp['packages'][WANTED[0]]} ({stamp['suite']})"}
        program = _build(work, lane, folder)
        boot = single.run(work, dataclasses.replace(lane, steady=True), results, "client", chosen, guest_files(lane, folder, program),
                          [*sim.PARAMETERS, *CACHE, f"harness.limit={CASE_SECONDS}"], RUN_SECONDS)
        verdict.lanes.append(boot.result)
    report_files.write_reports(verdict, results)
    report_term.print_verdict(verdict, sys.stdout, sys.stdout.isatty())
    return verdict.exit_code
