# SPDX-License-Identifier: GPL-2.0-only
"""What make test runs."""

from __future__ import annotations

import unittest
from unittest import mock

import support  # noqa: F401  pylint: disable=unused-import
from harness import cli, settings
from harness.boot.lanes import LANES

BOTH = [LANES["um"], LANES["arm64"]]


class Plan(unittest.TestCase):
    """Drivers, kernels and lanes, by what was given."""

    def plan(self, *words: str) -> list[tuple[str, str, int]]:
        with mock.patch.object(settings, "drivers", lambda: ("core", "stock")):
            found = cli._test_plan(settings.parse(["test", *words]), BOTH)    # pylint: disable=protected-access
        for one, _ in found:
            self.assertIn(f"DRIVER={one.driver}", one.again("um"))
        return [(one.driver, one.kernel or "", len(lanes)) for one, lanes in found]

    def test_everything(self) -> None:
        self.assertEqual(self.plan(), [("core", "", 2), ("stock", "", 2), ("core", "7.2", 1), ("stock", "7.2", 1)])

    def test_one_driver(self) -> None:
        self.assertEqual(self.plan("DRIVER=stock"), [("stock", "", 2), ("stock", "7.2", 1)])

    def test_one_kernel(self) -> None:
        self.assertEqual(self.plan("KERNEL=7.2"), [("core", "7.2", 2), ("stock", "7.2", 2)])


if __name__ == "__main__":
    unittest.main()
