"""The files that `yba fiction` writes for outsiders."""

from pathlib import Path

from typer.testing import CliRunner

from yba.app.fiction import service as fiction
from yba.app.fiction.cli import app
from yba.app.fiction.fhir import bundles
from yba.fhir import r4


def test_claim_files_are_written_one_a_visit(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["claims", str(tmp_path / "out"), "--visits", "3"])

    assert outcome.exit_code == 0
    assert len(list((tmp_path / "out").glob("*.xml"))) == 3


def test_bundles_can_be_sent_twice_because_every_entry_has_its_own_id() -> None:
    [(content, count)] = bundles(fiction.visits(1, 4), 50)

    bundle = r4.decode(content)
    assert isinstance(bundle, r4.Bundle)
    urls = [entry.request.url for entry in bundle.entry or () if entry.request]
    methods = {entry.request.method for entry in bundle.entry or () if entry.request}
    assert methods == {"PUT"}
    assert len(set(urls)) == len(urls) == count


def test_bundles_name_a_person_of_several_visits_once() -> None:
    visits = list(fiction.visits(1, 30, persons=2))

    [(content, _)] = bundles(visits, 50)

    bundle = r4.decode(content)
    assert isinstance(bundle, r4.Bundle)
    people = [e for e in bundle.entry or () if isinstance(e.resource, r4.Patient)]
    assert len(people) == len({visit.person.number for visit in visits})
