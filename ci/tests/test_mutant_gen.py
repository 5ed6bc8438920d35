# SPDX-License-Identifier: GPL-2.0-only
"""The generator of mutants: what each rule makes of a piece of code."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import support
from harness.bite import mutant_gen
from harness.model import HarnessError

CODE = """/* return 0; in a comment, and a table of no interest */
static const int table[] = { 1, 2 };

static int change(struct thing *thing,
\t\t  int count)
{
\tint ret = 0;

\tlockdep_assert_held(&thing->lock);
\t/* if (ret) */
\tret = prepare(thing,
\t\t      count);
\tif (ret)
\t\treturn ret;
\tguard(mutex)(&thing->lock);
\tthing->state = true;
\tif (count < 3 && thing->pages) {
\t\tmutex_lock(&thing->inner);
\t\tenter(thing);
\t\tmutex_unlock(&thing->inner);
\t}
\tdrm_err(thing, "0 < %d", 1);
\treturn count ? -EINVAL : ret;
}

int declared(int a);
"""


def made(rule: str = "") -> list[tuple[str, str]]:
    """Old and new line of the mutants of one rule."""
    found = []
    for one in mutant_gen.of_text("panthor_x.c", CODE):
        (change,) = one.changes["panthor_x.c"]
        if not rule or one.name.split(".")[2] == rule:
            found.append(("|".join(change.old).replace("\t", ""), "|".join(change.new).replace("\t", "")))
    return found


class Rules(unittest.TestCase):
    def test_statements_on_one_line_go(self) -> None:
        self.assertEqual(made("delete"), [("enter(thing);", ";")])

    def test_state(self) -> None:
        self.assertEqual(made("state"), [("thing->state = true;", ";")])

    def test_guards(self) -> None:
        self.assertEqual(made("unguard"), [("guard(mutex)(&thing->lock);", ";")])

    def test_order_of_locks(self) -> None:
        self.assertEqual(made("order"), [
            ("mutex_lock(&thing->inner);|enter(thing);", "enter(thing);|mutex_lock(&thing->inner);"),
            ("enter(thing);|mutex_unlock(&thing->inner);", "mutex_unlock(&thing->inner);|enter(thing);")])

    def test_conditions(self) -> None:
        self.assertEqual(made("negate"), [
            ("if (ret)", "if (!(ret))"),
            ("if (count < 3 && thing->pages) {", "if (!(count < 3 && thing->pages)) {")])
        self.assertEqual([new for _, new in made("boundary")], ["if (count <= 3 && thing->pages) {"])
        self.assertEqual([new for _, new in made("logic")], ["if (count < 3 || thing->pages) {"])

    def test_errors(self) -> None:
        self.assertEqual(made("error"), [("if (ret)|return ret;", "|"), ("return ret;", "return 0;")])

    def test_constants(self) -> None:
        self.assertEqual([new for _, new in made("constant")], [
            "int ret = 1;", "thing->state = false;", "if (count < 4 && thing->pages) {",
            "return count ? -ENOMEM : ret;"])

    def test_nothing_outside_of_functions_nor_in_assertions(self) -> None:
        for old, _ in made():
            self.assertNotRegex(old, "table|declared|assert|drm_err|comment")

    def test_names_are_unique_and_numbered(self) -> None:
        names = [one.name for one in mutant_gen.of_text("panthor_x.c", CODE)]
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("panthor_x.change.negate.2", names)

    def test_apply_to_their_own_source(self) -> None:
        with tempfile.TemporaryDirectory() as temp:
            folder = support.put(Path(temp), {"panthor_x.c": CODE})
            for one in mutant_gen.of_text("panthor_x.c", CODE):
                text = one.apply(folder)["panthor_x.c"]
                self.assertNotEqual(text, CODE)
                self.assertEqual(text.count("\n"), CODE.count("\n"), one.name)


class Choice(unittest.TestCase):
    def test_is_the_seed_s(self) -> None:
        everything = mutant_gen.all_of()
        self.assertGreater(len(everything), 500)
        first = mutant_gen.choose(everything, 20, 7)
        self.assertEqual(first, mutant_gen.choose(list(reversed(everything)), 20, 7))
        self.assertNotEqual(first, mutant_gen.choose(everything, 20, 8))
        self.assertEqual(len({one.name for one in first}), 20)

    def test_no_more_than_there_are(self) -> None:
        some = mutant_gen.of_text("panthor_x.c", CODE)
        self.assertEqual(len(mutant_gen.choose(some, 1000, 1)), len(some))


class Equivalent(unittest.TestCase):
    def read(self, text: str) -> dict[str, tuple[str, str]]:
        with tempfile.TemporaryDirectory() as temp:
            return mutant_gen.equivalent(support.put(Path(temp), {"equivalent": text}) / "equivalent")

    def test_entries(self) -> None:
        text = "# What this is.\n\nx.f.negate.1\n| if (a)\n# It does not\n# matter.\n\nx.f.delete.1\n| go();\n# Nor this.\n"
        self.assertEqual(self.read(text), {"x.f.negate.1": ("if (a)", "It does not matter."),
                                           "x.f.delete.1": ("go();", "Nor this.")})

    def test_entry_without_reason_is_refused(self) -> None:
        for text in ("x.f.negate.1\n| if (a)\n", "x.f.negate.1\n# why\n| if (a)\n"):
            with self.assertRaisesRegex(HarnessError, "need NAME"):
                self.read(text)

    def test_entry_twice_is_refused(self) -> None:
        with self.assertRaisesRegex(HarnessError, "twice"):
            self.read("x\n| a\n# b\n\nx\n| a\n# b\n")

    def test_entry_of_another_mutant_is_stale(self) -> None:
        some = mutant_gen.of_text("panthor_x.c", CODE)
        right = {"panthor_x.change.delete.1": ("enter(thing);", "why")}
        self.assertEqual(mutant_gen.stale(some, right), [])
        for wrong in ({"panthor_x.change.delete.1": ("leave(thing);", "why")}, {"gone": ("x", "why")}):
            self.assertEqual(mutant_gen.stale(some, wrong), list(wrong))

    def test_those_listed_are_there(self) -> None:
        self.assertEqual(mutant_gen.stale(mutant_gen.all_of(), mutant_gen.equivalent()), [])


if __name__ == "__main__":
    unittest.main()
