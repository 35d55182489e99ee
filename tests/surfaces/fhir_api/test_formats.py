"""Formats, preferences, methods and headers."""

import gzip
import json

import pytest
import zstandard
from tests.surfaces.fhir_api.test_rest import create, patient, refusal

from yba.fhir import validation
from yba.kernel.ids import new_id
from yba.surfaces.fhir_api import formats

JSON, XML = "application/fhir+json; charset=utf-8", "application/fhir+xml; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("application/fhir+json", JSON),
        ("application/json", JSON),
        ("*/*", JSON),
        ("application/fhir+xml", XML),
        ("text/xml", XML),
        ("application/fhir+xml;q=0.2, application/fhir+json;q=0.9", JSON),
        ("application/fhir+json;q=0.2, application/fhir+xml", XML),
        ("application/fhir+json; fhirVersion=4.0", JSON),
        ("text/html, application/xhtml+xml, */*;q=0.1", JSON),
        ("application/fhir+json;q=x, application/fhir+xml;q=0.1", XML),
    ],
)
async def test_the_answer_comes_in_the_format_liked_best(client, accept, media):
    id_ = await create(client, patient())

    answer = await client.get(f"/Patient/{id_}", headers={"accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (200, media)


@pytest.mark.parametrize(
    "accept",
    ["text/turtle", "application/fhir+json; fhirVersion=3.0", "image/png", "application/json;q=0"],
)
async def test_other_formats_cannot_be_asked_for(client, accept):
    assert refusal(await client.get("/Patient/x", headers={"accept": accept}))[0] == 406


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("json", JSON), ("xml", XML), ("application/fhir+xml", XML), ("application/fhir%2Bjson", JSON),
        ("text/xml", XML), ("application/json;fhirVersion=4.0", JSON),
    ],
)  # fmt: skip
async def test_format_in_the_address_comes_before_accept(client, name, media):
    id_ = await create(client, patient())

    answer = await client.get(
        f"/Patient/{id_}?_format={name}", headers={"accept": "application/fhir+xml"}
    )

    assert (answer.status_code, answer.headers["content-type"]) == (200, media)


@pytest.mark.parametrize(
    ("media", "status"),
    [
        ("application/fhir+json; charset=utf-8", 201), ("application/json+fhir", 201),
        ("application/fhir+json; fhirVersion=4.0", 201), ("application/fhir+json;fhirVersion=5.0", 415),
        ("application/fhir+json; charset=latin1", 415), ("text/plain", 415),
    ],
)  # fmt: skip
async def test_bodies_are_read_in_the_formats_of_fhir(client, media, status):
    answer = await client.post(
        "/Patient", content=json.dumps(patient()), headers={"content-type": media}
    )

    assert answer.status_code == status


@pytest.mark.parametrize("packed", ["gzip", "zstd"])
async def test_bodies_and_answers_may_be_packed(client, packed):
    body = json.dumps(patient(address=[{"text": "x" * 3000}])).encode()
    content = gzip.compress(body) if packed == "gzip" else zstandard.compress(body)

    made = await client.post("/Patient", content=content, headers={"content-encoding": packed})
    answer = await client.get(f"/Patient/{made.json()['id']}", headers={"accept-encoding": packed})

    assert made.status_code == 201, made.text
    assert answer.headers["content-encoding"] == packed
    assert answer.json()["address"][0]["text"] == "x" * 3000


@pytest.mark.parametrize(
    "content",
    [b"x", zstandard.compress(b"{}")[:-1], zstandard.compress(b"{}" * 50_000_000)],
    ids=["none", "cut", "bomb"],
)
async def test_zstd_that_is_broken_or_too_large_is_refused(client, content):
    answer = await client.post("/Patient", content=content, headers={"content-encoding": "zstd"})

    assert answer.status_code in (400, 413)


def test_nobody_is_sent_what_they_cannot_unpack():
    assert formats.packing("br") == ""
    assert formats.packing("gzip;q=0, identity") == ""
    assert formats.packing("gzip, zstd") == "zstd"
    assert formats.packing("gzip;q=1, zstd;q=0.5") == "gzip"


async def test_pretty_answers_say_the_same(client):
    id_ = await create(client, patient())

    plain = await client.get(f"/Patient/{id_}")
    pretty = await client.get(f"/Patient/{id_}?_pretty=true")
    in_xml = await client.get(f"/Patient/{id_}?_pretty=true&_format=xml")

    assert b"\n  " in pretty.content
    assert pretty.json() == plain.json()
    assert b"\n  <name>" in in_xml.content


async def test_what_is_written_is_shown_as_preferred(client):
    body = json.dumps(patient())

    whole = await client.post("/Patient", content=body, headers={"prefer": "return=representation"})
    least = await client.post("/Patient", content=body, headers={"prefer": "return=minimal"})
    told = await client.post(
        "/Patient", content=body, headers={"prefer": "return=OperationOutcome; handling=strict"}
    )

    assert whole.json()["resourceType"] == "Patient"
    assert (least.status_code, least.content) == (201, b"")
    assert least.headers["location"]
    assert told.json()["issue"][0]["severity"] == "information"
    gone = await client.delete(
        f"/Patient/{whole.json()['id']}", headers={"prefer": "return=OperationOutcome"}
    )
    assert (gone.status_code, gone.json()["resourceType"]) == (200, "OperationOutcome")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/Patient/x", "GET, HEAD, PUT, PATCH, DELETE"),
        ("PUT", "/Patient/x/_history", "GET, HEAD"),
        ("DELETE", "/metadata", "GET, HEAD, OPTIONS"),
        ("PUT", "", "GET, HEAD, POST, OPTIONS"),
        ("GET", "/Patient/_search", "POST"),
        ("DELETE", "/Patient/x/$everything", "GET, HEAD, POST"),
    ],
)
async def test_a_method_that_does_not_exist_is_answered_with_those_that_do(
    client, method, path, allow
):
    answer = await client.request(method, path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == allow


async def test_the_statement_is_valid_and_public(client):
    nobody = {"authorization": ""}
    answers = [
        await client.get("/metadata", headers=nobody),
        await client.request("OPTIONS", "/", headers=nobody),
        await client.get("/metadata?mode=normative", headers=nobody),
    ]

    assert {a.status_code for a in answers} == {200}
    statement = answers[0].json()
    assert "application/json-patch+json" in statement["patchFormat"]
    assert "application/fhir+xml" in statement["format"]
    assert [i for i in validation.check(answers[0].content) if i.severity == "error"] == []
    terms = await client.get("/metadata?mode=terminology", headers=nobody)
    assert terms.json()["resourceType"] == "TerminologyCapabilities"
    assert (await client.get("/metadata?mode=none", headers=nobody)).status_code == 400


@pytest.mark.parametrize("path", ["/Patient", "/Patient/{}", "/Patient/{}/_history", "/metadata"])
async def test_head_answers_everywhere_like_get(client, path):
    path = path.format(await create(client, patient()))

    head, get = await client.head(path), await client.get(path)

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers.get("etag") == get.headers.get("etag")


async def test_a_binary_is_stored_and_answered_as_it_is(client):
    made = await client.post(
        "/Binary", content=b"\x89PNG...", headers={"content-type": "image/png"}
    )
    id_ = made.json()["id"]

    raw = await client.get(f"/Binary/{id_}")
    typed = await client.get(f"/Binary/{id_}", headers={"accept": "application/fhir+json"})
    xml = await client.get(f"/Binary/{id_}?_format=xml")

    assert made.status_code == 201
    assert (raw.headers["content-type"], raw.content) == ("image/png", b"\x89PNG...")
    assert typed.json()["contentType"] == "image/png"
    assert xml.headers["content-type"] == XML
    put = await client.put(
        f"/Binary/{id_}", content=b"%PDF", headers={"content-type": "application/pdf"}
    )
    assert (put.status_code, put.headers["etag"]) == (200, 'W/"2"')


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"if-none-match": 'W/"1"'}, 304), ({"if-none-match": '"9", W/"1"'}, 304),
        ({"if-none-match": "*"}, 304), ({"if-none-match": 'W/"11"'}, 200),
        ({"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 304),
        ({"if-modified-since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 200),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-none-match": 'W/"2"', "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 200),
    ],
)  # fmt: skip
async def test_what_the_reader_has_already_is_not_sent(client, header, status):
    id_ = await create(client, patient())

    assert (await client.get(f"/Patient/{id_}", headers=header)).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"accept": ",;q==,;"}, {"accept": "a" * 5000}, {"prefer": "=;=,return"},
        {"accept-encoding": ";;q=nan,zstd;q=inf"}, {"accept-charset": "utf-16"},
        {"if-match": '"'}, {"if-none-exist": "%"}, {"idempotency-key": ""},
        {"content-type": ";;charset"}, {"accept-language": "xx"}, {"if-none-match": ","},
        {"content-encoding": "zstd"}, {"if-none-exist": "identifier=\u00e9"},
    ],
)  # fmt: skip
async def test_no_header_breaks_the_server(client, headers):
    id_ = new_id()
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = await client.request(
            method, f"/Patient/{id_}", content=json.dumps(patient(id=id_)), headers=encoded
        )
        assert answer.status_code < 500, (method, answer.text)
    answer = await client.post("/Patient", content=json.dumps(patient()), headers=encoded)
    assert answer.status_code < 500
