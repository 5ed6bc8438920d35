# SPDX-License-Identifier: GPL-2.0-only
"""The table of known defects and the cases that cover them stays true."""

import re
import unittest

import support  # noqa: F401  pylint: disable=unused-import

from harness import settings

CASE = re.compile(r"/\*\n((?: \*[^\n]*\n)+?) \*/\nstatic void (\w+)\(struct kunit \*test\)")


def catalog() -> set[tuple[str, str]]:
    """Entries as (id, suite.case)."""
    lines = (settings.TESTS / "CATALOG").read_text(encoding="utf-8").splitlines()
    return {(line.split()[0], line.split()[1]) for line in lines
            if line and not line.startswith("#")}


def referred() -> set[tuple[str, str]]:
    """The same, from the comments of the cases."""
    found = set()
    for path in settings.TESTS.glob("*_kunit.c"):
        text = path.read_text(encoding="utf-8")
        suites = [name for name in re.findall(r'\.name = "(\w+)"', text)
                  if not name.startswith("panthor_check")]
        for comment, case in CASE.findall(text):
            for entry in re.findall(r"\bB\d\d\b", comment):
                found |= {(entry, f"{suite}.{case}") for suite in suites
                          if case in settings.known_tests().get(suite, [])}
    return found


class Catalog(unittest.TestCase):
    def test_every_case_exists(self) -> None:
        cases = {f"{suite}.{case}" for suite, names in settings.known_tests().items()
                 for case in names}
        self.assertEqual({case for _, case in catalog()} - cases, set())

    def test_lists_what_cases_refer_to(self) -> None:
        self.assertEqual(catalog(), referred())
        self.assertGreater(len(catalog()), 20)

    def test_entries_are_explained(self) -> None:
        text = (settings.REPO / "Documentation/gpu/panthor/stock-defects.rst").read_text("utf-8")
        explained = set(re.findall(r"(?m)^(B\d\d)  ", text))
        self.assertEqual({entry for entry, _ in catalog()} - explained, set())


if __name__ == "__main__":
    unittest.main()
