"""Every page and interface that shows or changes personal data reaches the audit trail.

Read from the source: from each handler, calls are followed through the package until one of the verbs
that write a trace. A handler that reaches none must be listed here with the reason.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import yba
from yba.app import wiring
from yba.plumbing.web import Page

SOURCE = Path(yba.__file__).parent
TRACES = {
    ("yba.foundation.audit.service", "record"),
    ("yba.foundation.audit.service", "record_many"),
    ("yba.foundation.audit.service", "erase"),
    ("yba.foundation.audit.writing", "write"),
}
# How the names of pages begin -> why they may leave no trace.
_OWN = "one's own account and session, nobody's record"
_PROGRAM = "programs and keys, nobody's record"
_LISTED = "a list of work: who waits, by name or number; opening a line leaves a trace"
WITHOUT: dict[str, str] = {
    "html:": "files of the program, language and colours of this browser",
    "audit:checkpoint": "commitments, no personal data",
    "audit:tile": "commitments, no personal data",
    "audit:add_checkpoint": "another node's log: sizes and hashes",
    "audit:check": "a page of the program and public keys",
    "watch:search_form": "an empty form",
    "accounts:": _OWN,
    "authorization:": _PROGRAM,
    "programs:": _PROGRAM,
    "signing:": "certificates of the authority",
    "agent:": "digests for a token at the clinician's place",
    "admin:home": "accounts of the staff and health of the node",
    "admin:people": "accounts of the staff",
    "admin:person": "an account of the staff",
    "boards:": "ticket numbers on a wall, no names",
    "payments:stand_in_": "the demonstration's stand-in bank",
    "cashier:close_till": "money in a till",
    "cashier:open_till": "money in a till",
    "cashier:till": "money in a till",
    "cashier:open_points": "sums and references of transfers",
    "cashier:day": "sums of a day",
    "cashier:home": _LISTED,
    "cashier:waiting": _LISTED,
    "chart:queue": _LISTED,
    "claims:home": _LISTED,
    "archive:": _LISTED,
    "inbox:": _LISTED,
    "chart:diagnoses": "a code list",
    "chart:drugs": "a code list",
    "chart:services": "a code list",
    "desk:communes": "a code list",
    "desk:home": "lengths of queues",
    "desk:loads": "lengths of queues",
    "desk:new_person": "an empty form",
    "desk:prefilled": "what the asker has just typed",
    "citizen:consents": "the citizen's own choices",
    "citizen:family": "the citizen's own choices",
    "citizen:act": "the citizen's own choices",
    "citizen:notices": "messages to the citizen herself",
    "citizen:request": "the citizen's own request",
    "citizen:share": "the citizen's own choices",
    "citizen:open_share": "asks for the code; opening leaves a trace in what it opens",
    "documents:check": "judges a file that the asker brings; nothing is stored or looked up by name",
    "documents:verify": "says that a document exists by a code only its holder has, without its text",
    "payments:check_receipt": "number, amount and day of a slip that the asker holds, nobody's name",
    "privacy:corrections": "marks of what was corrected, without values",
    "privacy:register": "the register of processing, nobody's record",
}

Function = tuple[str, str]


@cache
def _modules() -> dict[str, ast.Module]:
    found: dict[str, ast.Module] = {}
    for path in SOURCE.rglob("*.py"):
        if "generated" in path.parts:
            continue
        parts = ["yba", *path.relative_to(SOURCE).with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        found[".".join(parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


@cache
def _names(module: str) -> dict[str, str]:
    """Return what the imports of a module mean: local name -> dotted name."""
    meant: dict[str, str] = {}
    for node in ast.walk(_modules()[module]):
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                meant[one.asname or one.name] = f"{node.module}.{one.name}"
    return meant


@cache
def _functions(module: str) -> dict[str, list[ast.AST]]:
    """Return the bodies of a module by name; methods of classes count under their own names."""
    found: dict[str, list[ast.AST]] = {}
    for node in ast.walk(_modules()[module]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.setdefault(node.name, []).append(node)
    return found


def _resolved(dotted: str) -> Function | None:
    module, _, name = dotted.rpartition(".")
    if module in _modules():
        return module, name
    return None


@cache
def _calls(function: Function) -> frozenset[Function]:
    """Return what a function mentions: its own module's functions, imported ones, their attributes."""
    module, name = function
    found: set[Function] = set()
    for body in _functions(module).get(name, ()):
        for node in ast.walk(body):
            if isinstance(node, ast.Name):
                if node.id in _names(module):
                    found |= {one for one in [_resolved(_names(module)[node.id])] if one}
                elif node.id in _functions(module) and node.id != name:
                    found.add((module, node.id))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                meant = _names(module).get(node.value.id, "")
                if meant in _modules():
                    found.add((meant, node.attr))
                elif node.value.id == "self" and node.attr in _functions(module):
                    found.add((module, node.attr))
    # A name that a module only passes on is looked up where it comes from.
    if name not in _functions(module) and name in _names(module):
        found |= {one for one in [_resolved(_names(module)[name])] if one}
    return frozenset(found)


def reaches_a_trace(start: Function) -> bool:
    """Return whether any path of calls from `start` ends in a verb that writes a trace."""
    return reaches(start, TRACES)


def reaches(start: Function, wanted: Collection[Function]) -> bool:
    """Return whether any path of calls from `start` ends in one of these functions."""
    waiting, seen = [start], {start}
    while waiting:
        function = waiting.pop()
        if function in wanted:
            return True
        for called in _calls(function) - seen:
            seen.add(called)
            waiting.append(called)
    return False


def _handlers() -> Iterator[tuple[Page, Function]]:
    for page in wiring.pages():
        handler = inspect.unwrap(page.endpoint)
        yield page, (handler.__module__, getattr(handler, "__name__", type(handler).__name__))


def _silent() -> list[tuple[str, str]]:
    return [
        (page.name, f"{page.name} ({module}.{name})")
        for page, (module, name) in _handlers()
        if not reaches_a_trace((module, name))
    ]


def test_every_page_reaches_the_audit_trail_or_says_why_not():
    unexplained = sorted(
        place
        for name, place in _silent()
        if not any(name.startswith(explained) for explained in WITHOUT)
    )

    assert unexplained == []


def test_every_interaction_of_the_fhir_base_reaches_the_audit_trail():
    """Each reads through the trail of reads, or writes through verbs that trace."""
    trail = ("yba.surfaces.fhir_api.trail", "note")
    handlers = {
        "reading": ("read", "vread"),
        "searches": ("search",),
        "histories": ("history",),
        "writes": ("create", "update", "patch", "delete"),
        "bundles": ("bundle",),
        "audit_events": ("search", "read"),
    }
    silent: list[str] = []
    for room, names in handlers.items():
        module = f"yba.surfaces.fhir_api.{room}"
        assert set(names) <= _functions(module).keys()
        silent += [
            f"{room}.{name}"
            for name in names
            if not (_mentions_the_trail((module, name)) or reaches_a_trace((module, name)))
        ]
    assert silent == []
    assert trail[1] in _functions(trail[0])


def _mentions_the_trail(start: Function) -> bool:
    waiting, seen = [start], {start}
    while waiting:
        module, name = waiting.pop()
        for body in _functions(module).get(name, ()):
            for node in ast.walk(body):
                if isinstance(node, ast.Attribute) and node.attr in ("note_seen", "note", "writer"):
                    return True
        for called in _calls((module, name)) - seen:
            if called[0].startswith("yba.surfaces.fhir_api"):
                seen.add(called)
                waiting.append(called)
    return False


def test_a_reason_is_given_only_where_one_is_needed():
    names = [name for name, _ in _silent()]

    assert [name for name in WITHOUT if not any(one.startswith(name) for one in names)] == []
