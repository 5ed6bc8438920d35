# SPDX-License-Identifier: GPL-2.0-only
"""Known failures and required tests: what is accepted, what turns red."""

import tempfile
import unittest
from pathlib import Path

import support
from harness.model import Case, GateState, HarnessError, Status
from harness.verdict import expect

LISTED = ("# SPDX-License-Identifier: GPL-2.0-only\n"
          "# Failures of the stock driver.\n\n"
          "# B44: pages stay pinned after an error\n"
          "# ret == -12\n"
          "gem.pin,Fail\n"
          "gem.pin:2M, aligned,Fail\n")


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        tmp = tempfile.TemporaryDirectory()
        self.addCleanup(tmp.cleanup)
        self.dir = Path(tmp.name)

    def write(self, name: str, content: str) -> None:
        (self.dir / name).write_text(content)

    def fails(self, driver: str = "stock",
              lane: str = "um") -> dict[str, expect.Known]:
        return expect.load_fails(self.dir, driver, "7.3", lane)


class Loading(Folder):
    def test_good(self) -> None:
        self.write("stock-7.3-fails.txt", LISTED)
        got = self.fails()
        self.assertEqual(list(got), ["gem.pin", "gem.pin:2M, aligned"])
        self.assertEqual(got["gem.pin"].reason,
                         "B44: pages stay pinned after an error ret == -12")

    def test_lane_file_adds(self) -> None:
        self.write("stock-7.3-fails.txt", LISTED)
        self.write("stock-7.3-arm64-fails.txt", "# B1: x\ngem.vmap,Fail\n")
        self.assertEqual(len(self.fails(lane="arm64")), 3)
        self.assertEqual(len(self.fails(lane="um")), 2)

    def test_refused(self) -> None:
        for bad in ("gem.pin,Fail\n", "# why\n\ngem.pin,Fail\n",
                    "# why\ngem.pin,Skip\n", "# why\ngem.pin\n",
                    "# why\npin,Fail\n", "#\ngem.pin,Fail\n",
                    "# SPDX-License-Identifier: X\ngem.pin,Fail\n",
                    "# why\ngem.pin,Fail\ngem.pin,Fail\n"):
            self.write("stock-7.3-fails.txt", bad)
            with self.subTest(bad), \
                    self.assertRaisesRegex(HarnessError, r"fails.txt:\d+: "):
                self.fails()

    def test_crashes_are_apart(self) -> None:
        self.write("stock-7.3-fails.txt", LISTED + "# B50\ngem.part:end,Crash\n")
        self.assertNotIn("gem.part:end", self.fails())
        crashes = expect.load_fails(self.dir, "stock", "7.3", "um", "Crash")
        self.assertEqual(list(crashes), ["gem.part:end"])

    def test_duplicate_across_files(self) -> None:
        self.write("stock-7.3-fails.txt", "# B1: x\ngem.pin,Fail\n")
        self.write("stock-7.3-um-fails.txt", "# B1: x\ngem.pin,Fail\n")
        with self.assertRaises(HarnessError):
            self.fails()

    def test_core_has_none(self) -> None:
        self.write("core-7.3-fails.txt", "# SPDX...\n# none\n")
        self.assertEqual(self.fails("core"), {})
        self.write("core-7.2-fails.txt", "# why\ngem.pin,Fail\n")
        with self.assertRaisesRegex(HarnessError, "core"):
            self.fails("core")

    def test_software_gpus_have_a_list_of_their_own(self) -> None:
        self.write("stock-7.3-fails.txt", "# why\ngem.pin,Fail\n")
        self.write("stock-7.3-arm64-sim-fails.txt", "# why\nsim.probe,Fail\n")
        self.write("stock-7.3-sim-fails.txt", "# why\nsim.rebind,Fail\n")
        self.assertEqual(list(expect.load_fails(self.dir, "stock", "7.3", "arm64-sim")),
                         ["sim.rebind", "sim.probe"])
        self.assertEqual(list(expect.load_fails(self.dir, "stock", "7.3", "x86_64-sim")), ["sim.rebind"])
        self.assertEqual(list(expect.load_fails(self.dir, "stock", "7.3", "arm64")), ["gem.pin"])

    def test_required(self) -> None:
        self.write("um-required.txt", "# always\ngem.pin  # I3\ngem.vmap\n")
        self.write("um-stock-required.txt", "gem.stock_only\n")
        self.assertEqual(expect.load_required(self.dir, "um", "stock"),
                         ["gem.pin", "gem.vmap", "gem.stock_only"])
        self.assertEqual(len(expect.load_required(self.dir, "um", "core")), 2)
        self.assertEqual(expect.load_required(self.dir, "arm64"), [])
        self.write("arm64-required.txt", "gem.pin\nuapi.ends_it_fatal\n")
        self.assertEqual(expect.load_required(self.dir, "arm64", "stock"), ["gem.pin"])
        self.assertEqual(len(expect.load_required(self.dir, "arm64", "core")), 2)
        for bad in ("gem\n", "gem.pin,Fail\n", "gem.pin\ngem.pin\n"):
            self.write("um-required.txt", bad)
            with self.subTest(bad), self.assertRaises(HarnessError):
                expect.load_required(self.dir, "um", "stock")

    def test_shipped_files_load(self) -> None:
        folder = support.DATA.parent.parent / "expect"
        for series in ("7.2", "7.3"):
            for lane in ("um", "arm64", "x86_64"):
                for driver in ("stock", "core"):
                    expect.load_fails(folder, driver, series, lane)
                    expect.load_required(folder, lane, driver)


class Applying(Folder):
    def gate(self, status: Status, filter: str = "") -> tuple[Case,
                                                              GateState]:
        self.write("stock-7.3-fails.txt", "# B44: -12\ngem.pin,Fail\n")
        case = Case("gem", "pin", status)
        got = expect.gate([Case("gem", "other", Status.PASS), case],
                          self.fails(), filter or None)
        return case, got.state

    def test_fails_as_listed(self) -> None:
        case, state = self.gate(Status.FAIL)
        self.assertEqual((case.bad, state), (False, GateState.GREEN))
        self.assertEqual(case.known, "B44: -12")

    def test_passes(self) -> None:
        self.assertIs(self.gate(Status.PASS)[1], GateState.RED)
        self.assertIs(self.gate(Status.PASS, "gem.*")[1], GateState.RED)

    def test_crash_and_xpass_are_not_covered(self) -> None:
        for status in (Status.CRASH, Status.XPASS):
            self.assertTrue(self.gate(status)[0].bad)

    def test_skipped_or_gone(self) -> None:
        self.assertIs(self.gate(Status.SKIP)[1], GateState.RED)
        self.assertIs(self.gate(Status.SKIP, "gem.*")[1], GateState.GREEN)
        listed = self.fails()
        self.assertIn("did not run", expect.gate([], listed).detail)
        self.assertIs(expect.gate([], listed, "x").state, GateState.GREEN)

    def test_unlisted_failure_stays_bad(self) -> None:
        self.write("stock-7.3-fails.txt", "# B44: -12\ngem.pin,Fail\n")
        case = Case("gem", "pin:2M", Status.FAIL)
        expect.apply([case], self.fails())
        self.assertTrue(case.bad)


if __name__ == "__main__":
    unittest.main()
