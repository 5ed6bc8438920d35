# SPDX-License-Identifier: GPL-2.0-only
"""make patches: the overlay as patches for git am, checked against the assembled tree."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Optional, Union

from .. import locks
from ..build import prepare
from ..build.prepare import Clock, Work, say
from ..model import HarnessError, UsageError
from ..settings import REPO, Settings
from . import fixes, overlay, series, treefiles
from .patchsteps import verify
from .treefiles import Node

Content = Union[Path, bytes]
COVER = "cover-letter.txt"
_IDENTITY = re.compile(r"([^<>\n]*[^<>\s]) <([^<>@\s]+@[^<>\s]+)>")


@dataclasses.dataclass(frozen=True)
class Author:
    """Who signs off, and when; all patches have the date of the last commit."""

    name: str
    mail: str
    date: str

    @property
    def env(self) -> dict[str, str]:
        """The same for git."""
        return {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
                for key, value in (("NAME", self.name), ("EMAIL", self.mail), ("DATE", self.date))}


def git(folder: Path, *args: str, env: Optional[Mapping[str, str]] = None, stdin: str = "") -> str:
    """Runs git in a repository of ours, with nobody's configuration."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    clean |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C", **(env or {})}
    try:
        ran = subprocess.run(["git", "-C", str(folder), *args], env=clean, input=stdin, text=True,
                             capture_output=True, check=False)
    except FileNotFoundError as err:
        raise HarnessError("git is not installed; type: apt-get install git") from err
    if ran.returncode:
        lines = (ran.stdout + ran.stderr).strip().splitlines() or ["no message"]
        raise HarnessError("\n  ".join([f"git {args[0]} failed: {lines[0]}", *lines[1:12]]))
    return ran.stdout


def _ask_git(*args: str) -> str:
    """What the user's own git says of this repository; "" if it has no answer."""
    try:
        ran = subprocess.run(["git", "-C", str(REPO), *args], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""


def author(given: Optional[str]) -> Author:
    """Who signs off: as given, or who git says the user is; nobody is made up."""
    who = given or "{} <{}>".format(_ask_git("config", "user.name"), _ask_git("config", "user.email"))
    match = _IDENTITY.fullmatch(who.strip())
    if not match:
        wrong = f"SIGNOFF={given} is no name with an address" if given else \
            "git knows no user.name and user.email to sign off with"
        raise UsageError(f"{wrong}; use SIGNOFF='Name <mail@example.org>'")
    stamp = os.environ.get("SOURCE_DATE_EPOCH") or _ask_git("log", "-1", "--format=%ct") or str(int(time.time()))
    return Author(match[1], match[2], f"@{stamp} +0000")


# --- writing them ------------------------------------------------------------------

def read(content: Content) -> bytes:
    """The bytes of an overlay file."""
    return content if isinstance(content, bytes) else content.read_bytes()


def _executable(content: Content) -> bool:
    return isinstance(content, Path) and bool(content.stat().st_mode & stat.S_IXUSR)


@dataclasses.dataclass
class Commit:
    """One step with what its files are like then."""

    step: series.Step
    files: dict[str, Content]


def commits(files: Mapping[str, Content], fixed: Sequence[fixes.Stage] = ()) -> list[Commit]:
    """The steps, each with the files it adds or changes; first the fixes of the tree's own.

    Lists of files grow with what they list. A stock file with lines appended comes with
    the first step that has the file they point to.
    """
    hooks = {hook.path: hook for hook in treefiles.HOOKS if hook.path in files}
    found = [Commit(series.Step(stage.fix.subject, stage.fix.body, ()),
                    {f"{treefiles.DRIVER_DIR}/{name}": text for name, text in stage.files.items()})
             for stage in fixed]
    apart = {*hooks, *(path for commit in found for path in commit.files)}
    texts = {path: read(content) for path, content in files.items() if path not in apart}
    there: set[str] = set()
    shown: dict[str, bytes] = {}
    for step, new in series.split(texts):
        there.update(new)
        change: dict[str, Content] = {path: files[path] for path in new if not series.is_list(path)}
        for path in sorted(there):
            if series.is_list(path):
                text = series.pruned(path, texts[path].decode(), lambda p: p in texts and p not in there).encode()
                if shown.get(path) != text:
                    shown[path] = change[path] = text
        for path, hook in hooks.items():
            if hook.needs in there and path not in shown:
                shown[path] = change[path] = read(files[path])
        found.append(Commit(step, change))
    # With all of them there, nothing is left out.
    for path, text in shown.items():
        if text != read(files[path]):
            raise HarnessError(f"{path}: the last patch leaves something out; look at pruned() in ci/harness/tree/series.py")
    return found


def scratch(folder: Path, source: Path, paths: Sequence[str], who: Author) -> Path:
    """A repository with those of ``paths`` that the source has."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "patched")
    git(folder, "config", "core.autocrlf", "false")
    (folder / ".git/info").mkdir(exist_ok=True)
    for path in paths:
        if (source / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / path, folder / path)
    git(folder, "add", "-f", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "base", env=who.env)
    git(folder, "tag", "base")
    return folder


def write(work: Work, files: Mapping[str, Content], out: Path, who: Author,
          fixed: Sequence[fixes.Stage] = ()) -> list[Path]:
    """The patches and a cover letter, in place of older ones."""
    with tempfile.TemporaryDirectory(prefix=".patches-", dir=work.root) as temp:
        repo = scratch(Path(temp), work.src.path, sorted(files), who)
        for commit in commits(files, fixed):
            for path, content in commit.files.items():
                (repo / path).parent.mkdir(parents=True, exist_ok=True)
                (repo / path).write_bytes(read(content))
                (repo / path).chmod(0o755 if _executable(content) else 0o644)
            git(repo, "add", "-f", "-A")
            text = f"{commit.step.subject}\n\n{commit.step.body}\n\nSigned-off-by: {who.name} <{who.mail}>\n"
            git(repo, "commit", "-q", "-F", "-", env=who.env, stdin=text)
        out.mkdir(parents=True, exist_ok=True)
        for old in [*out.glob("*.patch"), out / COVER]:
            old.unlink(missing_ok=True)
        git(repo, "format-patch", "-q", "--no-signature", "--zero-commit", "--no-renames", "--break-rewrites",
            "--full-index", "-o", str(out), "base..HEAD")
        changes = git(repo, "diff", "--shortstat", "--no-renames", "base..HEAD")
        listed = git(repo, "shortlog", "--no-merges", "-w0,2,2", "--format=%s", "base..HEAD")
    found = sorted(out.glob("*.patch"))
    (out / COVER).write_text(cover(work, found, listed, changes), encoding="utf-8")
    return found


def cover(work: Work, found: Sequence[Path], listed: str, changes: str) -> str:
    """What the series is, for the mail before the first patch."""
    what = "a memory core with KUnit suites, a software GPU and selftests" \
        if work.settings.driver == "core" else "KUnit suites, a software GPU and selftests"
    return f"""\
Subject: [PATCH 00/{len(found):02}] drm/panthor: {what}

Applies to Linux {work.src.version} ({work.src.origin}) with git am *.patch.

{listed.strip()}

{changes.strip()}
"""


# --- checking them -----------------------------------------------------------------

def _same(one: Path, two: Path) -> bool:
    first, second = one.lstat(), two.lstat()
    if (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino):
        return True
    if stat.S_IFMT(first.st_mode) != stat.S_IFMT(second.st_mode) or first.st_size != second.st_size:
        return False
    if stat.S_ISLNK(first.st_mode):
        return os.readlink(one) == os.readlink(two)
    if (first.st_mode ^ second.st_mode) & stat.S_IXUSR:
        return False
    # A copy, where links do not work, has the source's time.
    return first.st_mtime_ns == second.st_mtime_ns or one.read_bytes() == two.read_bytes()


def _files(root: Path) -> Iterator[str]:
    for folder, dirs, names in os.walk(root):
        rel = os.path.relpath(folder, root)
        if rel == ".":
            dirs[:] = [name for name in dirs if name != ".git"]
        dirs[:] = [name for name in dirs if name != "__pycache__"]
        names += [name for name in dirs if os.path.islink(os.path.join(folder, name))]
        yield from (os.path.normpath(os.path.join(rel, name)) for name in names)


def changed(source: Path, tree: Path) -> set[str]:
    """Files of the assembled tree that the source lacks or has otherwise."""
    return {path for path in _files(tree)
            if not os.path.lexists(source / path) or not _same(source / path, tree / path)}


def differences(source: Path, tree: Path, applied: Path) -> list[str]:
    """How a source with the patches applied differs from the assembled tree; nothing is right."""
    wanted, have = changed(source, tree), set(_files(applied))
    wrong = [f"{path}: no patch has it" for path in sorted(wanted - have)]
    for path in sorted(have):
        if not (tree / path).is_file():
            wrong.append(f"{path}: not in the assembled tree")
        elif (tree / path).read_bytes() != (applied / path).read_bytes():
            wrong.append(f"{path}: other content than in the assembled tree")
        elif ((tree / path).stat().st_mode ^ (applied / path).stat().st_mode) & stat.S_IXUSR:
            wrong.append(f"{path}: executable in one of the two only")
    return wrong


def applied_node(repo: Path) -> Node:
    """The files of a scratch repository as an overlay."""
    node = Node()
    for path in _files(repo):
        node.put(path, repo / path)
    return node


def check(source: Path, tree: Path, found: Sequence[Path], folder: Path, paths: Sequence[str],
          who: Author) -> list[str]:
    """Applies the patches to the source's files; what is wrong with that or the result."""
    repo = scratch(folder, source, paths, who)
    for patch in found:
        try:
            git(repo, "am", "-q", str(patch), env=who.env)
        except HarnessError as err:
            return [f"{patch.name} does not apply: {err}"]
    return differences(source, tree, repo)


def run(s: Settings) -> int:
    """The command: writes, applies, compares, and builds each step if asked to."""
    who = author(s.signoff)
    prepare.host_tools([])
    work = prepare.prepare(s, Clock())
    with locks.locked(work.root / ".run.lock", say, f"using {work.root}"):
        # Under the lock: another run may have changed the driver in between.
        overlay.assemble(work.src, REPO, work.tree, say, driver=s.driver)
        cache = work.root / overlay.FIXED
        files = dict(treefiles.overlay_files(work.src.path, REPO, s.driver, cache).walk())
        fixed = treefiles.fix_stages(work.src.path, REPO, s.driver, cache)
        out = s.output / "patches" / f"{s.driver}-{work.src.series}"
        found = write(work, files, out, who, fixed)
        with tempfile.TemporaryDirectory(prefix=".am-", dir=work.root) as temp:
            wrong = check(work.src.path, work.tree, found, Path(temp), sorted(files), who)
            for line in wrong:
                say(f"red: {line}")
            if not wrong:
                say(f"{len(found)} patches and {COVER} in {out}")
                say(f"they apply to Linux {work.src.version} with git am, and the tree is that of make tree")
                if s.steps:
                    repo = scratch(Path(temp, "steps"), work.src.path, sorted(files), who)
                    return verify(work, found, s.steps, lambda patch: _next(repo, patch, who))
    return 1 if wrong else 0


def _next(repo: Path, patch: Path, who: Author) -> Node:
    git(repo, "am", "-q", str(patch), env=who.env)
    return applied_node(repo)
