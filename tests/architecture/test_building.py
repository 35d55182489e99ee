"""The rules of the building that import contracts cannot say."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

import yba

SOURCE = Path(yba.__file__).parent
DOORS = {"service", "access", "events", "model", "errors", "panels"}
# Rooms without doors of their own: everything in them is for every floor above.
OPEN_FLOORS = {"kernel", "fhir", "plumbing"}
# The FHIR base is the record's own face on HTTP: it asks for interactions that no
# other context may use (histories, transactions, cursors). See ADR 0010.
SAME_ROOM = {(("surfaces", "fhir_api"), ("foundation", "record"))}
FLOORS_WITH_CONTEXTS = {
    "foundation",
    "care",
    "money",
    "exchange",
    "government",
    "insight",
    "surfaces",
}


def all_modules() -> list[str]:
    """Return the name of every module of the program, generated ones left out."""
    return [
        name
        for _, name, _ in pkgutil.walk_packages([str(SOURCE)], "yba.")
        if ".generated" not in name
    ]


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("yba")


def _context(module: str) -> tuple[str, ...] | None:
    parts = module.split(".")
    return tuple(parts[1:3]) if len(parts) > 2 and parts[1] in FLOORS_WITH_CONTEXTS else None


def test_a_context_is_entered_only_through_its_doors():
    wrong: list[str] = []
    for importer in graph().modules:
        if importer.startswith("yba.app"):
            continue  # the composition root connects everything
        for imported in graph().find_modules_directly_imported_by(importer):
            target = _context(imported)
            if target is None or target == _context(importer):
                continue
            if (_context(importer), target) in SAME_ROOM:
                continue
            door = imported.split(".")[3] if len(imported.split(".")) > 3 else None
            if door is not None and door not in DOORS:
                wrong.append(f"{importer} -> {imported}")
    assert sorted(wrong) == []


@pytest.mark.parametrize("module", all_modules())
def test_every_module_says_what_it_is_for(module: str):
    assert (importlib.import_module(module).__doc__ or "").strip()


def _python_files() -> Iterator[Path]:
    for path in SOURCE.rglob("*.py"):
        if "generated" not in path.parts:
            yield path


def test_no_module_is_called_utils_helpers_common_or_manager():
    names = {path.stem for path in _python_files()} | {p.parent.name for p in _python_files()}
    assert names & {"utils", "util", "helpers", "common", "manager", "misc"} == set()


def test_files_stay_readable():
    too_long = {
        str(path.relative_to(SOURCE)): lines
        for path in _python_files()
        if (lines := len(path.read_text().splitlines())) > 500
    }
    assert too_long == {}


def test_only_the_border_reads_the_clock():
    allowed = ("app", "pages", "endpoints", "jobs", "cli", "kernel")
    wrong: list[str] = []
    for path in _python_files():
        relative = path.relative_to(SOURCE)
        if (
            relative.parts[0] in allowed
            or path.stem.rpartition("_")[2] in allowed
            or "pages" in relative.parts
        ):
            continue
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if name == "utc_now":
                    wrong.append(f"{relative}:{node.lineno}")
    # The shell needs today's date for ages; the FHIR border stamps lastUpdated.
    border = ("plumbing/html/", "surfaces/fhir_api/")
    assert [where for where in wrong if not where.startswith(border)] == []


def test_migrations_are_numbered_and_named():
    from yba.plumbing import migrations

    numbers = [step.number for step in migrations.available()]
    assert numbers == sorted(set(numbers))


def test_sql_names_only_its_own_schema():
    """A context's store may write only tables of its own schema."""
    pattern = re.compile(r"(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+([a-z_]+)\.[a-z_]+")
    wrong: list[str] = []
    for path in _python_files():
        parts = path.relative_to(SOURCE).parts
        if parts[0] not in FLOORS_WITH_CONTEXTS:
            continue
        found = set(pattern.findall(path.read_text())) - {parts[1]}
        wrong += [f"{'/'.join(parts)} writes {schema}" for schema in found]
    assert wrong == []
