# SPDX-License-Identifier: GPL-2.0-only
"""The tarball for a board: what is in it, and whether it is whole."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import tarfile
import time
from pathlib import Path
from typing import IO, Any, Mapping, Union, cast

from ..model import HarnessError

TOP = "panthor-board"
MANIFEST = "manifest.json"
CASES = "cases.list"
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A bundle on this side."""

    path: Path
    manifest: dict[str, Any]
    cases: list[tuple[str, str, str]]
    """Suite, case and command, as the board runs it from the bundle's folder."""
    bytes: int
    """What it takes when it is unpacked."""

    @property
    def release(self) -> str:
        return str(self.manifest["release"])


def write(path: Path, files: Mapping[str, Union[Path, bytes]], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Packs ``files`` (name to source) and a manifest with ``facts`` and checksums.

    Equal input gives equal bytes. Returns the manifest.
    """
    sums: dict[str, str] = {}
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as out, gzip.GzipFile("", "wb", 6, out, mtime=0) as packed, \
                tarfile.open(fileobj=cast(IO[bytes], packed), mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in sorted(files):
                source = files[name]
                data = source if isinstance(source, bytes) else source.read_bytes()
                mode = 0o644 if isinstance(source, bytes) else 0o755 if source.stat().st_mode & 0o111 else 0o644
                sums[name] = hashlib.sha256(data).hexdigest()
                _add(tar, name, data, mode)
            manifest = {"format": FORMAT, **facts, "sha256": sums}
            _add(tar, MANIFEST, (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode(), 0o644)
        part.replace(path)
    except OSError as err:
        part.unlink(missing_ok=True)
        where = f"{err.filename}: " if err.filename and str(err.filename) != str(part) else ""
        raise HarnessError(f"cannot write {path}: {where}{err.strerror}; free space, or run it again") from err
    return manifest


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    info = tarfile.TarInfo(f"{TOP}/{name}")
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


def read(path: Path) -> Bundle:
    """Opens a bundle and checks each of its files against the manifest."""
    try:
        with tarfile.open(path) as tar:
            files = {}
            for member in tar.getmembers():
                handle = tar.extractfile(member) if member.isfile() else None
                if handle and member.name.startswith(f"{TOP}/"):
                    files[member.name.removeprefix(f"{TOP}/")] = handle.read()
        manifest = json.loads(files.pop(MANIFEST))
        sums = dict(manifest["sha256"])
        cases = files[CASES].decode().splitlines()
    except FileNotFoundError as err:
        raise HarnessError(f"{path}: no such bundle; make one with 'make board'") from err
    except (OSError, EOFError, tarfile.TarError, KeyError, ValueError, TypeError) as err:
        why = (str(err) or type(err).__name__).splitlines()[0]
        raise HarnessError(f"{path}: not a board bundle ({why}); make one with 'make board'") from err
    if manifest.get("format") != FORMAT:
        raise HarnessError(f"{path}: bundle of format {manifest.get('format')}, this is for {FORMAT}; make it anew")
    for name in sorted({*sums, *files}):
        if sums.get(name) != (hashlib.sha256(files[name]).hexdigest() if name in files else None):
            raise HarnessError(f"{path}: {name} is not what the manifest says; make the bundle anew")
    split = [tuple(line.split(" ", 2)) for line in cases if line]
    return Bundle(path, manifest, [(one[0], one[1], one[2]) for one in split], sum(map(len, files.values())))


def stamp() -> str:
    """Time for a manifest."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
