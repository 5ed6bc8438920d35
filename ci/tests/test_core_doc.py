# SPDX-License-Identifier: GPL-2.0-only
"""What the documentation says of the core's tables is what is in the code."""

import re
import unittest

import support  # noqa: F401  pylint: disable=unused-import

from harness import settings
from harness.tree import treefiles

CODE = settings.REPO / treefiles.DRIVER_DIR / "panthor_gem_reclaim.c"
TEXT = settings.REPO / "Documentation/gpu/panthor/core.rst"


def in_code(text: str) -> dict[tuple[str, str], str]:
    """Transitions of the table, which has a macro for each state."""
    states = dict(re.findall(r"#define (\w)\tPANTHOR_GEM_(\w+)", text))
    return {(states[a], states[b]): event
            for a, b, event in re.findall(r"\[(\w)\]\[(\w)\] = \"([^\"]+)\"", text)}


def in_text(text: str) -> dict[tuple[str, str], str]:
    """The same of the documentation, a line of which is a row."""
    return {(a, b): event.strip()
            for a, b, event in re.findall(r"(?m)^``(\w+)`` +``(\w+)`` +(\S.*)$", text)}


class Transitions(unittest.TestCase):
    def test_documentation_has_the_codes_table(self) -> None:
        code = in_code(CODE.read_text(encoding="utf-8"))
        self.assertGreater(len(code), 15)
        self.assertEqual(in_text(TEXT.read_text(encoding="utf-8")), code)

    def test_difference_is_found(self) -> None:
        text = TEXT.read_text(encoding="utf-8")
        self.assertNotEqual(in_text(text.replace("munmap", "unmap")), in_text(text))
        line = next(line for line in text.splitlines(True) if line.endswith(" mmap\n"))
        self.assertNotEqual(in_text(text.replace(line, "")), in_text(text))


if __name__ == "__main__":
    unittest.main()
