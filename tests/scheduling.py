"""Which tests go to one process together, and in which order: the long ones first.

The tests of a file share its database. Those of a folder in `TOGETHER` share more: a running
hospital, or processes that they kill. What takes long begins first, so that no process is left
alone with it at the end.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/journeys/", "tests/faults/", "tests/clients/", "tests/fhir/")
FIRST = (*TOGETHER, "tests/surfaces/fhir_api/test_synthea.py", "tests/app/test_backup.py")


class ByFile(LoadScopeScheduling):
    """Hands out files, or folders in `TOGETHER`, in the order of their collection."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def long_ones_first(items: list[pytest.Item]) -> None:
    """Sort `items`; the order of the others stays as it is."""

    def place(item: pytest.Item) -> int:
        return next((n for n, path in enumerate(FIRST) if item.nodeid.startswith(path)), len(FIRST))

    items.sort(key=place)
