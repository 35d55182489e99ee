"""Loading packages, resources and tables."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from yba.app import code_lists
from yba.foundation.terminology import packages, service
from yba.foundation.terminology.errors import UnreadableList, UnusableDefinition

URL = "http://example.org/loading"
COLUMNS = packages.TableColumns()


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def package(folder: Path, **files: object) -> Path:
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            data = json.dumps(content).encode()
            member = tarfile.TarInfo(name.replace("__", "/") + ".json")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


async def load(tx, path: Path, **more: str):
    values = {"url": URL, "version": "1", "name": "Loaded", "language": "vi", **more}
    return await service.load_table(tx, path=path, columns=COLUMNS, **values)


async def test_a_table_becomes_a_code_system(tx, tmp_path, at):
    path = write(
        tmp_path,
        "list.csv",
        'code,display,parent,unit,inactive\nA,"Máu, toàn phần",,,\nA1,Hồng cầu,A,10*12/L,\n'
        "A2,Tiểu cầu,A,10*9/L,true\n",
    )

    assert await load(tx, path) == (3, 2)
    found = await service.lookup(tx, coded=service.Coded(URL, "A1"), on=at.date())
    assert found.display == "Hồng cầu"
    assert found.system.name == "Loaded"
    assert [r.code for r in found.relatives] == ["A"]
    assert {"c": "unit", "t": "string", "v": "10*12/L"} in found.attributes
    below = await service.descendants(tx, system=URL, code="A")
    assert {code for _, code in below.codes} == {"A", "A1", "A2"}


@pytest.mark.parametrize("delimiter", [";", "\t"])
async def test_the_delimiter_is_found(tx, tmp_path, delimiter):
    text = "mã;tên;mã cha\n1;Một;\n2;Hai;1\n".replace(";", delimiter)

    assert await load(tx, write(tmp_path, "list.csv", text)) == (2, 1)


async def test_headings_may_be_named(tx, tmp_path, at):
    path = write(tmp_path, "list.csv", "KEY,LABEL,UP\nx,Ex,\ny,Ypsilon,x\n")
    columns = packages.TableColumns(code="key", display="label", parent="up")
    await service.load_table(
        tx, path=path, url=URL, version="", name="", language="", columns=columns
    )

    found = await service.lookup(tx, coded=service.Coded(URL, "y"), on=at.date())
    assert (found.display, found.system.name) == ("Ypsilon", "list")


async def test_loading_again_replaces(tx, tmp_path):
    await load(tx, write(tmp_path, "one.csv", "code,display\na,A\nb,B\n"))
    assert len((await service.codes_of(tx, value_set=URL + "?fhir_vs")).codes) == 2

    await load(tx, write(tmp_path, "two.csv", "code,display\na,A\n"))
    assert (await service.codes_of(tx, value_set=URL + "?fhir_vs")).codes == {(URL, "a")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "label,unit\na,b\n",
        "code,display\na,A\na,B\n",
        "code,display\n,A\n",
        "code,display,parent\na,A,nobody\n",
    ],
)
async def test_a_table_that_is_not_whole_is_refused(tx, tmp_path, text):
    with pytest.raises(UnreadableList):
        await load(tx, write(tmp_path, "list.csv", text))


async def test_a_table_that_goes_in_a_circle_is_refused(tx, tmp_path):
    with pytest.raises(UnusableDefinition):
        await load(tx, write(tmp_path, "list.csv", "code,parent\na,b\nb,a\n"))


def test_a_package_yields_its_definitions(tmp_path):
    path = package(
        tmp_path,
        package__package={"name": "x"},
        package__a={"resourceType": "CodeSystem", "id": "a", "url": "urn:a"},
        package__b={"resourceType": "Patient", "id": "b"},
        package__c={"resourceType": "ValueSet", "url": "urn:c"},
        package__example__d={"resourceType": "CodeSystem", "id": "d"},
    )

    found = list(packages.resources(path))
    assert [one["resourceType"] for one in found] == ["CodeSystem", "ValueSet"]
    assert found[1]["id"].startswith("u")


def test_a_bundle_and_lines_yield_their_definitions(tmp_path):
    one = {"resourceType": "ConceptMap", "id": "m"}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": one}, {"fullUrl": "urn:x"}]}

    assert list(packages.resources(write(tmp_path, "b.json", json.dumps(bundle)))) == [one]
    lines = json.dumps(one) + "\n\n" + json.dumps({"resourceType": "Patient", "id": "p"}) + "\n"
    assert list(packages.resources(write(tmp_path, "l.ndjson", lines))) == [one]


@pytest.mark.parametrize("name", ["no.json", "broken.json", "broken.tgz"])
def test_what_is_no_definition_is_refused(tmp_path, name):
    if name.startswith("broken"):
        write(tmp_path, name, "{nonsense")
    with pytest.raises(UnreadableList):
        list(packages.resources(tmp_path / name))


async def test_what_is_loaded_is_kept_and_in_force_and_what_is_broken_is_named(database, at):
    good = {
        "resourceType": "CodeSystem",
        "id": "loading-good",
        "url": "http://example.org/loading-good",
        "status": "active",
        "content": "complete",
        "concept": [{"code": "a", "display": "A"}],
    }
    twice = {**good, "id": "loading-twice", "url": "urn:t", "concept": [{"code": "a"}] * 2}
    unreadable = {"resourceType": "ValueSet", "id": "loading-bad", "status": "nonsense"}

    refused = await code_lists.save(database, [good, twice, unreadable])

    assert sorted(place for place, _ in refused) == [
        "CodeSystem/loading-twice",
        "ValueSet/loading-bad",
    ]
    async with database.transaction() as tx:
        coded = service.Coded("http://example.org/loading-good", "a")
        assert (await service.lookup(tx, coded=coded, on=at.date())).display == "A"
