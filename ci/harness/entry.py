# SPDX-License-Identifier: GPL-2.0-only
"""What every program of the harness does around its own work: errors as one line, exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from .model import HarnessError, UsageError


class Parser(argparse.ArgumentParser):
    """Options whose misuse is an error like any other."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message}; see {self.prog} --help")


def guarded(run: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """The status of ``run``: 0 ok, 1 failed, 2 usage, 3 infrastructure, 130 interrupted."""
    try:
        return run(argv)
    except HarnessError as err:
        print(f"error: {err}", file=sys.stderr)
        return err.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except OSError as err:
        print(f"error: {err.filename or 'system'}: {err.strerror}; free space or check permissions, "
              "then run again", file=sys.stderr)
        return 3
