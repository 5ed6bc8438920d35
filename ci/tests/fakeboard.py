# SPDX-License-Identifier: GPL-2.0-only
"""A machine of files that looks like a board to ci/lab/run, and a bundle for it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Iterable, Optional

import support
from harness.board import bundlefile
from harness.settings import REPO

RELEASE = "7.3.4-board"
CONFIG = "".join(f"CONFIG_{name}=y\n" for name in (
    "PROVE_LOCKING", "KASAN", "DEBUG_KMEMLEAK", "FAULT_INJECTION", "UBSAN", "BUG", "DEBUG_LIST"))
SWAPS = "Filename Type Size Used Priority\n"
BOOTS = ("11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555")
FIRMWARE = "lib/firmware/arm/mali/arch10.8/mali_csffw.bin"
FILES: dict[str, str] = {
    "proc/sys/kernel/random/boot_id": BOOTS[0] + "\n",
    "proc/sys/kernel/printk_devkmsg": "ratelimit\n",
    "proc/modules": "drm 1 0 - Live\n",
    "proc/swaps": SWAPS,
    "proc/uptime": "100.00 1.00\n",
    "proc/meminfo": "MemTotal: 8000000 kB\n",
    "proc/vmstat": "pswpin 0\n",
    "proc/mounts": "none /sys/kernel/debug debugfs rw 0 0\nnone /sys/fs/cgroup cgroup2 rw 0 0\n",
    "proc/lockdep_stats": " debug_locks:                             1\n",
    "proc/device-tree/model": "Radxa ROCK 5B\0",
    "proc/sysrq-trigger": "",
    "sys/bus/platform/devices/fb000000.gpu/modalias": "of:NgpuT(null)Crockchip,rk3588-maliCarm,mali-valhall-csf\n",
    "sys/class/zram-control/hot_add": "0\n",
    "sys/class/zram-control/hot_remove": "",
    "sys/block/zram0/disksize": "0\n",
    "sys/block/zram0/reset": "",
    "sys/kernel/debug/kmemleak": "",
    "sys/kernel/debug/failslab/verbose": "2\n",
    "dev/kmsg": "Linux version 7.3.4-board (lab@host)\nold noise: WARNING: CPU: 0 at foo+0x1/0x2\n",
    FIRMWARE: "fw",
}
VOLATILE = ("dev/kmsg", "sys/class/zram-control/hot_remove", "sys/block/zram0", "proc/sysrq-trigger",
            "sys/kernel/debug/kmemleak", "proc/sys/kernel/random", "seen.")
COMMANDS = {
    "uname": 'case $1 in -m) echo ${FAKE_ARCH:-aarch64};; *) echo ${FAKE_RELEASE:-' + RELEASE + '};; esac',
    "id": "echo ${FAKE_UID:-0}",
    "df": 'echo header; echo "/dev/x 1 1 ${FAKE_FREE:-9000000} 1% /"',
    "insmod": 'name=$(basename "$1" .ko | tr - _); [ "$name" != broken ] || { echo "insmod: ERROR: Unknown symbol" >&2; '
              'exit 1; }; echo "$name 1 0 - Live" >>$PANTHOR_ROOT/proc/modules',
    "rmmod": '[ "$1" != "$FAKE_BUSY" ] || exit 1; sed -i "/^$1 /d" $PANTHOR_ROOT/proc/modules',
    "modprobe": '[ "$1" != -n ] || exit 1; echo "$1 1 0 - Live" >>$PANTHOR_ROOT/proc/modules',
    "mkswap": ":",
    "swapon": '[ -z "${FAKE_NOSWAP-}" ] || exit 1; echo "$1 partition 1 0 -2" >>$PANTHOR_ROOT/proc/swaps',
    # The machine boots: another id, an empty log, nothing in RAM, no process of ours.
    "boot": 'cd /; echo "drm 1 0 - Live" >$PANTHOR_ROOT/proc/modules; echo Filename >$PANTHOR_ROOT/proc/swaps; '
            "echo Linux version 7.3.4-board second >$PANTHOR_ROOT/dev/kmsg; "
            f"echo {BOOTS[1]} >$PANTHOR_ROOT/proc/sys/kernel/random/boot_id; "
            'for pid in $(ps -eo pid=,args= | grep "$PANTHOR_ROOT/.*/run [s]upervise" | awk "{ print \\$1 }"); '
            "do kill -9 $pid; done; rm -rf $PANTHOR_ROOT/var/tmp/*; rm -f $PANTHOR_ROOT/down",
    "swapoff": 'echo "Filename Type Size Used Priority" >$PANTHOR_ROOT/proc/swaps',
}
CASES = {
    "good.one": "true",
    "good.two": "sh -c 'echo said; exit 0'",
    "good.skip": "sh -c 'echo not here; exit 4'",
    "bad.fails": "sh -c 'echo why; exit 1'",
    "bad.after": "true",
    "hang.sleeps": "sleep 60",
    "hang.after": "true",
    "panic.dies": "sh $PANTHOR_ROOT/bin/boot kill",
    "panic.after": "true",
    "cut.network": "sh -c 'touch $PANTHOR_ROOT/down; sleep 1; rm $PANTHOR_ROOT/down; sleep 0.3'",
    "cut.after": "true",
    "gone.dies": "sh -c 'touch $PANTHOR_ROOT/down'",
    "gone.after": "true",
    "splat.quiet": "sh -c 'printf \"%s\\n\" \"WARNING: possible circular locking dependency detected\" "
                   "\"task is trying to acquire lock\" >>$PANTHOR_ROOT/dev/kmsg'",
}


def machine(root: Path, **changed: Optional[str]) -> Path:
    """Files of a board that fits; ``changed`` by their last name, None for absent."""
    support.put(root, FILES)
    (root / "proc/config.gz").write_bytes(gzip.compress(CONFIG.encode()))
    for name, text in COMMANDS.items():
        path = root / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    (root / "var/tmp").mkdir(parents=True)
    for name, content in changed.items():
        path = next(path for path in root.rglob("*") if path.name.split(".")[0] == name)
        if content is None:
            path.unlink()
        else:
            path.write_text(content)
    return root


def bundle(path: Path, suites: Iterable[str], modules: Iterable[str] = ("gpu-sched", "panthor"),
           **facts: str) -> Path:
    """A bundle with cases of some suites."""
    names = [name for name in CASES if name.partition(".")[0] in suites]
    files: dict[str, Path | bytes] = {
        "run": REPO / "ci/lab/run",
        "modules.load": "".join(f"{name}.ko\n" for name in modules).encode(),
        "cases.list": "".join(f"{name.replace('.', ' ')} {CASES[name]}\n" for name in names).encode(),
        **{f"modules/{name}.ko": b"\x7fELF" + os.urandom(16) for name in modules},
    }
    bundlefile.write(path, files, {"arch": "arm64", "release": RELEASE, "driver": "core", "series": "7.3", **facts})
    return path


def snapshot(root: Path) -> dict[str, bytes]:
    """What a run may not change."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*"))
            if path.is_file() and not str(path.relative_to(root)).startswith(VOLATILE)}
