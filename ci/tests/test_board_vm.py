# SPDX-License-Identifier: GPL-2.0-only
"""The VM in the place of a board: what is packed, and the judgement of its run."""

from __future__ import annotations

import copy
import lzma
import unittest
from pathlib import Path
from typing import Any

import support
from harness.board import e2e, guest
from harness.settings import REPO


def verdict() -> dict[str, Any]:
    """As a good run has it."""
    names = ["smoke.a", "inject.hang", "inject.panic", "inject.after_panic", "inject.cut", "inject.after_cut",
             "vm_bind.a"]
    return {"lanes": [{
        "cases": [{"suite": name.split(".")[0], "name": name.split(".")[1],
                   "status": "fail" if name in e2e.BAD else "pass"} for name in names],
        "gates": [{"name": "complete", "state": "red", "detail": "the board went away",
                   "findings": [{"test": "inject.panic"}]},
                  {"name": "warn", "state": "green", "detail": "", "findings": []}]}]}


class Judgement(unittest.TestCase):
    """Only what was made on purpose may be bad."""

    def test_good(self) -> None:
        self.assertEqual(e2e.judge(verdict()), [])

    def test_accidents_that_nobody_noticed(self) -> None:
        for number in (1, 2):
            data = verdict()
            data["lanes"][0]["cases"][number]["status"] = "pass"
            self.assertEqual(len(e2e.judge(data)), 1)
        data = verdict()
        data["lanes"][0]["gates"][0].update(state="green", detail="", findings=[])
        self.assertIn("complete: green", e2e.judge(data)[0])

    def test_more_than_was_made(self) -> None:
        for edit in (lambda lane: lane["cases"][4].update(status="fail"),
                     lambda lane: lane["cases"].pop(6),
                     lambda lane: lane["gates"][1].update(state="red", detail="WARNING"),
                     lambda lane: lane["gates"][0]["findings"].append({"test": "smoke.a"})):
            data = copy.deepcopy(verdict())
            edit(data["lanes"][0])
            self.assertEqual(len(e2e.judge(data)), 1)


class Modules(support.Folder):
    """Installed modules, packed or not, in an order that loads."""

    def module(self, name: str, depends: str = "", packed: bool = True) -> Path:
        data = b"\0depends=" + depends.encode() + b"\0name=x\0"
        path = self.dir / "lib" / f"{name}.ko{'.xz' if packed else ''}"
        support.put(self.dir, {str(path.relative_to(self.dir)): lzma.compress(data) if packed else data})
        return path

    def test_order(self) -> None:
        self.module("virtio_net", "net_failover")
        self.module("net_failover", "failover", packed=False)
        self.module("failover")
        self.module("gpu-sched")
        own = self.module("panthor", "gpu-sched", packed=False)
        installed = guest.kernel_modules(self.dir / "lib")
        found = guest.load_order(["virtio_net", "not_there"], [own], installed, self.dir / "plain")
        self.assertEqual([path.stem for path in found], ["failover", "net_failover", "virtio_net", "gpu-sched", "panthor"])
        self.assertEqual({path.suffix for path in found}, {".ko"})


class Packing(support.Folder):
    """The archive."""

    def test_pack(self) -> None:
        support.put(self.dir, {"busybox": "bb", "key.pub": "ssh-ed25519 AAAA x\n", "zram.ko": "m"})
        guest.pack(self.dir / "out.cpio", self.dir / "busybox", [self.dir / "zram.ko"], {"zram": "num_devices=1"},
                   self.dir / "key.pub", {"usr/sbin/dropbear": b"d"})
        data = (self.dir / "out.cpio").read_bytes()
        for text in (b"root/.ssh/authorized_keys", b"ssh-ed25519 AAAA x", b"zram.ko num_devices=1\n", b"board: ready",
                     b"usr/sbin/dropbear"):
            self.assertIn(text, data)

    def test_reboots(self) -> None:
        """A panic has to boot it again, not to end QEMU."""
        words = guest.command(Path("Image"), Path("initrd"), 2222)
        self.assertNotIn("-no-reboot", words)
        self.assertIn("panic=-1", words[-1])
        self.assertTrue((REPO / "ci/vm/board").stat().st_mode & 0o100)


if __name__ == "__main__":
    unittest.main()
