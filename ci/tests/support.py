# SPDX-License-Identifier: GPL-2.0-only
"""Put ci/ on the module path; where the recorded logs are; small fake kernel trees."""

import os
import sys
import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Union

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
DATA = Path(__file__).resolve().parent / "data"

PANTHOR = "drivers/gpu/drm/panthor"


def put(root: Path, files: Mapping[str, Union[str, bytes]]) -> Path:
    """Write ``files`` below ``root``."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def kernel_tree(root: Path, version: str = "7.3.4") -> Path:
    """As much of a kernel tree as the harness looks at."""
    major, minor, sub = version.split(".")
    put(root, {
        "Makefile": f"# SPDX\nVERSION = {major}\nPATCHLEVEL = {minor}\nSUBLEVEL = {sub}\nEXTRAVERSION =\n",
        "Kconfig": "mainmenu\n",
        f"{PANTHOR}/Kconfig": "config DRM_PANTHOR\n",
        f"{PANTHOR}/Makefile": "obj-y += panthor.o\n",
        f"{PANTHOR}/panthor_gem.c": "int stock; /* shrinker_alloc() */\n",
        "scripts/tool.sh": "#!/bin/sh\n",
        "include/linux/gem.h": "#define GEM 1\n",
    })
    (root / "scripts/tool.sh").chmod(0o755)
    os.symlink("../include", root / "scripts/include")
    return root


class Folder(unittest.TestCase):
    """A test with an empty folder and a log of its own."""

    def setUp(self) -> None:
        temp = tempfile.TemporaryDirectory()
        self.addCleanup(temp.cleanup)
        self.dir = Path(temp.name).resolve()
        self.said: list[str] = []

    def log(self, line: str) -> None:
        self.said.append(line)

    def one_line(self, err: Exception, *words: str) -> None:
        """The message is one line and names all ``words``."""
        text = str(err)
        self.assertNotIn("\n", text)
        for word in words:
            self.assertIn(word, text)
