# SPDX-License-Identifier: GPL-2.0-only
"""As much of YAML as the files in ci/lab use; anything else is an error."""

from __future__ import annotations

import re
from typing import Any, Union

Lines = list[tuple[int, int, str]]
_KEY = re.compile(r'([\w.-]+):(?: (.*))?$')


def _scalar(text: str, where: int) -> Union[str, int, bool]:
    if re.fullmatch(r'"[^"\\]*"', text):
        return text[1:-1]
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if text in ("true", "false"):
        return text == "true"
    # Quotes and colons later in a plain scalar mean themselves; at its begin, or before a blank, they do not.
    if not text or text[0] in "\"'[]{}&*!|>%@`#,?-" or re.search(r": |:$| #", text):
        raise ValueError(f"line {where}: {text!r}: quote this")
    return text


def load(text: str) -> Any:
    """The document."""
    lines: Lines = []
    for number, raw in enumerate(text.splitlines(), 1):
        if "\t" in raw or raw != raw.rstrip():
            raise ValueError(f"line {number}: tab, or blank at the end")
        if raw.strip() and not raw.lstrip().startswith("#"):
            lines.append((number, len(raw) - len(raw.lstrip()), raw.strip()))
    if not lines:
        raise ValueError("no document")
    value, at = _block(lines, 0, lines[0][1])
    if at != len(lines):
        raise ValueError(f"line {lines[at][0]}: wrong indentation")
    return value


def _block(lines: Lines, at: int, indent: int) -> tuple[Any, int]:
    if lines[at][2] == "-" or lines[at][2].startswith("- "):
        return _list(lines, at, indent)
    return _map(lines, at, indent)


def _list(lines: Lines, at: int, indent: int) -> tuple[list[Any], int]:
    out: list[Any] = []
    while at < len(lines) and lines[at][1] == indent and lines[at][2].startswith("- "):
        number, _, text = lines[at]
        inner = text[2:].lstrip()
        if _KEY.match(inner):
            lines[at] = (number, indent + len(text) - len(inner), inner)
            value, at = _map(lines, at, lines[at][1])
        else:
            value, at = _scalar(inner, number), at + 1
        out.append(value)
    return out, at


def _map(lines: Lines, at: int, indent: int) -> tuple[dict[str, Any], int]:
    out: dict[str, Any] = {}
    while at < len(lines) and lines[at][1] == indent and not lines[at][2].startswith("- "):
        number, _, text = lines[at]
        match = _KEY.match(text)
        if not match:
            raise ValueError(f"line {number}: no key in {text!r}")
        if match[1] in out:
            raise ValueError(f"line {number}: {match[1]} is there twice")
        if match[2] is not None:
            out[match[1]], at = _scalar(match[2], number), at + 1
        elif at + 1 < len(lines) and lines[at + 1][1] > indent:
            out[match[1]], at = _block(lines, at + 1, lines[at + 1][1])
        else:
            raise ValueError(f"line {number}: {match[1]} has no value")
    return out, at
