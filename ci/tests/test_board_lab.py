# SPDX-License-Identifier: GPL-2.0-only
"""Definitions for labs have what those ask for, and fit the bundle."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import tarfile
import unittest
from typing import Any, Callable

import fakeboard
import plainyaml
import support
from harness.board import seriallog, verdict
from harness.settings import REPO
from test_ktap import NEEDS_TREE, TREE

LAB = REPO / "ci/lab"
URL = re.compile(r"@(BUNDLE|TARBALL|ROOTFS)@\S*|https?://\S+")


def need(value: Any, kind: type, where: str) -> Any:
    if not isinstance(value, kind):
        raise AssertionError(f"{where}: {kind.__name__} wanted, not {value!r}")
    return value


def check_timeout(value: Any, where: str) -> int:
    need(value, dict, where)
    if set(value) - {"hours", "minutes", "seconds"} or not value:
        raise AssertionError(f"{where}: {value}")
    return sum(need(number, int, where) * {"hours": 3600, "minutes": 60, "seconds": 1}[unit]
               for unit, number in value.items())


def lint_lava(job: Any) -> None:
    """LAVA's own rules for the parts that are used."""
    need(job, dict, "job")
    for name in ("device_type", "job_name", "priority", "visibility"):
        need(job.get(name), str, name)
    if job["priority"] not in ("high", "medium", "low") or job["visibility"] not in ("public", "personal"):
        raise AssertionError("priority or visibility")
    whole = check_timeout(need(job.get("timeouts"), dict, "timeouts").get("job"), "timeouts.job")
    for name in ("action", "connection"):
        check_timeout(job["timeouts"].get(name), f"timeouts.{name}")
    actions = need(job.get("actions"), list, "actions")
    if [next(iter(one)) for one in actions] != ["deploy", "boot", "test"]:
        raise AssertionError("deploy, boot, test: in this order")
    deploy, boot, test = (one[name] for one, name in zip(actions, ("deploy", "boot", "test")))
    if sum(check_timeout(one.get("timeout"), "timeout") for one in (deploy, boot, test)) > whole:
        raise AssertionError("the actions take longer than the job may")
    if deploy.get("to") != "tftp" or deploy["kernel"].get("type") not in ("image", "uimage", "zimage"):
        raise AssertionError("deploy")
    for name in ("kernel", "dtb", "nfsrootfs"):
        if not URL.fullmatch(need(deploy.get(name, {}).get("url"), str, f"deploy.{name}.url")):
            raise AssertionError(f"deploy.{name}.url")
    if boot.get("method") != "u-boot" or boot.get("commands") != "nfs" or not boot.get("prompts"):
        raise AssertionError("boot")
    for definition in need(test.get("definitions"), list, "definitions"):
        if definition.get("from") != "inline" or not definition["path"].startswith("inline/"):
            raise AssertionError("definition")
        metadata = definition["repository"]["metadata"]
        if metadata.get("format") != "Lava-Test Test Definition 1.0" or not {"name", "description"} <= set(metadata):
            raise AssertionError("metadata")
        for step in need(definition["repository"]["run"]["steps"], list, "steps"):
            need(step, str, "step")


def lint_kernelci(config: Any) -> None:
    """Names refer to each other."""
    for name in ("platforms", "jobs"):
        need(config.get(name), dict, name)
    for name, platform in config["platforms"].items():
        if not {"arch", "boot_method", "mach", "dtb", "compatible"} <= set(platform):
            raise AssertionError(f"platform {name}")
    for name, job in config["jobs"].items():
        if job.get("kind") not in ("kbuild", "job", "test") or not str(job.get("template")).endswith(".jinja2"):
            raise AssertionError(f"job {name}")
        for fragment in job.get("params", {}).get("fragments", []):
            if fragment not in config.get("fragments", {}):
                raise AssertionError(f"job {name}: fragment {fragment}")
    for entry in need(config.get("scheduler"), list, "scheduler"):
        if entry.get("job") not in config["jobs"]:
            raise AssertionError(f"scheduler: {entry.get('job')}")
        if "name" in entry["event"] and entry["event"]["name"] not in config["jobs"]:
            raise AssertionError(f"event {entry['event']['name']}")
        for name in entry.get("platforms", []):
            if name not in config["platforms"]:
                raise AssertionError(f"platform {name}")
        if entry["runtime"]["type"] == "lava" and not entry.get("platforms"):
            raise AssertionError("a lab's job without a board")


class Lava(unittest.TestCase):
    """The job for a Rock 5B."""

    def setUp(self) -> None:
        self.job = plainyaml.load((LAB / "lava-rk3588-rock-5b.yaml").read_text())

    def test_lint(self) -> None:
        lint_lava(self.job)
        self.assertEqual(self.job["device_type"], "rk3588-rock-5b")

    def test_placeholders_are_those_of_the_comment(self) -> None:
        text = (LAB / "lava-rk3588-rock-5b.yaml").read_text()
        comment = "".join(line for line in text.splitlines() if line.startswith("#"))
        body = "".join(line for line in text.splitlines() if not line.startswith("#"))
        self.assertEqual(set(re.findall(r"@\w+@", body)), set(re.findall(r"@\w+@", comment)))

    def test_runs_what_the_bundle_has(self) -> None:
        steps = self.job["actions"][2]["test"]["definitions"][0]["repository"]["run"]["steps"]
        self.assertTrue(steps[-1].endswith("/panthor-board/run all"))
        self.assertIn("\nall() {", (LAB / "run").read_text())

    def test_lint_goes_red(self) -> None:
        def edits() -> list[Callable[[Any], Any]]:
            return [lambda j: j.pop("device_type"), lambda j: j["timeouts"].pop("job"),
                    lambda j: j.update(priority="now"), lambda j: j["actions"].pop(1),
                    lambda j: j["timeouts"]["job"].update(minutes=20),
                    lambda j: j["actions"][0]["deploy"].pop("dtb"),
                    lambda j: j["actions"][0]["deploy"]["kernel"].update(url="Image"),
                    lambda j: j["actions"][1]["boot"].update(prompts=[]),
                    lambda j: j["actions"][2]["test"]["definitions"][0].update(path="x.yaml"),
                    lambda j: j["actions"][2]["test"]["definitions"][0]["repository"]["metadata"].pop("format")]
        for number, edit in enumerate(edits()):
            with self.subTest(number=number):
                job = copy.deepcopy(self.job)
                edit(job)
                with self.assertRaises((AssertionError, KeyError)):
                    lint_lava(job)


class KernelCi(unittest.TestCase):
    """The definition for a pipeline."""

    def setUp(self) -> None:
        self.config = plainyaml.load((LAB / "kernelci.yaml").read_text())

    def test_lint(self) -> None:
        lint_kernelci(self.config)
        self.assertTrue((REPO / self.config["fragments"]["panthor"]["path"]).is_file())

    def test_lint_goes_red(self) -> None:
        for path, value in ((("scheduler", 1, "job"), "other"), (("scheduler", 1, "platforms"), []),
                            (("scheduler", 1, "event", "name"), "other"),
                            (("jobs", "kselftest-panthor", "kind"), "x"),
                            (("platforms", "rk3588-rock-5b"), {"arch": "arm64"}), (("fragments",), {})):
            with self.subTest(path=path):
                config = copy.deepcopy(self.config)
                at: Any = config
                for step in path[:-1]:
                    at = at[step]
                at[path[-1]] = value
                with self.assertRaises(AssertionError):
                    lint_kernelci(config)


class Yaml(unittest.TestCase):
    """The reader refuses what it does not know."""

    def test_reads(self) -> None:
        self.assertEqual(plainyaml.load("a: 1\nb:\n  - x y\n  - k: v\n    l: \"w: z\"\nc:\n  d: true\n"),
                         {"a": 1, "b": ["x y", {"k": "v", "l": "w: z"}], "c": {"d": True}})

    def test_refuses(self) -> None:
        for text in ("", "a: [1]\n", "a:\n\tb: 1\n", "a: 1\na: 2\n", "a: 1\n   b: 2\n", "a: b: c\n", "a:\n",
                     "a: 'x'\n", "a: |\n  x\n", "a: 1 \n", "a\n"):
            with self.subTest(text=text), self.assertRaises(ValueError):
                plainyaml.load(text)

    def test_the_real_one_agrees(self) -> None:
        """Where PyYAML is installed."""
        try:
            import yaml  # type: ignore[import-untyped,unused-ignore]  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.skipTest("no PyYAML here")
        for path in LAB.glob("*.yaml"):
            self.assertEqual(plainyaml.load(path.read_text()), yaml.safe_load(path.read_text()), path)


class Scripts(support.Folder):
    """The part on the board, where nobody watches over ssh."""

    def all(self, *suites: str) -> str:
        """Kernel log of ``run all`` on a machine of files, which is as before then."""
        root = fakeboard.machine(self.dir / "root")
        before = fakeboard.snapshot(root)
        with tarfile.open(fakeboard.bundle(self.dir / "b.tar.gz", suites)) as tar:
            tar.extractall(root / "var/tmp")
        run = root / "var/tmp/panthor-board/run"
        subprocess.run([str(run), "all"], check=True, env={
            **os.environ, "PANTHOR_ROOT": str(root), "PANTHOR_LEAK_AGE": "0", "PANTHOR_LIMIT": "1",
            "PATH": f"{root}/bin:{os.environ['PATH']}"})
        shutil.rmtree(run.parent)
        self.assertEqual(fakeboard.snapshot(root), before)
        return (root / "dev/kmsg").read_text()

    @NEEDS_TREE
    def test_all(self) -> None:
        """What a lab's serial line shows is a verdict."""
        assert TREE
        for suites, ok in ((("good",), True), (("good", "bad"), False), (("hang",), False)):
            with self.subTest(suites=suites):
                log = self.all(*suites).replace("old noise: WARNING: CPU: 0 at foo+0x1/0x2\n", "")
                (self.dir / "lab.config").write_text(fakeboard.CONFIG)
                result = verdict.judge_text(seriallog.normalise(log, {}), self.dir / "lab.log", verdict.Options(), TREE)
                self.assertEqual(result.ok, ok, [gate for gate in result.gates if gate.findings])
                self.assertEqual({case.suite for case in result.cases}, set(suites))
                shutil.rmtree(self.dir / "root")

    def test_no_device(self) -> None:
        root = fakeboard.machine(self.dir / "root")
        (root / "sys/bus/platform/devices/fb000000.gpu/modalias").write_text("x")
        done = subprocess.run([str(LAB / "run"), "all"], capture_output=True, text=True, check=False,
                              env={**os.environ, "PANTHOR_ROOT": str(root)})
        self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1))

    def test_usage(self) -> None:
        done = subprocess.run([str(LAB / "run"), "what"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1))


if __name__ == "__main__":
    unittest.main()
