# SPDX-License-Identifier: GPL-2.0-only
"""Assembles the tree that is built: the kernel source plus this repository's files.

The source is mirrored by hard links, which costs two seconds and no disk.
Everything that differs from the source is put in place by rename, so no inode
of the source is ever opened for writing.
"""

from __future__ import annotations

import dataclasses
import errno
import filecmp
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Optional, Union

from ..host.source import KernelSource
from ..locks import Log, locked
from ..model import HarnessError, UsageError
from .treefiles import Listing, Node, git_listing, is_product, is_product_dir, overlay_files

SETTLED_NS = 50_000_000
_TEMP = ".panthor-new-"
FIXED = ".fixed"
"""Beside the tree: files with fixes, by what they come from."""
_NO_LINKS = frozenset((errno.EXDEV, errno.EROFS, errno.EOPNOTSUPP, errno.ENOSYS))
_NOT_THIS_LINK = frozenset((errno.EPERM, errno.EMLINK, errno.EACCES))


@dataclasses.dataclass
class OverlayResult:
    """What one assembly did to the tree.

    A source file edited in place is not in here: its link shows the new
    content by itself. So always run make, which sees the time stamp.
    """

    linked: int = 0
    copied: int = 0
    written: list[str] = dataclasses.field(default_factory=list)
    """Files of the overlay (and hooked ones) that are new or differ."""
    updated: list[str] = dataclasses.field(default_factory=list)
    """Files of the source that took the place of another content."""
    removed: list[str] = dataclasses.field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.linked or self.copied or self.written or self.updated or self.removed)


def assemble(src: Union[KernelSource, Path], repo: Path, dest: Path, log: Log,
             link: Callable[[str, str], None] = os.link, driver: str = "stock",
             files: Optional[Node] = None) -> OverlayResult:
    """Make ``dest`` the source plus the overlay; touch nothing that is right already.

    The tree serves both drivers, one at a time: what changes hands gets a new
    time stamp, so that make builds it again. ``files`` stands in for the overlay.
    """
    source = (src.path if isinstance(src, KernelSource) else src).resolve()
    dest = dest.absolute()
    inner, outer = dest.resolve(), source
    if inner == outer or inner in outer.parents or outer in inner.parents:
        raise UsageError(f"the build folder {dest} and the kernel tree {source} lie in each other; "
                         f"choose another folder with O=DIR")
    with locked(dest.parent / f".{dest.name}.lock", log, f"assembling {dest}"):
        try:
            overlay = files if files is not None else \
                overlay_files(source, repo, driver, dest.parent / FIXED, log)
            equals = _Equals(dest.parent / f".{dest.name}.equals")
            work = _Assembly(link, _links_work(source, dest, link), equals)
            dest.mkdir(exist_ok=True)
            work.sync(str(source), str(dest), "", git_listing(source, log), overlay)
            equals.save()
        except OSError as err:
            raise _explained(err, source, dest) from err
    return work.result


def _explained(err: OSError, source: Path, dest: Path) -> HarnessError:
    if err.errno in (errno.ENOSPC, errno.EDQUOT):
        return HarnessError(f"no space left in {dest.parent}; free some, or choose another disk with O=DIR")
    where = err.filename or dest
    remedy = "check its permissions" if str(where).startswith(str(source)) else "choose another folder with O=DIR"
    return HarnessError(f"cannot assemble the kernel tree: {where}: {err.strerror}; {remedy}")


# --- putting it there --------------------------------------------------------------

def _links_work(source: Path, dest: Path, link: Callable[[str, str], None]) -> bool:
    probe = dest.parent / f".{dest.name}.probe"
    probe.unlink(missing_ok=True)
    try:
        link(str(source / "Makefile"), str(probe))
    except OSError as err:
        if err.errno in _NO_LINKS or err.errno in _NOT_THIS_LINK:
            return False
        raise
    probe.unlink()
    return True


class _Equals:
    """Remembers which copies were found equal to their source, to read neither again.

    Only a cache: both files count as compared as long as their inodes, sizes
    and time stamps are the same, and without it they are just read once more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new: dict[str, list[int]] = {}
        self._old: dict[str, list[int]] = {}
        try:
            self._old = dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            pass

    def equal(self, one: str, two: str, first: os.stat_result, second: os.stat_result) -> bool:
        """Whether ``one`` and ``two``, whose lstat() is given, have the same content."""
        now = [n for s in (first, second) for n in (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)]
        if self._old.get(two) != now:
            filecmp.clear_cache()
            if not filecmp.cmp(one, two, shallow=False):
                return False
        # Time stamps are coarse: a file written this very moment may be
        # written again without any of them moving.
        if time.time_ns() - max(first.st_ctime_ns, second.st_ctime_ns) > SETTLED_NS:
            self._new[two] = now
        return True

    def save(self) -> None:
        """Keep what was learnt for the next run."""
        if self._new != self._old:
            temp = self._path.with_name(self._path.name + ".new")
            temp.write_text(json.dumps(self._new), encoding="utf-8")
            os.replace(temp, self._path)


class _Assembly:
    """One pass over source, overlay and destination together."""

    def __init__(self, link: Callable[[str, str], None], links: bool, equals: _Equals) -> None:
        self.result = OverlayResult()
        self._equals = equals
        self._link = link
        self._links = links

    def sync(self, src: str, dest: str, rel: str, listing: Optional[Listing], over: Optional[Node]) -> bool:
        """Bring one directory up to date; False when nothing belongs into it."""
        files, dirs = self._wanted(src, rel, listing, over)
        have: dict[str, os.DirEntry[str]] = {}
        try:
            with os.scandir(dest) as entries:
                have = {entry.name: entry for entry in entries}
        except FileNotFoundError:
            pass
        prefix = f"{rel}/" if rel else ""
        for name, entry in files.items():
            old = have.get(name)
            if old is not None and self._links and not isinstance(entry, (Path, bytes)) and \
                    entry.inode() == old.inode():
                continue
            self._place(entry, f"{dest}/{name}", prefix + name, old)
        kept = len(files)
        stale = [entry for name, entry in have.items() if name not in files]
        for name in dirs:
            old = have.get(name)
            if old is not None and not old.is_dir(follow_symlinks=False):
                os.unlink(old.path)
            if self.sync(f"{src}/{name}", f"{dest}/{name}", prefix + name,
                         None if listing is None else listing.get(name) or {},
                         over.dirs.get(name) if over else None):
                kept += 1
                stale = [entry for entry in stale if entry.name != name]
        for entry in stale:
            self._remove(entry, prefix + entry.name)
        return kept > 0

    def _wanted(self, src: str, rel: str, listing: Optional[Listing], over: Optional[Node]) \
            -> tuple[dict[str, Union[os.DirEntry[str], Path, bytes]], list[str]]:
        """Files by name with where they come from, and the names of directories."""
        files: dict[str, Union[os.DirEntry[str], Path, bytes]] = {}
        dirs: list[str] = []
        try:
            with os.scandir(src) as entries:
                for entry in entries:
                    name = entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if not is_product_dir(f"{rel}/{name}" if rel else name) and \
                                (listing is None or listing.get(name) is not None):
                            dirs.append(name)
                    elif (name in listing and name != ".config") if listing is not None else not is_product(name):
                        if entry.is_symlink() or entry.is_file(follow_symlinks=False):
                            files[name] = entry
        except (FileNotFoundError, NotADirectoryError):
            if over is None:
                raise
        if over is not None:
            files.update(over.files)
            dirs = [d for d in dirs if d not in over.files]
            dirs += [d for d in over.dirs if d not in dirs]
            for name in over.dirs:
                files.pop(name, None)
        return files, dirs

    def _remove(self, entry: os.DirEntry[str], rel: str) -> None:
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
        self.result.removed.append(rel)

    def _place(self, new: Union[os.DirEntry[str], Path, bytes], dest: str, rel: str,
               old: Optional[os.DirEntry[str]]) -> None:
        if old is not None and old.is_dir(follow_symlinks=False):
            shutil.rmtree(dest)
            old = None
        if old is not None and (self._same_text(new, dest) if isinstance(new, bytes)
                                else self._same_file(new, dest)):
            return
        if isinstance(new, (Path, bytes)):
            self._replace(new if isinstance(new, bytes) else str(new), dest)
            self.result.written.append(rel)
        elif old is not None:
            # Objects may exist that were compiled from the other content, and
            # the source's time stamp may be older than they are. A copy of
            # our own can carry the present time; a shared inode cannot.
            self._replace(new.path, dest)
            self.result.updated.append(rel)
        else:
            self._add(new.path, dest)

    @staticmethod
    def _same_text(new: bytes, dest: str) -> bool:
        info = os.lstat(dest)
        if not stat.S_ISREG(info.st_mode) or info.st_size != len(new):
            return False
        with open(dest, "rb") as handle:
            return handle.read() == new

    def _same_file(self, new: Union[os.DirEntry[str], Path], dest: str) -> bool:
        one, two = os.lstat(new), os.lstat(dest)
        if stat.S_IFMT(one.st_mode) != stat.S_IFMT(two.st_mode):
            return False
        if stat.S_ISLNK(one.st_mode):
            return os.readlink(new) == os.readlink(dest)
        if (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino):
            return True
        if one.st_size != two.st_size or one.st_mode & 0o111 != two.st_mode & 0o111:
            return False
        if not self._links and not isinstance(new, Path) and one.st_mtime_ns == two.st_mtime_ns:
            return True  # reading two whole trees each time would take a minute
        if not self._equals.equal(os.fspath(new), dest, one, two):
            return False
        if self._links and not isinstance(new, Path) and one.st_mtime_ns == two.st_mtime_ns:
            self._relink(new.path, dest)
        return True

    def _relink(self, src: str, dest: str) -> None:
        """Share the inode of an equal source file; nobody can tell but the disk."""
        temp = tempfile.mktemp(prefix=_TEMP, dir=os.path.dirname(dest))
        try:
            self._link(src, temp)
        except OSError as err:
            if err.errno not in _NO_LINKS and err.errno not in _NOT_THIS_LINK:
                raise
            return
        os.replace(temp, dest)

    def _add(self, src: str, dest: str) -> None:
        """A source file at a place that was empty."""
        linked = False
        if self._links and not os.path.islink(src):
            try:
                self._in_folder(dest, lambda: self._link(src, dest))
                linked = True
            except OSError as err:
                if err.errno not in _NO_LINKS and err.errno not in _NOT_THIS_LINK:
                    raise
        if linked:
            self.result.linked += 1
        else:
            self._replace(src, dest, keep_time=True)
            self.result.copied += 1

    @staticmethod
    def _in_folder(dest: str, action: Callable[[], None]) -> None:
        """Try first, make the directory only when that is what was missing."""
        try:
            action()
        except FileNotFoundError:
            os.makedirs(os.path.dirname(dest), exist_ok=True)
            action()

    def _replace(self, new: Union[str, bytes], dest: str, keep_time: bool = False) -> None:
        """Write beside ``dest`` and rename over it."""
        def write() -> None:
            temp = tempfile.mktemp(prefix=_TEMP, dir=os.path.dirname(dest))
            try:
                if isinstance(new, bytes):
                    with open(temp, "xb") as handle:
                        handle.write(new)
                elif os.path.islink(new):
                    os.symlink(os.readlink(new), temp)
                else:
                    shutil.copyfile(new, temp)
                    info = os.stat(new)
                    # Ours to replace later, whatever the source's owner forbids.
                    os.chmod(temp, stat.S_IMODE(info.st_mode) & 0o777 | 0o600)
                    if keep_time:
                        os.utime(temp, ns=(info.st_atime_ns, info.st_mtime_ns))
                os.replace(temp, dest)
            except BaseException:
                if os.path.lexists(temp):
                    os.unlink(temp)
                raise
        self._in_folder(dest, write)
