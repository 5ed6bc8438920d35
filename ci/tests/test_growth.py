# SPDX-License-Identifier: GPL-2.0-only
"""The check for objects that pile up in slab caches."""

import subprocess
import unittest

import support  # noqa: F401  pylint: disable=unused-import
from harness import settings
from support import Folder, put


class Growth(Folder):
    def check(self, before: str, middle: str, after: str) -> tuple[int, str]:
        put(self.dir, {"before": before, "middle": middle, "after": after})
        done = subprocess.run(["sh", str(settings.REPO / "ci/vm/growth"), *(
            str(self.dir / name) for name in ("before", "middle", "after")), "50"],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def test_an_object_per_cycle_is_a_leak(self) -> None:
        self.assertEqual(self.check("a 10\nb 7\n", "a 35\nb 7\n", "a 60\nb 7\n"),
                         (1, "a: 10 objects, then 35, then 60\n"))

    def test_less_is_noise(self) -> None:
        self.assertEqual(self.check("a 10\nb 900\n", "a 34\nb 2\n", "a 59\nb 2\n"), (0, ""))

    def test_a_step_is_noise(self) -> None:
        self.assertEqual(self.check("a 10\n", "a 200\n", "a 205\n"), (0, ""))

    def test_a_new_cache(self) -> None:
        self.assertEqual(self.check("a 10\n", "a 10\nc 25\n", "a 10\nc 50\n"),
                         (1, "c: 0 objects, then 25, then 50\n"))

    def test_nothing_to_compare(self) -> None:
        self.assertEqual(self.check("", "a 1\n", "a 1\n")[0], 1)
        self.assertEqual(self.check("a 1\n", "", "a 1\n")[0], 1)
        self.assertEqual(self.check("a 1\n", "a 1\n", "")[0], 1)


if __name__ == "__main__":
    unittest.main()
