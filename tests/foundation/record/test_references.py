"""Links between the entries of a transaction, replaced in the bytes."""

from yba.fhir.definitions import properties_of
from yba.fhir.generated.elements import ELEMENTS
from yba.foundation.record.references import LINKS, replace_links

ONE = b"urn:uuid:6f1de1b4-31a5-4d5f-9f65-1f6a0e1a0001"
TWO = b"urn:uuid:6f1de1b4-31a5-4d5f-9f65-1f6a0e1a0002"
NAMES = {ONE: b"Patient/1", TWO: b"Patient/2"}


def test_the_names_of_links_are_those_of_the_definitions():
    found = {
        item.name.encode()
        for type_ in ELEMENTS
        for item in properties_of(type_).values()
        if item.type in ("uri", "url", "oid", "uuid")
    }

    assert found | {b"reference"} == LINKS


def test_every_link_of_a_list_is_replaced_and_no_other_text():
    body = (
        b'{"instantiatesUri": ["%s" , "urn:uuid:00000000-0000-0000-0000-000000000000","%s"],'
        b'"instantiatesCanonical":["%s"],"note":["a","%s"],"reference" : "%s"}'
        % (ONE, TWO, ONE, TWO, ONE)
    )

    replaced = replace_links(body, NAMES)

    assert replaced == (
        b'{"instantiatesUri": ["Patient/1" , "urn:uuid:00000000-0000-0000-0000-000000000000",'
        b'"Patient/2"],"instantiatesCanonical":["%s"],"note":["a","%s"],"reference" : "Patient/1"}'
        % (ONE, TWO)
    )


def test_links_of_other_forms_are_replaced_by_the_same_rules():
    names = {b"urn:oid:1.2.3": b"Patient/1", b"http://far.test/Patient/9": b"Patient/2"}
    body = (
        b'{"reference":"urn:oid:1.2.3","value":"urn:oid:1.2.3",'
        b'"url":"http://far.test/Patient/9#a","text":"http://far.test/Patient/9"}'
    )

    assert replace_links(body, names) == (
        b'{"reference":"Patient/1","value":"urn:oid:1.2.3",'
        b'"url":"Patient/2#a","text":"http://far.test/Patient/9"}'
    )


def test_links_and_pictures_of_narratives_are_replaced():
    body = b'{"div":"<a href=\\"%s\\">x</a><img src=\'%s#f\'/><b title=\\"%s\\"/>"}' % (
        ONE,
        TWO,
        ONE,
    )

    assert replace_links(body, NAMES) == (
        b'{"div":"<a href=\\"Patient/1\\">x</a><img src=\'Patient/2#f\'/><b title=\\"%s\\"/>"}'
        % ONE
    )
