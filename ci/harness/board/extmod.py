# SPDX-License-Identifier: GPL-2.0-only
"""The driver under test as a module for a kernel that is installed: its headers are enough.

Headers are a folder as of Debian's linux-headers packages, installed or unpacked
anywhere, or the build folder of a kernel. A kernel that the driver does not fit is
refused before anything is built, and a module that came out wrong afterwards.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Sequence

from .. import locks, procs
from ..boot import lanes
from ..build import initramfs, kconfig, module
from ..build.prepare import Work, say
from ..host import aptfetch, debs, source
from ..host.hosttools import DEBIAN_ARCH
from ..model import HarnessError

NEEDED = ("MODULES", "DRM", "DRM_EXEC", "DRM_GPUVM", "DRM_SCHED", "IOMMU_IO_PGTABLE_LPAE", "PM_DEVFREQ")
"""What the driver links with."""
COMPILER_BOUND = ("CFI", "CFI_CLANG", "RANDSTRUCT", "SHADOW_CALL_STACK")
"""Modules of another compiler do not load, or crash."""
MACHINE = {"x86_64": 62, "aarch64": 183}
STAMP = "headers.json"
OFF = tuple(f"{name}=n" for name in (*module.OPTIONS, "CONFIG_DRM_PANTHOR_SIM_KUNIT_TEST"))


@dataclasses.dataclass(frozen=True)
class Headers:
    """A kernel to build a module for."""

    folder: Path
    common: Path
    """Folder whose Makefile make begins with."""
    release: str
    config: dict[str, str]

    @property
    def series(self) -> str:
        match = re.match(r"(\d+\.\d+)", self.release)
        return match[1] if match else ""

    def on(self, name: str) -> bool:
        """Whether an option is y or m."""
        return self.config.get(f"CONFIG_{name}", "n") in ("y", "m")


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as err:
        raise HarnessError(f"KDIR: {what} is missing ({path}: {err.strerror}); "
                           "install the headers package of the kernel, or name its build folder") from err


def _common(folder: Path) -> Path:
    """Debian has the Makefile in a folder of its own, named by an absolute path."""
    match = re.search(r"^include (\S+)/Makefile$", _read(folder / "Makefile", "the Makefile"), re.M)
    if not match:
        return folder
    named = Path(match[1])
    found = [path for path in (folder.parent / named.name, named) if (path / "Makefile").is_file()]
    if not found:
        raise HarnessError(f"KDIR={folder}: {named.name} is missing; install that package, too")
    return found[0]


def read(folder: Path) -> Headers:
    """Headers in a folder, as far as they are whole."""
    if not folder.is_dir():
        raise HarnessError(f"KDIR={folder}: no such folder; it is /usr/src/linux-headers-... or 'debian'")
    common = _common(folder)
    config = kconfig.parse(_read(folder / ".config", "the configuration"))
    _read(folder / "Module.symvers", "the list of symbols")
    return Headers(folder, common, _read(folder / "include/config/kernel.release", "the release").strip(), config)


def check(headers: Headers, machine: str = "") -> None:
    """Refuses a kernel that the driver does not fit."""
    where = f"KDIR={headers.folder} (Linux {headers.release})"
    if not headers.on("ARM64"):
        raise HarnessError(f"{where}: not an arm64 kernel; boards are")
    if headers.series not in source.SUPPORTED:
        raise HarnessError(f"{where}: the driver is for Linux {' and '.join(source.SUPPORTED)}; boot one of these")
    lacking = [f"CONFIG_{name}" for name in NEEDED if not headers.on(name)]
    if lacking:
        raise HarnessError(f"{where}: without {', '.join(lacking)}; the driver needs that")
    if headers.config.get("CONFIG_DRM_PANTHOR") == "y":
        raise HarnessError(f"{where}: panthor is built in and cannot be replaced by a module")
    if headers.on("MODULE_SIG_FORCE"):
        raise HarnessError(f"{where}: takes only signed modules (CONFIG_MODULE_SIG_FORCE)")
    bound = [f"CONFIG_{name}" for name in COMPILER_BOUND if headers.on(name)]
    if bound:
        raise HarnessError(f"{where}: {', '.join(bound)}: needs the very compiler of the kernel; build it from source")
    tool = headers.folder / "scripts/mod/modpost"
    try:
        head = tool.read_bytes()[:20]
    except OSError as err:
        raise HarnessError(f"{where}: scripts/mod/modpost is missing; install linux-kbuild, too") from err
    host = machine or platform.machine()
    if head[:4] != b"\x7fELF" or struct.unpack_from("<H", head, 18)[0] != MACHINE.get(host):
        raise HarnessError(f"{where}: its tools do not run on this machine ({host}); "
                           f"install linux-kbuild of {DEBIAN_ARCH.get(host, host)}")


def _takes(compiler: str, option: str) -> bool:
    done = subprocess.run([*compiler.split(), "-Werror", option, "-S", "-x", "c", "/dev/null", "-o", "/dev/null"],
                          capture_output=True, check=False)
    return done.returncode == 0


def words(work: Work, headers: Headers, folder: Path) -> list[str]:
    """The make command for a module in ``folder``."""
    variables = work.settings.make_vars
    cross = variables.get("CROSS_COMPILE") or ("" if platform.machine() == "aarch64" else "aarch64-linux-gnu-")
    compiler = variables.get("CC") or f"{cross}gcc"
    # An older compiler aligns functions in its own way, which no other object depends on.
    older = [] if _takes(compiler, "-fmin-function-alignment=8") else ["CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT="]
    # Its own type information is for tracers; it would take pahole and the kernel's.
    older.append("CONFIG_DEBUG_INFO_BTF_MODULES=")
    view = working(work, headers)
    if view == headers.folder == headers.common:
        out = []
    else:
        out = [f"KBUILD_OUTPUT={view}"]
    return ["make", "-C", str(headers.common), *out, "ARCH=arm64", f"CROSS_COMPILE={cross}", f"CC={compiler}",
            f"-j{work.settings.jobs}", f"M={folder}", "CONFIG_DRM_PANTHOR=m", *older, *OFF]


def runs(tool: Path) -> str:
    """Why a program does not run here, or nothing."""
    try:
        done = subprocess.run([str(tool)], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as err:
        return str(err.strerror)
    found = re.search(r"(version `\S+' not found|error while loading shared libraries: .*)", done.stderr)
    return found[1] if found else ""


def working(work: Work, headers: Headers) -> Path:
    """The headers with a modpost that runs: Debian's is for the release it comes with.

    In its place comes the one of our own build of the same series.
    """
    # Debian's is a small program that runs one of several beside it.
    tools = sorted((headers.folder / "scripts/mod").glob("modpost*"))
    why = next((text for tool in tools if (text := runs(tool))), "")
    if not why:
        return headers.folder
    own = work.build(lanes.LANES["arm64"].name) / "scripts/mod/modpost"
    if not own.is_file() or work.src.series != headers.series:
        raise HarnessError(f"KDIR={headers.folder}: its tools do not run here ({why}), and there are none of our own "
                           f"yet: make verify LANES=arm64 KERNEL={headers.series} builds them")
    view = work.root / "driver" / f"kdir-{headers.release}-view"
    shutil.rmtree(view, ignore_errors=True)
    (view / "scripts/mod").mkdir(parents=True)
    for folder, but in (("", "scripts"), ("scripts", "mod"), ("scripts/mod", "modpost")):
        for path in (headers.folder / folder).iterdir():
            if path.name != but:
                (view / folder / path.name).symlink_to(path.resolve())
    (view / "scripts/mod/modpost").symlink_to(own)
    return view


def undefined(ko: Path) -> set[str]:
    """Symbols that a module takes from elsewhere."""
    text = subprocess.run(["readelf", "-sW", str(ko)], capture_output=True, text=True, check=True).stdout
    return {fields[-1] for line in text.splitlines()
            if len(fields := line.split()) == 8 and fields[6] == "UND"}


def verify(ko: Path, headers: Headers) -> None:
    """The module is for this kernel, and finds all it wants there."""
    magic = initramfs.modinfo(ko, "vermagic").split(" ")[0]
    if magic != headers.release:
        raise HarnessError(f"{ko.name} came out for {magic or 'no kernel'}, not for {headers.release}; "
                           f"is KDIR={headers.folder} of one piece?")
    known = {line.split("\t")[1] for line in _read(headers.folder / "Module.symvers", "symbols").splitlines()
             if line.count("\t") >= 2}
    missing = sorted(undefined(ko) - known)
    if missing:
        raise HarnessError(f"{ko.name} needs {missing[0]}, which Linux {headers.release} does not have"
                           + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""))


def build(work: Work, headers: Headers) -> Path:
    """The driver under test for a kernel: a panthor.ko."""
    check(headers)
    folder = work.root / "driver" / f"kdir-{re.sub(r'[^A-Za-z0-9.]+', '_', headers.release)}-{work.settings.driver}"
    module.mirror(work.tree / module.DRIVER_DIR, folder)
    log = work.root / "driver" / f"{folder.name}.log"
    procs.run([*words(work, headers, folder), "modules"], what=f"build panthor.ko for {headers.release}", log=log,
              verbose=work.settings.verbose, expect_seconds=30.0)
    ko = module.require(folder / "panthor.ko")
    verify(ko, headers)
    return ko


# --- Debian's ---------------------------------------------------------------------

def _fetch(work: Path, root: Path, suite: str, arch: str, names: Sequence[str], versions: dict[str, str]) -> set[str]:
    """Unpacks packages of one suite; returns what they depend on."""
    mirrors = aptfetch.configured_mirrors()
    if not mirrors:
        raise HarnessError("no Debian mirror is configured; name the headers with KDIR=DIR")
    apt = aptfetch.Apt(work / f"apt-{suite}-{arch}", mirrors[0], suite, arch)
    apt.update()
    depends: set[str] = set()
    for name in names:
        package = apt.show(name)
        if package is None:
            raise aptfetch.AptError(f"{suite} has no {name}")
        deb = aptfetch.download(apt, package, suite, work, say)
        fields = subprocess.run(["dpkg-deb", "-f", str(deb), "Depends"], capture_output=True, text=True,
                                check=True).stdout
        subprocess.run(["dpkg-deb", "-x", str(deb), str(root)], check=True)
        versions[name] = package.version
        depends |= debs.dependencies(fields)
        deb.unlink()
    return depends


def debian(series: str, cache: Path) -> Path:
    """Headers of Debian's arm64 kernel of a series, kept in the cache."""
    final = cache.absolute() / f"headers-arm64-{series}"
    with locks.locked(final.with_name(f".{final.name}.lock"), say, "fetching kernel headers"):
        if not (final / STAMP).is_file():
            _fetch_debian(series, final)
    return Path(json.loads((final / STAMP).read_text(encoding="utf-8"))["folder"])


def debian_kernel(headers: Path, cache: Path) -> Path:
    """Image and modules of the kernel that Debian's ``headers`` are of; kept in the cache."""
    release = headers.name.removeprefix("linux-headers-")
    final = cache.absolute() / f"kernel-{release}"
    found = final / "root/usr/lib/modules" / release
    with locks.locked(final.with_name(f".{final.name}.lock"), say, "fetching a kernel"):
        if found.is_dir():
            return found
        work = final.with_name(f".{final.name}.part")
        shutil.rmtree(work, ignore_errors=True)
        (work / "root").mkdir(parents=True)
        suite = json.loads((cache.absolute() / f"headers-arm64-{'.'.join(release.split('.')[:2])}" / STAMP)
                           .read_text(encoding="utf-8"))["suite"]
        try:
            _fetch(work, work / "root", suite, "arm64", [f"linux-binary-{release}", f"linux-modules-{release}"], {})
        except aptfetch.AptError as err:
            raise HarnessError(f"cannot fetch Debian's kernel {release}: {err}") from err
        shutil.rmtree(final, ignore_errors=True)
        work.replace(final)
    return found


def _fetch_debian(series: str, final: Path) -> None:
    trouble = ""
    for suite in source.SUITES:
        work = final.with_name(f".{final.name}.part")
        shutil.rmtree(work, ignore_errors=True)
        root = work / "root"
        root.mkdir(parents=True)
        versions: dict[str, str] = {}
        try:
            first = _fetch(work, root, suite, "arm64", ["linux-headers-arm64"], versions)
            if not versions["linux-headers-arm64"].startswith(f"{series}."):
                trouble = trouble or f"{suite} has {versions['linux-headers-arm64']}"
                continue
            names = sorted(name for name in first if re.fullmatch(r"linux-headers-\d.*arm64", name))
            more = _fetch(work, root, suite, "arm64", names[:1], versions)
            common = sorted(name for name in more if re.fullmatch(r"linux-headers-\d.*common", name))
            kbuild = sorted(name for name in more if re.fullmatch(r"linux-kbuild-\d\S*", name))
            _fetch(work, root, suite, "arm64", common[:1], versions)
            _fetch(work, root, suite, DEBIAN_ARCH.get(platform.machine(), "amd64"), kbuild[:1], versions)
        except (aptfetch.AptError, subprocess.CalledProcessError) as err:
            trouble = trouble or str(err)
            continue
        folder = final / "root/usr/src" / names[0]
        (work / STAMP).write_text(json.dumps({"folder": str(folder), "suite": suite, "packages": versions}, indent=1),
                                  encoding="utf-8")
        for path in work.glob("apt-*"):
            shutil.rmtree(path)
        shutil.rmtree(final, ignore_errors=True)
        work.replace(final)
        return
    raise HarnessError(f"Debian has no arm64 headers of Linux {series} ({trouble}); name some with KDIR=DIR")
