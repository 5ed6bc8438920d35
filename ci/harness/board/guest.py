# SPDX-License-Identifier: GPL-2.0-only
"""A VM that stands in for a board: ssh, network, a software GPU, and a kernel that may die.

It has no disk: whatever is copied there is gone after a boot, as on a board that
a lab boots from the network.
"""

from __future__ import annotations

import contextlib
import lzma
import re
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Iterator, Mapping, Sequence, Union

from .. import procs
from ..build import initramfs
from ..build.initramfs import Entry
from ..host import debs
from ..locks import Log
from ..model import HarnessError
from ..settings import REPO

SSHD = "dropbear-bin"
SUITES = ("bookworm", "trixie")
LIBS = Path("usr/lib/aarch64-linux-gnu")
NETWORK = ("failover", "net_failover", "virtio_net")
USER = "root:x:0:0:root:/root:/bin/sh\n"
BOOT_SECONDS = 300.0


def fetch_sshd(work: Path, log: Log) -> dict[str, Union[Path, bytes]]:
    """Files of an ssh server and its libraries, by their name in the guest."""
    root = work / "root"
    root.mkdir(parents=True, exist_ok=True)
    packages = debs.Packages(work, root, "arm64", log)
    packages.find(SUITES, SSHD)
    start = Path("usr/sbin/dropbear")
    found = debs.close(root, LIBS, [start], [SSHD], packages.add)
    files: dict[str, Union[Path, bytes]] = {str(start): (root / start).resolve()}
    for path in found:
        files[str(path.relative_to(root))] = path.resolve()
        if path.name.startswith("ld-linux"):
            files[f"lib/{path.name}"] = path.resolve()
    return files


def kernel_modules(folder: Path) -> dict[str, Path]:
    """Modules of an installed kernel by name."""
    return {re.sub(r"\.ko(\.xz)?$", "", path.name).replace("-", "_"): path
            for path in folder.rglob("*.ko*") if path.name.endswith((".ko", ".ko.xz"))}


def plain_module(path: Path, into: Path) -> Path:
    """The module as insmod takes it."""
    if path.suffix != ".xz":
        return path
    target = into / path.stem
    if not target.exists():
        into.mkdir(parents=True, exist_ok=True)
        target.write_bytes(lzma.decompress(path.read_bytes()))
    return target


def load_order(wanted: Sequence[str], own: Sequence[Path], installed: Mapping[str, Path], into: Path) -> list[Path]:
    """Installed modules ``wanted`` and ``own`` ones, each after what it depends on."""
    known: dict[str, Path] = {}

    def add(name: str) -> None:
        if name in known or name not in installed:
            return
        known[name] = plain_module(installed[name], into)
        for depends in initramfs.modinfo(known[name], "depends").split(","):
            add(depends.replace("-", "_"))

    for name in wanted:
        add(name)
    for path in own:
        for depends in initramfs.modinfo(path, "depends").split(","):
            add(depends.replace("-", "_"))
    ordered = initramfs.load_order([*(known[name] for name in wanted if name in known), *own], known)
    return ordered


def key(folder: Path) -> Path:
    """A key pair for this VM alone."""
    path = folder / "key"
    if not path.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def pack(out: Path, busybox: Path, modules: Sequence[Path], words: Mapping[str, str], public: Path,
         files: Mapping[str, Union[Path, bytes]]) -> None:
    """The initramfs; ``words`` are parameters of modules."""
    entries = [Entry("root", stat.S_IFDIR | 0o700), Entry("root/.ssh", stat.S_IFDIR | 0o700),
               Entry("root/.ssh/authorized_keys", stat.S_IFREG | 0o600, public.read_bytes()),
               Entry("init", stat.S_IFREG | 0o755, (REPO / "ci/vm/board").read_bytes()),
               Entry("bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes()),
               Entry("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1)),
               Entry("etc/passwd", stat.S_IFREG | 0o644, USER.encode()),
               Entry("etc/shells", stat.S_IFREG | 0o644, b"/bin/sh\n"),
               Entry("boot/load", stat.S_IFREG | 0o644, "".join(
                   f"{path.name} {words.get(path.stem, '')}\n" for path in modules).encode())]
    entries += [Entry(f"boot/modules/{path.name}", stat.S_IFREG | 0o644, path.read_bytes()) for path in modules]
    for name, source in files.items():
        data = source if isinstance(source, bytes) else source.read_bytes()
        executable = not isinstance(source, bytes) and source.stat().st_mode & 0o111
        entries.append(Entry(name, stat.S_IFREG | (0o755 if executable else 0o644), data))
    out.write_bytes(initramfs.cpio(initramfs.with_parents(entries)))


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def command(image: Path, initrd: Path, port: int, config: str = "") -> list[str]:
    """QEMU, with reboots; ``config`` are more words for the kernel."""
    return ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-accel", "tcg,thread=multi", "-cpu", "cortex-a72",
            "-smp", "2", "-m", "2048", "-nographic", "-nodefaults", "-serial", "stdio",
            "-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22", "-device", "virtio-net-device,netdev=n",
            "-kernel", str(image), "-initrd", str(initrd), "-append",
            f"console=ttyAMA0 panic=-1 oops=panic log_buf_len=4M net.ifnames=0 {config}".strip()]


class Guest:
    """The VM while it runs; its console goes into a file."""

    def __init__(self, words: Sequence[str], console: Path) -> None:
        self.console = console
        self._file = console.open("wb")
        self._child = procs.Child(words)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def _pump(self) -> None:
        while not self._closing.is_set():
            data = self._child.read(0.5)
            if data is None:
                return
            if data:
                self._file.write(data)
                self._file.flush()

    def ready(self) -> None:
        """Waits for its ssh server."""
        end = time.monotonic() + BOOT_SECONDS
        while b"board: ready" not in self.console.read_bytes():
            time.sleep(0.5)
            if time.monotonic() > end or not self._thread.is_alive():
                raise HarnessError(f"the VM did not boot within {BOOT_SECONDS:.0f} s; see {self.console}")

    def stop(self) -> None:
        """Pulls the plug."""
        self._closing.set()
        self._thread.join()
        self._child.stop()
        self._file.close()


@contextlib.contextmanager
def running(words: Sequence[str], console: Path) -> Iterator[Guest]:
    """A VM that is booted, and stopped in the end."""
    guest = Guest(words, console)
    try:
        guest.ready()
        yield guest
    finally:
        guest.stop()
