# SPDX-License-Identifier: GPL-2.0-only
"""The order of locks: what is new, what is gone, and the list itself."""

from __future__ import annotations

import itertools
import re
import unittest
import xml.etree.ElementTree as ET

import support
from harness import settings
from harness.boot import parts
from harness.measure import lockgraph
from harness.model import Gate, GateState, HarnessError
from harness.verdict import ktap, lockorder

LIST = """# comment
class | &vm->op_lock | driver | mappings
class | resv | drm | objects
class | fs_reclaim | mm | allocation
class | &ptdev->never | unused | not in UML
edge | resv -> fs_reclaim | boot | at boot | the kernel says so
edge | resv -> &vm->op_lock | gem | bind() | objects first
edge | &vm->op_lock -> fs_reclaim | - | seldom | it may
"""
PREFIX = "[    2.110000] panthor-harness: "
LOCKS = f"""{PREFIX}lock| resv -> fs_reclaim -> &vm->op_lock -> &zone->lock
{PREFIX}lock= resv -> &vm->op_lock | panthor_vm_lock panthor_vm_bind
{PREFIX}lock| &vm->op_lock -> &zone->lock
"""
END = f"{PREFIX}locks shown\n"


class Judged(support.Folder):
    """The gate."""

    def gate(self, log: str, *suites: str, source: str = "", lane: str = "um", driver: str = "core",
             series: str = "7.3", config: str = "CONFIG_PROVE_LOCKING") -> Gate:
        support.put(self.dir, {"order.txt": LIST, "tree/panthor_vm.c": source})
        return lockorder.gate(ktap.clean_lines(log), lane, driver, series, self.dir / "tree", suites,
                              {config, "CONFIG_DRM_PANTHOR_KUNIT_TEST"},
                              self.dir / "order.txt")

    def red(self, gate: Gate, *words: str) -> None:
        self.assertIs(gate.state, GateState.RED, gate.detail)
        for word in words:
            self.assertIn(word, gate.detail + "".join(gate.findings[0].text))

    def test_as_reviewed(self) -> None:
        gate = self.gate(LOCKS + END, "gem")
        self.assertIs(gate.state, GateState.GREEN, gate.detail)
        self.assertIn("2 of 3", gate.detail)

    def test_new_edge(self) -> None:
        gate = self.gate(LOCKS + f"{PREFIX}lock| fs_reclaim -> resv\n"
                         f"{PREFIX}lock= fs_reclaim -> resv | dma_resv_lock panthor_gem_scan\n" + END, "gem")
        self.red(gate, "new: fs_reclaim -> resv", "the way back: resv -> fs_reclaim",
                 "dma_resv_lock <- panthor_gem_scan")

    def test_edge_to_a_lock_out_of_scope(self) -> None:
        self.assertIs(self.gate(LOCKS + f"{PREFIX}lock| fs_reclaim -> elsewhere\n" + END, "gem").state,
                      GateState.GREEN)

    def test_gone_edge(self) -> None:
        less = LOCKS.replace(" -> &vm->op_lock -> &zone->lock", "")
        self.red(self.gate(less + END, "gem"), "gone: resv -> &vm->op_lock (order.txt:7)", "gem", "bind()")
        self.assertIs(self.gate(less + END, "other").state, GateState.GREEN)
        self.red(self.gate(END), "gone: resv -> fs_reclaim", "every boot")

    def test_no_marker(self) -> None:
        self.red(self.gate(LOCKS, "gem"), "no marker")

    def test_lock_of_the_driver_that_is_in_no_list(self) -> None:
        for text, name in (("mutex_init(&vm->new);", "&vm->new"), ("spin_lock_init(&a->b);", "&a->b"),
                           ("ret = drmm_mutex_init(&ptdev->base, &mmu->as.x);", "&mmu->as.x")):
            with self.subTest(text):
                self.red(self.gate(LOCKS + END, "gem", source=text), f"{name} of panthor_vm.c")
        self.assertIs(self.gate(LOCKS + END, "gem", source="mutex_init(&vm->op_lock);").state, GateState.GREEN)

    def test_off(self) -> None:
        for gate in (self.gate("", driver="stock"), self.gate("", lane="arm64"),
                     self.gate("", series="7.2"), self.gate("", config="CONFIG_KASAN")):
            self.assertIs(gate.state, GateState.OFF)


class List(support.Folder):
    """The reviewed file."""

    def bad(self, text: str, *words: str) -> None:
        support.put(self.dir, {"order.txt": LIST + text})
        with self.assertRaises(HarnessError) as caught:
            lockorder.load(self.dir / "order.txt")
        self.one_line(caught.exception, *words)

    def test_refused(self) -> None:
        self.bad("edge | resv -> fs_reclaim | boot | where | why\n", "order.txt:9", "listed twice")
        self.bad("edge | resv -> nobody | boot | where | why\n", "nobody", "list the class")
        self.bad("edge | fs_reclaim -> resv | boot | where |\n", "need 'class")
        self.bad("class | resv | drm | again\n", "listed twice")
        self.bad("class | x | house | what\n", "no group")
        self.bad("class | x | drm | what\n", "no edge has x")
        with self.assertRaises(HarnessError):
            lockorder.load(self.dir / "none")

    def test_ours_is_good(self) -> None:
        order = lockorder.load()
        self.assertGreater(len(order.edges), 40)
        suites = {*settings.known_tests(), lockorder.ALWAYS, lockorder.ALL, lockorder.OPTIONAL}
        self.assertEqual({one.suite for one in order.edges.values()} - suites, set())

    def test_ours_has_no_cycle(self) -> None:
        self.assertEqual(lockgraph.acyclic(lockorder.load().edges)[1], set())

    def test_ours_has_the_locks_of_the_core(self) -> None:
        names = lockorder.driver_locks(settings.REPO / "drivers/gpu/drm/panthor")
        self.assertGreater(len(names), 4)
        self.assertEqual(set(names) - set(lockorder.load().classes), set())


class Suites(unittest.TestCase):
    """Which suites have to take their locks."""

    EVERY = tuple(settings.lane_tests("um"))

    def test_a_run_of_all(self) -> None:
        for part in (parts.QUICK, parts.ALL):
            self.assertIn(lockorder.ALL, lockorder.whole_suites(None, self.EVERY, parts.left_out(part)))

    def test_one_is_missing(self) -> None:
        found = lockorder.whole_suites(None, set(self.EVERY) - {"panthor_gem_pin"}, ())
        self.assertNotIn(lockorder.ALL, found)
        self.assertNotIn("panthor_gem_pin", found)
        self.assertIn("panthor_gem_vmap", found)

    def test_the_slow_ones_alone(self) -> None:
        found = lockorder.whole_suites(None, ["panthor_explore", "panthor_stress"], parts.left_out(parts.LONG))
        self.assertEqual(found, {"panthor_stress"})

    def test_some_cases(self) -> None:
        self.assertEqual(lockorder.whole_suites("panthor_gem_pin.a*", ["panthor_gem_pin"], ()), set())
        self.assertEqual(lockorder.whole_suites("panthor_gem_p*", ["panthor_gem_pin"], ()), {"panthor_gem_pin"})


class Graph(unittest.TestCase):
    """The picture."""

    def test_what_follows_is_left_out(self) -> None:
        self.assertEqual(lockgraph.reduced({("a", "b"), ("b", "c"), ("a", "c")}), {("a", "b"), ("b", "c")})
        self.assertEqual(lockgraph.reduced({("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")}),
                         {("a", "b"), ("b", "c"), ("c", "d")})

    def test_reach_stays_the_same(self) -> None:
        edges = {(a, b) for a, b in itertools.combinations("abcdefg", 2) if (ord(a) * 7 + ord(b)) % 3}
        kept = lockgraph.reduced(edges)

        def closure(some: set[tuple[str, str]]) -> set[tuple[str, str]]:
            found = set(some)
            while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
                found |= more
            return found
        self.assertEqual(closure(kept), closure(edges))
        self.assertLess(len(kept), len(edges))

    def test_a_cycle_is_found(self) -> None:
        forward, back = lockgraph.acyclic({("a", "b"), ("b", "c"), ("c", "a")})
        self.assertEqual((len(forward), len(back)), (2, 1))

    def test_ranks_go_down(self) -> None:
        edges = lockgraph.reduced(lockorder.load().edges)
        rank = lockgraph.ranks({name for edge in edges for name in edge}, edges)
        self.assertTrue(all(rank[a] < rank[b] for a, b in edges))

    def test_picture_has_everything_and_no_box_over_another(self) -> None:
        order = lockorder.load()
        text = lockgraph.svg({name: group for name, (group, _) in order.classes.items()},
                             {edge: one.why for edge, one in order.edges.items()}, [("fs_reclaim", "&vm->op_lock")])
        root = ET.fromstring(text)
        shown = {node.text for node in root.iter("{http://www.w3.org/2000/svg}text")}
        self.assertEqual({name for edge in order.edges for name in edge} - shown, set())
        self.assertIn("#d00", text)
        boxes = [tuple(float(box.get(key, "0")) for key in ("x", "y", "width")) for box in
                 root.iter("{http://www.w3.org/2000/svg}rect") if box.get("rx")]
        for (x, y, wide), (ox, oy, other) in itertools.combinations(boxes, 2):
            self.assertFalse(y == oy and x < ox + other and ox < x + wide)

    def test_no_new_edge_no_red(self) -> None:
        self.assertFalse(re.search("#d00", lockgraph.svg({}, {("a", "b"): "why"})))


if __name__ == "__main__":
    unittest.main()
