"""Types and JSON."""

from decimal import Decimal

import pytest

from yba.fhir import r4

PATIENT = b'{"resourceType":"Patient","id":"p1","birthDate":"1990-05","name":[{"text":"Tr\xe1\xba\xa7n Th\xe1\xbb\x8b B"}]}'


def test_resource_type_chooses_the_class():
    found = r4.decode(PATIENT)

    assert isinstance(found, r4.Patient)
    assert found.name is not None
    assert found.name[0].text == "Trần Thị B"


def test_another_type_than_expected_is_refused():
    with pytest.raises(r4.NotFhir):
        r4.decode_as(r4.Observation, PATIENT)


def test_decimals_keep_their_digits():
    body = b'{"resourceType":"Observation","valueQuantity":{"value":72.50}}'
    found = r4.decode_as(r4.Observation, body)

    assert found.valueQuantity is not None
    assert found.valueQuantity.value == Decimal("72.50")
    assert r4.encode(found) == body


def test_contained_resources_are_typed():
    found = r4.decode_as(
        r4.MedicationRequest,
        b'{"resourceType":"MedicationRequest","contained":[{"resourceType":"Medication","id":"m"}]}',
    )

    assert isinstance((found.contained or [])[0], r4.Medication)


def test_extensions_of_primitives_stand_beside_them():
    body = (
        b'{"resourceType":"Patient","name":[{"given":["An",null],"_given":[null,{"extension":'
        b'[{"url":"http://example.org/x","valueCode":"masked"}]}]}],"_birthDate":{"id":"b"}}'
    )
    found = r4.decode_as(r4.Patient, body)

    assert found.birthDate is None
    assert found.birthDate_ext == r4.Element(id="b")
    assert found.name is not None
    assert found.name[0].given == ["An", None]
    assert r4.encode(found) == body


def test_python_keywords_have_a_trailing_underscore():
    encounter = r4.Encounter(status="finished", class_=r4.Coding(code="AMB"))

    assert (
        r4.encode(encounter)
        == b'{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"}}'
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"resourceType":"Person2"}',
        b'{"resourceType":"DomainResource"}',
        b'{"resourceType":"Patient","colour":"red"}',
        b'{"resourceType":"Patient","gender":"m"}',
        b'{"resourceType":"Patient","active":"true"}',
        b'{"resourceType":"Patient","active":null}',
        b'{"resourceType":"Patient","birthDate":""}',
        b'{"resourceType":"Patient","name":{"text":"x"}}',
        b'{"resourceType":"Patient","multipleBirthInteger":1.5}',
        b'{"resourceType":"Observation","valueQuantity":{"value":"1.0"}}',
        b'{"resourceType":"Observation","valueQuantity":{"value":1e999999}}',
        b'{"resourceType":"Observation","valueQuantity":{"value":' + b"9" * 10_000 + b"}}",
        b'{"resourceType":"Patient","extension":' + b'[{"url":"u","extension":' * 100_000,
    ],
)
def test_what_is_not_fhir_is_refused_with_one_kind_of_error(body: bytes):
    with pytest.raises(r4.NotFhir):
        r4.decode(body)


def test_bundle_entries_keep_their_bytes():
    inner = b'{ "resourceType" : "Patient", "id" : "x" }'
    bundle = r4.decode_bundle(
        b'{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:1","resource":'
        + inner
        + b',"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=1"}},'
        b'{"request":{"method":"DELETE","url":"Patient/2"}}]}'
    )

    first, second = bundle.entries
    assert (bundle.type, first.full_url, first.method, first.if_none_exist) == (
        "transaction",
        "urn:uuid:1",
        "POST",
        "identifier=1",
    )
    assert first.body == inner
    assert isinstance(first.resource, r4.Patient)
    assert (second.url, second.body, second.resource) == ("Patient/2", None, None)


def test_error_in_a_bundle_names_the_entry():
    with pytest.raises(r4.NotFhir, match=r"entry\[0\]"):
        r4.decode_bundle(
            b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Nothing"}}]}'
        )


def test_server_sets_only_id_and_meta():
    body = (
        b'{ "multipleBirthInteger" : 1, "resourceType":"Patient","id":"old","meta":{"versionId":"9",'
        b'"profile":["http://example.org/p"]},"extension":[{"url":"a","valueDecimal": 72.50}]}'
    )

    written = r4.with_id_and_meta(body, id_="new", version=2, last_updated="2026-01-01T00:00:00Z")

    assert written == (
        b'{"resourceType":"Patient","id":"new","meta":{"versionId":"2","lastUpdated":"2026-01-01T00:00:00Z",'
        b'"profile":["http://example.org/p"]},"multipleBirthInteger":1,'
        b'"extension":[{"url":"a","valueDecimal": 72.50}]}'
    )


def test_every_resource_type_can_be_built_and_read_back():
    for name, type_ in r4.RESOURCES.items():
        assert type(r4.decode(r4.encode(type_(id="x")))).__name__ == name
