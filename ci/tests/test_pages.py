# SPDX-License-Identifier: GPL-2.0-only
"""``CONFIG=16k``: the arm64 lane with a kernel whose pages have 16 KiB."""

from __future__ import annotations

import contextlib
import io
import unittest

import support  # noqa: F401  pylint: disable=unused-import
from harness import cli, settings
from harness.boot import lanes
from harness.build import kconfig

FRAGMENTS = settings.REPO / "kunitconfig"


class Pages(unittest.TestCase):
    """Which kernel on which CPU, and who may have it."""

    def test_kernel(self) -> None:
        lane = lanes.LANES["arm64"].with_big_pages()
        for one in (lane, lane.without_debug()):
            wanted = kconfig.merge([kconfig.read(FRAGMENTS / f"{name}.config") for name in one.fragment_names()])
            self.assertEqual((wanted["CONFIG_ARM64_16K_PAGES"], wanted["CONFIG_ARM64_4K_PAGES"]), ("y", "n"))
        self.assertEqual((lane.name, lane.listed), ("arm64-16k", lanes.LANES["arm64"]))
        self.assertNotIn("arm64-16k", lanes.LANES["arm64"].fragment_names())

    def test_cpu_has_them(self) -> None:
        # ID_AA64MMFR0.TGran16 of the Cortex-A72 is 0: such a kernel ends before it says so.
        self.assertNotEqual(lanes.LANES["arm64"].with_big_pages().tcg_cpu, "cortex-a72")

    def test_again(self) -> None:
        again = settings.parse(["verify", "CONFIG=16k", "FILTER=smoke.*"]).again("arm64")
        self.assertEqual(again, "make verify CONFIG=16k LANES=arm64")

    def test_usage(self) -> None:
        for words in (["verify", "CONFIG=16k", "LANES=x86_64"], ["verify", "CONFIG=16k", "LANES=um arm64"],
                      ["kcsan", "CONFIG=16k"], ["kunit", "CONFIG=16k"], ["verify", "CONFIG=32k"]):
            err = io.StringIO()
            with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(cli.main(words), 2, words)


if __name__ == "__main__":
    unittest.main()
