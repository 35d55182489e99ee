"""A facility may leave with everything, and can check that it is everything."""

import hashlib
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from tests.builders import care

from yba.app import leaving
from yba.app.leaving import ExportRefused
from yba.fhir import r4
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings


@pytest.fixture(scope="module")
async def written(database: Database, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a folder that holds everything, and a patient in it."""
    place = tmp_path_factory.mktemp("leaving")
    person = care.person_named("Trần Thị Ra Đi", 77123)
    async with database.transaction() as tx:
        patient_id = await care.register(tx, utc_now(), person)
    config = replace(Settings(), data_dir=place / "node", database_url=database.dsn)
    folder = place / "everything"
    await leaving.write_all(config, folder)
    return folder, patient_id


async def test_every_resource_and_table_is_there_and_every_checksum_holds(written):
    folder, patient_id = written
    lines = (folder / "fhir" / "Patient.ndjson").read_bytes().splitlines()

    assert patient_id in {orjson.loads(line)["id"] for line in lines}
    assert all(r4.decode(line) for line in lines[:50])
    for name in ("audit/events.ndjson", "tables/archive.record.ndjson", "SCHEMA.md"):
        assert (folder / name).is_file()
    named = dict(
        reversed(line.split("  ", 1)) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    there = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
    assert named.keys() == there - {"SHA256SUMS"}
    for name, digest in named.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


async def test_nothing_that_opens_a_door_is_in_it(written):
    folder, _ = written

    assert not list((folder / "tables").glob("accounts.*"))
    assert not list((folder / "tables").glob("authorization.*"))
    for path in (folder / "tables").glob("consent.*"):
        first = path.read_text().splitlines()[:1]
        assert all("secret" not in orjson.loads(line) for line in first)


async def test_a_folder_that_holds_something_is_refused(written, database: Database):
    folder, _ = written
    config = replace(Settings(), database_url=database.dsn)

    with pytest.raises(ExportRefused):
        await leaving.write_all(config, folder)
