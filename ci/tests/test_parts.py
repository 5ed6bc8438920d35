# SPDX-License-Identifier: GPL-2.0-only
"""Which cases a boot runs, and that none runs nowhere."""

from __future__ import annotations

import unittest

import support
from harness import settings
from harness.boot import parts

SUITE = """
static struct kunit_case a_cases[] = {
	KUNIT_CASE(quick),
	KUNIT_CASE_SLOW(slow),
	KUNIT_CASE_PARAM_ATTR(very, some_gen_params,
			      { .speed = KUNIT_SPEED_VERY_SLOW }),
	KUNIT_CASE_PARAM(rows, some_gen_params),
	{}
};

static struct kunit_suite a_suite = {
	.name = "a",
	.test_cases = a_cases,
};
"""


class Speeds(support.Folder):
    def test_marks(self) -> None:
        support.put(self.dir, {"a_kunit.c": SUITE})
        self.assertEqual(parts.speeds([self.dir]), {"a.slow": "slow", "a.very": "very_slow"})


class Choice(unittest.TestCase):
    def test_um_leaves_nothing_out(self) -> None:
        missing = [parts.left_out(part) for part in parts.of_lane(False, None, False)]
        self.assertEqual(len(missing), 2)
        self.assertFalse(missing[0] & missing[1])
        self.assertTrue(missing[0])

    def test_edit_loop(self) -> None:
        self.assertEqual(parts.of_lane(False, None, True), [parts.QUICK])
        self.assertIn("left out", parts.note(parts.QUICK, None, True))

    def test_vm_leaves_the_searches_to_um(self) -> None:
        out = parts.left_out(parts.MOST)
        self.assertTrue(out)
        self.assertLess(out, parts.left_out(parts.QUICK))
        self.assertIn("left out", parts.note(parts.MOST, None, False))

    def test_what_is_named_runs(self) -> None:
        slow = next(iter(parts.left_out(parts.QUICK)))
        for quick in (True, False):
            for is_vm in (True, False):
                self.assertEqual(parts.of_lane(is_vm, slow, quick), [parts.ALL])
        # Two filters at once can leave a suite without cases, which ends the kernel.
        self.assertEqual(parts.of_lane(False, "panthor_gem*.pins_*", True), [parts.ALL])
        self.assertEqual(parts.ALL.attributes, "")

    def test_every_case_is_of_a_known_speed(self) -> None:
        self.assertLessEqual(set(parts.speeds().values()), {parts.SLOW, parts.VERY_SLOW})
        known = {f"{suite}.{case}" for suite, cases in settings.known_tests().items() for case in cases}
        self.assertLessEqual(set(parts.speeds()), known)


if __name__ == "__main__":
    unittest.main()
