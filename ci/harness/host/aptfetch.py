# SPDX-License-Identifier: GPL-2.0-only
"""Fetches single Debian packages with apt, but without touching the system's apt.

The mirror is the one the machine itself is configured for. Package lists,
caches and configuration are private and short-lived; signatures are checked
against the archive keyring exactly as the system's apt would.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import shlex
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Optional

from .. import procs
from ..locks import Log, locked
from ..model import HarnessError

KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.gpg",
            "/usr/share/keyrings/debian-archive-keyring.pgp")
CODENAMES = frozenset(("bullseye", "bookworm", "trixie", "forky", "duke", "sid",
                       "oldstable", "stable", "testing", "unstable"))
UNREACHABLE = re.compile(r"Could not (connect|resolve)|Temporary failure|[Tt]imed out|no answer within|"
                         r"Unable to connect|Connection (refused|failed)")
UPDATE_SECONDS = 180.0
DOWNLOAD_SECONDS = 3600.0
SHOW_SECONDS = 60.0
TICK_SECONDS = 15.0
MIB = 1 << 20


class AptError(Exception):
    """One apt command failed; the text is its own last error."""


class NoSpace(AptError):
    """The disk filled up."""


class NotFound(HarnessError):
    """The mirror works, but carries the package in none of the suites."""


@dataclasses.dataclass(frozen=True)
class Mirror:
    """One configured Debian archive."""

    uri: str
    suites: tuple[str, ...]
    signed_by: str = ""

    @property
    def base_suites(self) -> tuple[str, ...]:
        """The release itself, without -updates, -backports and the like."""
        return tuple(s for s in self.suites if "-" not in s)


@dataclasses.dataclass(frozen=True)
class Package:
    """What the signed index says about a package."""

    name: str
    version: str
    arch: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.arch}.deb"


@dataclasses.dataclass(frozen=True)
class Fetched:
    """A verified package file."""

    path: Path
    package: Package
    suite: str


@dataclasses.dataclass(frozen=True)
class Ran:
    """Outcome of one command: exit code and everything it printed."""

    code: int
    text: str


Runner = Callable[[Sequence[str], Path, float], Ran]


def run_command(argv: Sequence[str], cwd: Path, seconds: float) -> Ran:
    """Run ``argv``; it ends with the harness, however that ends."""
    if shutil.which(argv[0]) is None:
        raise FileNotFoundError(argv[0])
    data = bytearray()
    with procs.Child(argv, cwd, {"LC_ALL": "C"}) as child:
        try:
            for piece in procs.stream(child, lambda: None, time.monotonic() + seconds):
                data += piece
        except TimeoutError:
            return Ran(124, f"E: no answer within {seconds:.0f} s")
        return Ran(child.stop(), data.decode("utf-8", "replace"))


def showing(show: Log, run: Runner = run_command) -> Runner:
    """``run``, but each command is shown first, as one could type it."""
    def shown(argv: Sequence[str], cwd: Path, seconds: float) -> Ran:
        show(f"cd {shlex.quote(str(cwd))} && {shlex.join(argv)}")
        return run(argv, cwd, seconds)
    return shown


# --- the machine's own configuration ------------------------------------------

def _one_line_entries(text: str) -> Iterator[tuple[str, list[str], list[str], str]]:
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if match:
            options = dict(word.split("=", 1) for word in (match[1] or "").split() if "=" in word)
            yield match[2], [match[3]], match[4].split(), options.get("signed-by", "")


def _deb822_entries(text: str) -> Iterator[tuple[str, list[str], list[str], str]]:
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", lines):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line[:1] in (" ", "\t"):
                fields[key] = fields.get(key, "") + " " + line.strip()
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if fields.get("enabled", "yes").lower() in ("no", "false", "0") or \
                "deb" not in fields.get("types", "").split():
            continue
        for uri in fields.get("uris", "").split():
            yield (uri, fields.get("suites", "").split(),
                   fields.get("components", "").split(), fields.get("signed-by", ""))


def configured_mirrors(etc: Path = Path("/etc/apt")) -> list[Mirror]:
    """Debian archives the machine is configured for, the most certain first."""
    parts = etc / "sources.list.d"
    files = [etc / "sources.list"]
    if parts.is_dir():
        files += sorted(parts.glob("*.list")) + sorted(parts.glob("*.sources"))
    sure: dict[str, Mirror] = {}
    likely: dict[str, Mirror] = {}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        entries = _deb822_entries if path.suffix == ".sources" else _one_line_entries
        for uri, suites, components, signed_by in entries(text):
            uri = uri.rstrip("/")
            suites = [s for s in suites if "security" not in s and not s.endswith("/")]
            if not suites or "main" not in components:
                continue
            # Cloud images reach the archive through mirror lists and proxies
            # of any name, so a Debian code name counts too, as second choice.
            found = sure if uri.endswith("/debian") else likely
            if found is likely and not CODENAMES.intersection(suites):
                continue
            known = found.get(uri, Mirror(uri, ()))
            keyring = signed_by if signed_by.startswith("/") and " " not in signed_by else ""
            found[uri] = Mirror(uri, known.suites + tuple(suites), known.signed_by or keyring)
    return list(sure.values()) or list(likely.values())


# --- one suite of one mirror ----------------------------------------------------

def _quoted(path: Path) -> str:
    text = str(path)
    if '"' in text or "\n" in text:
        raise HarnessError(f"{text!r}: apt cannot work in a folder of that name; choose another")
    return f'"{text}"'


class Apt:
    """apt with private state for one suite of one mirror (and one architecture)."""

    def __init__(self, state: Path, mirror: Mirror, suite: str, arch: str = "",
                 run: Runner = run_command) -> None:
        # apt runs with other working directories, so nothing may be relative.
        self.state = state = state.absolute()
        self.conf = state / "apt.conf"
        self._run = run
        (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (state / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        (state / "status").write_text("", encoding="ascii")
        keyring = next((k for k in (*KEYRINGS, mirror.signed_by) if k and os.path.exists(k)), "")
        options = ["target=Packages", "lang=none"]
        options += [f"arch={arch}"] if arch else []
        options += [f"signed-by={keyring}"] if keyring else []
        (state / "sources.list").write_text(
            f"deb [{' '.join(options)}] {mirror.uri} {suite} main\n", encoding="utf-8")
        self.conf.write_text(self._config(arch), encoding="utf-8")

    def _config(self, arch: str) -> str:
        state = self.state
        lines = [
            # Hooks of the machine (cleaning its cache, telling its desktop)
            # are none of our business and must not run for us.
            "#clear APT::Update::Pre-Invoke;",
            "#clear APT::Update::Post-Invoke;",
            "#clear APT::Update::Post-Invoke-Success;",
            f"Dir::Etc::SourceList {_quoted(state / 'sources.list')};",
            'Dir::Etc::SourceParts "/dev/null";',
            'Dir::Etc::Preferences "/dev/null";',
            'Dir::Etc::PreferencesParts "/dev/null";',
            f"Dir::State {_quoted(state)};",
            f"Dir::State::Lists {_quoted(state / 'lists')};",
            f"Dir::State::Status {_quoted(state / 'status')};",
            f"Dir::Cache {_quoted(state / 'cache')};",
            f"Dir::Cache::Archives {_quoted(state / 'cache' / 'archives')};",
            # Otherwise apt-get update is content with "some lists are old".
            'APT::Update::Error-Mode "any";',
            'APT::Get::AllowUnauthenticated "false";',
            'Acquire::AllowInsecureRepositories "false";',
            'Acquire::Retries "2";',
            'Acquire::http::Timeout "30";',
            'Acquire::https::Timeout "30";',
        ]
        if os.geteuid() == 0:
            # apt's own user cannot write below a private home directory.
            lines.append('APT::Sandbox::User "root";')
        if arch:
            lines += ["#clear APT::Architectures;", f'APT::Architecture "{arch}";',
                      f'APT::Architectures {{ "{arch}"; }};']
        return "\n".join(lines) + "\n"

    def _apt(self, tool: str, *args: str, cwd: Optional[Path] = None, seconds: float) -> str:
        argv = [tool, "-q", "-c", str(self.conf), *args]
        try:
            ran = self._run(argv, cwd or self.state, seconds)
        except FileNotFoundError as err:
            raise AptError(f"{tool} is not installed") from err
        if ran.code == 0:
            return ran.text
        lines = [line.strip() for line in ran.text.splitlines() if line.strip()]
        text = next((line for line in lines if line.startswith(("E:", "Err:"))),
                    lines[-1] if lines else f"exit code {ran.code}")
        if "No space left" in ran.text or "enough free space" in ran.text:
            raise NoSpace(text)
        raise AptError(text)

    def update(self) -> None:
        """Fetch the signed package list."""
        self._apt("apt-get", "update", seconds=UPDATE_SECONDS)

    def show(self, name: str) -> Optional[Package]:
        """The candidate version of ``name``, or None when the suite has none."""
        try:
            text = self._apt("apt-cache", "--no-all-versions", "show", name, seconds=SHOW_SECONDS)
        except NoSpace:
            raise
        except AptError as err:
            if "No packages found" in str(err) or "Unable to locate" in str(err):
                return None
            raise
        fields = dict(re.findall(r"^([A-Z][A-Za-z0-9-]*): (.*)$", text.split("\n\n")[0], re.M))
        if fields.get("Package") != name or not re.fullmatch(r"[0-9a-f]{64}", fields.get("SHA256", "")):
            return None
        return Package(name, fields["Version"], fields["Architecture"],
                       int(fields.get("Size", "0")), fields["SHA256"])

    def download(self, package: Package, into: Path) -> Path:
        """Fetch the package file; continues a partial one found in ``into``."""
        self._apt("apt-get", "download", f"{package.name}={package.version}",
                  cwd=into, seconds=DOWNLOAD_SECONDS)
        path = into / package.file_name
        if not path.is_file():
            raise AptError(f"apt-get download left no {package.file_name}")
        return path


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(MIB):
            digest.update(block)
    return digest.hexdigest()


# --- one package, from wherever it is -------------------------------------------

class _Progress:
    """Says every few seconds how much of a file has arrived."""

    def __init__(self, path: Path, size: int, log: Log) -> None:
        self._path, self._size, self._log = path, size, log
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        while not self._done.wait(TICK_SECONDS):
            got = self._path.stat().st_size if self._path.exists() else 0
            self._log(f"  {got // MIB} of {self._size // MIB} MiB")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def download(apt: Apt, package: Package, suite: str, work: Path, log: Log) -> Path:
    """Fetches one package file into ``work``; it is what the signed index promises."""
    free = shutil.disk_usage(work).free
    if package.size > free:
        raise NoSpace(f"{package.size // MIB} MiB needed, {free // MIB} MiB free")
    log(f"fetching {package.name} {package.version} ({max(1, package.size // MIB)} MiB) "
        f"from Debian {suite}")
    with _Progress(work / package.file_name, package.size, log):
        path = apt.download(package, work)
    if sha256_of(path) != package.sha256:
        path.unlink()
        raise AptError(f"{package.file_name} is not what the signed index promises; "
                       f"it was removed, try again")
    return path


def _search(name: str, mirrors: Sequence[Mirror], suites: Sequence[str], arch: str,
            work: Path, log: Log, run: Runner) -> Fetched:
    """Try suite after suite; a suite the mirror lacks is no reason to stop."""
    trouble = ""
    reached = False
    for mirror in mirrors:
        for suite in suites or mirror.base_suites or ("stable",):
            apt = Apt(work / f"apt-{suite}", mirror, suite, arch, run)
            try:
                apt.update()
                package = apt.show(name)
            except NoSpace:
                raise
            except AptError as err:
                trouble = trouble or str(err)
                if UNREACHABLE.search(str(err)):
                    break  # and not one time-out per suite
                continue
            reached = True
            if package is not None:
                return Fetched(download(apt, package, suite, work, log), package, suite)
        if reached:
            break
    if reached:
        raise NotFound(f"{name} is in none of {', '.join(suites) or 'the suites'} "
                       f"of the configured Debian mirror")
    raise AptError(f"the configured Debian mirror does not answer ({trouble})")


def fetch_package(name: str, target: Path, log: Log, *, suites: Iterable[str] = (), arch: str = "",
                  remedy: str = "", mirrors: Optional[Sequence[Mirror]] = None,
                  run: Runner = run_command) -> Fetched:
    """Put the verified package file of ``name`` into the folder ``target``.

    ``suites`` are tried in order; without any, the release the machine runs.
    An interrupted download is continued by the next call. ``remedy`` ends
    each error line.
    """
    tail = f"; {remedy}" if remedy else ""
    target = target.absolute()
    if mirrors is None:
        mirrors = configured_mirrors()
    if not mirrors:
        raise HarnessError(f"cannot fetch {name}: no Debian mirror is configured "
                           f"in /etc/apt/sources.list or sources.list.d{tail}")
    work = target / f".fetch-{name}{'-' + arch if arch else ''}"
    with locked(target / f"{work.name}.lock", log, f"fetching {name}"):
        try:
            work.mkdir(exist_ok=True)
            log(f"looking for {name} on the configured Debian mirror")
            found = _search(name, mirrors, tuple(suites), arch, work, log, run)
            final = target / found.package.file_name
            os.replace(found.path, final)
            shutil.rmtree(work)
        except NotFound as err:
            shutil.rmtree(work, ignore_errors=True)
            raise NotFound(f"{err}{tail}") from err
        except NoSpace as err:
            shutil.rmtree(work, ignore_errors=True)
            raise HarnessError(f"no space left in {target} for {name} ({err}); free some space "
                               f"or choose another disk with XDG_CACHE_HOME=DIR") from err
        except AptError as err:
            raise HarnessError(f"cannot fetch {name}: {err}{tail}") from err
        except OSError as err:
            raise HarnessError(f"cannot fetch {name} into {target}: {err.strerror}{tail}") from err
    return dataclasses.replace(found, path=final)
