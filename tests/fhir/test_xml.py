"""FHIR XML: every official example goes to XML and back, and hostile documents are refused."""

import json

import pytest
from lxml import etree
from tests.fhir.package import examples

from yba.fhir import xml

# The few larger ones are FHIR's own definitions, bundled; they take a minute and show nothing new.
_LARGEST = 1_000_000
HEAD = '<Patient xmlns="http://hl7.org/fhir">'


def _canonical(value: object) -> object:
    """Return JSON with narratives in canonical XML: quotes and empty tags may be written otherwise."""
    if isinstance(value, dict):
        return {k: _narrative(v) if k == "div" else _canonical(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return value


def _narrative(text: object) -> object:
    if not isinstance(text, str):
        return _canonical(text)
    from html import unescape

    for name in ("amp", "lt", "gt", "quot", "apos"):
        text = text.replace(f"&{name};", f"\x01{name};")
    return etree.tostring(
        etree.fromstring(unescape(text).replace("\x01", "&")), method="c14n", with_comments=False
    )


def test_every_official_example_returns_from_xml_as_it_was():
    changed = []
    for name, body in examples().items():
        if len(body) > _LARGEST:
            continue
        written = xml.to_json(xml.to_xml(body))
        before, after = (
            json.loads(text, parse_float=lambda digits: ("number", digits))
            for text in (body, written)
        )
        if _canonical(before) != _canonical(after):
            changed.append(name)

    assert changed == []


def test_pretty_xml_says_the_same():
    body = b'{"resourceType":"Patient","name":[{"given":["A","B"]}],"active":true}'

    pretty = xml.to_xml(body, pretty=True)

    assert b"\n  <name>\n" in pretty
    assert json.loads(xml.to_json(pretty)) == json.loads(body)


def test_numbers_keep_their_digits_and_primitives_their_extensions():
    body = (
        b'{"resourceType":"Observation","_status":{"id":"s"},"valueQuantity":{"value":5.400E-3},'
        b'"note":[{"text":"a\\n\\"<&\\tb"}]}'
    )

    assert json.loads(xml.to_json(xml.to_xml(body))) == json.loads(body)
    assert b'value="5.400E-3"' in xml.to_xml(body)


def test_lists_of_primitives_stay_aligned_with_their_extensions():
    body = (
        b'{"resourceType":"Patient","name":[{"given":["A",null,"C"],'
        b'"_given":[null,{"extension":[{"url":"u","valueCode":"x"}]},null]}]}'
    )

    returned = json.loads(xml.to_json(xml.to_xml(body)))

    assert returned["name"][0]["given"] == ["A", None, "C"]
    assert returned["name"][0]["_given"][1] == {"extension": [{"url": "u", "valueCode": "x"}]}


@pytest.mark.parametrize(
    "document",
    [
        "",
        "<",
        "<Patient/>",
        "<Nothing xmlns='http://hl7.org/fhir'/>",
        HEAD + "<active value='yes'/></Patient>",
        HEAD + "<active/></Patient>",
        HEAD + "<nothing value='1'/></Patient>",
        HEAD + "<active value='true'/><active value='true'/></Patient>",
        HEAD + "text</Patient>",
        HEAD + "<active value='true' more='x'/></Patient>",
        HEAD + "<multipleBirthInteger value='1.0'/></Patient>",
        HEAD + "<text><status value='empty'/><div>x</div></text></Patient>",
        HEAD + "<contained/></Patient>",
        "<!DOCTYPE Patient [<!ENTITY a 'x'>]>" + HEAD + "<active value='true'/></Patient>",
        "<!DOCTYPE Patient [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + HEAD + "&a;</Patient>",
        "<!DOCTYPE x [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;'>]>"
        + HEAD + "<id value='&c;'/></Patient>",
        HEAD + "<extension url='u'>" * 300 + "</extension>" * 300 + "</Patient>",
    ],
)  # fmt: skip
def test_what_is_no_fhir_xml_is_refused(document):
    with pytest.raises(xml.NotFhirXml):
        xml.to_json(document.encode())


def test_a_character_that_xml_does_not_have_is_refused():
    with pytest.raises(xml.NotFhirXml):
        xml.to_xml(b'{"resourceType":"Patient","gender":"\\u0001"}')


def test_a_narrative_that_is_not_well_formed_is_shown_as_text():
    written = xml.to_xml(
        b'{"resourceType":"Patient","text":{"status":"additional","div":"<div><p>"}}'
    )

    assert b"&lt;div&gt;&lt;p&gt;</div>" in written
