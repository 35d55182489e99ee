"""Searches that cross references: chains, _has, lists, compartments, includes, filters."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from yba.fhir import r4
from yba.foundation.record import reading, service
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.query.parse import parse

LOINC = "http://loinc.org"


@dataclass
class Ward:
    """A handful of resources that refer to each other; `ids` finds their ids by our own names."""

    tag: str
    ids: dict[str, str]

    def names(self, found) -> set[str]:
        """Return our names of what was found."""
        by_id = {id_: name for name, id_ in self.ids.items()}
        return {by_id[one.id] for one in found}


def ref(type_: str, id_: str) -> r4.Reference:
    return r4.Reference(reference=f"{type_}/{id_}")


@pytest.fixture
async def ward(tx, actor, at):
    """Store two patients with doctors, encounters, observations, a list and provenance."""
    tag = service.new_id()
    names = [
        "an", "binh", "chi", "dr-ha", "dr-lan", "clinic", "hospital", "visit-an", "visit-binh", "sugar-an",
        "sugar-binh", "pressure-an", "group-sugar", "list", "origin", "mother", "role", "nobody-sugar",
    ]  # fmt: skip
    ids = {name: service.new_id() for name in names}
    ids["an"] = f"an-{tag}"  # an id of the client's own choosing
    meta = r4.Meta(tag=[r4.Coding(system="urn:test", code=tag)])

    def patient(name: str, family: str, **more):
        return r4.Patient(id=ids[name], meta=meta, name=[r4.HumanName(family=family)], **more)

    def sugar(name: str, code: str, subject: r4.Reference | None, **more):
        return r4.Observation(
            id=ids[name], meta=meta, status=more.pop("status", "final"), subject=subject,
            code=r4.CodeableConcept(coding=[r4.Coding(system=LOINC, code=code)]), **more,
        )  # fmt: skip

    stored = [
        r4.Organization(id=ids["hospital"], meta=meta, name="Bệnh viện Mẫu"),
        r4.Organization(id=ids["clinic"], meta=meta, name="Phòng khám Mẫu",
                        partOf=ref("Organization", ids["hospital"])),
        r4.Practitioner(id=ids["dr-ha"], meta=meta, name=[r4.HumanName(family="Hà", given=["Thu"])]),
        r4.Practitioner(id=ids["dr-lan"], meta=meta, name=[r4.HumanName(family="Lan")]),
        r4.PractitionerRole(id=ids["role"], meta=meta, practitioner=ref("Practitioner", ids["dr-ha"]),
                            organization=ref("Organization", ids["clinic"])),
        patient("an", "Nguyễn", gender="female", active=True, birthDate="1980-02-03",
                generalPractitioner=[ref("Practitioner", ids["dr-ha"])],
                managingOrganization=ref("Organization", ids["clinic"])),
        patient("binh", "Trần", gender="male", birthDate="1990",
                generalPractitioner=[ref("Practitioner", ids["dr-lan"])]),
        patient("chi", "Nguyên", link=[r4.PatientLink(other=ref("Patient", ids["an"]), type="seealso")]),
        r4.RelatedPerson(id=ids["mother"], meta=meta, patient=ref("Patient", ids["an"])),
        r4.Encounter(id=ids["visit-an"], meta=meta, status="finished", class_=r4.Coding(code="AMB"),
                     subject=ref("Patient", ids["an"])),
        r4.Encounter(id=ids["visit-binh"], meta=meta, status="planned", class_=r4.Coding(code="AMB"),
                     subject=ref("Patient", ids["binh"])),
        sugar("sugar-an", "2339-0", ref("Patient", ids["an"]), encounter=ref("Encounter", ids["visit-an"])),
        sugar("sugar-binh", "2339-0", ref("Patient", ids["binh"]), status="amended",
              encounter=ref("Encounter", ids["visit-binh"])),
        sugar("pressure-an", "8480-6", r4.Reference(reference=f"Patient/{ids['an']}/_history/1"),
              performer=[ref("Practitioner", ids["dr-lan"])]),
        sugar("group-sugar", "2339-0", None, focus=[ref("Encounter", ids["visit-binh"])],
              performer=[ref("Patient", ids["binh"])]),
        sugar("nobody-sugar", "2339-0", None),
        r4.List(id=ids["list"], meta=meta, status="current", mode="working", entry=[
            r4.ListEntry(item=ref("Observation", ids["sugar-an"])),
            r4.ListEntry(item=ref("Patient", ids["binh"]))]),
        r4.Provenance(id=ids["origin"], meta=meta, target=[ref("Observation", ids["sugar-an"])],
                      recorded="2026-01-01T00:00:00Z",
                      agent=[r4.ProvenanceAgent(who=ref("Practitioner", ids["dr-ha"]))]),
    ]  # fmt: skip
    await service.save(tx, actor=actor, resources=stored, at=at)
    return Ward(tag, ids)


def asked(ward: Ward, type_: str, query: str, **more):
    """Parse a query whose {names} stand for ids, among what this test stored."""
    for name, id_ in ward.ids.items():
        query = query.replace("{" + name + "}", id_)
    return parse(type_, f"_tag=urn:test|{ward.tag}&{query}", **more)


@pytest.mark.parametrize(
    ("type_", "query", "expected"),
    [
        ("Observation", "patient.name=nguyen", "sugar-an pressure-an"),
        ("Observation", "subject:Patient.name=nguyen", "sugar-an pressure-an"),
        ("Observation", "subject.name=nguyen", "sugar-an pressure-an"),
        ("Observation", "patient.name:exact=Nguyễn", "sugar-an pressure-an"),
        ("Observation", "patient.name:exact=Nguyen", ""),
        ("Observation", "patient.gender=male", "sugar-binh"),
        ("Observation", "patient.gender:not=male", "sugar-an pressure-an"),
        ("Observation", "patient.active:missing=true", "sugar-binh"),
        ("Observation", "patient._id={binh}", "sugar-binh"),
        ("Observation", "patient._id={an}", "sugar-an pressure-an"),
        ("Observation", "patient.birthdate=lt1985", "sugar-an pressure-an"),
        ("Observation", "patient.general-practitioner:Practitioner.name=ha", "sugar-an pressure-an"),
        ("Observation", "patient.general-practitioner.family=lan", "sugar-binh"),
        ("Observation", "subject:Patient.organization.partof.name=benh", "sugar-an pressure-an"),
        ("Observation", "encounter.status=planned", "sugar-binh"),
        ("Observation", "encounter.subject:Patient.general-practitioner:Practitioner.family=Lan", "sugar-binh"),
        ("Observation", "focus.status=planned", "group-sugar"),
        ("Observation", "focus:Encounter.patient.name=Tran", "group-sugar"),
        ("Observation", "patient._has:Encounter:patient:status=planned", "sugar-binh"),
        ("Observation", "patient._has:Patient:link:name=nguyen", "sugar-an pressure-an"),
        ("Observation", "performer:Practitioner.name=lan", "pressure-an"),
        ("Observation", "patient.name=nguyen&code=8480-6", "pressure-an"),
        ("Patient", "_has:Observation:patient:code=2339-0", "an binh"),
        ("Patient", "_has:Observation:patient:code=http://loinc.org|8480-6", "an"),
        ("Patient", "_has:Observation:patient:status:not=final", "binh"),
        ("Patient", "_has:Observation:performer:code=2339-0", "binh"),
        ("Patient", "_has:Observation:patient:encounter.status=finished", "an"),
        ("Patient", "_has:Observation:subject:_has:Provenance:target:agent.name=ha", "an"),
        ("Patient", "_has:Observation:subject:_has:Provenance:target:_id={origin}", "an"),
        ("Patient", "_has:RelatedPerson:patient:_id={mother}", "an"),
        ("Practitioner", "_has:Patient:general-practitioner:_has:Observation:patient:code=8480-6", "dr-ha"),
        ("Practitioner", "_has:PractitionerRole:practitioner:organization.name=phong", "dr-ha"),
        ("Patient", "_list={list}", "binh"),
        ("Observation", "_list={list}", "sugar-an"),
        ("Encounter", "_list={list}", ""),
        ("Observation", "patient=binh", ""),
        ("Observation", "patient={binh}", "sugar-binh"),
    ],
)  # fmt: skip
async def test_conditions_on_other_resources_choose(ward, tx, at, type_, query, expected):
    page = await reading.find(tx, asked(ward, type_, query), now=at)

    assert ward.names(page.matches) == set(expected.split())
    assert page.total == len(expected.split())


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("subject:Group.birthdate=1980", "Group"),
        ("subject:Location.nosuch=1", "nosuch"),
        ("code.name=x", "no reference parameter"),
        ("subject.nosuch=x", "nosuch"),
        ("_has:Observation:code:status=final", "no reference parameter"),
        ("_has:Patient:general-practitioner:name=x", "never refers"),
        ("_list=$current-hopes", "functional lists"),
        ("focus.focus.focus.code=1", "too many types"),
        (".".join(["derived-from:Observation"] * 9) + ".code=1", "steps"),
        ("_contained=maybe", "_contained"),
        ("_include=Observation:code", "no reference parameter"),
        ("_include:often=Observation:subject", "often"),
        ("_include=Encounter:patient", "_include"),
        ("_revinclude=Encounter:diagnosis", "does not refer"),
        ("_summary=text&_include=Observation:subject", "_summary=text"),
        ("_elements=nosuch", "nosuch"),
        ("_sort=_text", "sort"),
        ("_sort=subject.name", "sort"),
    ],
)
async def test_what_cannot_be_answered_is_refused_by_name(query, problem):
    with pytest.raises(UnsearchableQuery) as refused:
        parse("Observation", query)

    assert problem in str(refused.value.values)


@pytest.mark.parametrize(
    ("type_", "query", "matched", "added"),
    [
        ("Observation", "code=8480-6&_include=Observation:subject", "pressure-an", "an"),
        ("Observation", "code=8480-6&_include=Observation:patient", "pressure-an", "an"),
        ("Observation", "code=8480-6&_include=Observation:performer:Practitioner", "pressure-an", "dr-lan"),
        ("Observation", "code=8480-6&_include=Observation:performer:Patient", "pressure-an", ""),
        ("Observation", "code=8480-6&_include=Observation:*", "pressure-an", "an dr-lan"),
        ("Observation", "code=8480-6&_include=*", "pressure-an", "an dr-lan"),
        ("Observation", "code=8480-6&_include=Observation:subject&_include=Patient:organization", None, None),
        ("Observation", "code=8480-6&_include=Observation:subject&_include:iterate=Patient:organization",
         "pressure-an", "an clinic"),
        ("Observation", "code=8480-6&_include=Observation:subject&_include:recurse=Patient:organization"
         "&_include:iterate=Organization:partof", "pressure-an", "an clinic hospital"),
        ("Observation", "code=8480-6&_include:iterate=*", "pressure-an", "an dr-lan dr-ha clinic hospital"),
        ("Encounter", "status=finished&_revinclude=Observation:encounter", "visit-an", "sugar-an"),
        ("Encounter", "status=finished&_revinclude=Observation:encounter&_revinclude:iterate=Provenance:target",
         "visit-an", "sugar-an origin"),
        ("Encounter", "status=planned&_revinclude=*", "visit-binh", "sugar-binh group-sugar"),
        ("Encounter", "status=planned&_revinclude=Observation:*", "visit-binh", "sugar-binh group-sugar"),
        ("Patient", "name=tran&_revinclude=Observation:performer:Patient", "binh", "group-sugar"),
        ("Patient", "name=tran&_revinclude=Observation:subject", "binh", "sugar-binh"),
        ("Patient", "gender=female&_revinclude=*", "an", "visit-an sugar-an pressure-an chi mother"),
        ("Patient", "_include=Patient:link", "an binh chi", ""),
        ("Patient", "_id={chi}&_include:iterate=Patient:link&_revinclude:iterate=Patient:link", "chi", "an"),
    ],
)  # fmt: skip
async def test_includes_add_each_resource_once(ward, tx, at, type_, query, matched, added):
    if matched is None:
        with pytest.raises(UnsearchableQuery):
            asked(ward, type_, query)
        return

    page = await reading.find(tx, asked(ward, type_, query), now=at)

    assert ward.names(page.matches) == set(matched.split())
    assert len(page.included) == len(added.split())
    assert ward.names(page.included) == set(added.split())


async def test_a_reference_to_a_version_includes_that_version(ward, tx, actor, at):
    older = await reading.current(tx, "Patient", ward.ids["an"])
    newer = r4.decode_as(r4.Patient, older.body)
    newer.gender = "other"
    await service.save(tx, actor=actor, resources=[newer], at=at)

    page = await reading.find(
        tx, asked(ward, "Observation", "code=8480-6&_include=Observation:subject"), now=at
    )
    plain = await reading.find(
        tx, asked(ward, "Observation", "_id={sugar-an}&_include=Observation:subject"), now=at
    )

    assert [one.version for one in page.included] == [1]
    assert [one.version for one in plain.included] == [2]


@pytest.mark.parametrize(
    ("place", "type_", "query", "expected"),
    [
        ("Patient/{an}", "Observation", "", "sugar-an pressure-an"),
        ("Patient/{binh}", "Observation", "", "sugar-binh group-sugar"),
        ("Patient/{binh}", "Observation", "status=amended", "sugar-binh"),
        ("Patient/{an}", "Patient", "", "an chi"),
        ("Patient/{an}", "Organization", "", ""),
        ("Patient/{an}", "", "", "an chi mother visit-an sugar-an pressure-an origin"),
        ("Patient/{an}", "", "_type=Encounter,RelatedPerson", "visit-an mother"),
        ("Encounter/{visit-an}", "Observation", "", "sugar-an"),
        ("Encounter/{visit-an}", "", "", "visit-an sugar-an"),
        ("Practitioner/{dr-lan}", "Observation", "", "pressure-an"),
        ("Practitioner/{dr-ha}", "Patient", "", "an"),
        ("RelatedPerson/{mother}", "", "", "mother"),
    ],
)
async def test_a_compartment_holds_what_its_definition_says(
    ward, tx, at, place, type_, query, expected
):
    owner, _, name = place.partition("/")
    if owner == "Patient" and not type_ and not query:
        expected = expected.replace(" origin", "")

    page = await reading.find(
        tx, asked(ward, type_, query, compartment=(owner, ward.ids[name.strip("{}")])), now=at
    )

    assert ward.names(page.matches) == set(expected.split())
    assert page.total == len(expected.split())


async def test_a_search_over_types_pages_through_all_of_them_exactly(ward, tx, at):
    for order in ("", "&_sort=_id", "&_sort=_lastUpdated", "&_sort=-_lastUpdated,_id"):
        seen: list[str] = []
        cursor = ""
        while True:
            page = await reading.find(
                tx, asked(ward, "", f"_count=5{order}" + (f"&_cursor={cursor}" if cursor else "")),
                now=at, secret=b"s",
            )  # fmt: skip
            seen += [one.id for one in page.matches]
            assert page.total == len(ward.ids)
            cursor = page.next_cursor
            if not cursor:
                break
        assert sorted(seen) == sorted(ward.ids.values())


async def test_a_search_over_types_takes_what_all_of_them_know(ward, tx, at):
    page = await reading.find(
        tx, asked(ward, "", "_type=Patient,Encounter&_id={an},{visit-an}"), now=at
    )
    chained = await reading.find(
        tx, asked(ward, "", "_type=Encounter,Observation&patient.name=tran"), now=at
    )

    assert ward.names(page.matches) == {"an", "visit-an"}
    assert ward.names(chained.matches) == {"visit-binh", "sugar-binh"}
    with pytest.raises(UnsearchableQuery):
        asked(ward, "", "_type=Patient,Encounter&gender=male")
    with pytest.raises(UnsearchableQuery):
        asked(ward, "", "_type=Patient,Nothing")


@pytest.mark.parametrize(
    ("type_", "text", "expected"),
    [
        ("Patient", 'name co "gu"', "an chi"),
        ("Patient", 'name eq "nguyen"', "an chi"),
        ("Patient", 'name eq "nguye"', ""),
        ("Patient", "name sw ngu", "an chi"),
        ("Patient", "name ew an", "binh"),
        ("Patient", "name ne tran", "an chi"),
        ("Patient", "name gt nz", "binh"),
        ("Patient", 'name co "gu" and gender eq female', "an"),
        ("Patient", 'gender eq male or name co "gu" and gender eq female', "an binh"),
        ("Patient", '(gender eq male or name co "gu") and gender eq female', "an"),
        ("Patient", "not (gender eq male)", "an chi"),
        ("Patient", "not(gender eq male or gender eq female)", "chi"),
        ("Patient", "gender pr false", "chi"),
        ("Patient", "gender pr true", "an binh"),
        ("Patient", "gender ne male", "an"),
        ("Patient", "gender co MA", "an binh"),
        ("Patient", "gender sw fe", "an"),
        ("Patient", "birthdate lt 1985-01-01", "an"),
        ("Patient", "birthdate ge 1980-02-03", "an binh"),
        ("Patient", "birthdate po 1990-05", "binh"),
        ("Patient", "birthdate eq 1980-02-03 or birthdate eq 1990", "an binh"),
        ("Observation", "subject.name co \"tra\"", "sugar-binh"),
        ("Observation", "subject:Patient.name co \"tra\"", "sugar-binh"),
        ("Observation", "subject[name sw nguyen].gender eq female", "sugar-an pressure-an"),
        ("Observation", "patient[gender eq male or gender eq female].general-practitioner.family eq lan",
         "sugar-binh"),
        ("Observation", "patient re Patient/{an}", "sugar-an pressure-an"),
        ("Observation", "code eq http://loinc.org|8480-6 and not (status eq amended)", "pressure-an"),
        ("Observation", "encounter pr true and code eq 2339-0", "sugar-an sugar-binh"),
    ],
)  # fmt: skip
async def test_a_filter_chooses_what_it_says(ward, tx, at, type_, text, expected):
    page = await reading.find(tx, asked(ward, type_, f"_filter={text}"), now=at)

    assert ward.names(page.matches) == set(expected.split())


@pytest.mark.parametrize(
    "text",
    ["", "name", "name eq", "name xx y", "(name eq x", "name eq x)", "name eq x and", "name eq x name eq y",
     "nosuch eq 1", "not name eq x", 'name eq "x', "gender.name eq x", "name[gender eq x] eq y", "name in x",
     "birthdate co 19", "gender pr maybe", "identifier co 7", "(" * 30 + "name eq x" + ")" * 30],
)  # fmt: skip
async def test_a_filter_that_cannot_be_answered_is_refused(text):
    if not text:
        assert parse("Patient", "_filter=").conditions == []
        return

    with pytest.raises(UnsearchableQuery):
        parse("Patient", f"_filter={text}")


class Hiding:
    """Hides one resource from everything."""

    def __init__(self, type_: str, id_: str) -> None:
        self.row = reading.row_id(type_, id_)

    def sql(self, row, type_, arguments) -> str:
        return f"{row}.rid <> {arguments.add(self.row, 'bigint')}"


@pytest.mark.parametrize(
    ("hidden", "type_", "query", "expected"),
    [
        ("Patient/binh", "Patient", "", "an chi"),
        ("Patient/binh", "Observation", "patient.name=tran", ""),
        ("Patient/binh", "Observation", "patient.gender:not=male", "sugar-an pressure-an"),
        ("Patient/binh", "Observation", "code=2339-0&_include=Observation:subject&_include=Observation:performer",
         "sugar-an sugar-binh group-sugar nobody-sugar an"),
        ("Observation/sugar-binh", "Patient", "_has:Observation:patient:status=amended", ""),
        ("Observation/sugar-binh", "Patient", "_has:Observation:patient:status:not=final", ""),
        ("Observation/sugar-binh", "Encounter", "_id={visit-binh}&_revinclude=Observation:encounter", "visit-binh"),
        ("List/list", "Patient", "_list={list}", ""),
        ("Practitioner/dr-ha", "Observation", "patient.general-practitioner.name=ha", ""),
        ("Patient/an", "Observation", "patient.general-practitioner.name=ha", ""),
        ("Patient/an", "Observation", "code=8480-6&_include:iterate=*", "pressure-an dr-lan"),
        ("Patient/binh", "Observation", "_filter=not (subject.name co \"tra\")",
         "sugar-an sugar-binh pressure-an group-sugar nobody-sugar"),
    ],
)  # fmt: skip
async def test_a_hidden_row_leaks_nowhere(ward, tx, at, hidden, type_, query, expected):
    place, _, name = hidden.partition("/")
    guard = Hiding(place, ward.ids[name])

    page = await reading.find(tx, asked(ward, type_, query), now=at, guard=guard)
    counted = await reading.find(tx, asked(ward, type_, f"{query}&_summary=count"), now=at, guard=guard)  # fmt: skip

    assert ward.names([*page.matches, *page.included]) == set(expected.split())
    assert page.total == counted.total == len(page.matches)


async def test_a_hidden_row_is_not_counted_over_several_types(ward, tx, at):
    guard = Hiding("Patient", ward.ids["binh"])

    page = await reading.find(tx, asked(ward, "", "_count=100"), now=at, guard=guard)
    counted = await reading.find(tx, asked(ward, "", "_summary=count"), now=at, guard=guard)

    assert page.total == counted.total == len(ward.ids) - 1
    assert "binh" not in ward.names(page.matches)


@pytest.mark.parametrize(
    ("type_", "sort", "expected"),
    [
        ("Patient", "gender", "an binh chi"),
        ("Patient", "-gender", "binh an chi"),
        ("Patient", "family,-gender,birthdate", "an chi binh"),
        ("Patient", "-family,birthdate", "binh chi an"),
        ("Patient", "birthdate", "chi an binh"),
        ("Patient", "-birthdate", "binh an chi"),
        ("Patient", "organization,family", "an chi binh"),
        ("Patient", "-general-practitioner", "binh an chi"),
        ("Encounter", "patient", "visit-an visit-binh"),
        ("Encounter", "-status", "visit-binh visit-an"),
        ("Encounter", "_tag,-_id", "visit-binh visit-an"),
        ("Observation", "code,status,encounter", "sugar-binh sugar-an group-sugar nobody-sugar pressure-an"),
        ("Observation", "-patient,_id", "sugar-binh sugar-an pressure-an group-sugar nobody-sugar"),
    ],
)  # fmt: skip
async def test_every_kind_of_parameter_gives_an_order(ward, tx, at, type_, sort, expected):
    wanted = expected.split()
    by_id = {id_: name for name, id_ in ward.ids.items()}
    seen: list[str] = []
    cursor = ""
    while True:
        query = f"_sort={sort}&_count=2" + (f"&_cursor={cursor}" if cursor else "")
        page = await reading.find(tx, asked(ward, type_, query), now=at, secret=b"s")
        seen += [by_id[one.id] for one in page.matches]
        cursor = page.next_cursor
        if not cursor:
            break

    if sort == "code,status,encounter":
        # Codes alike: by status, then by encounter; what has none keeps the order of ids.
        assert seen[0] == "sugar-binh"
        assert seen[-1] == "pressure-an"
        assert sorted(seen) == sorted(wanted)
    else:
        assert seen == wanted


async def test_what_the_index_keeps_no_value_of_is_sorted_by_reading(tx, actor, at):
    tag = service.new_id()
    meta = r4.Meta(tag=[r4.Coding(system="urn:test", code=tag)])
    numbers = {"two": ["B", "D"], "one": ["C"], "none": [], "three": ["A", "E"]}
    ids = {name: service.new_id() for name in numbers}
    people = [
        r4.Patient(id=ids[name], meta=meta, gender="male" if name == "one" else "female",
                   identifier=[r4.Identifier(value=v) for v in values] or None)
        for name, values in numbers.items()
    ]  # fmt: skip
    await service.save(tx, actor=actor, resources=people, at=at)
    names = {id_: name for name, id_ in ids.items()}

    async def order(sort: str) -> str:
        seen: list[str] = []
        cursor = ""
        while True:
            query = f"_tag=urn:test|{tag}&_sort={sort}&_count=1"
            query += f"&_cursor={cursor}" if cursor else ""
            page = await reading.find(tx, parse("Patient", query), now=at, secret=b"s")
            assert page.total == 4
            seen += [names[one.id] for one in page.matches]
            cursor = page.next_cursor
            if not cursor:
                return " ".join(seen)

    assert await order("identifier") == "three two one none"
    assert await order("-identifier") == "three two one none"
    assert await order("gender,identifier") == "three two none one"
    assert await order("-gender,identifier") == "one three two none"


@pytest.fixture
async def forms(tx, actor, at):
    """Store two questionnaires and three answers that refer to them by url."""
    tag = service.new_id()
    meta = r4.Meta(tag=[r4.Coding(system="urn:test", code=tag)])
    names = ["pain", "sleep", "pain-done", "pain-begun", "sleep-done"]
    ids = {name: service.new_id() for name in names}

    def form(name: str, title: str):
        return r4.Questionnaire(id=ids[name], meta=meta, status="active", title=title,
                                url=f"http://example.org/{tag}/{name}", version="2")  # fmt: skip

    def answer(name: str, form: str, status: str, version: str = ""):
        return r4.QuestionnaireResponse(
            id=ids[name], meta=meta, status=status,  # type: ignore[arg-type]
            questionnaire=f"http://example.org/{tag}/{form}{version}",
        )  # fmt: skip

    stored = [
        form("pain", "Đau"), form("sleep", "Ngủ"), answer("pain-done", "pain", "completed", "|2"),
        answer("pain-begun", "pain", "in-progress"), answer("sleep-done", "sleep", "completed"),
    ]  # fmt: skip
    await service.save(tx, actor=actor, resources=stored, at=at)
    return Ward(tag, ids)


@pytest.mark.parametrize(
    ("type_", "query", "expected"),
    [
        ("QuestionnaireResponse", "questionnaire.title=dau", "pain-done pain-begun"),
        ("QuestionnaireResponse", "questionnaire:Questionnaire.title=ngu", "sleep-done"),
        ("QuestionnaireResponse", "questionnaire.title=an", ""),
        ("QuestionnaireResponse", "_filter=questionnaire.title sw ngu", "sleep-done"),
        ("Questionnaire", "_has:QuestionnaireResponse:questionnaire:status=in-progress", "pain"),
        ("Questionnaire", "_has:QuestionnaireResponse:questionnaire:status=completed", "pain sleep"),
        ("QuestionnaireResponse", "status=in-progress&_include=QuestionnaireResponse:questionnaire", "pain-begun pain"),
        ("QuestionnaireResponse", "_id={pain-done}&_include=*", "pain-done pain"),
        ("Questionnaire", "title=dau&_revinclude=QuestionnaireResponse:questionnaire", "pain pain-done pain-begun"),
        ("Questionnaire", "title=ngu&_revinclude=*", "sleep sleep-done"),
    ],
)  # fmt: skip
async def test_references_by_canonical_url_are_followed(forms, tx, at, type_, query, expected):
    page = await reading.find(tx, asked(forms, type_, query), now=at)

    assert forms.names([*page.matches, *page.included]) == set(expected.split())
