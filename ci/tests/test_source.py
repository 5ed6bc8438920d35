# SPDX-License-Identifier: GPL-2.0-only
"""Kernel source selection, the cache, and fetching from a mirror that misbehaves."""

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
import unittest
import unittest.mock
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import support
from harness.host import aptfetch, source
from harness.host.aptfetch import Apt, AptError, Fetched, Mirror, Package, Ran
from harness.locks import Log
from harness.model import HarnessError, UsageError
from support import PANTHOR, Folder, kernel_tree, put

NAME = "linux-source-7.3"
MIRROR = Mirror("file:/nowhere/debian", ("stable", "stable-updates"))


class FakeArchive:
    """Answers the commands apt would run, for a mirror with the given suites."""

    def __init__(self, suites: dict[str, dict[str, bytes]], down: Sequence[str] = ()) -> None:
        self.suites = suites
        self.down = set(down)
        self.asked: list[str] = []
        self.error = "does not have a Release file"
        self.trouble = ""
        """What happens to the next download: "cut", "full", "corrupt" or nothing."""
        self.continued = 0

    def run(self, argv: Sequence[str], cwd: Path, seconds: float) -> Ran:
        del seconds
        conf = Path(argv[argv.index("-c") + 1])
        suite = (conf.parent / "sources.list").read_text().split("] ")[1].split()[1]
        packages = self.suites.get(suite)
        if "update" in argv:
            self.asked.append(suite)
            if suite in self.down or packages is None:
                return Ran(100, f"E: The repository '{suite}' {self.error}.\n")
            return Ran(0, "")
        assert packages is not None
        name = argv[-1].split("=")[0]
        if "show" in argv:
            if name not in packages:
                return Ran(100, "E: No packages found\n")
            digest = hashlib.sha256(packages[name]).hexdigest()
            return Ran(0, f"Package: {name}\nVersion: 1:7.3.4-1\nArchitecture: all\n"
                          f"Size: {len(packages[name])}\nSHA256: {digest}\n")
        return self.download(cwd / f"{name}_1%3a7.3.4-1_all.deb", packages[name])

    def download(self, path: Path, content: bytes) -> Ran:
        trouble, self.trouble = self.trouble, ""
        if trouble == "full":
            path.write_bytes(content[:2])
            return Ran(100, "E: Failed to fetch: write (28: No space left on device)\n")
        if trouble == "cut":
            path.write_bytes(content[:3])
            return Ran(100, "E: Failed to fetch: Connection reset by peer\n")
        if trouble == "kill":
            path.write_bytes(content[:3])
            raise KeyboardInterrupt
        if path.exists():
            self.continued = path.stat().st_size
        path.write_bytes(b"x" * len(content) if trouble == "corrupt" else content)
        return Ran(0, "")


class Mirrors(Folder):
    def found(self, **files: str) -> list[Mirror]:
        names = {"list": "sources.list", "more": "sources.list.d/more.list", "deb822": "sources.list.d/a.sources"}
        return aptfetch.configured_mirrors(put(self.dir, {names[k]: v for k, v in files.items()}))

    def test_one_line_style(self) -> None:
        found = self.found(list="# deb http://commented.example/debian stable main\n"
                                "deb-src http://src.example/debian stable main\n"
                                "deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian/ stable main contrib # x\n"
                                "deb http://a.example/debian stable-updates main\n"
                                "deb http://s.example/debian-security stable-security main\n"
                                "deb https://other.example/apt vendor main\n")
        self.assertEqual(found, [Mirror("http://a.example/debian", ("stable", "stable-updates"), "/k.gpg")])
        self.assertEqual(found[0].base_suites, ("stable",))

    def test_deb822_style(self) -> None:
        found = self.found(deb822="Types: deb\n# a remark\nURIs: http://a.example/debian\n"
                                  "Suites: bookworm bookworm-updates\nComponents: main\n"
                                  "Signed-By:\n -----BEGIN PGP\n .\n\n"
                                  "Enabled: no\nTypes: deb\nURIs: http://off.example/debian\n"
                                  "Suites: stable\nComponents: main\n\n"
                                  "Types: deb\nURIs: http://s.example/debian\n"
                                  "Suites: bookworm-security\nComponents: main\n")
        self.assertEqual(found, [Mirror("http://a.example/debian", ("bookworm", "bookworm-updates"))])

    def test_mirror_list_of_a_cloud_image(self) -> None:
        found = self.found(deb822="Types: deb deb-src\nURIs: mirror+file:///etc/apt/mirrors/debian.list\n"
                                  "Suites: trixie trixie-updates trixie-backports\nComponents: main\n")
        self.assertEqual([m.uri for m in found], ["mirror+file:///etc/apt/mirrors/debian.list"])

    def test_other_systems_have_none(self) -> None:
        self.assertEqual(self.found(list="deb http://a.example/ubuntu noble main\n",
                                    more="deb https://d.example/linux/debian2 bookworm stable\n"), [])


class Fetching(Folder):
    def fetch(self, archive: FakeArchive, suites: Sequence[str] = ("one", "two", "three"),
              mirrors: Optional[Sequence[Mirror]] = None) -> Fetched:
        return aptfetch.fetch_package(NAME, self.dir, self.log, suites=suites, remedy="KERNEL=DIR",
                                      mirrors=[MIRROR] if mirrors is None else mirrors, run=archive.run)

    def fails(self, archive: FakeArchive, *words: str, **more: Any) -> None:
        with self.assertRaises(HarnessError) as caught:
            self.fetch(archive, **more)
        self.one_line(caught.exception, *words)
        self.assertEqual(caught.exception.exit_code, 3)
        self.assertEqual(list(self.dir.glob("*.deb")), [])

    def test_first_suite(self) -> None:
        archive = FakeArchive({"one": {NAME: b"content"}, "two": {NAME: b"other"}})
        got = self.fetch(archive)
        self.assertEqual((got.path.read_bytes(), got.suite, archive.asked), (b"content", "one", ["one"]))
        self.assertEqual([p.name for p in self.dir.iterdir() if not p.name.endswith(".lock")], [got.path.name])

    def test_third_suite(self) -> None:
        archive = FakeArchive({"two": {"else": b""}, "three": {NAME: b"content"}})
        self.assertEqual(self.fetch(archive).suite, "three")
        self.assertEqual(archive.asked, ["one", "two", "three"])

    def test_own_release_by_default(self) -> None:
        archive = FakeArchive({"stable": {NAME: b"content"}})
        self.assertEqual(self.fetch(archive, suites=()).suite, "stable")
        self.assertEqual(archive.asked, ["stable"])

    def test_nowhere(self) -> None:
        self.fails(FakeArchive({"one": {}, "two": {}, "three": {}}), NAME, "one, two, three", "KERNEL=DIR")

    def test_mirror_does_not_answer(self) -> None:
        self.fails(FakeArchive({}), "does not answer", "does not have a Release file", "KERNEL=DIR")

    def test_unreachable_mirror_is_not_asked_per_suite(self) -> None:
        archive = FakeArchive({})
        archive.error = "Could not resolve 'a.example'"
        self.fails(archive, "does not answer", "Could not resolve", "KERNEL=DIR")
        self.assertEqual(archive.asked, ["one"])

    def test_relative_folder(self) -> None:
        with contextlib.chdir(self.dir):
            got = aptfetch.fetch_package(NAME, Path("."), self.log, suites=("one",), mirrors=[MIRROR],
                                         run=FakeArchive({"one": {NAME: b"content"}}).run)
        self.assertTrue(got.path.is_absolute())
        self.assertEqual(got.path.read_bytes(), b"content")

    def test_second_mirror(self) -> None:
        self.assertEqual(self.fetch(FakeArchive({"b": {NAME: b"c"}}), suites=(), mirrors=[
            Mirror("http://a.example/debian", ("a",)), Mirror("http://b.example/debian", ("b",))]).suite, "b")

    def test_no_mirror(self) -> None:
        self.fails(FakeArchive({}), "no Debian mirror is configured", "KERNEL=DIR", mirrors=[])

    def test_interrupted_and_continued(self) -> None:
        archive = FakeArchive({"one": {NAME: b"content"}})
        archive.trouble = "cut"
        self.fails(archive, "Connection reset by peer", "KERNEL=DIR")
        self.assertEqual(self.fetch(archive).path.read_bytes(), b"content")
        self.assertEqual(archive.continued, 3)

    def test_killed_and_continued(self) -> None:
        archive = FakeArchive({"one": {NAME: b"content"}})
        archive.trouble = "kill"
        with self.assertRaises(KeyboardInterrupt):
            self.fetch(archive)
        self.assertEqual(list(self.dir.glob("*.deb")), [])
        self.assertEqual(self.fetch(archive).path.read_bytes(), b"content")
        self.assertEqual(archive.continued, 3)

    def test_corrupted(self) -> None:
        archive = FakeArchive({"one": {NAME: b"content"}})
        archive.trouble = "corrupt"
        self.fails(archive, "is not what the signed index promises")
        self.assertEqual(self.fetch(archive).path.read_bytes(), b"content")
        self.assertEqual(archive.continued, 0)

    def test_full_disk(self) -> None:
        archive = FakeArchive({"one": {NAME: b"content"}})
        archive.trouble = "full"
        self.fails(archive, "no space left", "XDG_CACHE_HOME")
        self.assertFalse(list(self.dir.glob(".fetch-*[!k]")))

    def test_apt_not_installed(self) -> None:
        def run(argv: Sequence[str], cwd: Path, seconds: float) -> Ran:
            raise FileNotFoundError(argv[0])
        archive = FakeArchive({})
        archive.run = run  # type: ignore[method-assign]
        self.fails(archive, "apt-get is not installed", "KERNEL=DIR")

    def test_command_that_hangs(self) -> None:
        ran = aptfetch.run_command(["sleep", "60"], self.dir, 0.05)
        self.assertEqual(ran.code, 124)
        self.assertIn("no answer", ran.text)

    def test_commands_are_shown(self) -> None:
        archive = FakeArchive({"one": {NAME: b"content"}})
        run = aptfetch.showing(self.log, archive.run)
        aptfetch.fetch_package(NAME, self.dir, self.log, suites=("one",), mirrors=[MIRROR], run=run)
        self.assertTrue(any("apt-get -q -c" in line and "update" in line for line in self.said), self.said)

    @unittest.skipIf(shutil.which("apt-get") is None, "apt-get is not installed")
    def test_real_apt_refuses_what_nobody_signed(self) -> None:
        mirror = put(self.dir / "debian", {"dists/one/main/binary-amd64/Packages": "",
                                           "dists/one/Release": "Suite: one\nComponents: main\n"})
        before = _system_apt()
        apt = Apt(self.dir / "state", Mirror(f"file:{mirror}", ()), "one", "amd64")
        with self.assertRaises(AptError) as caught:
            apt.update()
        self.assertIn("is not signed", str(caught.exception))
        self.assertEqual(_system_apt(), before)


def _system_apt() -> list[tuple[str, int]]:
    """Names and time stamps of the lists that belong to the machine."""
    with contextlib.suppress(OSError):
        return sorted((e.name, e.stat().st_mtime_ns) for e in os.scandir("/var/lib/apt/lists"))
    return []


def source_deb(path: Path, version: str = "7.3.4", inner: str = "linux-source-7.3.tar.xz",
               spoil: bool = False) -> Path:
    """A real package around a tiny kernel tree."""
    with tempfile.TemporaryDirectory() as folder:
        tree = kernel_tree(Path(folder) / "linux-source-7.3", version)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:xz") as tar:
            tar.add(tree, "linux-source-7.3")
        content = packed.getvalue()
        root = put(Path(folder) / "deb", {
            f"usr/src/{inner}": content[:len(content) // 2] if spoil else content,
            "DEBIAN/control": f"Package: {NAME}\nVersion: {version}-1\nArchitecture: all\n"
                              "Maintainer: n <n@example.org>\nDescription: d\n"})
        subprocess.run(["dpkg-deb", "-Znone", "-b", str(root), str(path)], check=True, stdout=subprocess.DEVNULL)
    return path


@unittest.skipIf(shutil.which("dpkg-deb") is None or shutil.which("apt-get") is None, "no dpkg on this host")
class Cache(Folder):
    def setUp(self) -> None:
        super().setUp()
        self.fetches = 0
        self.cache = self.dir / "cache"
        self.deb = source_deb(self.dir / "made.deb")
        self.version = "7.3.4"

    def fetch(self, name: str, target: Path, log: Log, show: Log) -> Fetched:
        self.fetches += 1
        self.assertEqual(name, NAME)
        path = target / f"{NAME}.deb"
        shutil.copy(self.deb, path)
        return Fetched(path, Package(NAME, f"{self.version}-1~x", "all", 1, "0" * 64), "one")

    def resolve(self, **more: Any) -> source.KernelSource:
        return source._cached("7.3", self.cache, self.log, **{"fetch": self.fetch, **more})

    def left(self) -> list[str]:
        return sorted(p.name for p in (self.cache / "src").iterdir() if not p.name.endswith(".lock"))

    def test_fetched_once(self) -> None:
        first = self.resolve()
        self.assertEqual(self.resolve(), first)
        self.assertEqual(self.fetches, 1)
        self.assertEqual(first, source.KernelSource(
            self.cache / "src/linux-7.3.4-1~x", "7.3.4", "7.3", f"debian {NAME} 7.3.4-1~x", "linux-7.3.4-1~x", True))
        self.assertTrue((first.path / PANTHOR / "panthor_gem.c").is_file())
        self.assertTrue(os.access(first.path / "scripts/tool.sh", os.X_OK))
        self.assertEqual(self.left(), ["linux-7.3.4-1~x", "linux-7.3.4-1~x.stamp"])

    def test_default_and_series_use_the_cache(self) -> None:
        self.resolve()
        for kernel in (None, "", "7.3"):
            self.assertEqual(source.resolve(kernel, self.cache, self.log).version, "7.3.4")

    def test_newest_of_two(self) -> None:
        self.resolve()
        stamp = self.cache / "src/linux-7.3.4-1~x.stamp"
        text = stamp.read_text()
        put(self.cache / "src", {"linux-7.3.10-1~x.stamp": text.replace("7.3.4", "7.3.10")})
        kernel_tree(self.cache / "src/linux-7.3.10-1~x", "7.3.10")
        self.assertEqual(self.resolve().version, "7.3.10")

    def test_unpacked_without_stamp_is_not_trusted(self) -> None:
        self.resolve()
        (self.cache / "src/linux-7.3.4-1~x.stamp").unlink()
        (self.cache / "src/linux-7.3.4-1~x/Kconfig").unlink()
        self.assertTrue((self.resolve().path / "Kconfig").is_file())
        self.assertEqual(self.fetches, 2)

    def test_stamp_without_tree_or_torn_is_not_trusted(self) -> None:
        path = self.resolve().path
        shutil.rmtree(path)
        self.resolve()
        put(self.cache / "src", {"linux-7.3.4-1~x.stamp": "{"})
        self.resolve()
        self.assertEqual(self.fetches, 3)
        (path / "Makefile").unlink()
        self.resolve()
        self.assertEqual(self.fetches, 4)

    def test_relative_cache(self) -> None:
        with contextlib.chdir(self.dir):
            self.cache = Path("cache")
            self.assertEqual(self.resolve().path, self.dir / "cache/src/linux-7.3.4-1~x")

    def test_leftovers_of_a_killed_run(self) -> None:
        put(self.cache / "src", {".unpack-7.3-dead/tree/Makefile": "", f"{NAME}_7.3.1_all.deb": "",
                                 ".unpack-7.2-alive/tree/Makefile": ""})
        self.resolve()
        self.assertEqual(self.left(), [".unpack-7.2-alive", "linux-7.3.4-1~x", "linux-7.3.4-1~x.stamp"])

    def test_killed_while_unpacking(self) -> None:
        with unittest.mock.patch.object(source, "unpack", side_effect=KeyboardInterrupt), \
                self.assertRaises(KeyboardInterrupt):
            self.resolve()
        self.assertEqual(self.left(), [])
        self.assertEqual(self.resolve().version, "7.3.4")

    def fails(self, *words: str, **more: Any) -> None:
        with self.assertRaises(HarnessError) as caught:
            self.resolve(**more)
        self.one_line(caught.exception, *words)
        self.assertEqual(caught.exception.exit_code, 3)
        self.assertEqual(self.left(), [])

    def test_too_little_space(self) -> None:
        self.fails("no space left", "2.0 GiB", free=lambda path: 1 << 30)
        self.assertEqual(self.fetches, 0)

    def test_disk_fills_while_unpacking(self) -> None:
        script = "#!/bin/sh\ncat >/dev/null; echo 'xz: No space left on device' >&2; exit 1\n"
        full = put(self.dir / "bin", {"xz": script})
        (full / "xz").chmod(0o755)
        with unittest.mock.patch.dict("os.environ", {"PATH": f"{full}:{os.environ['PATH']}"}):
            self.fails("no space left", "2.0 GiB")
        self.assertEqual(self.resolve().version, "7.3.4")

    def test_damaged_package(self) -> None:
        source_deb(self.deb, spoil=True)
        self.fails("cannot unpack")
        self.deb.write_bytes(b"no package")
        self.fails("cannot unpack")

    def test_package_without_source(self) -> None:
        source_deb(self.deb, inner="else.tar.xz")
        self.fails("cannot unpack", "fetch it afresh")

    def test_package_of_another_series(self) -> None:
        source_deb(self.deb, version="7.4.0")
        self.fails("holds no Linux 7.3", "KERNEL=DIR")

    def test_no_dpkg(self) -> None:
        with unittest.mock.patch.object(shutil, "which", return_value=None):
            self.fails("dpkg-deb", "KERNEL=DIR")

    def test_cache_that_cannot_be_written(self) -> None:
        put(self.dir, {"cache": "a file"})
        with self.assertRaises(HarnessError) as caught:
            self.resolve()
        self.one_line(caught.exception, "cannot write", "XDG_CACHE_HOME")

    def test_two_at_once(self) -> None:
        got: list[source.KernelSource] = []
        gate = threading.Event()

        def slow(name: str, target: Path, log: Log, show: Log) -> Fetched:
            gate.wait(5)
            return self.fetch(name, target, log, show)

        runs = [threading.Thread(target=lambda: got.append(self.resolve(fetch=slow))) for _ in range(2)]
        for run in runs:
            run.start()
        for _ in range(500):
            runs[0].join(0.01)
            if any("waiting" in line for line in self.said):
                break
        gate.set()
        for run in runs:
            run.join(10)
        self.assertEqual((len(got), self.fetches), (2, 1))
        self.assertEqual(got[0], got[1])
        self.assertEqual([line for line in self.said if "waiting" in line],
                         ["waiting: another run is fetching Linux 7.3"])

    def test_commands_are_shown(self) -> None:
        self.resolve(show=self.log)
        self.assertTrue(any(line.startswith("dpkg-deb --fsys-tarfile") and "| xz -dcT0 |" in line
                            for line in self.said))


class Directory(Folder):
    def resolve(self, kernel: Path) -> source.KernelSource:
        return source.resolve(str(kernel), self.dir / "cache", self.log)

    def refused(self, kernel: str, *words: str) -> None:
        with self.assertRaises(UsageError) as caught:
            source.resolve(kernel, self.dir / "cache", self.log)
        self.one_line(caught.exception, kernel, *words)
        self.assertEqual(caught.exception.exit_code, 2)
        self.assertFalse((self.dir / "cache").exists())

    def test_unsupported_numbers(self) -> None:
        for kernel in ("6.12", "7.4", "7.3.4", "7", "v7.3", "7.4-rc1"):
            self.refused(kernel, "is not supported", "7.2", "7.3", "KERNEL=DIR")

    def test_own_tree(self) -> None:
        tree = kernel_tree(self.dir / "my linux", "7.2.0")
        got = self.resolve(tree)
        self.assertEqual((got.path, got.version, got.series, got.origin, got.pristine),
                         (tree, "7.2.0", "7.2", str(tree), False))
        self.assertRegex(got.ident, r"^my_linux-[0-9a-f]{8}$")
        self.assertEqual(self.said, [])
        os.symlink(tree, self.dir / "link")
        self.assertEqual(self.resolve(self.dir / "link").ident, got.ident)
        self.assertNotEqual(self.resolve(kernel_tree(self.dir / "b/my linux")).ident, got.ident)

    def test_dots_are_a_directory(self) -> None:
        kernel_tree(self.dir / "tree")
        with contextlib.chdir(self.dir / "tree/scripts"):
            self.assertEqual(self.resolve(Path("..")).path, self.dir / "tree")

    def test_release_candidate(self) -> None:
        tree = kernel_tree(self.dir / "tree", "7.3.0")
        text = (tree / "Makefile").read_text().replace("EXTRAVERSION =", "EXTRAVERSION = -rc2")
        put(tree, {"Makefile": text})
        self.assertEqual(self.resolve(tree).version, "7.3.0-rc2")
        self.assertEqual(self.resolve(tree).series, "7.3")

    def test_not_there_or_no_tree(self) -> None:
        put(self.dir, {"file": "", "empty/x": "", "other/Makefile": "all:\n", "other/Kconfig": ""})
        put(kernel_tree(self.dir / "torn"), {})
        (self.dir / "torn/Kconfig").unlink()
        self.refused(str(self.dir / "absent"), "no such directory")
        self.refused(str(self.dir / "file"), "not a directory")
        for name in ("empty", "other", "torn"):
            self.refused(str(self.dir / name), "is no kernel tree")

    def test_without_panthor(self) -> None:
        tree = kernel_tree(self.dir / "tree")
        (tree / PANTHOR / "panthor_gem.c").unlink()
        self.refused(str(tree), "has no panthor driver")

    def test_before_the_shrinker(self) -> None:
        tree = put(kernel_tree(self.dir / "tree", "7.1.3"), {f"{PANTHOR}/panthor_gem.c": "int old;\n"})
        self.refused(str(tree), "7.1.3", "shrinker")

    def test_newer_or_subsystem_tree_is_tried(self) -> None:
        for version in ("7.4.0", "7.1.0"):
            tree = kernel_tree(self.dir / version, version)
            self.assertEqual(self.resolve(tree).series, version[:3])
            self.assertIn(f"Linux {version} is not supported", self.said[-1])

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_unreadable(self) -> None:
        tree = kernel_tree(self.dir / "tree")
        tree.chmod(0)
        self.addCleanup(tree.chmod, 0o755)
        self.refused(str(tree), "permissions")


if __name__ == "__main__":
    unittest.main()
