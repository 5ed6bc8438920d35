# SPDX-License-Identifier: GPL-2.0-only
"""The overlay as a series of patches: which file comes with which, and what the patch says."""

from __future__ import annotations

import dataclasses
import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Optional

from ..model import HarnessError

DRIVER = "drivers/gpu/drm/panthor"
TESTS = f"{DRIVER}/tests"
SIM = f"{DRIVER}/sim"
SELFTESTS = "tools/testing/selftests/drm/panthor"
DOCS = "Documentation/gpu/panthor"

_INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


@dataclasses.dataclass(frozen=True)
class Step:
    """One patch: what it says, and the files it begins with.

    A pattern matches within one directory. Files that those need are taken along, as far as
    they are new and no earlier step has them.
    """

    subject: str
    body: str
    takes: tuple[str, ...]


def _in(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names)


# The core comes first, so that no step has a suite that fails. What is left of a folder
# goes to the last step that names all of it.
STEPS = (
    Step("drm/panthor: Derive the reclaim state of GEM objects in one place", """\
The reclaim state of a buffer follows from its pages, pins and mappings,
but every function that changes one of them has to remember to say so, on
each of its error paths.

Write the GEM half of the driver anew: pages, pins and mappings are
changed in sections only, and the end of a section, on whatever path,
derives the state and moves the buffer to its LRU. Evict what was asked
for, bound the time a scan waits for fences, and map around a fault what
is resident. The functions other files of the driver call stay as they
are.""",
         (f"{DRIVER}/Makefile.harness", f"{DRIVER}/Makefile.core", *_in(DRIVER, "panthor_gem*.[ch]"))),
    Step("drm/panthor: Evict and restore GPU mappings with one flush per VM", """\
Eviction locks, unmaps and flushes the address space for each mapping of
a buffer, and a restore begins at the head of the list for each of them,
which makes it quadratic.

Write the VM half of the driver anew, in files of one subject each. One
LOCK, FLUSH and UNLOCK serve all mappings that a VM has of a buffer, and
a restore takes each one once. The functions other files of the driver
call and the uAPI stay as they are.""",
         _in(DRIVER, "panthor_*.[ch]")),
    Step("drm/panthor: Add seams and a fixture for KUnit tests", """\
Nothing runs the memory side of the driver without the hardware, so
nobody can test the shrinker before posting.

Add what KUnit suites stand on. A forced include renames a handful of
calls in the objects under test: page allocation, DMA mapping, vmap, swap
space, MMIO and page tables. They can then be counted and made to fail,
and the driver itself gets no test hook. With the option off neither an
object nor a flag changes. The fixture makes a device of plain memory,
and a checker walks all objects and lists after each case. The first
suite is about the seams themselves.""",
         (f"{DRIVER}/Kconfig.harness", *_in(TESTS, "Kconfig", "Kbuild.include", ".kunitconfig", "CATALOG"),
          *_in(TESTS, "seam*", "fixture*", "content.c", "gate.c"))),
    Step("drm/panthor: Test that the invariant checker finds corruption", """\
A checker that finds nothing proves nothing.

Add suites that corrupt one field of an object, a VM, a list or the
contents of a page at a time, and expect the checker to name it.""",
         _in(TESTS, "check*_kunit.c")),
    Step("drm/panthor: Add KUnit tests for GEM objects", """\
Cover creation, pins, vmap, faults, cache maintenance, locks and dma-buf
of GEM objects, each case with the errors that its calls can return.""",
         tuple(f"{TESTS}/gem_{name}_kunit.c" for name in (
             "create", "pin", "vmap", "backing", "fault", "lock", "sync", "cache", "prime", "huge"))),
    Step("drm/panthor: Add KUnit tests for reclaim", """\
Check which reclaim state and which LRU an event leads to, whom a scan
evicts and in which order, what the shrinker's callbacks report, and what
a scan costs; and races of a scan with pins, faults and releases, whose
turns the seams decide.""",
         _in(TESTS, "gem_*_kunit.c", "lru_kunit.c", "reclaim_*_kunit.c")),
    Step("drm/panthor: Add KUnit tests for VMs and VM_BIND", """\
Compare what a VM maps with a flat model of its address range, over maps,
unmaps, splits, failures, asynchronous binds, eviction, restore and
destruction.""",
         _in(TESTS, "vm_*_kunit.c")),
    Step("drm/panthor: Add KUnit tests for address spaces", """\
Add a fake of the block of address space registers, which answers each
command when the test says so, and suites for slots, commands, faults and
the flushes of eviction.""",
         _in(TESTS, "fake_as_kunit.c", "mmu_as_*kunit.c")),
    Step("drm/panthor: Fail each allocation of the driver's operations once", """\
Error paths are where state gets lost.

Add sweeps that repeat an operation and fail its first, second, ... call
through a seam or its first, second, ... allocation, until it succeeds,
with the invariants checked after each turn.""",
         _in(TESTS, "sweep_*_kunit.c")),
    Step("drm/panthor: Explore the states of small worlds exhaustively", """\
Add a reference model of objects, VMs and reclaim, and a search that
carries out every sequence of operations up to a depth in the model and
in the driver and compares the two after each.""",
         _in(TESTS, "explore*_kunit.c")),
    Step("drm/panthor: Add KUnit stress tests", """\
Add threads that pin, map, fault, share and evict at random on several
CPUs, with the seed printed.""",
         _in(TESTS, "stress_kunit.c")),
    Step("drm/panthor: Add canaries for what watches a test run", """\
A test run is judged by lockdep, KASAN, kmemleak and others, too, and one
that never speaks proves nothing.

Add faults on purpose, of which a boot can name one: a lock taken in the
wrong order, memory used after it was freed, a leak. All of its cases
print ok, and the run has to be red.""",
         _in(TESTS, "canary*")),
    Step("drm/panthor: Add more KUnit tests", """\
Add the suites that belong to no single one of the areas above.""",
         (*_in(TESTS, "*"),)),
    Step("drm/panthor/sim: Add the MMU of a software Mali CSF GPU", """\
The fakes of the KUnit suites stop at registers and page tables. To run
the driver as a whole, jobs included, somebody has to walk the tables,
cache the result, and notice when a flush is missing.

Begin a model of a Mali-G610 with its MMU: address spaces, commands that
take their time, a page-table walk, a TLB that keeps what was not
invalidated, and reports of accesses through stale entries. KUnit suites
compare it with a second implementation.""",
         (*_in(SIM, "Kconfig", "Kbuild.include", "Makefile", "sim_module.c"),
          *_in(SIM, "sim_mem*", "sim_cache*", "sim_walk*", "sim_tlb*", "sim_mmu*",
               "sim_latency*"),
          *_in(f"{SIM}/tests", "sim_cache_kunit.c", "sim_walk_kunit.c", "sim_tlb_kunit.c", "sim_mmu*_kunit.c"))),
    Step("drm/panthor/sim: Interpret command streams", """\
Add an interpreter of the instructions that panthor and Mesa emit, with
scoreboards, synchronisation objects, calls, traps and the saved state of
a suspended stream. Shaders are not executed.""",
         (*_in(SIM, "sim_cs*", "sim_job.h"), *_in(f"{SIM}/tests", "sim_cs*_kunit.c"))),
    Step("drm/panthor/sim: Model the firmware interface", """\
Add the firmware as the driver sees it: boot from an image of its own,
global, group and stream interfaces with their request and acknowledge
words, suspend buffers, the tiler heap and progress timeouts.""",
         (*_in(SIM, "sim_fw*"), *_in(f"{SIM}/tests", "sim_fw*_kunit.c"))),
    Step("drm/panthor/sim: Let the driver probe the software GPU", """\
Put the parts together: GPU registers, power, clocks, interrupts and
device-tree overlays, so that the driver binds to a model as it does to
the hardware. Violations are counted in debugfs and reported, latencies
and faults can be injected. A driver that is built together with the
model has its register accesses there and cannot drive a real GPU, which
Kconfig says.""",
         (*_in(SIM, "*"), *_in(f"{SIM}/tests", "*"))),
    Step("selftests/drm/panthor: Add tests of the ioctls", """\
Add programs that run jobs through the ioctls under memory pressure and
compare every result with a model of its own, misuse the ioctls, and load
the GPU from many threads. They run on the software GPU as well as on a
real one.""",
         _in(SELFTESTS, "*", ".*")),
    Step("Documentation: gpu: Describe panthor's memory core and its tests", """\
Describe the state machine and locks of the memory core, the invariants
the tests check, how to write a case, the software GPU, and the defects
that the suites have shown.""",
         _in(DOCS, "*")),
)


def _matches(path: str, patterns: Iterable[str]) -> bool:
    folder, name = posixpath.split(path)
    return any(posixpath.dirname(p) == folder and fnmatch.fnmatchcase(name, posixpath.basename(p))
               for p in patterns)


class _Needs:
    """Which new files a C file cannot do without: its headers, and what implements those.

    ``foo_bar.c`` implements ``foo.h`` unless there is a ``foo_bar.h``.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._units: dict[str, list[str]] = {}
        for path in files:
            header = self._header(path)
            if header and not path.endswith("_kunit.c"):
                self._units.setdefault(header, []).append(path)

    def _header(self, path: str) -> Optional[str]:
        stem, dot, ending = path.rpartition(".")
        if dot and ending == "h":
            return path
        while ending == "c" and stem.rpartition("/")[2]:
            if f"{stem}.h" in self._files:
                return f"{stem}.h"
            folder, _, name = stem.rpartition("/")
            stem = f"{folder}/{name.rpartition('_')[0]}"
        return None

    def closure(self, start: Iterable[str]) -> set[str]:
        found: set[str] = set()
        todo = list(start)
        while todo:
            path = todo.pop()
            if path in found:
                continue
            found.add(path)
            if not path.endswith((".c", ".h")) or posixpath.dirname(path) == DRIVER:
                continue
            todo += self._units.get(path, [])
            for name in _INCLUDE.findall(self._files[path].decode()):
                other = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
                # Either half of the core works with the stock other one.
                if other in self._files and posixpath.dirname(other) != DRIVER:
                    todo.append(other)
        return found


def split(files: Mapping[str, bytes], steps: Sequence[Step] = STEPS) -> list[tuple[Step, list[str]]]:
    """Which step brings which of the new files; steps without any are left out.

    A file goes to the first step that has a pattern for it other than a catch-all, to an
    earlier one if that needs it, and else to the catch-all.
    """
    needs = _Needs(files)
    owner: dict[str, int] = {}
    for catch_all in (False, True):
        for no, step in enumerate(steps):
            patterns = [p for p in step.takes if (posixpath.basename(p) in ("*", ".*")) == catch_all]
            for path in files:
                if path not in owner and _matches(path, patterns):
                    owner[path] = no
    if lost := [path for path in files if path not in owner]:
        raise HarnessError(f"{lost[0]} is in none of the patches; give it a place in ci/harness/tree/series.py")
    for no in range(len(steps)):
        for path in needs.closure([path for path, first in owner.items() if first == no]):
            owner[path] = min(owner[path], no)
    return [(step, sorted(path for path, first in owner.items() if first == no))
            for no, step in enumerate(steps) if no in owner.values()]


# --- lists of objects, as far as the objects are there --------------------------------

_OBJECT = re.compile(r"[\w./-]+\.o\b")
_ASSIGNED = re.compile(r"([\w.$()-]+\s*[:+?]?=\s*)(.*)")
_CONDITION = re.compile(r"\s*(ifn?eq|ifn?def|else|endif)\b")


def is_list(path: str) -> bool:
    """Whether a file lists others, and so has to grow with them."""
    name = posixpath.basename(path)
    return path.startswith(DRIVER + "/") and (name.startswith(("Makefile", "Kbuild")) or name == "Kconfig.harness")


def _names(line: str, folder: str, absent: Callable[[str], bool]) -> list[str]:
    """What a line says that stands for a file of a later step."""
    found = []
    for word in _OBJECT.findall(line):
        stem = re.sub(r"^CFLAGS_", "", word)[:-2]
        ends = [".dtso"] if stem.endswith(".dtbo") else [".c"]
        if any(absent(posixpath.join(folder, stem.removesuffix(".dtbo") + end)) for end in ends):
            found.append(word)
    for word in re.findall(r"\$\(src\)/([\w./-]+)", line):
        if absent(posixpath.join(folder, word)):
            found.append("$(src)/" + word)
    for word in re.findall(r'"(drivers/[^"]+)"', line):
        if absent(word):
            found.append(word)
    return found


def _statement(lines: list[str], folder: str, absent: Callable[[str], bool]) -> list[str]:
    """One logical line without what is not there yet; nothing if nothing is left.

    Only words of a plain list can go alone.
    """
    if not any(_names(line, folder, absent) for line in lines):
        return lines
    kept = []
    for line in lines:
        body = line.rstrip("\\").rstrip()
        gone = _names(body, folder, absent)
        if gone:
            assigned = _ASSIGNED.match(body)
            head, items = (assigned[1], assigned[2]) if assigned else ("", body)
            if "(" in items or any(word in head for word in gone) or not head and line is lines[0]:
                return []
            left = " ".join(word for word in items.split() if word not in gone)
            body = head + items[:len(items) - len(items.lstrip())] + left
            if not left and not head:
                continue
        kept.append(body)
    if not kept or re.search(r"=\s*$", kept[-1]):
        return []
    return [f"{line} \\" for line in kept[:-1]] + kept[-1:]


def _paragraph(lines: list[str], folder: str, absent: Callable[[str], bool]) -> list[str]:
    kept: list[str] = []
    group: list[str] = []
    changed = False
    for line in lines:
        group.append(line)
        if line.endswith("\\"):
            continue
        text = group if line.lstrip().startswith("#") or _CONDITION.match(line) else \
            _statement(group, folder, absent)
        changed |= text != group
        kept += text
        group = []
    if not changed:
        return lines
    kept = _without_empty_conditions(kept)
    if any(not line.lstrip().startswith("#") and not _CONDITION.match(line) for line in kept):
        return kept
    return [line for line in kept if "SPDX" in line or not line.startswith("#")]


def _without_empty_conditions(lines: list[str]) -> list[str]:
    for no, (first, second) in enumerate(zip(lines, lines[1:])):
        if re.match(r"\s*if", first) and re.match(r"\s*endif\b", second):
            return _without_empty_conditions(lines[:no] + lines[no + 2:])
    return lines


def pruned(path: str, text: str, absent: Callable[[str], bool]) -> str:
    """A list without the files that ``absent`` says come later, nor what was about them only.

    A condition that does not end in its paragraph is kept, as it goes on in the next one.
    """
    # Names in what is included are those of the folder of the Makefile that does it.
    folder = DRIVER if path.endswith(".include") else posixpath.dirname(path)
    paragraphs = [_paragraph(part.split("\n"), folder, absent) for part in text.rstrip("\n").split("\n\n")]
    return "\n\n".join("\n".join(part) for part in paragraphs if part) + "\n"
