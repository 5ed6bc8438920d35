# SPDX-License-Identifier: GPL-2.0-only
"""The verdict as KTAP, JUnit XML and JSON."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from ..model import Case, GateState, HarnessError, LaneResult, Status, Verdict
from . import report_html
from .report_term import repro, suites

# XML 1.0 has no way to write these, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _xml(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)


def _ktap_line(no: int, name: str, case: Case) -> str:
    """One result. A known failure is an expected one: XFAIL, which is ok."""
    name = name.replace("#", "\\#")
    if case.known:
        return f"ok {no} {name} # XFAIL {case.known}"
    if case.status is Status.SKIP:
        return f"ok {no} {name} # SKIP {case.reason}".rstrip()
    if case.status is Status.XPASS:
        return f"not ok {no} {name} # XPASS"
    return f"{'ok' if case.status is Status.PASS else 'not ok'} {no} {name}"


def ktap(lane: LaneResult) -> str:
    """A lane as KTAP 1: its suites, then one suite of its gates."""
    groups = suites(lane.cases)
    out = ["KTAP version 1", f"1..{len(groups) + 1}"]
    for no, (suite, cases) in enumerate(groups.items(), 1):
        out += ["    KTAP version 1", f"    # Subtest: {suite}",
                f"    1..{len(cases)}"]
        for nth, case in enumerate(cases, 1):
            if case.bad:
                out += [f"    # {case.name}: {line}" for line in
                        [case.reason, *case.log] if line]
            out.append("    " + _ktap_line(nth, case.name, case))
        word = "not ok" if any(c.bad for c in cases) else "ok"
        out.append(f"{word} {no} {suite}")
    out += ["    KTAP version 1", "    # Subtest: gates",
            f"    1..{len(lane.gates)}"]
    red = False
    for nth, gate in enumerate(lane.gates, 1):
        if gate.state is GateState.RED:
            red = True
            out += [f"    # {gate.name}: {gate.detail}",
                    f"    not ok {nth} {gate.name}"]
        elif gate.state is GateState.OFF:
            out.append(f"    ok {nth} {gate.name} # SKIP {gate.detail}")
        else:
            out.append(f"    ok {nth} {gate.name}")
    out.append(f"{'not ok' if red else 'ok'} {len(groups) + 1} gates")
    return "\n".join(out) + "\n"


def _junit_case(suite: ET.Element, lane: LaneResult, case: Case) -> None:
    node = ET.SubElement(suite, "testcase", {
        "name": _xml(case.name),
        "classname": _xml(f"{lane.title}.{case.suite}"),
        "time": f"{case.seconds:.6f}"})
    if case.known:
        ET.SubElement(node, "skipped", {"message":
                                        _xml("known: " + case.known)})
    elif case.status is Status.SKIP:
        ET.SubElement(node, "skipped", {"message": _xml(case.reason)})
    elif case.bad:
        tag = "error" if case.status is Status.CRASH else "failure"
        bad = ET.SubElement(node, tag, {"type": case.status.value,
                                        "message": _xml(case.reason)})
        bad.text = _xml("\n".join(case.log))


def _junit_gates(root: ET.Element, lane: LaneResult) -> None:
    states = [g.state for g in lane.gates]
    suite = ET.SubElement(root, "testsuite", {
        "name": _xml(f"{lane.title}.gates"), "tests": str(len(states)),
        "failures": str(states.count(GateState.RED)), "errors": "0",
        "skipped": str(states.count(GateState.OFF))})
    for gate in lane.gates:
        node = ET.SubElement(suite, "testcase", {
            "name": _xml(gate.name),
            "classname": _xml(f"{lane.title}.gates"), "time": "0"})
        if gate.state is GateState.OFF:
            ET.SubElement(node, "skipped", {"message": _xml(gate.detail)})
        elif gate.state is GateState.RED:
            bad = ET.SubElement(node, "failure", {
                "type": "gate", "message": _xml(gate.detail)})
            bad.text = _xml("\n\n".join("\n".join([f.title, *f.text])
                                        for f in gate.findings))


def junit(verdict: Verdict) -> str:
    """All lanes as one JUnit file; the gates of a lane are a suite."""
    root = ET.Element("testsuites", {"name": "panthor-harness"})
    for lane in verdict.lanes:
        for name, cases in suites(lane.cases).items():
            crashed = sum(c.status is Status.CRASH and c.bad for c in cases)
            bad = sum(c.bad for c in cases)
            skipped = sum(not c.bad and c.status is not Status.PASS
                          for c in cases)
            suite = ET.SubElement(root, "testsuite", {
                "name": _xml(f"{lane.title}.{name}"),
                "tests": str(len(cases)), "failures": str(bad - crashed),
                "errors": str(crashed), "skipped": str(skipped),
                "time": f"{sum(c.seconds for c in cases):.6f}"})
            for case in cases:
                _junit_case(suite, lane, case)
        _junit_gates(root, lane)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name))
                for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value


def as_json(verdict: Verdict) -> str:
    """The data model as it is, plus what it computes."""
    data = _plain(verdict)
    data["ok"] = verdict.ok
    data["exit_code"] = verdict.exit_code
    data["repeat"] = "" if verdict.ok else repro(verdict)
    for lane, node in zip(verdict.lanes, data["lanes"]):
        node["ok"] = lane.ok
    return json.dumps(data, indent=1) + "\n"


def write_reports(verdict: Verdict, folder: Path) -> list[Path]:
    """Write every file form of the verdict; return the paths."""
    texts = {f"{lane.title}.ktap": ktap(lane) for lane in verdict.lanes}
    texts["junit.xml"] = junit(verdict)
    texts["verdict.json"] = as_json(verdict)
    texts["index.html"] = report_html.page(verdict)
    out = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            path = folder / name
            path.write_text(text, encoding="utf-8", errors="replace")
            out.append(path)
    except OSError as err:
        raise HarnessError(f"{folder}: cannot write the report: "
                           f"{err.strerror}; free space or choose another "
                           "O=") from err
    return out
