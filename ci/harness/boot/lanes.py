# SPDX-License-Identifier: GPL-2.0-only
"""The table of lanes, and the choice between them."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Callable, Mapping, Optional

from ..model import UsageError

AXES = ("lockdep", "kasan", "kmemleak", "checks", "fault")
"""Debug fragments that every verdict runs with; the lean build has none."""
PROBE_CACHE = "kvm-probe.json"
PROBE_SECONDS = 4.0
_PROBE_TEXT = b"panthor-harness kvm ok"


@dataclasses.dataclass(frozen=True)
class Lane:
    """How one lane is configured, built and booted."""

    name: str
    arch: str
    cross_compile: str = ""
    targets: tuple[str, ...] = ()
    image: str = ""
    """Kernel image, relative to the build folder."""
    qemu: str = ""
    machine: str = ""
    tcg_cpu: str = ""
    cpus: int = 2
    memory_mb: int = 0
    cmdline: tuple[str, ...] = ()
    fragments: tuple[str, ...] = ()
    tools: tuple[str, ...] = ("build",)
    """Groups of host tools the lane needs."""
    busybox_arch: str = ""
    """Debian architecture of the busybox-static in the guest."""
    lean: bool = False
    """Without the debug options: for measuring speed, never for a verdict."""
    kcsan: bool = False
    """With KCSAN, which excludes KASAN."""
    big_pages: bool = False
    """With pages of 16 KiB."""
    steady: bool = False
    """Under TCG, an instruction is a nanosecond and CPUs take turns: a busy host
    makes the guest slow, but no deadline is missed in its time."""

    @property
    def is_vm(self) -> bool:
        """True if the lane boots in QEMU."""
        return bool(self.qemu)

    def fragment_names(self) -> list[str]:
        """Names of the config fragments (kunitconfig/<name>.config) in order."""
        own = [*self.fragments, *(["arm64-16k"] if self.big_pages else [])]
        if self.lean:
            return [*own, "lean"]
        return [*own, *("kcsan" if self.kcsan and axis == "kasan" else axis for axis in AXES)]

    def without_debug(self) -> Lane:
        """The same with a lean kernel, which has a build folder of its own."""
        return dataclasses.replace(self, name=f"{self.name}-lean", lean=True)

    @property
    def listed(self) -> Lane:
        """The lane that a user names, and whose expectations hold."""
        return LANES.get(re.sub(r"-(?:kcsan|16k)$", "", self.name), self)

    def with_kcsan(self) -> Lane:
        """The same with a kernel that looks for data races, in a build folder of its own."""
        return dataclasses.replace(self, name=f"{self.name}-kcsan", kcsan=True)

    def with_big_pages(self) -> Lane:
        """The same with pages of 16 KiB, which the usual CPU under TCG does not have."""
        return dataclasses.replace(self, name=f"{self.name}-16k", big_pages=True, tcg_cpu="cortex-a76")

    def accel_args(self, accel: str) -> list[str]:
        """QEMU arguments for ``accel``, one of kvm and tcg."""
        if accel == "kvm":
            return ["-accel", "kvm", "-cpu", "host"]
        if self.steady:
            return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-cpu", self.tcg_cpu]
        return ["-accel", "tcg,thread=multi", "-cpu", self.tcg_cpu]


# A dead kernel must end the run: reboot at once, and QEMU has -no-reboot.
_VM_CMDLINE = ("panic=-1", "oops=panic", "printk.devkmsg=on")

LANES: dict[str, Lane] = {lane.name: lane for lane in (
    Lane(name="um", arch="um", image="linux", fragments=("base", "um"),
         tools=("build",)),
    Lane(name="arm64", arch="arm64", cross_compile="aarch64-linux-gnu-",
         targets=("Image", "modules"), image="arch/arm64/boot/Image",
         qemu="qemu-system-aarch64", machine="virt,gic-version=3",
         tcg_cpu="cortex-a72", memory_mb=1024,
         cmdline=("console=ttyAMA0", "earlycon", *_VM_CMDLINE),
         fragments=("base", "vm", "arm64"), tools=("build", "arm64"),
         busybox_arch="arm64"),
    Lane(name="x86_64", arch="x86_64", cross_compile="x86_64-linux-gnu-",
         targets=("bzImage", "modules"), image="arch/x86/boot/bzImage",
         qemu="qemu-system-x86_64", machine="pc", tcg_cpu="max",
         memory_mb=1024,
         cmdline=("console=ttyS0,115200", "earlycon=uart8250,io,0x3f8,115200",
                  "tsc=nowatchdog", *_VM_CMDLINE),
         fragments=("base", "vm", "x86_64"), tools=("build", "x86_64"),
         busybox_arch="amd64"),
)}

CHOICES = (*LANES, "vm")


def resolve_lanes(text: str, kvm_works: Callable[[], bool]) -> list[Lane]:
    """Lanes named in ``text``, in order, without repeats.

    ``vm`` is x86_64 where KVM boots, else arm64, the fastest one under TCG.
    """
    names = [name for name in re.split(r"[\s,]+", text) if name]
    if not names:
        raise UsageError(f"LANES is empty; choose from: {' '.join(CHOICES)}")
    for name in names:
        if name not in CHOICES:
            raise UsageError(f"unknown lane '{name}'; choose from: "
                             f"{' '.join(CHOICES)}")
    found: list[Lane] = []
    for name in names:
        if name == "vm":
            name = "x86_64" if kvm_works() else "arm64"
        if LANES[name] not in found:
            found.append(LANES[name])
    return found


def is_native(lane: Lane, machine: Optional[str] = None) -> bool:
    """True if the host's own compiler builds for the lane."""
    host = machine or platform.machine()
    return lane.arch == "um" or lane.arch == {"aarch64": "arm64"}.get(host, host)


def make_args(lane: Lane, user: Mapping[str, str],
              machine: Optional[str] = None) -> list[str]:
    """Make variables for the lane; ``user`` holds LLVM, CC, CROSS_COMPILE.

    One setting serves lanes of different architectures: CROSS_COMPILE is for
    foreign ones only, and in CC a plain gcc becomes the cross gcc there.
    """
    variables = {"ARCH": lane.arch}
    llvm, compiler = user.get("LLVM", ""), user.get("CC", "")
    native = is_native(lane, machine)
    if llvm:
        variables["LLVM"] = llvm
    if not native:
        cross = user.get("CROSS_COMPILE", "")
        if not cross and not llvm and "clang" not in compiler:
            cross = lane.cross_compile
        if cross:
            variables["CROSS_COMPILE"] = cross
            compiler = re.sub(r"(^|\s)(gcc(?:-\d+)?)$", rf"\g<1>{cross}\g<2>",
                              compiler)
    if compiler:
        variables["CC"] = compiler
    return [f"{key}={value}" for key, value in variables.items()]


def boot_sector(text: bytes = _PROBE_TEXT) -> bytes:
    """A disk image that works a little, prints ``text`` and ends QEMU.

    The loop tells running from interpreting: it takes 20 ms under KVM proper,
    and far more than the deadline where KVM emulates each instruction, as on
    hosts that only have it for paravirtual guests. Kernels seem to hang there.
    """
    code = bytes([
        0x31, 0xC0,                          # xor ax, ax
        0x8E, 0xD8,                          # mov ds, ax
        0xFC,                                # cld
        0x66, 0xB9, 0x00, 0x5A, 0x62, 0x02,  # mov ecx, 40000000
        0x66, 0x49,                          # work: dec ecx
        0x75, 0xFC,                          # jnz work
        0xBE, 0x24, 0x7C,                    # mov si, text (0x7c00 + 36)
        0xBA, 0xF8, 0x03,                    # mov dx, 0x3f8
        0xAC,                                # next: lodsb
        0x84, 0xC0,                          # test al, al
        0x74, 0x03,                          # jz done
        0xEE,                                # out dx, al
        0xEB, 0xF8,                          # jmp next
        0xB0, 0x10,                          # done: mov al, 0x10
        0xE6, 0xF4,                          # out 0xf4, al (isa-debug-exit)
        0xF4,                                # hlt
        0xEB, 0xFD,                          # jmp to the hlt
    ])
    return (code + text + b"\0").ljust(510, b"\0") + b"\x55\xaa"


def boots_sector(accel: str, seconds: float = PROBE_SECONDS) -> bool:
    """True if QEMU runs ``boot_sector`` with ``accel`` in time."""
    qemu = shutil.which(LANES["x86_64"].qemu)
    if not qemu:
        return False
    with tempfile.NamedTemporaryFile(suffix=".img") as disk:
        disk.write(boot_sector())
        disk.flush()
        cmd = [qemu, "-M", "pc", *LANES["x86_64"].accel_args(accel), "-m", "64",
               "-nodefaults", "-display", "none", "-serial", "stdio",
               "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
               "-drive", f"format=raw,if=ide,readonly=off,file={disk.name}"]
        try:
            done = subprocess.run(cmd, stdin=subprocess.DEVNULL, check=False,
                                  capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
    return _PROBE_TEXT in done.stdout


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def remember_kvm(output: Path, works: bool) -> None:
    """Keeps the answer until the host reboots."""
    path = output / PROBE_CACHE
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"boot_id": _boot_id(), "works": works}) + "\n",
                    encoding="ascii")
    part.replace(path)


def kvm_works(output: Path, device: Path = Path("/dev/kvm"),
              probe: Optional[Callable[[], bool]] = None) -> bool:
    """Whether an x86_64 guest runs under KVM here; asked once per host boot.

    That the device opens proves nothing: on some hosts guests then hang.
    """
    if platform.machine() != "x86_64" or not os.access(device, os.R_OK | os.W_OK):
        return False
    try:
        known = json.loads((output / PROBE_CACHE).read_text("ascii"))
        if known["boot_id"] == _boot_id() and isinstance(known["works"], bool):
            return known["works"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    works = probe() if probe else boots_sector("kvm")
    remember_kvm(output, works)
    return works
