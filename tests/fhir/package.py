"""The official package of R4 definitions and examples, where `make test` or the developer has fetched it."""

import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / "var" / "cache" / "fhir"
PACKAGE = _FOLDER / "hl7.fhir.r4.examples-4.0.1.tgz"

# Resources that define FHIR itself; the rest of the package are examples of use.
_DEFINITIONS = (
    "StructureDefinition",
    "SearchParameter",
    "ValueSet",
    "CodeSystem",
    "ConceptMap",
    "OperationDefinition",
)


def package(name: str = "") -> Path:
    """Return the package of R4, or the named one, or skip the test saying how to get it."""
    path = _FOLDER / f"{name}.tgz" if name else PACKAGE
    if not path.exists():
        pytest.skip(
            f"{path.name} is not in var/cache/fhir (run: python tools/fetch_definitions.py)"
        )
    return path


@cache
def examples() -> dict[str, bytes]:
    """Return every example by file name."""
    return dict(_read(package()))


def _read(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            if "-" not in name or not name.endswith(".json") or name.startswith("."):
                continue
            if name.split("-", 1)[0] in _DEFINITIONS:
                continue
            content = archive.extractfile(member)
            assert content is not None
            yield name, content.read()
