# SPDX-License-Identifier: GPL-2.0-only
"""The firmware image of the software GPU, read as the driver reads it."""

import contextlib
import importlib.util
import io
import re
import struct
import sys
import unittest
from pathlib import Path
from types import ModuleType

import support

SIM = Path(__file__).resolve().parent.parent.parent / support.PANTHOR / "sim"
KNOWN_FLAGS = 0b1111 | 1 << 4 | 1 << 5 | 1 << 30 | 1 << 31


def load() -> ModuleType:
    """The generator, which is a program and not in a package."""
    spec = importlib.util.spec_from_file_location("mkfw", SIM / "mkfw.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


mkfw = load()


def defines() -> dict[str, int]:
    """Plain numbers the model's headers define."""
    text = "".join((SIM / name).read_text() for name in ("sim_fw_abi.h", "sim_fw.h"))
    return {name: int(value, 0) for name, value in
            re.findall(r"^#define (\w+)\s+(0x[0-9a-f]+|\d+)$", text, re.M)}


class ImageTest(unittest.TestCase):
    """What the driver checks when it loads an image."""

    def setUp(self) -> None:
        self.image = mkfw.image()
        magic, self.minor, self.major, _, _, _, self.size = struct.unpack_from("<IBBHIII", self.image)
        self.assertEqual(magic, 0xC3F13A6E)

    def entries(self) -> list[tuple[int, int, bytes]]:
        """Type, flags and body of each; they fill the table exactly."""
        found, at = [], 20
        while at < self.size:
            head, = struct.unpack_from("<I", self.image, at)
            size = head >> 8 & 0xFF
            self.assertGreaterEqual(size, 4)
            self.assertEqual(size % 4, 0)
            found.append((head & 0xFF, head & ~0xFFFF, self.image[at + 4:at + size]))
            at += size
        self.assertEqual(at, self.size)
        return found

    def sections(self) -> list[tuple[int, int, int, bytes]]:
        """Flags, first and end address, data of each section."""
        found = []
        for kind, _, body in self.entries():
            if kind == mkfw.SECTION:
                flags, start, end, first, last = struct.unpack_from("<5I", body)
                self.assertLessEqual(first, last)
                self.assertLessEqual(last, len(self.image))
                found.append((flags, start, end, self.image[first:last]))
        return found

    def test_header(self) -> None:
        """Only major version 0 is accepted, and the table ends inside the file."""
        self.assertEqual(self.major, 0)
        self.assertLessEqual(self.size, len(self.image))

    def test_sections(self) -> None:
        """Page aligned, apart, large enough for their data, and of known flags."""
        end_before = 0
        for flags, start, end, data in sorted(self.sections(), key=lambda s: s[1]):
            self.assertEqual(flags & ~KNOWN_FLAGS, 0)
            self.assertEqual((start | end) % 4096, 0)
            self.assertGreaterEqual(start, end_before)
            self.assertLessEqual(len(data), end - start)
            self.assertTrue(data or flags & mkfw.ZERO, "left uninitialised")
            end_before = end

    def test_shared(self) -> None:
        """One section is shared, where the driver expects it."""
        shared = [(start, end) for flags, start, end, _ in self.sections()
                  if flags & mkfw.SHARED]
        self.assertEqual(shared, [(0x04000000, 0x04000000 + mkfw.SHARED_SIZE)])

    def test_build_info(self) -> None:
        """Ends with a zero byte and begins as the driver wants it."""
        body, = [body for kind, _, body in self.entries() if kind == mkfw.BUILD_INFO]
        at, size = struct.unpack("<2I", body)
        info = self.image[at:at + size]
        self.assertEqual(len(info), size)
        self.assertTrue(info.startswith(b"git_sha: ") and info.endswith(b"\0"))

    def test_unknown_is_optional(self) -> None:
        """An entry that no loader knows may be skipped."""
        for kind, flags, _ in self.entries():
            self.assertTrue(kind in (mkfw.SECTION, mkfw.BUILD_INFO) or flags & mkfw.OPTIONAL)

    def test_as_the_model_has_it(self) -> None:
        """Addresses and contents are those the model checks at a boot."""
        known = defines()
        text, data, _ = self.sections()
        self.assertEqual(text[1], known["FW_TEXT_VA"])
        words = struct.unpack(f"<{known['FW_TEXT_WORDS']}I", text[3])
        self.assertEqual(list(words), [known["FW_TEXT_MAGIC"] + i for i in range(len(words))])
        self.assertEqual(data[1], known["FW_DATA_VA"])
        self.assertEqual(data[3], struct.pack("<I", known["FW_DATA_COLD"]))
        self.assertEqual(mkfw.SHARED_VA, known["FW_SHARED_VA"])
        self.assertEqual(mkfw.SHARED_SIZE, known["SIM_FW_SHARED_SIZE"])


class ProgramTest(support.Folder):
    """The command line."""

    def test_file(self) -> None:
        """Writes to the file it is told."""
        self.assertEqual(mkfw.main([str(self.dir / "fw.bin")]), 0)
        self.assertEqual((self.dir / "fw.bin").read_bytes(), mkfw.image())

    def test_root(self) -> None:
        """Writes to where the driver looks, and makes the folders."""
        self.assertEqual(mkfw.main(["--root", str(self.dir)]), 0)
        self.assertEqual((self.dir / mkfw.PATH).read_bytes(), mkfw.image())

    def test_neither(self) -> None:
        """Without a place to write to it is a usage error."""
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as end:
            mkfw.main([])
        self.assertEqual(end.exception.code, 2)


if __name__ == "__main__":
    unittest.main()
