# SPDX-License-Identifier: GPL-2.0-only
"""Makes a .config from fragments and proves that it holds what they ask for.

Kconfig drops a request without a word when a dependency is missing. A kernel
that silently lacks KASAN passes every KASAN test, so a lost symbol is an error.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from pathlib import Path
from typing import Iterable, Optional, Protocol, Sequence

from ..model import HarnessError

REQUEST_STAMP = ".config.request"
EXTRA_FRAGMENT = ".config.extra"
_SET = re.compile(r"^(CONFIG_\w+)=(.*)$")
_UNSET = re.compile(r"^# (CONFIG_\w+) is not set$")


class Run(Protocol):
    """``procs.run`` with the caller's verbosity already bound."""

    def __call__(self, cmd: Sequence[str], *, cwd: Optional[Path] = None,
                 what: str = "") -> object: ...


@dataclasses.dataclass(frozen=True)
class Lost:
    """A request that the final .config does not grant."""

    symbol: str
    wanted: str
    got: str


def parse(text: str) -> dict[str, str]:
    """Symbols and values of a .config or fragment; 'is not set' reads as n."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        if match := _SET.match(line.strip()):
            values[match[1]] = match[2].strip()
        elif match := _UNSET.match(line.strip()):
            values[match[1]] = "n"
    return values


def read(path: Path) -> dict[str, str]:
    """``parse`` of a file."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise HarnessError(f"cannot read {path}: {err.strerror}") from err


def merge(fragments: Iterable[dict[str, str]]) -> dict[str, str]:
    """The combined request; a later fragment wins."""
    wanted: dict[str, str] = {}
    for values in fragments:
        wanted.update(values)
    return wanted


def lost_symbols(wanted: dict[str, str], config: dict[str, str]) -> list[Lost]:
    """Requests not granted; a symbol that is absent counts as n."""
    return [Lost(symbol, value, config.get(symbol, "n"))
            for symbol, value in sorted(wanted.items())
            if config.get(symbol, "n") != value]


def depends_on(kconfigs: Iterable[Path], symbol: str) -> str:
    """The dependencies as Kconfig states them; "" if it has no such symbol."""
    name = symbol.removeprefix("CONFIG_")
    head = re.compile(rf"^(?:menu)?config {re.escape(name)}$")
    for path in kconfigs:
        lines = iter(path.read_text(encoding="utf-8", errors="replace").splitlines())
        if not any(head.match(line) for line in lines):
            continue
        found = []
        for line in lines:
            word = line.strip()
            if word == "help" or (word and not line[0].isspace()):
                break
            if word.startswith("depends on "):
                found.append(word.removeprefix("depends on "))
        return " && ".join(f"({expr})" for expr in found) or "nothing"
    return ""


def explain(tree: Path, lost: Sequence[Lost]) -> str:
    """One line per lost symbol, under a headline with the remedy."""
    lines = [f"{len(lost)} requested config symbol(s) did not survive; "
             "request what they depend on, or drop them:"]
    kconfigs = sorted(path for path in tree.rglob("Kconfig*") if path.is_file())
    for item in lost:
        depends = depends_on(kconfigs, item.symbol)
        why = f"depends on {depends}" if depends else "this kernel does not have it"
        lines.append(f"{item.symbol}={item.wanted} became {item.got} ({why})")
    return "\n  ".join(lines)


def _request_id(wanted: dict[str, str], make_args: Sequence[str]) -> str:
    text = json.dumps([sorted(wanted.items()), list(make_args)])
    return hashlib.sha256(text.encode()).hexdigest()


def _up_to_date(build: Path, request: str, wanted: dict[str, str]) -> bool:
    stamp, config = build / REQUEST_STAMP, build / ".config"
    if not stamp.is_file() or not config.is_file():
        return False
    return stamp.read_text(encoding="utf-8").strip() == request and \
        not lost_symbols(wanted, read(config))


def configure(tree: Path, build: Path, arch_make_args: Sequence[str],
              fragments: Sequence[Path], extra: dict[str, str],
              run: Run) -> bool:
    """Configures ``build``; True if anything was done.

    Everything the fragments do not ask for is off. An unchanged request leaves
    .config alone, so that make finds nothing to do.
    """
    wanted = merge([*(read(path) for path in fragments), extra])
    request = _request_id(wanted, arch_make_args)
    if _up_to_date(build, request, wanted):
        return False
    build.mkdir(parents=True, exist_ok=True)
    stamp, config = build / REQUEST_STAMP, build / ".config"
    stamp.unlink(missing_ok=True)
    files = [str(path) for path in fragments]
    if extra:
        own = build / EXTRA_FRAGMENT
        own.write_text("".join(f"{k}={v}\n" for k, v in sorted(extra.items())),
                       encoding="utf-8")
        files.append(str(own))
    run([str(tree / "scripts/kconfig/merge_config.sh"), "-m", "-O", str(build),
         *files], cwd=tree, what="merge config fragments")
    run(["make", "-s", "-C", str(tree), f"O={build}", *arch_make_args,
         f"KCONFIG_ALLCONFIG={config}", "allnoconfig"],
        what="configure the kernel")
    if lost := lost_symbols(wanted, read(config)):
        raise HarnessError(explain(tree, lost))
    stamp.write_text(request + "\n", encoding="utf-8")
    return True


def enabled(build: Path) -> set[str]:
    """Symbols (CONFIG_...) that are y or m in a configured build folder."""
    return {symbol for symbol, value in read(build / ".config").items()
            if value in ("y", "m")}
