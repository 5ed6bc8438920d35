# SPDX-License-Identifier: GPL-2.0-only
"""A config that silently lost a request must not get through."""

import tempfile
import unittest
from pathlib import Path
from typing import Optional, Sequence

import support  # noqa: F401  pylint: disable=unused-import

from harness.build import kconfig
from harness.model import HarnessError

REPO = Path(__file__).resolve().parent.parent.parent
KCONFIG = """
config KASAN
\tbool "sanitizer"
\tdepends on SLUB && \\
\tdepends on !SLUB_TINY
\thelp
\t  depends on nothing you read here

config OTHER
\tdepends on MOON
"""


class FakeMake:
    """Stands in for merge_config.sh and make; grants all but ``loses``."""

    def __init__(self, build: Path, loses: Sequence[str] = ()) -> None:
        self.build = build
        self.loses = loses
        self.calls = 0

    def __call__(self, cmd: Sequence[str], *, cwd: Optional[Path] = None,
                 what: str = "") -> None:
        self.calls += 1
        config = self.build / ".config"
        if cmd[0].endswith("merge_config.sh"):
            config.write_text("".join(Path(name).read_text() for name in cmd[4:]))
        else:
            lines = config.read_text().splitlines(keepends=True)
            config.write_text("".join(
                line for line in lines
                if not any(line.startswith(f"{name}=") for name in self.loses)))


class PureTest(unittest.TestCase):
    """Parsing, merging and comparing."""

    def test_parse(self) -> None:
        text = 'CONFIG_A=y\n# CONFIG_B is not set\n# words\nCONFIG_C="x=y"\n'
        self.assertEqual(kconfig.parse(text), {
            "CONFIG_A": "y", "CONFIG_B": "n", "CONFIG_C": '"x=y"'})

    def test_later_fragment_wins(self) -> None:
        self.assertEqual(kconfig.merge([{"A": "y", "B": "y"}, {"A": "m"}]),
                         {"A": "m", "B": "y"})

    def test_lost_symbols(self) -> None:
        wanted = {"GONE": "y", "OFF": "n", "ON": "n", "WEAK": "y", "FINE": "4"}
        config = {"ON": "y", "WEAK": "m", "FINE": "4"}
        self.assertEqual(kconfig.lost_symbols(wanted, config), [
            kconfig.Lost("GONE", "y", "n"), kconfig.Lost("ON", "n", "y"),
            kconfig.Lost("WEAK", "y", "m")])

    def test_fragments_of_the_repo_parse(self) -> None:
        for path in sorted((REPO / "kunitconfig").glob("*.config")):
            for line in path.read_text().splitlines():
                if line and not line.startswith("# "):
                    self.assertEqual(len(kconfig.parse(line)), 1, f"{path}: {line}")


class ConfigureTest(unittest.TestCase):
    """The whole step with a fake make."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = Path(folder.name)
        self.tree, self.build = root / "tree", root / "build"
        self.tree.mkdir()
        (self.tree / "Kconfig.debug").write_text(KCONFIG)
        self.fragment = root / "a.config"
        self.fragment.write_text("CONFIG_KASAN=y\nCONFIG_TINY=n\n")

    def configure(self, run: FakeMake, **extra: str) -> bool:
        """``kconfig.configure`` with this test's paths."""
        return kconfig.configure(self.tree, self.build, ["ARCH=um"],
                                 [self.fragment], extra, run)

    def test_second_run_does_nothing(self) -> None:
        run = FakeMake(self.build)
        self.assertTrue(self.configure(run))
        before = (self.build / ".config").stat().st_mtime_ns
        self.assertFalse(self.configure(run))
        self.assertEqual(run.calls, 2)
        self.assertEqual((self.build / ".config").stat().st_mtime_ns, before)
        self.assertEqual(kconfig.enabled(self.build), {"CONFIG_KASAN"})

    def test_changed_request_is_noticed(self) -> None:
        run = FakeMake(self.build)
        self.configure(run)
        self.assertTrue(self.configure(run, CONFIG_X="y"))
        self.assertIn("CONFIG_X", kconfig.enabled(self.build))
        self.fragment.write_text("CONFIG_KASAN=y\n")
        self.assertTrue(self.configure(run, CONFIG_X="y"))

    def test_config_edited_by_hand_is_noticed(self) -> None:
        run = FakeMake(self.build)
        self.configure(run)
        (self.build / ".config").write_text("CONFIG_TINY=y\n")
        self.assertTrue(self.configure(run))

    def test_lost_symbol_is_an_error(self) -> None:
        run = FakeMake(self.build, loses=["CONFIG_KASAN"])
        for _ in range(2):  # and it leaves nothing the next run would trust
            with self.assertRaises(HarnessError) as caught:
                self.configure(run)
        text = str(caught.exception)
        self.assertIn("CONFIG_KASAN=y became n", text)
        self.assertIn("!SLUB_TINY", text)
        self.assertNotIn("nothing you read", text)

    def test_unknown_symbol_is_named_as_such(self) -> None:
        run = FakeMake(self.build, loses=["CONFIG_NEW"])
        with self.assertRaisesRegex(HarnessError, "CONFIG_NEW.*does not have it"):
            self.configure(run, CONFIG_NEW="y")

    def test_missing_fragment(self) -> None:
        self.fragment.unlink()
        with self.assertRaisesRegex(HarnessError, "cannot read .*a.config"):
            self.configure(FakeMake(self.build))


if __name__ == "__main__":
    unittest.main()
