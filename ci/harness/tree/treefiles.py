# SPDX-License-Identifier: GPL-2.0-only
"""Which files the assembled tree consists of: the source's, this repository's, hooked ones."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Optional, Union

from ..locks import Log, quiet
from ..model import HarnessError, UsageError
from . import fixes

OVERLAY_DIRS = ("drivers", "tools", "Documentation")
DRIVER_DIR = "drivers/gpu/drm/panthor"
CORE_MAKEFILE = "Makefile.core"


@dataclasses.dataclass(frozen=True)
class Hook:
    """Lines that end a stock file, so that no stock text has to be carried here."""

    path: str
    lines: tuple[str, ...]
    needs: str
    """The overlay file the lines point to; without it there is nothing to hook."""


HOOKS = (
    Hook("drivers/gpu/drm/panthor/Kconfig",
         ('source "drivers/gpu/drm/panthor/Kconfig.harness"',),
         "drivers/gpu/drm/panthor/Kconfig.harness"),
    Hook("drivers/gpu/drm/panthor/Makefile",
         ("# panthor harness", "include $(src)/Makefile.harness"),
         "drivers/gpu/drm/panthor/Makefile.harness"),
)

# What a build inside the source leaves behind; kbuild refuses a source with
# some of these, and none of them is source. Only files, and only names that no
# tracked file of a kernel has ("vmlinux" is a directory somewhere).
_PRODUCT_NAMES = frozenset((
    ".config", ".config.old", ".version", "Module.symvers", "System.map", "vmlinux", "vmlinux.lds",
    "vmlinux.map", "vmlinux.unstripped", "modules.order", "modules.builtin", "modules.builtin.modinfo",
    "modules.builtin.ranges", "modules.nsdeps", "compile_commands.json"))
_PRODUCT_ENDS = (".o", ".a", ".ko", ".mod", ".mod.c", ".order", ".dtb", ".dtbo", ".dwo", ".pyc",
                 ".gcno", ".su", ".symversions")
_PRODUCT_DIRS = frozenset((".git", ".kunit", "include/config", "include/generated"))
_LEFTOVER_ENDS = ("~", ".orig", ".rej", ".swp")


class Node:
    """One directory of the overlay: file name -> repository file or text."""

    def __init__(self) -> None:
        self.files: dict[str, Union[Path, bytes]] = {}
        self.dirs: dict[str, Node] = {}

    def put(self, path: str, content: Union[Path, bytes]) -> None:
        *parents, name = path.split("/")
        node = self
        for parent in parents:
            node = node.dirs.setdefault(parent, Node())
        node.files[name] = content

    def get(self, path: str) -> Union[Path, bytes, None]:
        *parents, name = path.split("/")
        node = self
        for parent in parents:
            if parent not in node.dirs:
                return None
            node = node.dirs[parent]
        return node.files.get(name)

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Union[Path, bytes]]]:
        """All files below, by path."""
        for name, content in sorted(self.files.items()):
            yield prefix + name, content
        for name, node in sorted(self.dirs.items()):
            yield from node.walk(f"{prefix}{name}/")


Listing = dict[str, Optional["Listing"]]
"""A directory of a git listing: name -> its own listing, or None for a file."""


def is_product(name: str) -> bool:
    return name in _PRODUCT_NAMES or name.endswith(_PRODUCT_ENDS) or name.startswith(".tmp_") or \
        (name.startswith(".") and name.endswith((".cmd", ".d")))


def is_product_dir(rel: str) -> bool:
    return rel in _PRODUCT_DIRS or rel.endswith("__pycache__") or \
        (rel.startswith("arch/") and rel.endswith("/include/generated"))


def git_listing(source: Path, log: Log) -> Optional[Listing]:
    """Tracked and untracked, but no ignored files; None where git has no say."""
    if not (source / ".git").exists():
        return None
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env["GIT_OPTIONAL_LOCKS"] = "0"
    argv = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", str(source),
            "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        ran = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        log(f"note: git cannot list {source}; taking every file but build products")
        return None
    root: Listing = {}
    where: dict[str, Listing] = {"": root}

    def folder(path: str) -> Listing:
        if path not in where:
            parent, _, name = path.rpartition("/")
            where[path] = folder(parent)[name] = {}
        return where[path]

    for path in os.fsdecode(ran.stdout).split("\0"):
        parent, _, name = path.rpartition("/")
        if name:  # a repository inside the repository ends in a slash
            folder(parent)[name] = None
    if "Makefile" not in root:
        log(f"note: git in {source} does not know the kernel's files; taking every file but build products")
        return None
    return root


def is_core(rel: str) -> bool:
    """Whether a file belongs to the memory core; what is below the driver's folder does not."""
    folder, _, name = rel.rpartition("/")
    return folder == DRIVER_DIR and (name == CORE_MAKEFILE or name.endswith((".c", ".h")))


def core_files(repo: Path) -> list[Path]:
    """The memory core, as far as ``repo`` has one; a half of it replaces a half of the stock one."""
    return [path for path in sorted((repo / DRIVER_DIR).glob("*"))
            if is_core(f"{DRIVER_DIR}/{path.name}") and path.is_file()]


def fix_stages(source: Path, repo: Path, driver: str, cache: Path, log: Log = quiet) -> list[fixes.Stage]:
    """The tree's own files as the fixes leave them; ``cache`` keeps results."""
    found = fixes.load_all(repo) if driver == "core" else []
    return fixes.stages(source / DRIVER_DIR, found, cache, log)


def overlay_files(source: Path, repo: Path, driver: str, cache: Path, log: Log = quiet) -> Node:
    """The overlay; the core's files and fixes are part of it for ``driver`` "core" only."""
    root = Node()
    for top in OVERLAY_DIRS:
        for folder, dirs, files in os.walk(repo / top):
            rel = os.path.relpath(folder, repo)
            dirs[:] = [d for d in dirs if not is_product_dir(f"{rel}/{d}")]
            for name in files:
                if driver != "core" and is_core(f"{rel}/{name}"):
                    continue
                if not is_product(name) and not name.endswith(_LEFTOVER_ENDS):
                    root.put(f"{rel}/{name}", Path(folder, name))
    for name, text in fixes.result(fix_stages(source, repo, driver, cache, log)).items():
        root.put(f"{DRIVER_DIR}/{name}", text)
    for hook in HOOKS:
        _apply_hook(hook, source, root)
    return root


def _apply_hook(hook: Hook, source: Path, root: Node) -> None:
    if root.get(hook.needs) is None:
        return
    if root.get(hook.path) is not None:
        raise HarnessError(f"{hook.path} is extended at assembly, so the repository must not have it; remove it")
    try:
        stock = (source / hook.path).read_bytes()
    except FileNotFoundError as err:
        raise UsageError(f"{source} lacks {hook.path}; use a tree with the panthor driver") from err
    if hook.lines[-1].encode() in stock.splitlines():
        return
    text = b"" if stock.endswith(b"\n") or not stock else b"\n"
    root.put(hook.path, stock + text + ("\n" + "\n".join(hook.lines) + "\n").encode())
