"""XML in and out of the FHIR base."""

import json

import pytest
from tests.surfaces.fhir_api.test_rest import create, patient

from yba.fhir import xml

TYPE = {"content-type": "application/fhir+xml"}
BOTH = {**TYPE, "accept": "application/fhir+xml"}


async def test_a_resource_goes_in_and_comes_out_as_xml(client):
    body = (
        b'{"resourceType":"Observation","status":"final","code":{"text":"x"},'
        b'"valueQuantity":{"value":5.400},"text":{"status":"generated",'
        b'"div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">a &amp; <b>b</b></div>"}}'
    )

    made = await client.post("/Observation", content=xml.to_xml(body), headers=BOTH)

    assert made.status_code == 201, made.text
    assert made.headers["content-type"] == "application/fhir+xml; charset=utf-8"
    id_ = json.loads(xml.to_json(made.content))["id"]
    stored = await client.get(f"/Observation/{id_}")
    assert '"value":5.400' in stored.text
    assert stored.json()["text"] == json.loads(body)["text"]


async def test_searches_bundles_and_refusals_come_in_xml(client):
    id_ = await create(client, patient())
    bundle = {
        "resourceType": "Bundle", "type": "transaction",
        "entry": [{"resource": patient(), "request": {"method": "POST", "url": "Patient"}}],
    }  # fmt: skip

    found = await client.get(f"/Patient?_id={id_}&_format=xml")
    missing = await client.get("/Patient/none?_format=xml")
    done = await client.post("", content=xml.to_xml(json.dumps(bundle).encode()), headers=BOTH)
    history = await client.get(f"/Patient/{id_}/_history?_format=xml")

    assert json.loads(xml.to_json(found.content))["total"] == 1
    assert missing.status_code == 404
    assert json.loads(xml.to_json(missing.content))["resourceType"] == "OperationOutcome"
    assert json.loads(xml.to_json(done.content))["entry"][0]["response"]["status"] == "201 Created"
    assert json.loads(xml.to_json(history.content))["type"] == "history"


async def test_a_fhirpath_patch_may_be_xml(client):
    id_ = await create(client, patient())
    patch = (
        '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
        '<part><name value="type"/><valueCode value="add"/></part>'
        '<part><name value="path"/><valueString value="Patient"/></part>'
        '<part><name value="name"/><valueString value="gender"/></part>'
        '<part><name value="value"/><valueCode value="female"/></part></parameter></Parameters>'
    )

    answer = await client.patch(f"/Patient/{id_}", content=patch, headers=TYPE)

    assert (answer.status_code, answer.json()["gender"]) == (200, "female")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff\xfe",
        b"<a>",
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir">&b;</Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><name>' * 3000,
        b'<Patient xmlns="http://hl7.org/fhir"><birthDate value="soon"/></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><id value="\xc3"/></Patient>',
        "<Patient xmlns='http://hl7.org/fhir'/>".encode("utf-16"),
    ],
)
async def test_hostile_xml_is_refused_and_breaks_nothing(client, document):
    answer = await client.post("/Patient", content=document, headers=TYPE)

    assert answer.status_code < 500
    assert answer.status_code in (201, 400, 422)
