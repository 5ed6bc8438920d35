# SPDX-License-Identifier: GPL-2.0-only
"""Which programs of the host a run needs, and how it gets them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import re
import shutil
import struct
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Optional

from ..locks import Log, locked
from ..model import HarnessError
from . import aptfetch

INSTALL = ("apt-get", "install", "-y", "--no-install-recommends")
# A list that is missing or out of date; anything else an update will not cure.
STALE_LISTS = re.compile(r"Unable to locate package|no installation candidate|"
                         r"404 +Not Found|Unable to fetch some archives")


@dataclasses.dataclass(frozen=True)
class Tool:
    """Something to look for, and the Debian package that has it."""

    probe: str
    """A command, ``<header>`` in an include path, or an absolute path."""
    package: str
    optional: bool = False


def _cross(machine: str, native: Sequence[str], triplet: str, package: str, debian: str) -> tuple[Tool, ...]:
    """A cross compiler and a C library, unless the host's own compiler is the one.

    Programs for a guest are linked statically; the kernel itself needs no library.
    """
    if machine in native:
        return (Tool("gcc", "gcc"), Tool("<stdio.h>", "libc6-dev"))
    return (Tool(f"{triplet}-gcc", package),
            Tool(f"/usr/{triplet}/lib/libc.a", f"libc6-dev-{debian}-cross"))


def tool_table(machine: str) -> dict[str, tuple[Tool, ...]]:
    """Tools by group, for a host of the architecture ``machine``."""
    return {
        "build": (
            Tool("gcc", "gcc"), Tool("ld", "binutils"), Tool("make", "make"), Tool("flex", "flex"),
            Tool("bison", "bison"), Tool("bc", "bc"), Tool("perl", "perl"), Tool("python3", "python3"),
            Tool("xz", "xz-utils"), Tool("cpio", "cpio"), Tool("<stdio.h>", "libc6-dev"),
            Tool("<libelf.h>", "libelf-dev"), Tool("<gelf.h>", "libelf-dev"),
            Tool("<openssl/opensslv.h>", "libssl-dev")),
        "arm64": _cross(machine, ("aarch64", "arm64"), "aarch64-linux-gnu", "gcc-aarch64-linux-gnu", "arm64") +
                 (Tool("qemu-system-aarch64", "qemu-system-arm"),),
        "x86_64": _cross(machine, ("x86_64", "amd64"), "x86_64-linux-gnu", "gcc-x86-64-linux-gnu", "amd64") +
                  (Tool("qemu-system-x86_64", "qemu-system-x86"),),
        "vm": (Tool("static busybox", "busybox-static"), Tool("cpio", "cpio")),
        # Kernels from 7.3 on refuse the clang that Debian 12 calls clang.
        "clang": tuple(Tool(f"{name}-19", package, optional=True) for name, package in (
            ("clang", "clang-19"), ("ld.lld", "lld-19"), ("llvm-ar", "llvm-19"))),
        "fixes": (Tool("spatch", "coccinelle"),),
        "check": (Tool("shellcheck", "shellcheck", optional=True),),
    }


def _include_dirs() -> list[str]:
    named = [os.environ.get(name, "") for name in ("CPATH", "C_INCLUDE_PATH")]
    return [d for part in named for d in part.split(":") if d] + ["/usr/include", "/usr/local/include"]


def is_static_elf(path: Path) -> bool:
    """Whether ``path`` is an executable that asks for no dynamic loader."""
    try:
        with open(path, "rb") as handle:
            head = handle.read(4096)
    except OSError:
        return False
    if head[:6] != b"\x7fELF\x02\x01" or len(head) < 64:
        return False
    (table,), (size, count) = struct.unpack_from("<Q", head, 32), struct.unpack_from("<HH", head, 54)
    kinds = [head[table + i * size:table + i * size + 4] for i in range(count)]
    return bool(kinds) and struct.pack("<I", 3) not in kinds


def host_busybox() -> Optional[Path]:
    """The host's static busybox, if it has one."""
    names = (shutil.which("busybox"), "/bin/busybox", "/usr/bin/busybox")
    return next((Path(n) for n in names if n and is_static_elf(Path(n))), None)


def present(tool: Tool) -> bool:
    """Whether the host has ``tool``."""
    probe = tool.probe
    if probe.startswith("<"):
        return any(os.path.exists(os.path.join(d, probe[1:-1])) for d in _include_dirs())
    if probe.startswith("/"):
        return os.path.exists(probe)
    if probe == "static busybox":
        return host_busybox() is not None
    return shutil.which(probe) is not None


def _run(argv: Sequence[str]) -> aptfetch.Ran:
    """Run apt to its end, even when interrupted: half an installation is worse."""
    env = dict(os.environ, LC_ALL="C", DEBIAN_FRONTEND="noninteractive")
    with tempfile.TemporaryFile() as out, \
            subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                             start_new_session=True) as proc:
        proc.wait()
        out.seek(0)
        return aptfetch.Ran(proc.returncode, out.read().decode("utf-8", "replace"))


def _os_release() -> str:
    with contextlib.suppress(OSError):
        return Path("/etc/os-release").read_text(encoding="utf-8", errors="replace")
    return ""


@dataclasses.dataclass
class Host:
    """What ``ensure`` asks of the machine; tests put their own answers in."""

    present: Callable[[Tool], bool] = present
    root: bool = dataclasses.field(default_factory=lambda: os.geteuid() == 0)
    os_release: str = dataclasses.field(default_factory=_os_release)
    machine: str = dataclasses.field(default_factory=platform.machine)
    run: Callable[[Sequence[str]], aptfetch.Ran] = _run

    @property
    def debian_like(self) -> bool:
        return bool(re.search(r'^ID(_LIKE)?=.*\b(debian|ubuntu)\b', self.os_release, re.M))


def ensure(wanted: Iterable[str], log: Log, host: Optional[Host] = None) -> None:
    """Make sure the groups ``wanted`` of ``tool_table`` are there, or say what to type.

    As root on Debian or Ubuntu exactly the missing packages are installed.
    """
    host = host or Host()
    table = tool_table(host.machine)
    tools = [tool for group in dict.fromkeys(wanted) for tool in table[group]]
    missing = [tool for tool in tools if not host.present(tool)]
    if not missing:
        return
    if not (host.root and host.debian_like):
        optional = [tool for tool in missing if tool.optional]
        if optional:
            log(f"note: {_names(optional)} not found, what needs it is left out "
                f"(package {_packages(optional)})")
        missing = [tool for tool in missing if not tool.optional]
        if missing:
            raise HarnessError(_what_to_type(missing, host.debian_like))
        return
    _install(missing, log, host)


def _names(tools: Iterable[Tool]) -> str:
    return ", ".join(dict.fromkeys(tool.probe for tool in tools))


def _packages(tools: Iterable[Tool]) -> str:
    return " ".join(dict.fromkeys(tool.package for tool in tools))


def _what_to_type(missing: Sequence[Tool], debian_like: bool) -> str:
    if debian_like:
        return (f"missing on this machine: {_names(missing)}; type: "
                f"sudo apt-get install --no-install-recommends {_packages(missing)}")
    return (f"missing on this machine: {_names(missing)}; install what your system calls "
            f"the Debian packages {_packages(missing)}")


def _install(missing: Sequence[Tool], log: Log, host: Host) -> None:
    packages = _packages(missing)
    log(f"missing on this machine: {_names(missing)}")
    # Another apt at work (a machine's daily update) is worth waiting for.
    argv = [*INSTALL, "-o", "DPkg::Lock::Timeout=300", *packages.split()]
    log(f"installing: apt-get install --no-install-recommends {packages}")
    try:
        ran = host.run(argv)
        if ran.code and STALE_LISTS.search(ran.text):
            log("the package lists are missing or old: apt-get update")
            host.run(["apt-get", "update", "-o", "DPkg::Lock::Timeout=300"])
            ran = host.run(argv)
    except FileNotFoundError as err:
        raise HarnessError(_what_to_type(missing, False)) from err
    errors = [line for line in ran.text.splitlines() if line.startswith("E:")]
    left = [tool for tool in missing if not tool.optional and not host.present(tool)]
    if left or (ran.code and not all(tool.optional for tool in missing)):
        why = errors[0] if errors else f"apt-get ended with {ran.code}"
        raise HarnessError(f"could not install {packages} ({why}); type: "
                           f"apt-get update && apt-get install --no-install-recommends {packages}")
    if ran.code:
        log(f"note: could not install {packages}, what needs it is left out")


# --- busybox for a guest -----------------------------------------------------------

DEBIAN_ARCH = {"arm64": "arm64", "aarch64": "arm64", "x86_64": "amd64", "amd64": "amd64"}

Fetch = Callable[[str, Path, str, Log], aptfetch.Fetched]


def _fetch(name: str, target: Path, arch: str, log: Log) -> aptfetch.Fetched:
    return aptfetch.fetch_package(name, target, log, arch=arch,
                                  remedy="run the lane of the host's own architecture with LANES=")


def guest_busybox(arch: str, cache: Path, log: Log, machine: str = "", fetch: Fetch = _fetch) -> Path:
    """A static busybox for a guest of ``arch`` ("arm64", "x86_64").

    The host's own where it fits; else the one of Debian's package for that
    architecture, kept in the cache. The host's dpkg learns nothing of it.
    """
    debian = DEBIAN_ARCH[arch]
    own = host_busybox() if DEBIAN_ARCH.get(machine or platform.machine()) == debian else None
    if own is not None:
        return own
    folder = cache.absolute() / "busybox"
    path = folder / f"busybox-{debian}"
    if path.is_file():
        return path
    with locked(folder / f".{path.name}.lock", log, f"fetching busybox for {arch}"):
        if path.is_file():
            return path
        fetched = fetch("busybox-static", folder, debian, log)
        try:
            _extract_busybox(fetched.path, path)
        finally:
            fetched.path.unlink(missing_ok=True)
    return path


def _extract_busybox(deb: Path, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=path.parent) as folder:
        archive, temp = Path(folder, "data.tar"), Path(folder, "busybox")
        try:
            with open(archive, "wb") as out:
                subprocess.run(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=out, check=True,
                               stderr=subprocess.DEVNULL)
            with tarfile.open(archive) as tar:
                # Before and after Debian merged /bin into /usr/bin.
                names = [n for n in tar.getnames() if n.endswith("bin/busybox")]
                member = tar.extractfile(names[0]) if names else None
                if member is None:
                    raise HarnessError(f"{deb.name} holds no busybox; run the lane of the host's "
                                       f"own architecture with LANES=")
                with member, open(temp, "wb") as out:
                    shutil.copyfileobj(member, out)
            temp.chmod(0o755)
            os.replace(temp, path)
        except (OSError, subprocess.CalledProcessError, tarfile.TarError) as err:
            raise HarnessError(f"cannot unpack {deb.name}: {err}; run the command again") from err
