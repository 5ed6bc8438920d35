# SPDX-License-Identifier: GPL-2.0-only
"""Whether a board can run a bundle; each reason why not is one line."""

from __future__ import annotations

import gzip
from typing import Mapping

from ..build import kconfig
from ..model import HarnessError
from .bundlefile import Bundle

DEBUG = ("PROVE_LOCKING", "KASAN", "DEBUG_KMEMLEAK", "FAULT_INJECTION")
"""Without these most gates have nothing to look at."""
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
SPARE_KB = 32 << 10
"""What has to be left on the board's disk beside the bundle, for results."""


def facts(text: str) -> dict[str, str]:
    """Output of ``run check``."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def enabled(text: str) -> set[str]:
    """Symbols that are on in a kernel's configuration."""
    return {symbol for symbol, value in kconfig.parse(text).items() if value in ("y", "m")}


def config_text(data: bytes) -> str:
    """A configuration that may still be packed."""
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace")


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def machine(found: Mapping[str, str], host: str, bundle: Bundle) -> None:
    """What nothing on the board could change."""
    arch = str(bundle.manifest["arch"])
    if found.get("arch") != MACHINES[arch]:
        raise HarnessError(f"{host} is {found.get('arch') or 'of an unknown architecture'}, the bundle is for "
                           f"{MACHINES[arch]}; wrong board, or wrong bundle")
    if found.get("uid") != "0":
        raise HarnessError(f"{host}: not root there; use root@{host.rpartition('@')[2]}")
    if not _number(found.get("gpus")):
        raise HarnessError(f"{host}: no device that panthor drives (mali-valhall-csf) in the board's device tree; "
                           "is it switched on there?")
    if not found.get("firmware"):
        raise HarnessError(f"{host}: the GPU's firmware is missing: put mali_csffw.bin into "
                           "/lib/firmware/arm/mali/arch10.8 (Debian: firmware-misc-nonfree)")
    if found.get("swap") == "none" and "modules/zram.ko" not in bundle.manifest["sha256"]:
        raise HarnessError(f"{host}: no swap possible: no swap is on and the kernel has no zram; "
                           "switch swap on there, or boot the bundle's kernel")


def space(found: Mapping[str, str], host: str, folder: str, needed: int) -> None:
    """Room for the bundle, before anything is copied."""
    free, wanted = _number(found.get("free_kb")), (needed >> 10) + SPARE_KB
    if free < wanted:
        raise HarnessError(f"{host}: disk full: {folder} has {free >> 10} MiB free and {wanted >> 10} are needed; "
                           "free some, or choose another folder with --dir")


def kernel(found: Mapping[str, str], host: str, bundle: Bundle, config: set[str], production: bool) -> None:
    """Whether the kernel that runs takes the bundle's modules and has what gates need."""
    if found.get("kernel") != bundle.release:
        raise HarnessError(f"{host} runs Linux {found.get('kernel')}, the bundle's modules are for {bundle.release}; "
                           "boot the bundle's kernel, or build the module for the one that runs (make board KDIR=)")
    if found.get("driver") == "builtin":
        raise HarnessError(f"{host}: panthor is built into the kernel that runs; boot one that has it as a module")
    if _number(found.get("users")):
        raise HarnessError(f"{host}: panthor is in use there; stop what uses the GPU (a desktop?)")
    if production:
        return
    lacking = [f"CONFIG_{name}" for name in DEBUG if f"CONFIG_{name}" not in config]
    if lacking:
        what = f"without {', '.join(lacking)}" if config else "that does not tell its configuration"
        raise HarnessError(f"{host} runs a kernel {what}, which gates need; boot the debug bundle, "
                           "or say --production")
    if found.get("debug_locks") == "0":
        raise HarnessError(f"{host}: lockdep has switched itself off after a report; reboot the board first")
