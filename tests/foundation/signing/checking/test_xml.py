"""XML signatures: ours and strangers', whole, changed, wrapped, dangerous."""

import pytest
from tests.foundation.signing.checking.claims import CLAIM, signed_by
from tests.foundation.signing.checking.makers import NOON, replaced

from yba.foundation.signing import xades
from yba.foundation.signing.checking import words, xml
from yba.foundation.signing.model import Verdict
from yba.foundation.signing.verification import verify


@pytest.mark.parametrize("label", ["seal", "doctor-ec"])
def test_our_signature_holds_here_and_at_xmlsec(maker, asked, xmlsec, label):
    content = signed_by(maker, label)

    found = verify(content, asked())

    assert found.is_valid, found
    assert found.last is not None
    assert found.last.level == "B-B"
    assert xmlsec(content)


def test_a_stamp_and_evidence_make_it_checkable_years_later(maker, asked, xmlsec, evidence):
    content = signed_by(maker, "seal", tsa="tsa", kept=evidence)
    years_later = NOON.replace(year=2033)

    found = verify(content, asked(years_later, evidence=None))

    assert found.is_valid, found
    assert found.last is not None
    assert (found.last.level, found.last.when) == ("B-LT", NOON)
    assert xmlsec(content)


def test_without_a_stamp_it_is_out_of_date_years_later(claim, asked):
    found = verify(claim, asked(NOON.replace(year=2033)))

    assert found.verdict is Verdict.UNTRUSTED
    assert words.EXPIRED in found.problems


def test_nothing_else_of_the_file_is_rewritten(claim):
    before, _, behind = CLAIM.partition(b"<CHUKYDONVI/>")

    assert claim.startswith(before + b"<CHUKYDONVI><ds:Signature")
    assert claim.endswith(b"</ds:Signature></CHUKYDONVI>" + behind)


def test_a_document_without_a_place_takes_the_signature_at_its_end(maker, asked, xmlsec):
    content = signed_by(maker, "seal", b"<a xmlns='urn:a'>\r\n<b/> text</a>", slot=None)

    assert verify(content, asked()).is_valid
    assert xmlsec(content)


def test_what_was_covered_is_handed_back_without_the_signature(claim, asked):
    [found] = xml.judged(xml.parsed(claim), asked())

    [content] = found.contents
    assert b"<MACSKCB>99999</MACSKCB>" in content
    assert b"Signature" not in content


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"99999", b"99998"),
        (b"<SOLUONGHOSO>", b"<SOLUONGHOSO >\n"),
        (b"VGjhu60=", b"VGjhu61="),
        (b"2001/XMLSchema-instance", b"2001/XMLSchema-Instance"),
        (b"Target=", b"target="),
        (b"SigningTime>2026", b"SigningTime>2025"),
        (b"text/xml", b"text/xsl"),
        (b"rsa-sha256", b"rsa-sha512"),
        (b"enveloped-signature", b"enveloped-signaturE"),
        (b"<GIAMDINHHS", b"<?pi?><GIAMDINHHS"),
    ],
)
def test_a_changed_place_is_seen_by_us_and_by_xmlsec(claim, asked, xmlsec, old, new):
    broken = replaced(claim, old, new)

    if old == b"Target=":
        # Not signed by anybody, and read by nobody: both let it pass.
        assert verify(broken, asked()).is_valid == xmlsec(broken)
    else:
        assert not verify(broken, asked()).is_valid
        assert not xmlsec(broken)


def test_an_added_comment_changes_nothing_that_is_read(claim, asked, xmlsec):
    commented = replaced(claim, b"<MACSKCB>99999", b"<MACSKCB>9<!-- x -->9999")

    found = xml.judged(xml.parsed(commented), asked())

    # Comments are not signed, so what is handed back has none.
    assert b"<MACSKCB>99999</MACSKCB>" in found[0].contents[0]
    assert xmlsec(commented)


class TestWhose:
    """Signers that may not be believed."""

    @pytest.mark.parametrize(
        ("label", "problem"),
        [
            ("revoked", words.REVOKED),
            ("compromised", words.REVOKED),
            ("under-withdrawn", words.REVOKED),
            ("expired", words.EXPIRED),
            ("future", words.EXPIRED),
            ("server", words.WRONG_PURPOSE),
            ("no-repudiation", words.WRONG_PURPOSE),
            ("stranger", words.UNKNOWN_AUTHORITY),
        ],
    )
    def test_it_is_unchanged_but_not_confirmed(self, maker, asked, label, problem):
        lists = maker.evidence(label)

        found = verify(signed_by(maker, label), asked(evidence=lists))

        assert found.verdict is Verdict.UNTRUSTED, found
        assert problem in found.problems

    def test_without_any_evidence_nobody_can_say_whether_it_was_revoked(self, claim, asked):
        found = verify(claim, asked(evidence=None))

        assert found.verdict is Verdict.UNTRUSTED
        assert words.REVOCATION_UNKNOWN in found.problems

    def test_revocations_can_be_left_out_on_request(self, claim, asked):
        found = verify(claim, asked(evidence=None, mind_revocation=False))

        assert found.is_valid
        assert words.REVOCATION_IGNORED in found.problems

    def test_without_the_chain_the_authority_is_unknown(self, maker, asked):
        prepared = xades.prepare(
            CLAIM, certificate=maker.authority.certificate("seal"), chain=(), at=NOON
        )
        content = xades.finish(prepared, maker.value("seal", prepared.digest))

        found = verify(content, asked(evidence=None))

        assert words.UNKNOWN_AUTHORITY in found.problems


class TestDanger:
    """Files that try to harm or to deceive the reader."""

    def test_entities_are_refused_before_they_grow(self, asked):
        bomb = b"".join(
            [
                b'<!DOCTYPE a [<!ENTITY x0 "ha">',
                *(b'<!ENTITY x%d "&x%d;&x%d;">' % (n, n - 1, n - 1) for n in range(1, 40)),
                b"]><a>&x39;</a>",
            ]
        )
        assert verify(bomb, asked()).verdict is Verdict.UNREADABLE

    def test_a_document_type_is_refused(self, claim, asked):
        typed = replaced(
            claim, b"<GIAMDINHHS", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><GIAMDINHHS'
        )

        assert verify(typed, asked()).problems == (words.DANGEROUS_XML,)

    @pytest.mark.parametrize(
        "method",
        [
            "http://www.w3.org/TR/1999/REC-xslt-19991116",
            "http://www.w3.org/TR/1999/REC-xpath-19991116",
            "http://www.w3.org/2002/06/xmldsig-filter2",
            "http://www.w3.org/2000/09/xmldsig#base64",
            "",
        ],
    )
    def test_a_transform_that_could_show_something_else_is_refused(self, claim, asked, method):
        changed = replaced(
            claim, b"http://www.w3.org/2000/09/xmldsig#enveloped-signature", method.encode()
        )

        found = verify(changed, asked())

        assert found.verdict is Verdict.INVALID
        assert found.problems == (words.UNKNOWN_TRANSFORM,)

    @pytest.mark.parametrize(
        "address", ["file:///etc/passwd", "http://x.example/", "#xpointer(/)", "other.xml", "#gone"]
    )
    def test_a_reference_to_elsewhere_is_refused(self, claim, asked, address):
        changed = replaced(claim, b'URI=""', f'URI="{address}"'.encode())

        assert verify(changed, asked()).problems == (words.OUTSIDE_REFERENCE,)

    def test_a_name_that_occurs_twice_names_nothing(self, claim, asked):
        name = claim.partition(b'URI="#')[2].partition(b'"')[0]
        changed = replaced(claim, b"<THONGTINDONVI>", b'<THONGTINDONVI Id="%s">' % name)

        assert verify(changed, asked()).problems == (words.AMBIGUOUS,)

    @pytest.mark.parametrize("method", [b"rsa-sha1", b"hmac-sha256", b"rsa-md5"])
    def test_an_unsafe_method_is_refused(self, claim, asked, method):
        changed = replaced(claim, b"rsa-sha256", method)

        assert verify(changed, asked()).problems == (words.WEAK_METHOD,)

    def test_deep_nesting_is_unreadable(self, asked):
        deep = b"<a>" * 100_000 + b"</a>" * 100_000

        assert verify(deep, asked()).verdict is Verdict.UNREADABLE

    def test_a_million_elements_are_read_and_found_unsigned(self, asked):
        wide = b"<a>" + b"<b/>" * 1_000_000 + b"</a>"

        assert verify(wide, asked()).verdict is Verdict.UNSIGNED
