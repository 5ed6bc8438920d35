# SPDX-License-Identifier: GPL-2.0-only
"""Builds the VM's initramfs. Needs no root, and equal input gives equal bytes."""

from __future__ import annotations

import dataclasses
import gzip
import re
import stat
from pathlib import Path
from typing import Iterable, Mapping, Optional, Sequence, Union

from ..model import HarnessError

MODULE_DIR = "lib/modules"
RUN_LIST = "harness/run"
_ALIGN = 4


@dataclasses.dataclass(frozen=True)
class Entry:
    """One file of the archive. ``rdev`` is (major, minor) of a device node."""

    name: str
    mode: int
    data: bytes = b""
    rdev: tuple[int, int] = (0, 0)


def _pad(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGN)


def _record(entry: Entry, inode: int) -> bytes:
    name = entry.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0,
              *entry.rdev, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _pad(header + name) + _pad(entry.data)


def cpio(entries: Iterable[Entry]) -> bytes:
    """A newc archive: sorted, owned by root, without times."""
    ordered = sorted(entries, key=lambda entry: entry.name)
    parts = [_record(entry, inode) for inode, entry in enumerate(ordered, 1)]
    parts.append(_record(Entry("TRAILER!!!", 0), 0))
    return b"".join(parts)


def with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """Adds the folders the entries live in."""
    found = {entry.name: entry for entry in entries}
    for name in list(found):
        for parent in Path(name).parents:
            if str(parent) != ".":
                found.setdefault(str(parent), Entry(str(parent), stat.S_IFDIR | 0o755))
    return list(found.values())


def _load(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise HarnessError(f"cannot read {path} for the initramfs: {err.strerror}") from err


def _regular(name: str, data: bytes, executable: bool) -> Entry:
    return Entry(name, stat.S_IFREG | (0o755 if executable else 0o644), data)


def build(out: Path, *, busybox: Path, init: Path, modules: Sequence[Path] = (),
          run: Sequence[tuple[str, str, str]] = (),
          files: Optional[Mapping[str, Union[Path, bytes]]] = None,
          compress: bool = False) -> None:
    """Writes the archive to ``out``, whole or not at all.

    ``run`` are suites, cases and shell commands for the VM's init, those of a
    suite in a row; ``files`` maps names in the archive to host files or contents.
    QEMU loads a plain archive faster than an emulated CPU unpacks a compressed one.
    """
    entries = [
        _regular("init", _load(init), True),
        _regular("bin/busybox", _load(busybox), True),
        Entry("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1)),
        *(Entry(name, stat.S_IFDIR | 0o755) for name in ("proc", "sys", "tmp")),
    ]
    for module in modules:
        entries.append(_regular(f"{MODULE_DIR}/{module.name}", _load(module), False))
    if run:
        lines = "".join(" ".join(words) + "\n" for words in run)
        entries.append(_regular(RUN_LIST, lines.encode(), False))
    for name, source in (files or {}).items():
        if isinstance(source, bytes):
            entries.append(_regular(name, source, False))
        else:
            entries.append(_regular(name, _load(source), bool(source.stat().st_mode & 0o111)))
    archive = cpio(with_parents(entries))
    part = out.with_name(out.name + ".part")
    try:
        part.write_bytes(gzip.compress(archive, 6, mtime=0) if compress else archive)
        part.replace(out)
    except OSError as err:
        part.unlink(missing_ok=True)
        raise HarnessError(f"cannot write {out}: {err.strerror}") from err


def modinfo(module: Path, key: str) -> str:
    """A field of a module's description; empty if it has none."""
    match = re.search(rb"\0" + key.encode() + rb"=([^\0]*)\0", _load(module))
    return match[1].decode() if match else ""


def _plain(name: str) -> str:
    return name.replace("-", "_")


def base_modules(build_dir: Path) -> dict[str, Path]:
    """Modules of a kernel build by name, from its modules.order."""
    order = build_dir / "modules.order"
    if not order.is_file():
        return {}
    paths = [build_dir / line for line in order.read_text("utf-8").split()]
    return {_plain(path.stem): path.with_suffix(".ko") for path in paths}


def load_order(modules: Sequence[Path], available: Mapping[str, Path]) -> list[Path]:
    """``modules`` with all they depend on, each after its dependencies.

    A module given is preferred to the one of the same name in ``available``:
    the driver under test replaces the panthor.ko of the base build.
    """
    known = {**available, **{_plain(path.stem): path for path in modules}}
    ordered: list[Path] = []
    open_names: set[str] = set()

    def visit(name: str, needed_by: str) -> None:
        if name not in known:
            raise HarnessError(f"{needed_by} needs module {name}, which the "
                               "kernel build does not have; rebuild the kernel")
        if known[name] in ordered:
            return
        if name in open_names:
            raise HarnessError(f"modules depend on each other: {sorted(open_names)}")
        open_names.add(name)
        for depends in modinfo(known[name], "depends").split(","):
            if depends:
                visit(_plain(depends), known[name].name)
        open_names.discard(name)
        ordered.append(known[name])

    for module in modules:
        visit(_plain(module.stem), "the run")
    return ordered
