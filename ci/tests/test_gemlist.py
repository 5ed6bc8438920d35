# SPDX-License-Identifier: GPL-2.0-only
"""The kselftests' reader of the driver's list of BOs: what is no such list is not an empty one."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401  pylint: disable=unused-import
from harness import settings
from support import put

MAIN = """
#include <stdio.h>
#include "gemlist.h"

static bool show(const struct gem *gem, void *data)
{
	(void)data;
	printf("%d %u %u %llu %llu %s|", gem->creator, gem->references, gem->evictions,
	       (unsigned long long)gem->size, (unsigned long long)gem->resident, gem->label);
	return false;
}

int main(int argc, char **argv)
{
	(void)argc;
	printf("%d", gem_each_path(argv[1], show, NULL));
}
"""
HEAD = "created-by  name  refs\n" + "-" * 60 + "\n"
ROW = f"{'a b/17':<32}{0:<8}{1:<8}{2:<8}{4096:<16}{0:<16}0x{0:<12x}0x{4:<8x}0x{0:<8x}some label\n"
TAIL = "=" * 60 + "\nTotal size: 4096\n"


class GemList(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()    # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)
        put(self.dir, {"main.c": MAIN})
        subprocess.run([os.environ.get("HOSTCC", "gcc"), "-Wall", "-Wextra", f"-I{settings.SELFTESTS}",
                        f"-I{self.dir}", "-o", str(self.dir / "read"), str(self.dir / "main.c"),
                        str(settings.SELFTESTS / "gemlist.c")], check=True, capture_output=True)

    def read(self, text: str) -> str:
        put(self.dir, {"gems": text})
        return subprocess.run([str(self.dir / "read"), str(self.dir / "gems")], check=True,
                              capture_output=True, text=True).stdout

    def test_a_row_whose_creator_has_a_blank(self) -> None:
        self.assertEqual(self.read(HEAD + ROW + TAIL), "17 1 2 4096 0 some label|0")

    def test_no_bo(self) -> None:
        self.assertEqual(self.read(HEAD + TAIL), "0")

    def test_another_format(self) -> None:
        for text in ("", HEAD, HEAD + ROW, TAIL.replace("=", "+"), HEAD + ROW.replace("4096", "many") + TAIL):
            with self.subTest(text):
                self.assertEqual(self.read(text).rpartition("|")[2], "-71")


if __name__ == "__main__":
    unittest.main()
