# SPDX-License-Identifier: GPL-2.0-only
"""Programs of another architecture out of Debian packages, with the libraries they need.

Nothing is installed and dpkg learns nothing: packages are fetched as aptfetch does
and unpacked into a folder. A library's package is found among what the packages
at hand depend on, by the naming rule of Debian policy 8.1.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Callable, Iterable, Optional, Sequence

from ..locks import Log
from ..model import HarnessError
from . import aptfetch
from .aptfetch import Apt, AptError, NoSpace

# Libraries whose packages have names of their own.
NAMED = {"libgcc_s.so.1": "libgcc-s1", "libz.so.1": "zlib1g"}
_LIBC = re.compile(r"(ld-linux.*|libc|libm|libdl|libpthread|librt|libresolv|libutil)\.so\.\d+")


def candidates(soname: str) -> list[str]:
    """Names that the package of a library may have, the likeliest first."""
    if _LIBC.fullmatch(soname):
        return ["libc6"]
    if soname in NAMED:
        return [NAMED[soname]]
    match = re.fullmatch(r"(.+?)(?:-([\d.]+)\.so|\.so\.([\d.]+))", soname)
    if not match:
        return []
    name, version = match[1].lower().replace("_", "-"), match[2] or match[3]
    hyphen = "-" if name[-1].isdigit() else ""
    return [f"{name}{hyphen}{version}{end}" for end in ("t64", "")]


def owner(soname: str, depends: Iterable[str]) -> Optional[str]:
    """The package of a library, if it is one of ``depends``."""
    known = set(depends)
    return next((name for name in candidates(soname) if name in known), None)


def dependencies(fields: str) -> set[str]:
    """Package names in a Depends field, alternatives included."""
    return set(re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)", fields))


def needed(elf: Path) -> list[str]:
    """Libraries a program or library asks for."""
    try:
        text = subprocess.run(["readelf", "-dW", str(elf)], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as err:
        raise HarnessError(f"cannot read {elf}: {err}") from err
    return re.findall(r"\(NEEDED\)\s+Shared library: \[(.+?)\]", text)


def _dpkg(*args: str) -> bytes:
    try:
        return subprocess.run(["dpkg-deb", *args], capture_output=True, check=True).stdout
    except FileNotFoundError as err:
        raise HarnessError("dpkg-deb is not installed") from err
    except subprocess.CalledProcessError as err:
        raise HarnessError(f"dpkg-deb {' '.join(args)}: {err.stderr.decode().strip()}") from err


def unpack(deb: Path, root: Path) -> None:
    """Files and links of a package, in a tree where /lib is /usr/lib."""
    with tarfile.open(fileobj=io.BytesIO(_dpkg("--fsys-tarfile", str(deb)))) as tar:
        for member in tar.getmembers():
            name = member.name.removeprefix("./")
            name = re.sub(r"^(lib|bin|sbin)/", r"usr/\1/", name)
            target = root / name
            if ".." in Path(name).parts or not (member.isfile() or member.issym()):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            if member.issym():
                target.symlink_to(member.linkname)
                continue
            data = tar.extractfile(member)
            assert data is not None
            with data, target.open("wb") as out:
                shutil.copyfileobj(data, out)
            target.chmod(member.mode & 0o777)


Add = Callable[[str], set[str]]
"""Unpacks a package and returns what it depends on."""


def close(root: Path, libs: Path, start: Sequence[Path], names: Sequence[str], add: Add) -> list[Path]:
    """Unpacks ``names`` and all packages whose libraries ``start`` need.

    Returns the libraries, as they are called by those who need them.
    """
    depends: set[str] = set()
    for name in names:
        depends |= add(name)
    found: dict[str, Path] = {}
    todo = [root / path for path in start]
    while todo:
        for soname in needed(todo.pop()):
            if soname in found:
                continue
            # The loader of a program lies beside the folder of its architecture.
            places = [root / libs / soname, (root / libs).parent / soname]
            if not any(place.exists() for place in places):
                package = owner(soname, depends)
                if not package:
                    raise HarnessError(f"no package is known to have {soname}")
                depends |= add(package)
            path = next((place for place in places if place.exists()), None)
            if path is None:
                raise HarnessError(f"{owner(soname, depends)} does not have {soname}")
            found[soname] = path
            todo.append(path)
    return [found[soname] for soname in sorted(found)]


def prune(root: Path, keep: Iterable[Path]) -> None:
    """Removes all files of ``root`` but those in and below ``keep``, and what their links mean."""
    wanted = {path for one in keep for path in ([one] if one.is_file() else one.rglob("*"))}
    wanted |= {path.resolve() for path in wanted}
    for path in root.rglob("*"):
        if (path.is_symlink() or path.is_file()) and path not in wanted:
            path.unlink()


class Packages:
    """One suite of the configured mirror, as a source for ``close``."""

    def __init__(self, work: Path, root: Path, arch: str, log: Log) -> None:
        self._work, self._root, self._arch, self._log = work, root, arch, log
        self._apt: Optional[Apt] = None
        self.suite = ""
        self.versions: dict[str, str] = {}

    def find(self, suites: Sequence[str], probe: str) -> None:
        """Settles for the first suite that has the package ``probe``."""
        mirrors = aptfetch.configured_mirrors()
        if not mirrors:
            raise HarnessError("no Debian mirror is configured")
        trouble = ""
        for suite in suites:
            apt = Apt(self._work / f"apt-{suite}", mirrors[0], suite, self._arch)
            try:
                apt.update()
                if apt.show(probe):
                    self._apt, self.suite = apt, suite
                    return
            except NoSpace:
                raise
            except AptError as err:
                trouble = trouble or str(err)
                if aptfetch.UNREACHABLE.search(str(err)):
                    break  # and not one time-out per suite
        raise HarnessError(f"the configured Debian mirror does not have {probe} ({trouble or 'in no suite'})")

    def add(self, name: str) -> set[str]:
        """Fetches and unpacks one package."""
        assert self._apt is not None
        try:
            package = self._apt.show(name)
            if package is None:
                raise HarnessError(f"{name} is not in Debian {self.suite}")
            deb = aptfetch.download(self._apt, package, self.suite, self._work, self._log)
        except NoSpace:
            raise
        except AptError as err:
            raise HarnessError(f"cannot fetch {name}: {err}") from err
        unpack(deb, self._root)
        fields = _dpkg("-f", str(deb), "Depends", "Pre-Depends").decode()
        deb.unlink()
        self.versions[name] = package.version
        return dependencies(re.sub(r"(?m)^(Pre-)?Depends:", ",", fields).replace("\n", " "))
