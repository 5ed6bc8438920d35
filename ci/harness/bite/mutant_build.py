# SPDX-License-Identifier: GPL-2.0-only
"""A kernel with one mutant, from the objects of a build that is there.

Kbuild needs 15 s to find out that one object has changed and to link three times.
Here the compiler's and the linker's own commands, as kbuild has recorded them, are run
on copies: the mutated object, a link with the other objects where they are, the table
of symbols if it has changed, and a second link with that. 3 s, and nothing of the build
folder is written, so that several can work side by side.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Mapping, Sequence

from .. import procs
from ..boot import lanes
from ..build.prepare import Work
from ..model import HarnessError
from .mutant import DRIVER

LINK_SECONDS = 25.0
ROUNDS = 3
ARCHIVE = "built-in-fixup.a"
"""All objects of the kernel, by name."""
_LINK = re.compile(r"^\+ (.*-o vmlinux\.unstripped .*)$", re.M)


class BrokenError(HarnessError):
    """A mutant that the compiler or the linker refuses."""


class SameError(HarnessError):
    """A mutant that the compiler makes the same code of."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the kernel in a build folder is linked."""

    folder: Path
    tree: Path
    command: tuple[str, ...]
    """Compiler as linker, with ``@OBJECTS``, ``@SYMBOLS`` and ``@OUT`` to be filled in."""
    objects: tuple[str, ...]
    """Relative to the folder, in order."""


def link_command(log: str) -> tuple[str, ...]:
    """The last link of the kernel in a verbose log, with what varies left open."""
    found = _LINK.findall(log)
    if not found:
        raise HarnessError("the build's log has no link of the kernel; is the tree older than 7.2?")
    words = []
    for word in shlex.split(found[-1]):
        if word == "vmlinux.unstripped":
            words.append("@OUT")
        elif word in ("vmlinux.a", "vmlinux.o"):
            words.append("@OBJECTS")
        elif ".kallsyms.o" in word:
            words.append("@SYMBOLS")
        else:
            words.append(word)
    if not {"@OUT", "@OBJECTS", "@SYMBOLS"} <= set(words):
        raise HarnessError(f"the link of the kernel is not as expected: {found[-1]}")
    # What nobody reads takes half of the time.
    return (*words, "-Wl,--strip-debug")


def _relink(work: Work, folder: Path) -> str:
    (folder / "vmlinux.unstripped").unlink(missing_ok=True)
    log = folder.with_name(f"{folder.name}-link.log")
    procs.run(["make", "-C", str(work.tree), f"O={folder}", f"-j{work.settings.jobs}", "V=1",
               *lanes.make_args(lanes.LANES["um"], work.settings.make_vars)],
              what="link um", log=log, expect_seconds=LINK_SECONDS)
    return log.read_text(encoding="utf-8", errors="replace")


def recipe(work: Work) -> Recipe:
    """How the kernel is linked: as kbuild does when it does it once more, which is remembered."""
    folder = work.build("um")
    memory = folder.with_name(f"{folder.name}-link.json")
    digest = hashlib.sha256()
    for path in (folder / ".config", work.tree / "Makefile", work.tree / "scripts/link-vmlinux.sh"):
        digest.update(path.read_bytes())
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    if known.get("of") != digest.hexdigest():
        known = {"of": digest.hexdigest(), "command": link_command(_relink(work, folder))}
        memory.write_text(json.dumps(known) + "\n", encoding="utf-8")
    listed = subprocess.run(["ar", "t", ARCHIVE], cwd=folder, capture_output=True, text=True, check=False)
    objects = tuple(listed.stdout.split())
    if listed.returncode or not any(name.startswith(DRIVER) for name in objects):
        raise HarnessError(f"{folder}/{ARCHIVE}: cannot list the kernel's objects; {listed.stderr.strip()}")
    return Recipe(folder, work.tree, tuple(known["command"]), objects)


def compile_command(saved: str, source: str, obj: str) -> str:
    """The recorded command of an object, for another source and another object."""
    match = re.search(r"^savedcmd_\S+ := (.*)$", saved, re.M)
    if not match:
        raise HarnessError("no recorded command of the compiler")
    command, count = re.subn(r" -c -o \S+ \S+\.c", lambda _: f" -w -g0 -c -o {shlex.quote(obj)} {shlex.quote(source)}",
                             match[1])
    if count != 1:
        raise HarnessError(f"the compiler's command is not as expected: {match[1][-200:]}")
    # Line numbers make no difference. The record of what it includes is the build's.
    return re.sub(r" -Wp,-MMD,\S+", "", command, count=1)


class Bench:
    """A place to make one mutant after the other."""

    def __init__(self, how: Recipe, folder: Path) -> None:
        self._how = how
        self._plain: dict[str, bytes] = {}
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def kernel(self) -> Path:
        """The last one made."""
        return self.folder / "linux"

    def _run(self, command: str, what: str) -> None:
        done = subprocess.run(["sh", "-c", command], cwd=self._how.folder, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if "error" in line or "undefined" in line]
            raise BrokenError(f"{what}: {(errors or done.stderr.splitlines() or ['failed'])[0]}")

    def _compile(self, name: str, text: str) -> Path:
        source, obj = self.folder / name, self.folder / name.replace(".c", ".o")
        source.write_text(text, encoding="utf-8")
        saved = self._how.folder / DRIVER / f".{obj.name}.cmd"
        try:
            command = compile_command(saved.read_text(encoding="utf-8"), str(source), str(obj))
        except OSError as err:
            raise BrokenError(f"{name}: not part of the kernel in UML") from err
        self._run(command, name)
        return obj

    def _as_it_was(self, name: str) -> bytes:
        """The object without mutation; compiled in the same place, as its path is in it."""
        if name not in self._plain:
            text = (self._how.tree / DRIVER / name).read_text(encoding="utf-8")
            self._plain[name] = self._compile(name, text).read_bytes()
        return self._plain[name]

    def _link(self, symbols: Path, objects: Path) -> str:
        fill = {"@OUT": [str(self.kernel)], "@OBJECTS": [f"@{objects}"], "@SYMBOLS": [str(symbols)]}
        words = [new for word in self._how.command for new in fill.get(word, [word])]
        self.kernel.unlink(missing_ok=True)
        self._run(shlex.join(words), "link")
        table = self.folder / "symbols"
        self._run(f"nm -n {shlex.quote(str(self.kernel))} | sed -f "
                  f"{shlex.quote(str(self._how.tree / 'scripts/mksysmap'))} > {shlex.quote(str(table))}", "symbols")
        return table.read_text(encoding="ascii")

    def _symbols(self) -> Path:
        """Makes the table of symbols that the last link would have needed."""
        table, made = self.folder / "symbols", self.folder / "symbols.o"
        self._run(f"scripts/kallsyms --all-symbols --pc-relative {shlex.quote(str(table))} > "
                  f"{shlex.quote(str(made.with_suffix('.S')))} && {shlex.quote(self._how.command[0])} -m64 -fno-PIE "
                  f"-c -o {shlex.quote(str(made))} {shlex.quote(str(made.with_suffix('.S')))}", "symbols")
        return made

    def make(self, texts: Mapping[str, str]) -> Path:
        """The kernel with these files instead; BrokenError if there cannot be one.

        SameError if it would be the one without mutation; with no file it is that one.
        """
        plain = [self._as_it_was(name) for name in texts]
        objects = [self._compile(name, text) for name, text in texts.items()]
        if texts and plain == [path.read_bytes() for path in objects]:
            raise SameError("the compiler makes the same of it")
        built = {f"{DRIVER}/{path.name}": str(path) for path in objects}
        missing = set(built) - set(self._how.objects)
        if missing:
            raise BrokenError(f"{', '.join(sorted(missing))}: not part of the kernel in UML")
        listing = self.folder / "objects"
        listing.write_text("\n".join(built.get(name, name) for name in self._how.objects) + "\n", encoding="ascii")
        symbols = self._how.folder / ".tmp_vmlinux2.kallsyms.o"
        known = (self._how.folder / "System.map").read_text(encoding="ascii")
        for _ in range(ROUNDS):
            now = self._link(symbols, listing)
            if now == known:
                return self.kernel
            known, symbols = now, self._symbols()
        if self._link(symbols, listing) != known:
            raise BrokenError("link: the table of symbols does not settle")
        return self.kernel


def benches(how: Recipe, folder: Path, count: int) -> Sequence[Bench]:
    """As many as are to work side by side."""
    return [Bench(how, folder / str(no)) for no in range(count)]
