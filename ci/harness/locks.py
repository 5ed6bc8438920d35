# SPDX-License-Identifier: GPL-2.0-only
"""Lock files, so that two runs started at once do not spoil each other's folders."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

from .model import HarnessError

Log = Callable[[str], None]


def quiet(_: str) -> None:
    """A log for those who do not want one."""


@contextlib.contextmanager
def locked(path: Path, log: Log, doing: str) -> Iterator[None]:
    """Hold ``path`` exclusively; say once when another run has it.

    The kernel drops the lock with the process, so a killed run never blocks
    the next one, and the file itself is left in place: removing it would let
    two waiters hold "the" lock on two different inodes.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open(path, "a", encoding="ascii")
    except OSError as err:
        raise HarnessError(
            f"cannot write {path}: {err.strerror}; choose a writable folder "
            f"with O=DIR or XDG_CACHE_HOME=DIR") from err
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log(f"waiting: another run is {doing}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
