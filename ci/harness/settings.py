# SPDX-License-Identifier: GPL-2.0-only
"""What the user asked for: the variables of the command line, checked."""

from __future__ import annotations

import dataclasses
import fnmatch
import os
import re
from pathlib import Path
from typing import Iterable, Optional, Sequence

from .host import source
from .model import UsageError
from .tree import treefiles

REPO = Path(__file__).resolve().parents[2]
TESTS = REPO / "drivers/gpu/drm/panthor/tests"
SIM_TESTS = REPO / "drivers/gpu/drm/panthor/sim/tests"
SUITES = (TESTS, SIM_TESTS)
SELFTESTS = REPO / "tools/testing/selftests/drm/panthor"
SIM_CASES = ("probe", "suspend", "rebind", "bind_long", "modules_long", "violations")
OWN_CASES = {
    "bench": ("probe", "roundtrip", "instructions", "mmio", "traffic", "idle",
              "counts", "faults", "restore", "busy", "scan", "footprint", "submit", "swap",
              "faults_small", "footprint_small"),
    "client": ("vulkaninfo", "device", "recorded", "events", "timestamps", "timeline", "sharing",
               "six_clients", "violations"),
}
"""Commands that boot one VM lane for a suite of their own name: its cases."""
UM_COMMANDS = ("canaries", "coverage", "lockgraph")
"""Commands that boot UML for something else than suites; they know what can be filtered."""
OWN_FILTER = ("matrix", "mutants", *UM_COMMANDS)
"""Commands whose filter is not one of tests."""
LONG = "_long"
BY_NAME = (LONG, "_alone")
"""Ends of names of tests that run only when they are asked for by name: they take
minutes, or what they find would spoil the run for others."""
FATAL = "_fatal"
"""End of names of tests that end a stock kernel, or spoil the rest of its run, by a defect
that our core does not have or ci/fixes mends: part of every run with the core, and of one
with the stock driver by name only."""
PARALLEL = ("load", "races", "fuzz")
"""Programs that want CPUs which really run at the same time; they have a boot of their own."""
DRIVERS = ("core", "stock")
CONFIGS = ("kcsan",)
"""Kernels other than that of the verdicts; the name is that of the command, too."""
KERNELS = (*CONFIGS, "16k")
"""The same, and those without a command of their own."""
KCSAN_TESTS = {"panthor_kcsan": ["race_on_purpose"]}
"""What only a kernel with KCSAN has; it is in no list of what must run."""
VM_ONLY = ("panthor_gem_huge",)
"""Suites that UML does not have."""
AROUND = "/harness/bin/around"
"""Runs a command, and fails if that leaves anything behind."""
OUTPUT_MARK = ".panthor-harness"
VARIABLES = ("DRIVER", "KERNEL", "LANES", "FILTER", "SEED", "RANDOM", "O", "V", "JOBS",
             "CC", "LLVM", "CROSS_COMPILE", "SIGNOFF", "STEPS", "N", "STOP", "QUICK", "CONFIG",
             "KDIR", "FLAVOUR")


def default_cache() -> Path:
    """Where downloads and builds go unless told otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "panthor-harness"


@dataclasses.dataclass
class Settings:
    """Variables of one call, after defaults."""

    command: str
    driver: str = dataclasses.field(default_factory=lambda: drivers()[0])
    kernel: Optional[str] = None
    lanes: str = "um vm"
    filter: Optional[str] = None
    output: Path = dataclasses.field(default_factory=default_cache)
    cache: Path = dataclasses.field(default_factory=default_cache)
    seed: Optional[str] = None
    signoff: Optional[str] = None
    steps: Optional[str] = None
    """Which patches of a series to build and run, one after the other."""
    kdir: Optional[str] = None
    """Headers of the kernel that a board runs, or 'debian'."""
    flavour: Optional[str] = None
    """Of a board's kernel: debug or production."""
    random: int = 0
    """How many generated mutants, instead of those of the catalog."""
    rounds: int = 10
    """How many times soak runs everything."""
    config: str = ""
    """One of ``KERNELS``, or the usual kernel."""
    stop: bool = False
    """Whether soak ends with the first run that fails."""
    quick: bool = False
    """Leave slow cases out: the edit loop does not wait for them."""
    verbose: bool = False
    jobs: int = 1
    make_vars: dict[str, str] = dataclasses.field(default_factory=dict)
    given: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def kernel_args(self) -> list[str]:
        """Kernel command line words that carry the settings into the run."""
        words = [f"{module}.kunit_seed={self.seed}" for module in ("panthor", "panthor_sim") if self.seed]
        if self.driver != "stock":
            # What is fatal or left out with stock's defects is an ordinary case without them.
            words += ["panthor.kunit_fatal=all", "panthor.kunit_defects=0"]
        return words

    @property
    def filter_words(self) -> list[str]:
        """The filter as an argument of make, if there is one."""
        return [f"FILTER={self.filter}"] if self.filter else []

    def again(self, lane: str, extra: Sequence[str] = ()) -> str:
        """Command that repeats this run on one lane."""
        command = "kunit" if lane == "um" else "verify"
        words = ["make", self.command if self.command in (*OWN_CASES, *UM_COMMANDS, *CONFIGS) else command]
        words += [f"{k}={_quoted(v)}" for k, v in self.given.items()
                  if k not in ("LANES", "FILTER", "SEED", "V", "N", "STOP", "QUICK")]
        if lane != "um":
            words.append(f"LANES={lane}")
        return " ".join([*words, *extra])


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w./+:=@-]+", value) else f"'{value}'"


def parse(argv: Sequence[str]) -> Settings:
    """``COMMAND VAR=value ...`` to settings; empty values count as not given."""
    if not argv:
        raise UsageError("no command; try: make help")
    given: dict[str, str] = {}
    for word in argv[1:]:
        name, sep, value = word.partition("=")
        if not sep or name not in VARIABLES:
            raise UsageError(f"unknown argument '{word}'; variables are: "
                             f"{' '.join(VARIABLES)}")
        if value:
            given[name] = value
    cpus = len(os.sched_getaffinity(0))
    settings = Settings(argv[0], jobs=cpus, given=given)
    settings.verbose = given.get("V", "0") != "0"
    if settings.command == "kunit":
        settings.lanes = "um"
        settings.quick = "FILTER" not in given
    if settings.command == "soak":
        settings.lanes = "um"
    settings.config = _config(settings)
    if settings.config:
        # The fastest one without KVM.
        settings.lanes = "arm64"
    if settings.command in OWN_CASES:
        settings.lanes = "vm"
    if settings.command in UM_COMMANDS:
        settings.lanes = "um"
    settings.lanes = given.get("LANES", settings.lanes)
    settings.kernel = given.get("KERNEL")
    settings.filter = given.get("FILTER")
    settings.make_vars = {k: given[k] for k in ("CC", "LLVM", "CROSS_COMPILE")
                          if k in given}
    if "O" in given:
        settings.output = Path(given["O"]).expanduser().absolute()
    if "JOBS" in given:
        if not re.fullmatch(r"[1-9]\d*", given["JOBS"]):
            raise UsageError(f"JOBS={given['JOBS']} is not a number of jobs; "
                             f"use for instance JOBS={cpus}")
        settings.jobs = int(given["JOBS"])
    settings.signoff, settings.steps = given.get("SIGNOFF"), given.get("STEPS")
    settings.kdir, settings.flavour = given.get("KDIR"), given.get("FLAVOUR")
    settings.seed = given.get("SEED")
    if settings.seed and not re.fullmatch(r"[1-9]\d{0,9}", settings.seed):
        raise UsageError(f"SEED={settings.seed} is not a seed; take the number a run has printed")
    settings.random = _random(given.get("RANDOM", "0"), settings.command)
    _soak(settings)
    settings.driver = _driver(given.get("DRIVER", settings.driver))
    if settings.filter and settings.command not in OWN_FILTER:
        check_filter(settings.filter, settings.command, settings.driver)
    return settings


def _random(text: str, command: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text):
        raise UsageError(f"RANDOM={text} is not a number of mutants; use for instance RANDOM=50")
    if int(text) and command != "mutants":
        raise UsageError(f"RANDOM= is how many mutants 'make mutants' generates; {command} has no use for it")
    return int(text)


def _config(settings: Settings) -> str:
    name = settings.given.get("CONFIG", "")
    if name and name not in KERNELS:
        raise UsageError(f"unknown CONFIG '{name}'; choose from: {' '.join(KERNELS)}")
    if name and settings.command in CONFIGS and name != settings.command:
        raise UsageError(f"CONFIG={name} is another kernel than that of make {settings.command}")
    if name and settings.command not in ("verify", "soak", name):
        raise UsageError(f"CONFIG={name} is for verify and soak; {settings.command} has a kernel of its own")
    return settings.command if settings.command in CONFIGS else name


def _soak(settings: Settings) -> None:
    given = settings.given
    for name in ("N", "STOP", "QUICK"):
        if name in given and settings.command != "soak":
            raise UsageError(f"{name}= is for 'make soak'; {settings.command} has no use for it")
    count = given.get("N", str(settings.rounds))
    if not re.fullmatch(r"[1-9]\d{0,5}", count):
        raise UsageError(f"N={count} is not a number of runs; use for instance N=100")
    settings.rounds = int(count)
    settings.stop = given.get("STOP", "0") != "0"
    if given.get("QUICK", "0") != "0":
        if settings.filter:
            raise UsageError("QUICK= leaves the slow cases out of all; with FILTER= there is what it names")
        settings.quick = True


def other(settings: Settings, variable: str, value: str) -> Settings:
    """The same run with another kernel or driver."""
    return dataclasses.replace(settings, **{variable.lower(): value},
                               given={**settings.given, variable: value})


def drivers() -> tuple[str, ...]:
    """The drivers that can be tested, the default first."""
    return DRIVERS if any(path.suffix == ".c" for path in treefiles.core_files(REPO)) else DRIVERS[1:]


def _driver(name: str) -> str:
    if name not in DRIVERS:
        raise UsageError(f"unknown driver '{name}'; choose from: {' '.join(DRIVERS)}")
    if name not in drivers():
        raise UsageError("DRIVER=core: there is no memory core in this tree yet; "
                         "use DRIVER=stock")
    return name


def sources(folders: Sequence[Path]) -> list[Path]:
    """Files with KUnit suites."""
    return [path for folder in folders for path in sorted(folder.glob("*_kunit.c"))]


def known_tests(*folders: Path) -> dict[str, list[str]]:
    """Suites and their cases, read from the sources; all there are unless told."""
    found: dict[str, list[str]] = {}
    for path in sources(folders or SUITES):
        text = path.read_text(encoding="utf-8")
        tables = {table: re.findall(r"KUNIT_CASE\w*\(\s*(\w+)", body) for table, body in
                  re.findall(r"struct kunit_case (\w+)\[\] = \{(.*?)\n\};", text, re.S)}
        for body in re.findall(r"struct kunit_suite \w+ = \{(.*?)\n\};", text, re.S):
            name = re.search(r'\.name = "(\w+)"', body)
            table = re.search(r"\.test_cases = (\w+)", body)
            if name and table:
                found[name[1]] = tables.get(table[1], [])
    return found


def selftests(folder: Path = SELFTESTS) -> dict[str, list[str]]:
    """Programs of the kselftests in the order of their Makefile, and their tests.

    Those have the names that the kselftest harness prints.
    """
    found: dict[str, list[str]] = {}
    make = (folder / "Makefile").read_text(encoding="utf-8")
    listed = " ".join(re.findall(r"^TEST_GEN_PROGS [:+]= (.*)$", make, re.M))
    for name in listed.split():
        text = (folder / f"{name}.c").read_text(encoding="utf-8")
        variants: dict[str, list[str]] = {}
        for fixture, variant in re.findall(r"^FIXTURE_VARIANT_ADD\((\w+), (\w+)\)", text, re.M):
            variants.setdefault(fixture, []).append(f"{fixture}.{variant}")
        # The harness's own order: one variant of a fixture after the other.
        tests: dict[str, list[str]] = {}
        for fixture, test in re.findall(r"^TEST_F\w*\((\w+), (\w+)", text, re.M):
            tests.setdefault(fixture, []).append(test)
        found[name] = [f"{prefix}.{test}" for fixture, names in tests.items()
                       for prefix in variants.get(fixture, [fixture]) for test in names]
    return found


def programs() -> dict[str, dict[str, str]]:
    """Suites of programs that a VM runs on software GPUs: case to command.

    The last one is about what the others have left behind.
    """
    suites = {suite: {case: f"{_words(case)}/harness/kselftest /harness/bin/{suite} {case} {AROUND}"
                      for case in cases}
              for suite, cases in selftests().items()}
    return {**suites, "sim": {case: f"{_words(case)}{AROUND} /harness/sim {case}" for case in SIM_CASES}}


def _words(case: str) -> str:
    """What a case that runs only by name finds in its environment; long ones may not leak."""
    return ("AROUND_LEAKS=1 " if case.endswith(LONG) else "") + \
        ("PANTHOR_BY_NAME=1 " if case.endswith((*BY_NAME, FATAL)) else "")


def chosen_programs(pattern: Optional[str], driver: str = "core") -> list[tuple[str, str, str]]:
    """Suite, case and command of the programs that a filter leaves.

    Those of ``BY_NAME`` are left only by their full name, and so are, with the stock
    driver, those that end it.
    """
    by_name = (*BY_NAME, FATAL) if driver == "stock" else BY_NAME
    suite_glob, _, case_glob = (pattern or "*").partition(".")
    return [(suite, case, command) for suite, cases in programs().items()
            if fnmatch.fnmatchcase(suite, suite_glob) for case, command in cases.items()
            if fnmatch.fnmatchcase(case, case_glob or "*")
            and (not case.endswith(by_name) or f"{suite}.{case}" == pattern)]


def sim_tests() -> dict[str, list[str]]:
    """Suites and cases of programs that a run without a filter has."""
    found: dict[str, list[str]] = {}
    for suite, case, _ in chosen_programs(None):
        found.setdefault(suite, []).append(case)
    return found


def lane_tests(lane: str) -> dict[str, list[str]]:
    """Suites and cases that a lane has."""
    missing = VM_ONLY if lane == "um" else ()
    return {suite: cases for suite, cases in known_tests().items() if suite not in missing}


def own_programs(command: str, pattern: Optional[str]) -> list[tuple[str, str, str]]:
    """Suite, case and command line that a filter leaves of a command with its own suite."""
    return [(command, case, f"/harness/{command} {case}") for case in OWN_CASES[command]
            if not pattern or filter_leaves(pattern, command, [case])]


def check_filter(pattern: str, command: str = "", driver: str = "core") -> None:
    """Refuses a filter that would leave nothing to run, before any build."""
    if command in OWN_CASES:
        if not own_programs(command, pattern):
            raise UsageError(f"FILTER={pattern} matches no case of {command}: {' '.join(OWN_CASES[command])}")
    elif not kunit_left(pattern) and not chosen_programs(pattern, driver):
        known = [*known_tests(), *programs()]
        raise UsageError(f"FILTER={pattern} matches no test; use a glob SUITE or SUITE.CASE, "
                         f"suites are: {' '.join(known)}")


def filter_leaves(pattern: str, suite: str, cases: Iterable[str]) -> bool:
    """Whether a filter leaves anything of a suite."""
    suite_glob, dot, case_glob = pattern.partition(".")
    return fnmatch.fnmatchcase(suite, suite_glob) and \
        (not dot or bool(fnmatch.filter(cases, case_glob)))


def kunit_left(pattern: Optional[str]) -> bool:
    """Whether a filter leaves any KUnit case."""
    suites = [*known_tests().items(), *KCSAN_TESTS.items()]
    return not pattern or any(filter_leaves(pattern, *each) for each in suites)


def prepare_output(settings: Settings) -> None:
    """Makes the output folder ours, or says why that cannot be."""
    folder = settings.output
    try:
        if folder.is_dir() and not (folder / OUTPUT_MARK).exists() and any(folder.iterdir()) \
                and folder != settings.cache:
            raise UsageError(f"O={folder} has other files in it; choose an empty or new folder")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / OUTPUT_MARK).touch()
    except OSError as err:
        raise UsageError(f"O={folder} is not writable ({err.strerror}); "
                         "choose another folder with O=DIR") from err
