# SPDX-License-Identifier: GPL-2.0-only
"""Finds the kernel source a run is about: a directory, the cache, or Debian's package."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Optional

from ..locks import Log, locked, quiet
from ..model import HarnessError, UsageError
from . import aptfetch

SUPPORTED = ("7.2", "7.3")
DEFAULT = "7.3"
SUITES = ("trixie-backports", "forky", "sid")
NEEDED_BYTES = 2 << 30
PANTHOR = Path("drivers/gpu/drm/panthor/panthor_gem.c")
UNPACK_SECONDS = 1800.0

Fetch = Callable[[str, Path, Log, Log], aptfetch.Fetched]
Free = Callable[[Path], int]


@dataclasses.dataclass(frozen=True)
class KernelSource:
    """A kernel tree that is only ever read."""

    path: Path
    version: str
    series: str
    origin: str
    """Debian package and version, or the directory."""
    ident: str
    """Name for build folders: the same for the same source, different for others."""
    pristine: bool
    """An unpacked release from our cache, not somebody's working tree."""


def resolve(kernel: Optional[str], cache: Path, log: Log, show: Log = quiet) -> KernelSource:
    """The tree that ``KERNEL=`` means: a series, a directory, or nothing for the default.

    ``show`` gets the plain commands behind what is done.
    """
    if not kernel or kernel in SUPPORTED:
        return _cached(kernel or DEFAULT, cache, log, show=show)
    if re.fullmatch(r"v?\d+(\.\d+)*(-rc\d+)?", kernel):
        raise UsageError(f"Linux {kernel} is not supported: use KERNEL={' or KERNEL='.join(SUPPORTED)}, "
                         f"or KERNEL=DIR for a tree of your own")
    return _directory(kernel, log)


# --- somebody's tree ------------------------------------------------------------

def tree_version(tree: Path) -> str:
    """What ``make kernelversion`` would print, or "" when this is no kernel tree."""
    try:
        with open(tree / "Makefile", encoding="utf-8", errors="replace") as handle:
            head = [next(handle, "") for _ in range(40)]
    except OSError:
        return ""
    found = {m[1]: m[2].strip() for m in (re.match(r"([A-Z]+)\s*=([^#]*)", line) for line in head) if m}
    if not found.get("VERSION", "").isdigit() or not found.get("PATCHLEVEL", "").isdigit():
        return ""
    numbers = [found["VERSION"], found["PATCHLEVEL"], found.get("SUBLEVEL", "")]
    return ".".join(n for n in numbers if n) + found.get("EXTRAVERSION", "")


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _number(series: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", series)[:2])


def _directory(name: str, log: Log) -> KernelSource:
    path = Path(name).expanduser()
    try:
        if not path.exists():
            raise UsageError(f"KERNEL={name}: no such directory; "
                             f"use {', '.join(SUPPORTED)} or the path of a kernel tree")
        if not path.is_dir():
            raise UsageError(f"KERNEL={name} is not a directory; unpack it first")
        os.scandir(path).close()
        path = path.resolve()
        version = tree_version(path)
        if not version or not (path / "Kconfig").is_file():
            raise UsageError(f"KERNEL={name} is no kernel tree: it lacks Kconfig or a Makefile "
                             f"with VERSION and PATCHLEVEL; give the top directory of one")
        if not (path / PANTHOR).is_file():
            raise UsageError(f"KERNEL={name} (Linux {version}) has no panthor driver: {PANTHOR} is missing; "
                             f"use a tree of Linux {SUPPORTED[0]} or later")
        has_shrinker = "shrinker_alloc" in (path / PANTHOR).read_text(encoding="utf-8", errors="replace")
    except OSError as err:
        raise UsageError(f"KERNEL={name} cannot be read: {err.strerror}; "
                         f"check its permissions") from err
    series = _series(version)
    if not has_shrinker:
        raise UsageError(f"KERNEL={name} is Linux {version} without panthor's shrinker, which was merged "
                         f"in {SUPPORTED[0]}; use {SUPPORTED[0]} or later")
    if series not in SUPPORTED:
        # A subsystem tree keeps the version of the release it is based on
        # and may well have the shrinker already, so the number is no verdict.
        log(f"note: Linux {version} is not supported (supported: {', '.join(SUPPORTED)}), tried anyway")
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    base = re.sub(r"[^A-Za-z0-9._+-]", "_", path.name) or "tree"
    return KernelSource(path, version, series, str(path), f"{base}-{digest}", False)


# --- the cache ------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class _Stamp:
    """Written last: what it names is complete."""

    package: str
    package_version: str
    sha256: str
    kernel: str

    @property
    def ident(self) -> str:
        return "linux-" + re.sub(r"[^A-Za-z0-9._+~-]", "_", self.package_version)


def _stamp_path(folder: Path, ident: str) -> Path:
    # Beside the tree, not in it: the tree holds kernel files and nothing else.
    return folder / f"{ident}.stamp"


def _read_stamp(path: Path) -> Optional[_Stamp]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return _Stamp(**{f.name: str(data[f.name]) for f in dataclasses.fields(_Stamp)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _complete(series: str, folder: Path) -> Optional[KernelSource]:
    """The newest whole source of ``series`` in the cache."""
    best: Optional[tuple[list[int], KernelSource]] = None
    for path in folder.glob("linux-*.stamp"):
        stamp = _read_stamp(path)
        if stamp is None or _series(stamp.kernel) != series:
            continue
        tree = folder / stamp.ident
        # Somebody may have emptied the folder by hand to win space.
        if tree_version(tree) != stamp.kernel or not (tree / PANTHOR).is_file():
            continue
        rank = [int(n) for n in re.findall(r"\d+", stamp.package_version)]
        if best is None or rank > best[0]:
            origin = f"debian {stamp.package} {stamp.package_version}"
            best = rank, KernelSource(tree, stamp.kernel, series, origin, stamp.ident, True)
    return best[1] if best else None


def _fetch(name: str, target: Path, log: Log, show: Log) -> aptfetch.Fetched:
    return aptfetch.fetch_package(name, target, log, suites=SUITES, run=aptfetch.showing(show),
                                  remedy="name a kernel tree of your own with KERNEL=DIR")


def _free_bytes(path: Path) -> int:
    return shutil.disk_usage(path).free


def _no_space(folder: Path) -> HarnessError:
    return HarnessError(f"no space left in {folder}: the kernel source needs {NEEDED_BYTES / (1 << 30):.1f} GiB; "
                        f"free some, or choose another disk with XDG_CACHE_HOME=DIR")


def _cached(series: str, cache: Path, log: Log, fetch: Fetch = _fetch,
            free: Free = _free_bytes, show: Log = quiet) -> KernelSource:
    folder = cache.absolute() / "src"
    found = _complete(series, folder)
    if found is not None:
        return found
    with locked(folder / f".linux-{series}.lock", log, f"fetching Linux {series}"):
        found = _complete(series, folder)
        if found is not None:
            return found
        for left in folder.glob(f".unpack-{series}-*"):
            shutil.rmtree(left, ignore_errors=True)
        for package in folder.glob(f"linux-source-{series}_*.deb"):
            package.unlink()
        if free(folder) < NEEDED_BYTES:
            raise _no_space(folder)
        if shutil.which("dpkg-deb") is None or shutil.which("apt-get") is None:
            raise HarnessError(f"Linux {series} is not in the cache, and fetching it needs apt-get and dpkg-deb "
                               f"of Debian; name a kernel tree of your own with KERNEL=DIR")
        fetched = fetch(f"linux-source-{series}", folder, log, show)
        _install(fetched, series, folder, log, show)
    found = _complete(series, folder)
    if found is None:
        raise HarnessError(f"the kernel source in {folder} vanished while it was put there; "
                           f"run the command again")
    return found


def _install(fetched: aptfetch.Fetched, series: str, folder: Path, log: Log, show: Log) -> None:
    """Unpack beside the final place, rename, and only then write the stamp."""
    package = fetched.package
    log(f"unpacking {package.name} {package.version} (about 15 s)")
    temp = Path(tempfile.mkdtemp(prefix=f".unpack-{series}-", dir=folder))
    try:
        unpack(fetched.path, temp / "tree", show)
        kernel = tree_version(temp / "tree")
        if _series(kernel) != series or not (temp / "tree" / PANTHOR).is_file():
            raise HarnessError(f"{package.name} {package.version} holds no Linux {series} with panthor; "
                               f"name a kernel tree of your own with KERNEL=DIR")
        stamp = _Stamp(package.name, package.version, package.sha256, kernel)
        final = folder / stamp.ident
        _stamp_path(folder, stamp.ident).unlink(missing_ok=True)
        if final.exists():
            shutil.rmtree(final)
        os.rename(temp / "tree", final)
        text = json.dumps(dataclasses.asdict(stamp), indent=1) + "\n"
        (temp / "stamp").write_text(text, encoding="utf-8")
        os.replace(temp / "stamp", _stamp_path(folder, stamp.ident))
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_space(folder) from err
        raise HarnessError(f"cannot unpack {fetched.path.name}: {err.strerror}: {err.filename}; "
                           f"check {folder}") from err
    finally:
        shutil.rmtree(temp, ignore_errors=True)
        with contextlib.suppress(OSError):
            fetched.path.unlink()


def unpack(deb: Path, into: Path, show: Log = quiet) -> None:
    """Unpack the source tar ball inside a linux-source package; nothing is kept of a failure."""
    into.mkdir()
    pipeline = " | ".join(shlex.join(argv) for argv in (
        ("dpkg-deb", "--fsys-tarfile", str(deb)),
        ("tar", "-xO", "--wildcards", "./usr/src/linux-source-*.tar.xz"),
        ("xz", "-dcT0"),
        ("tar", "-x", "-C", str(into), "--strip-components=1", "--no-same-owner")))
    show(pipeline)
    ran = aptfetch.run_command(["bash", "-o", "pipefail", "-c", pipeline], into, UNPACK_SECONDS)
    if "No space left" in ran.text or "quota exceeded" in ran.text:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if ran.code:
        lines = ran.text.strip().splitlines()
        raise HarnessError(f"cannot unpack {deb.name}: {lines[0] if lines else 'unknown error'}; "
                           f"run the command again to fetch it afresh")
