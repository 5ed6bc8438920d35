#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes the firmware image of the software GPU.

    mkfw.py FILE          writes the image to FILE
    mkfw.py --root DIR    writes it to where the driver asks for it, below DIR:
                          lib/firmware/arm/mali/arch10.8/mali_csffw.bin

There is no code in it: the model is the firmware. But the driver loads it as it
would a real one, and the model looks at each boot whether it did (sim_fw_boot.c;
the numbers are in sim_fw_abi.h):

    text    0x00000000  words that count up from a magic number; not writable
    data    0x00010000  one word that a boot changes, then zeros
    shared  0x04000000  zeros: the memory the driver and the firmware share

Format, all little endian: a header of 20 bytes, entries back to back, then the
data. Offsets are from the start of the file.

    header  u32 magic, u8 minor, u8 major, u16 0, u32 hash, u32 0,
            u32 size of header and entries
    entry   u32 type[7:0], size[15:8] of all of it, bit 30 update, bit 31 optional
    type 0  section: u32 flags, first address, end address, data start, data end,
            then a name up to the size of the entry
    type 6  build info: u32 offset, u32 size of "git_sha: ...\\0"
"""

from __future__ import annotations

import argparse
import struct
import sys
from pathlib import Path

PATH = "lib/firmware/arm/mali/arch10.8/mali_csffw.bin"

MAGIC = 0xC3F13A6E
HEADER = struct.Struct("<IBBHIII")
SECTION, BUILD_INFO, UNKNOWN = 0, 6, 0x7F
OPTIONAL = 1 << 31

READ, WRITE, EXEC, CACHED, SHARED, ZERO = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 30, 1 << 31

TEXT_VA, TEXT_MAGIC, TEXT_WORDS = 0x00000000, 0x4D495350, 1024
DATA_VA, DATA_COLD = 0x00010000, 0x444C4F43
SHARED_VA, SHARED_SIZE = 0x04000000, 0x90000
PAGE = 0x1000

BUILD = b"git_sha: 0000000000000000000000000000000000000000 software GPU\0"


def _entry(kind: int, body: bytes, flags: int = 0) -> bytes:
    size = 4 + len(body)
    if size % 4 or size > 252:
        raise ValueError(f"an entry cannot have {size} bytes")
    return struct.pack("<I", kind | size << 8 | flags) + body


def _name(text: str) -> bytes:
    raw = text.encode() + b"\0"
    return raw + b"\0" * (-len(raw) % 4)


def image() -> bytes:
    """The image."""
    text = struct.pack(f"<{TEXT_WORDS}I", *range(TEXT_MAGIC, TEXT_MAGIC + TEXT_WORDS))
    data = struct.pack("<I", DATA_COLD)
    sections = (
        ("text", READ | EXEC | CACHED, TEXT_VA, PAGE, text),
        ("data", READ | WRITE | CACHED | ZERO, DATA_VA, PAGE, data),
        ("shared", READ | WRITE | SHARED | ZERO, SHARED_VA, SHARED_SIZE, b""),
    )

    def table(start: int) -> tuple[bytes, bytes]:
        entries, blobs = b"", b""
        for name, flags, va, size, blob in sections:
            at = start + len(blobs)
            entries += _entry(SECTION, struct.pack("<5I", flags, va, va + size, at,
                                                   at + len(blob)) + _name(name))
            blobs += blob
        entries += _entry(BUILD_INFO, struct.pack("<2I", start + len(blobs), len(BUILD)))
        # What a loader does not know it has to skip, if it is marked so.
        entries += _entry(UNKNOWN, struct.pack("<I", 0), OPTIONAL)
        return entries, blobs + BUILD

    size = HEADER.size + len(table(0)[0])
    entries, blobs = table(size)
    return HEADER.pack(MAGIC, 0, 0, 0, 0, 0, size) + entries + blobs


def main(argv: list[str]) -> int:
    """Writes the image."""
    parser = argparse.ArgumentParser(description="Makes the firmware image of the software GPU.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("file", nargs="?", type=Path, help="file to write")
    where.add_argument("--root", type=Path, metavar="DIR", help=f"write DIR/{PATH}")
    args = parser.parse_args(argv)
    path = args.root / PATH if args.root else args.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
