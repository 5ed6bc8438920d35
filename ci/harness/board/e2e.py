# SPDX-License-Identifier: GPL-2.0-only
"""make board-vm: ci/board over real ssh, with a VM in the place of the board.

The VM runs Debian's own arm64 kernel, unmodified; the software GPU is its hardware,
and the driver under test comes in a bundle. A hang, a panic and a network cut are
made on purpose, among tests of the GPU: each has to be marked, and none other.
"""

from __future__ import annotations

import json
import lzma
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Union

from .. import locks, procs, settings
from ..boot import lanes, sim
from ..boot.lanes import Lane
from ..build import module, prepare, selftest
from ..build.prepare import Clock, Work, say
from ..host import hosttools
from ..model import HarnessError
from ..settings import REPO, Settings
from . import bundlefile, extmod, guest

SUITES = ("smoke", "vm_bind")
LIMIT, PATIENCE, CUT = 60, 200, 40
ACCIDENTS = (
    ("inject hang", "sleep 100000"),
    ("inject panic", "sh -c 'sleep 1; echo c >/proc/sysrq-trigger; sleep 30'"),
    ("inject after_panic", "true"),
    # Longer than ssh waits for a sign of life.
    ("inject cut", f"sh -c 'ip link set eth0 down; sleep {CUT}; ip link set eth0 up; ip route add default via 10.0.2.2'"),
    ("inject after_cut", "true"),
)
BAD = {"inject.hang", "inject.panic"}
"""Tests that have to fail."""
SEAM = ("CONFIG_DRM_PANTHOR_SIM=m", "KCFLAGS=-DCONFIG_DRM_PANTHOR_SIM_MODULE=1")


def build(work: Work, lane: Lane, headers: extmod.Headers) -> Path:
    """Driver and model for Debian's kernel, which knows neither option; returns the folder."""
    module.build_base(work, lane)
    sim.build(work, lane)
    extmod.check(headers)
    folder = work.root / "driver" / f"kdir-{headers.release}-{work.settings.driver}-sim"
    module.mirror(work.tree / module.DRIVER_DIR, folder)
    # Headers have no dtc: the overlays are those of our own build.
    for path in (sim.folder(work, lane) / "sim").glob("*.dtbo*"):
        if path.name.endswith((".dtbo", ".dtbo.S")):
            shutil.copyfile(path, folder / "sim" / path.name)
    words = [word for word in extmod.words(work, headers, folder) if word not in extmod.OFF]
    off = [word for word in extmod.OFF if "KUNIT" in word]
    procs.run([*words, *off, *SEAM, "modules"], what=f"build panthor_sim.ko for {headers.release}",
              log=folder.with_name(f"{folder.name}.log"), verbose=work.settings.verbose, expect_seconds=60.0)
    return folder


def bundle(work: Work, lane: Lane, folder: Path, release: str, out: Path) -> None:
    """As make board packs one, but with the seam, and with accidents."""
    cases = [f"{suite} {case} {command.replace('/harness/', './')}" for suite, case, command
             in settings.chosen_programs(None) if suite in SUITES]
    first = [line for line in cases if line.startswith(SUITES[0])]
    lines = [*first, *(f"{name} {command}" for name, command in ACCIDENTS), *cases[len(first):]]
    files: dict[str, Union[Path, bytes]] = {
        "run": REPO / "ci/lab/run", "kselftest": REPO / "ci/vm/kselftest", "modules.load": b"panthor.ko\n",
        "modules/panthor.ko": module.require(folder / "panthor.ko"),
        bundlefile.CASES: "".join(f"{line}\n" for line in lines).encode(),
        **{f"bin/{path.name}": path for path in selftest.programs(work, lane)
           if path.name in (*SUITES, Path(settings.AROUND).name)}}
    bundlefile.write(out, files, {"arch": "arm64", "release": release, "driver": work.settings.driver,
                                  "series": work.src.series, "flavour": "vm", "made": bundlefile.stamp()})


def judge(data: dict[str, Any]) -> list[str]:
    """What is wrong with the verdict of a run in which all accidents were made."""
    lane = data["lanes"][0]
    cases = {f"{case['suite']}.{case['name']}": case["status"] for case in lane["cases"]}
    wrong = [f"{name} is {cases.get(name, 'missing')}, not fail" for name in sorted(BAD) if cases.get(name) != "fail"]
    wrong += [f"{name}: {status}" for name, status in cases.items()
              if name not in BAD and status not in ("pass", "skip")]
    wrong += [f"no test of {suite} has passed" for suite in (*SUITES, "inject")
              if not any(name.startswith(f"{suite}.") and status == "pass" for name, status in cases.items())]
    for gate in lane["gates"]:
        if gate["state"] == "red" and gate["name"] != "complete":
            wrong.append(f"gate {gate['name']}: {gate['detail']}")
        if gate["name"] == "complete" and [one["test"] for one in gate["findings"]] != ["inject.panic"]:
            wrong.append(f"gate complete: {gate['detail'] or 'green'}, not about inject.panic alone")
    return wrong


def _packages(series: str, cache: Path) -> tuple[Path, Path]:
    """Headers and installed kernel."""
    headers = extmod.debian(series, cache)
    return headers, extmod.debian_kernel(headers, cache)


def run(s: Settings) -> int:
    """The whole of it."""
    lane = lanes.LANES["arm64"]
    prepare.host_tools([lane])
    work = prepare.prepare(s, Clock())
    with locks.locked(work.root / ".run.lock", say, f"using {work.root}"):
        found, installed = _packages(work.src.series, s.cache)
        headers = extmod.read(found)
        folder = build(work, lane, headers)
        place = work.root / "build/board-vm"
        place.mkdir(parents=True, exist_ok=True)
        tarball = place / "bundle.tar.gz"
        bundle(work, lane, folder, headers.release, tarball)
        return _boot(work, lane, headers, installed, folder, place, tarball)


def _boot(work: Work, lane: Lane, headers: extmod.Headers, installed: Path, folder: Path, place: Path,
          tarball: Path) -> int:
    sshd = guest.fetch_sshd(work.settings.cache.absolute() / "board-sshd", say)
    own = [module.require(folder / "sim/panthor_sim.ko"), folder / "panthor.ko"]
    # What the driver needs is there; the driver itself comes over ssh.
    modules = guest.load_order(["virtio_mmio", *guest.NETWORK, "zram"], own, guest.kernel_modules(installed),
                               place / "modules")[:-1]
    key = guest.key(place)
    guest.pack(place / "initrd.cpio", hosttools.guest_busybox(lane.arch, work.settings.cache, say), modules,
               {"panthor_sim": "gpus=2 coherent=1,0"}, Path(f"{key}.pub"),
               {**sshd, sim.FIRMWARE: sim.folder(work, lane) / "mali_csffw.bin",
                f"boot/config-{headers.release}": headers.folder / ".config"})
    image = place / "Image"
    data = (installed / "vmlinuz").read_bytes()
    image.write_bytes(lzma.decompress(data) if data[:6] == b"\xfd7zXZ\0" else data)
    port = guest.free_port()
    out = place / "results"
    with guest.running(guest.command(image, place / "initrd.cpio", port), place / "console.log"):
        ssh = f"ssh -p {port} -i {shlex.quote(str(key))} -o StrictHostKeyChecking=no " \
            "-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        command = [sys.executable, str(REPO / "ci/board"), "root@127.0.0.1", "--ssh", ssh, "--bundle", str(tarball),
                   "--production", "--limit", str(LIMIT), "--patience", str(PATIENCE), "--output", str(out)]
        status = subprocess.run(command, check=False).returncode
    if status != 1:
        raise HarnessError(f"ci/board ended with {status}, not with 1; see {place / 'console.log'}")
    wrong = judge(json.loads((out / "verdict.json").read_text(encoding="utf-8")))
    for text in wrong:
        say(f"board-vm: {text}")
    say("board-vm: " + ("FAILED" if wrong else "ok: hang, panic and cut are marked, the rest has passed"))
    return 1 if wrong else 0
