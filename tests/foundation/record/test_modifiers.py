"""Modifiers and kinds of value: what each finds, and what it does not."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from yba.fhir import r4
from yba.foundation.record import service, settings
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.query import resolving
from yba.foundation.record.query.parse import parse
from yba.foundation.terminology import service as terminology
from yba.kernel.refusal import Refusal

UCUM = "http://unitsofmeasure.org"


def concept(code: str | None = None, display: str | None = None, text: str | None = None) -> Any:
    coding = [r4.Coding(system="urn:codes", code=code, display=display)] if code else None
    return r4.CodeableConcept(coding=coding, text=text)


def observation(name: str, code: Any = None, **values: Any) -> r4.Observation:
    return r4.Observation(id=name, status="final", code=code or concept("a"), **values)


def amount(value: str, unit: str, system: str | None = UCUM) -> r4.Quantity:
    code = unit if system else None
    return r4.Quantity(value=Decimal(value), unit=unit, system=system, code=code)


@pytest.fixture
def stored(tx, actor, at):
    async def save(*resources: Any) -> None:
        await service.save(tx, actor=actor, resources=resources, at=at)

    return save


@pytest.fixture
def found(tx, actor, at):
    async def search(type_: Any, query: str) -> list[str]:
        resources = await service.search(tx, actor=actor, type_=type_, query=query, at=at)
        return sorted(resource.id for resource in resources)

    return search


# FHIR R4 search, "Modifiers", whole: what each kind of parameter takes. `Type` is a resource type.
MATRIX = {
    ("Observation", "value-quantity"): "missing",
    ("Observation", "date"): "missing",
    ("RiskAssessment", "probability"): "missing",
    ("Patient", "name"): "missing exact contains",
    ("Patient", "gender"): "missing text not above below in not-in of-type",
    ("Patient", "identifier"): "missing text not above below in not-in of-type",
    ("Observation", "subject"): "missing above below identifier Patient",
    ("ValueSet", "url"): "missing above below",
    ("Observation", "code-value-quantity"): "missing",
    ("Location", "near"): "missing",
    ("Observation", "_id"): "missing not",
    ("Observation", "_lastUpdated"): "missing",
    ("Observation", "_tag"): "missing text not above below in not-in of-type",
    ("Observation", "_profile"): "missing above below",
    ("Observation", "_text"): "",
    ("Observation", "_list"): "",
    ("Observation", "_filter"): "",
}
EVERY_MODIFIER = "missing exact contains text not above below in not-in of-type identifier Patient Account iterate nosuch"


@pytest.mark.parametrize(("type_", "code"), MATRIX, ids=str)
@pytest.mark.parametrize("lenient", [False, True])
def test_each_kind_of_parameter_takes_its_modifiers_and_refuses_all_others(type_, code, lenient):
    taken: list[str] = []
    for modifier in EVERY_MODIFIER.split():
        value = "true" if modifier == "missing" else "a"
        try:
            search = parse(type_, f"{code}:{modifier}={value}", lenient=lenient)
        except UnsearchableQuery:
            continue
        # A server must not drop a modifier, however lenient: the answer would mean something else.
        assert search.conditions
        taken.append(modifier)

    assert taken == MATRIX[type_, code].split()


async def test_references_are_found_by_identifier_as_tokens_are(stored, found):
    def about(name: str, system: str | None, value: str) -> r4.Observation:
        identifier = r4.Identifier(system=system, value=value)
        return observation(name, subject=r4.Reference(identifier=identifier))

    await stored(about("s", "urn:s", "1"), about("t", "urn:t", "1"), about("none", None, "1|2"))

    assert await found(r4.Observation, "subject:identifier=1") == ["s", "t"]
    assert await found(r4.Observation, "subject:identifier=urn:s|1") == ["s"]
    assert await found(r4.Observation, "subject:identifier=urn:s|,urn:t|1") == ["s", "t"]
    assert await found(r4.Observation, "subject:identifier=|1\\|2") == ["none"]
    assert await found(r4.Observation, "subject:identifier=1\\|2&_id:missing=false") == ["none"]
    assert await found(r4.Observation, "_lastUpdated:missing=true") == []


async def test_text_finds_words_of_display_and_text_without_accents(stored, found):
    await stored(
        observation("display", concept("x", "Đường huyết lúc đói")),
        observation("text", concept("y", "Glucose", "Đường huyết")),
        observation("bare", concept(text="Đường huyết mao mạch")),
        observation("other", concept("x", "Huyết áp")),
        observation("silent", concept("x")),
    )

    assert await found(r4.Observation, "code:text=duong huyet") == ["bare", "display", "text"]
    assert await found(r4.Observation, "code:text=huyết") == ["bare", "display", "other", "text"]
    assert await found(r4.Observation, "code:text=gluc") == ["text"]
    assert await found(r4.Observation, "code:text=uyet") == []
    assert await found(r4.Observation, "code:text=100%25") == []


async def test_text_finds_the_type_of_an_identifier(stored, found):
    kind = concept(text="Số hồ sơ")
    await stored(
        r4.Patient(id="a", identifier=[r4.Identifier(value="1", type=kind)]), r4.Patient(id="b")
    )

    assert await found(r4.Patient, "identifier:text=so ho") == ["a"]


async def test_not_includes_those_without_a_value(stored, found):
    await stored(
        observation("none"),
        observation("one", valueCodeableConcept=concept("v")),
        observation("two", valueCodeableConcept=concept("w")),
    )

    assert await found(r4.Observation, "value-concept:not=urn:codes|v") == ["none", "two"]
    assert await found(r4.Observation, "value-concept:not=v,w") == ["none"]


async def test_identifiers_are_found_by_system_alone(stored, found):
    await stored(
        r4.Patient(id="a", identifier=[r4.Identifier(system="urn:s", value="1")]),
        r4.Patient(id="b", identifier=[r4.Identifier(system="urn:t", value="1")]),
        r4.Patient(id="c", identifier=[r4.Identifier(value="1")]),
    )

    assert await found(r4.Patient, "identifier=urn:s|") == ["a"]
    assert await found(r4.Patient, "identifier=|1") == ["c"]
    assert await found(r4.Patient, "identifier=1") == ["a", "b", "c"]


async def test_of_type_compares_type_and_value(stored, found):
    kind = r4.CodeableConcept(coding=[r4.Coding(system="urn:types", code="MR")])
    await stored(
        r4.Patient(id="a", identifier=[r4.Identifier(system="urn:s", value="1", type=kind)]),
        r4.Patient(id="b", identifier=[r4.Identifier(system="urn:s", value="1")]),
    )

    assert await found(r4.Patient, "identifier:of-type=urn:types|MR|1") == ["a"]
    assert await found(r4.Patient, "identifier:of-type=urn:types|MR|2") == []


async def test_uris_have_what_is_above_and_below(stored, found):
    def profiled(name: str, url: str) -> r4.Basic:
        return r4.Basic(id=name, code=concept("a"), meta=r4.Meta(profile=[url]))

    await stored(
        profiled("root", "http://example.org/fhir"),
        profiled("inner", "http://example.org/fhir/ValueSet/a"),
        profiled("near", "http://example.org/fhirs/ValueSet/a"),
    )

    assert await found(r4.Basic, "_profile:below=http://example.org/fhir") == ["inner", "root"]
    assert await found(r4.Basic, "_profile:below=http://example.org/fhir/") == ["inner", "root"]
    above = "_profile:above=http://example.org/fhir/ValueSet/a/_history/5"
    assert await found(r4.Basic, above) == ["inner", "root"]
    assert await found(r4.Basic, "_profile=http://example.org/fhir") == ["root"]


async def test_references_follow_the_hierarchy_of_their_type(stored, found):
    def ward(name: str, parent: str | None) -> r4.Location:
        part = r4.Reference(reference=f"Location/{parent}") if parent else None
        return r4.Location(id=name, partOf=part)

    def visit(name: str, place: str) -> r4.Encounter:
        at = r4.EncounterLocation(location=r4.Reference(reference=f"Location/{place}"))
        kind = r4.Coding(code="AMB")
        return r4.Encounter(id=name, status="finished", class_=kind, location=[at])

    await stored(
        ward("site", None), ward("floor", "site"), ward("room", "floor"), ward("else", None),
        visit("v1", "site"), visit("v2", "room"), visit("v3", "else"), visit("v4", "floor"),
    )  # fmt: skip

    assert await found(r4.Encounter, "location:below=Location/site") == ["v1", "v2", "v4"]
    assert await found(r4.Encounter, "location:below=floor") == ["v2", "v4"]
    assert await found(r4.Encounter, "location:above=Location/floor") == ["v1", "v4"]
    assert await found(r4.Location, "partof:below=site") == ["floor", "room"]
    with pytest.raises(UnsearchableQuery):
        await found(r4.Encounter, "service-provider:below=Patient/x")


async def test_a_missing_patient_is_told_from_another_subject(stored, found):
    def account(name: str, *subjects: str) -> r4.Account:
        listed = [r4.Reference(reference=subject) for subject in subjects]
        return r4.Account(id=name, status="active", subject=listed or None)

    await stored(
        account("both", "Device/d", "Patient/p"), account("device", "Device/d"), account("none")
    )

    assert await found(r4.Account, "patient:missing=true") == ["device", "none"]
    assert await found(r4.Account, "subject:missing=true") == ["none"]
    assert await found(r4.Account, "patient:missing=false") == ["both"]


async def test_a_performer_is_not_the_patient(stored, found):
    here = r4.Reference(reference="Patient/p")
    await stored(observation("about", subject=here), observation("by", performer=[here]))

    assert await found(r4.Observation, "patient=p") == ["about"]
    assert await found(r4.Observation, "subject:missing=true") == ["by"]
    assert await found(r4.Observation, "patient:missing=true") == ["by"]
    assert await found(r4.Observation, "performer=Patient/p") == ["by"]


async def test_composites_of_three_parts_compare_each(stored, found):
    def sequence(name: str, start: int, end: int) -> r4.MolecularSequence:
        variant = r4.MolecularSequenceVariant(start=start, end=end)
        reference = r4.MolecularSequenceReferenceSeq(referenceSeqId=concept("NC_1"))
        return r4.MolecularSequence(
            id=name, coordinateSystem=0, referenceSeq=reference, variant=[variant]
        )

    await stored(sequence("a", 10, 20), sequence("b", 15, 40))

    query = "referenceseqid-variant-coordinate=NC_1$ge10$le20"
    assert await found(r4.MolecularSequence, query) == ["a"]
    query = "referenceseqid-variant-coordinate=urn:codes|NC_1$gt1$lt100"
    assert await found(r4.MolecularSequence, query) == ["a", "b"]
    with pytest.raises(UnsearchableQuery):
        await found(r4.MolecularSequence, "referenceseqid-variant-coordinate=NC_1$ge10")


async def test_composites_pair_a_code_with_a_reference(stored, found):
    def document(name: str, code: Any, target: str) -> r4.DocumentReference:
        relation = r4.DocumentReferenceRelatesTo(
            code=code, target=r4.Reference(reference=f"DocumentReference/{target}")
        )
        content = [r4.DocumentReferenceContent(attachment=r4.Attachment(title="x"))]
        return r4.DocumentReference(
            id=name, status="current", content=content, relatesTo=[relation]
        )

    await stored(document("a", "replaces", "x"), document("b", "appends", "x"))

    assert await found(r4.DocumentReference, "relationship=replaces$DocumentReference/x") == ["a"]
    assert await found(r4.DocumentReference, "relationship=appends$x") == ["b"]
    assert await found(r4.DocumentReference, "relationship=appends$y") == []
    assert await found(r4.DocumentReference, "relationship:missing=false") == ["a", "b"]


async def test_near_is_a_distance_on_the_globe(stored, found):
    def place(name: str, latitude: str, longitude: str) -> r4.Location:
        position = r4.LocationPosition(latitude=Decimal(latitude), longitude=Decimal(longitude))
        return r4.Location(id=name, position=position)

    await stored(
        place("hanoi", "21.0285", "105.8542"), place("haiphong", "20.8449", "106.6881"),
        place("fiji-west", "-17.0", "179.9"), place("fiji-east", "-17.0", "-179.9"),
        place("pole", "89.9", "0"), r4.Location(id="nowhere"),
    )  # fmt: skip

    assert await found(r4.Location, "near=21.0285|105.8542|5|km") == ["hanoi"]
    assert await found(r4.Location, "near=21.0285|105.8542|100") == ["haiphong", "hanoi"]
    assert await found(r4.Location, "near=21.0285|105.8542|62|[mi_i]") == ["haiphong", "hanoi"]
    assert await found(r4.Location, "near=21.0285|105.8542|5000|m") == ["hanoi"]
    assert await found(r4.Location, "near=21.02|105.85") == ["hanoi"]
    assert await found(r4.Location, "near=-17|180|30|km") == ["fiji-east", "fiji-west"]
    assert await found(r4.Location, "near=89.9|180|30|km") == ["pole"]
    assert await found(r4.Location, "near:missing=true") == ["nowhere"]
    for wrong in ("1", "91|0", "a|b", "1|2|-3", "1|2|3|kg", "NaN|1", "1|sNaN", "1|2|Infinity"):
        with pytest.raises(UnsearchableQuery):
            await found(r4.Location, f"near={wrong}")


async def test_age_is_counted_in_whole_years_of_the_living(tx, actor, at, stored, found):
    await stored(
        r4.Patient(id="a30", birthDate="1996-09-15"), r4.Patient(id="a29", birthDate="1996-09-16"),
        r4.Patient(id="dead", birthDate="1996-01-01", deceasedBoolean=True), r4.Patient(id="no"),
    )  # fmt: skip
    assert at.date() == datetime(2026, 9, 15, tzinfo=UTC).date()

    assert await found(r4.Patient, "age=30") == ["a30"]
    assert await found(r4.Patient, "age=lt30") == ["a29"]
    assert await found(r4.Patient, "age=ge29") == ["a29", "a30"]
    assert await found(r4.Patient, "age=ne30") == ["a29"]
    assert await found(r4.Patient, "age:missing=true") == ["no"]


async def test_deceased_is_false_where_nothing_is_said(stored, found):
    await stored(
        r4.Patient(id="silent"), r4.Patient(id="dead", deceasedDateTime="2020"),
        r4.Patient(id="alive", deceasedBoolean=False),
    )  # fmt: skip

    assert await found(r4.Patient, "deceased=false") == ["alive", "silent"]
    assert await found(r4.Patient, "deceased=true") == ["dead"]


async def test_extensions_are_searched(stored, found):
    name = "http://hl7.org/fhir/StructureDefinition/patient-extensions-Patient-mothersMaidenName"
    await stored(
        r4.Patient(id="a", extension=[r4.Extension(url=name, valueString="Trần")]),
        r4.Patient(id="b", extension=[r4.Extension(url="urn:other", valueString="Trần")]),
    )

    assert await found(r4.Patient, "mothersMaidenName=tran") == ["a"]


async def test_quantities_are_compared_in_any_unit_of_the_same_kind(stored, found):
    await stored(
        observation("g", valueQuantity=amount("1.2", "g/L")),
        observation("mg", valueQuantity=amount("120", "mg/dL")),
        observation("low", valueQuantity=amount("119", "mg/dL")),
        observation("written", valueQuantity=amount("1.2", "g/L", system=None)),
        observation("mass", valueQuantity=amount("1.2", "g")),
    )

    def asked(value: str) -> str:
        return f"value-quantity={value}"

    assert await found(r4.Observation, asked(f"1.20|{UCUM}|g/L")) == ["g", "mg"]
    assert await found(r4.Observation, asked(f"120|{UCUM}|mg/dL")) == ["g", "mg"]
    assert await found(r4.Observation, asked(f"lt1.2|{UCUM}|g/L")) == ["low"]
    assert await found(r4.Observation, asked(f"ge1200|{UCUM}|mg/L")) == ["g", "mg"]
    assert await found(r4.Observation, asked(f"ap1.3|{UCUM}|g/L")) == ["g", "low", "mg"]
    assert await found(r4.Observation, asked("1.2||g/L")) == ["g", "written"]
    assert await found(r4.Observation, asked("1.2")) == ["g", "mass", "written"]
    pair = f"code-value-quantity=a$1.20|{UCUM}|g/L"
    assert await found(r4.Observation, pair) == ["g", "mg"]


@pytest.fixture
async def fruit(tx):
    """A code system with a hierarchy, and a value set of some of it."""

    def concept_of(code: str, *below: Any) -> r4.CodeSystemConcept:
        return r4.CodeSystemConcept(code=code, display=code, concept=list(below) or None)

    system = r4.CodeSystem(
        id="fruit", url="urn:fruit", status="active", content="complete", hierarchyMeaning="is-a",
        concept=[concept_of("fruit", concept_of("citrus", concept_of("lemon"), concept_of("lime")),
                            concept_of("apple"))],
    )  # fmt: skip
    filters = [r4.ValueSetComposeIncludeFilter(property="concept", op="is-a", value="citrus")]
    sour = r4.ValueSet(
        id="sour", url="urn:sour", status="active",
        compose=r4.ValueSetCompose(
            include=[r4.ValueSetComposeInclude(system="urn:fruit", filter=filters)]
        ),
    )  # fmt: skip
    await terminology.take_up(tx, resources=[system, sour])


async def test_value_sets_and_hierarchies_decide_by_code_and_system(tx, fruit, stored, found):
    def eaten(name: str, code: str, system: str = "urn:fruit") -> r4.Observation:
        coding = [r4.Coding(system=system, code=code)]
        return observation(name, r4.CodeableConcept(coding=coding))

    await stored(
        eaten("lemon", "lemon"), eaten("citrus", "citrus"), eaten("apple", "apple"),
        eaten("other", "lemon", "urn:other"), observation("words", concept(text="lemon")),
    )  # fmt: skip

    assert await found(r4.Observation, "code:in=urn:sour") == ["citrus", "lemon"]
    assert await found(r4.Observation, "code:in=ValueSet/sour") == ["citrus", "lemon"]
    assert await found(r4.Observation, "code:not-in=urn:sour") == ["apple", "other", "words"]
    assert await found(r4.Observation, "code:below=urn:fruit|citrus") == ["citrus", "lemon"]
    assert await found(r4.Observation, "code:above=urn:fruit|lemon") == ["citrus", "lemon"]
    assert await found(r4.Observation, "code:below=urn:fruit|fruit") == ["apple", "citrus", "lemon"]
    with pytest.raises(Refusal):
        await found(r4.Observation, "code:in=urn:nothing")


async def test_a_large_value_set_is_joined(tx, fruit, stored, found, monkeypatch):
    monkeypatch.setattr(resolving, "_LISTED", 1)
    coding = [r4.Coding(system="urn:fruit", code="lime")]
    await stored(observation("lime", r4.CodeableConcept(coding=coding)), observation("a"))

    assert await found(r4.Observation, "code:in=urn:sour") == ["lime"]
    assert await found(r4.Observation, "code:not-in=urn:sour") == ["a"]


def narrated(name: str, text: str) -> r4.Patient:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{text}</p></div>'
    return r4.Patient(id=name, text=r4.Narrative(status="generated", div=div))


async def test_narratives_are_found_by_their_words(tx, actor, at, stored, found):
    await stored(
        narrated("a", "Đau <b>đầu</b> dữ dội, sốt &amp; ho"), narrated("b", "Đau bụng"),
        r4.Patient(id="c", name=[r4.HumanName(text="Đau Đầu")]),
    )  # fmt: skip

    assert await found(r4.Patient, "_text=dau") == ["a", "b"]
    assert await found(r4.Patient, "_text=Đau sốt") == ["a"]
    assert await found(r4.Patient, '_text="dau dau"') == ["a"]
    assert await found(r4.Patient, '_text="dau sot"') == []
    assert await found(r4.Patient, "_text=(sot OR bung) and dau") == ["a", "b"]
    assert await found(r4.Patient, "_text=dau -bung") == ["a"]
    assert await found(r4.Patient, "_text=NOT sot") == ["b"]
    assert await found(r4.Patient, "_text=bu*") == ["b"]
    assert await found(r4.Patient, "_text=bu") == []
    assert await found(r4.Patient, "_text=bung,sot") == ["a", "b"]
    assert await found(r4.Patient, "_text=xhtml") == []
    for wrong in ("(dau", "and", "'", '"', "a OR"):
        with pytest.raises(UnsearchableQuery):
            await found(r4.Patient, f"_text={wrong}")

    await stored(narrated("a", "Khoẻ"))
    assert await found(r4.Patient, "_text=dau") == ["b"]
    await service.delete(tx, actor=actor, type_="Patient", id_="b", at=at)
    assert await found(r4.Patient, "_text=dau") == []


async def test_content_is_searched_where_the_node_keeps_it(stored, found):
    with pytest.raises(UnsearchableQuery):
        await found(r4.Patient, "_content=dau")
    settings.file_content(on=True)
    try:
        await stored(
            narrated("a", "Đau bụng"), r4.Patient(id="b", name=[r4.HumanName(text='Đau "Đầu"')])
        )

        assert await found(r4.Patient, "_content=dau") == ["a", "b"]
        assert await found(r4.Patient, '_content="dau dau"') == ["b"]
        assert await found(r4.Patient, "_content=name") == []
        assert await found(r4.Patient, "_text=dau") == ["a"]
    finally:
        settings.file_content(on=False)
