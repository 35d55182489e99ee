"""Signature wrapping in XML, XSW 1 to 8: what was covered is what is read.

After Somorovsky et al., "On Breaking SAML" (2012): the signed element is kept
somewhere, and another one stands where a reader looks for it. A file that
holds more than was signed is never called valid, and what is handed back is
always what was signed.
"""

import base64
import copy
import hashlib

import pytest
from lxml import etree
from tests.foundation.signing.checking.makers import NOON

from yba.foundation.signing.checking import words, xml
from yba.foundation.signing.checking.canonical import DSIG, ENVELOPED, INCLUSIVE, canonical
from yba.foundation.signing.model import Verdict
from yba.foundation.signing.verification import verify

_SIGNATURE = f"{{{DSIG}}}Signature"
_GOOD, _EVIL = "<MA>99999</MA>", "<MA>00000</MA>"


@pytest.fixture(scope="session")
def message(maker) -> bytes:
    """Return a message whose element "data" is signed by reference, the signature inside it."""
    certificate = maker.authority.certificate("seal")
    chain = maker.chain()
    parts = [base64.b64encode(one).decode() for one in (certificate, *chain)]
    root = etree.fromstring(f'<R Id="whole"><A Id="data">{_GOOD}</A></R>')
    digest = base64.b64encode(hashlib.sha256(canonical(root[0])).digest()).decode()
    way = f'Algorithm="{INCLUSIVE}"'
    info = (
        f'<S xmlns="{DSIG}"><SignedInfo><CanonicalizationMethod {way}/><SignatureMethod '
        'Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><Reference URI="#data">'
        f'<Transforms><Transform Algorithm="{ENVELOPED}"/><Transform {way}/></Transforms>'
        '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<DigestValue>{digest}</DigestValue></Reference></SignedInfo><SignatureValue/><KeyInfo>"
        f"<X509Data>{''.join(f'<X509Certificate>{one}</X509Certificate>' for one in parts)}"
        "</X509Data></KeyInfo></S>"
    )
    signature = etree.fromstring(info.replace("<S ", "<Signature ").replace("</S>", "</Signature>"))
    root[0].append(signature)
    signed = hashlib.sha256(canonical(signature[0])).digest()
    signature[1].text = base64.b64encode(maker.value("seal", signed)).decode()
    return etree.tostring(root)


def _evil(element):
    """Return a copy that says something else, without the signature."""
    twin = copy.deepcopy(element)
    for one in list(twin.iter(_SIGNATURE)):
        one.getparent().remove(one)
    twin.find("MA").text = "00000"
    return twin


def _taken(root):
    signature = root.find(f".//{_SIGNATURE}")
    signature.getparent().remove(signature)
    return signature


def xsw1(root):
    """The signed root below the signature of an evil copy."""
    data, evil = root[0], _evil(root[0])
    signature = _taken(root)
    root.replace(data, evil)
    evil.append(signature)
    signature.append(data)


def xsw2(root):
    """As 1, the signature beside the signed copy."""
    data, evil = root[0], _evil(root[0])
    signature = _taken(root)
    root.replace(data, evil)
    evil.append(data)
    evil.append(signature)


def xsw3(root):
    """An evil element before the signed one."""
    evil = _evil(root[0])
    evil.set("Id", "other")
    root.insert(0, evil)


def xsw4(root):
    """The signed element inside the evil one."""
    data, evil = root[0], _evil(root[0])
    evil.set("Id", "other")
    root.replace(data, evil)
    evil.append(data)


def xsw5(root):
    """The signed element, its signature taken out, behind the evil one."""
    data, evil = root[0], _evil(root[0])
    signature = _taken(root)
    evil.set("Id", "other")
    evil.append(signature)
    root.insert(0, evil)
    root.append(data)


def xsw6(root):
    """The signed element inside the signature inside the evil one."""
    data, evil = root[0], _evil(root[0])
    signature = _taken(root)
    evil.set("Id", "other")
    root.replace(data, evil)
    evil.append(signature)
    signature.append(data)


def xsw7(root):
    """An evil element in a wrapper that nobody checks."""
    wrapper = etree.SubElement(root, "Extensions")
    evil = _evil(root[0])
    evil.set("Id", "other")
    wrapper.append(evil)


def xsw8(root):
    """The signed element in an object of the signature."""
    data, evil = root[0], _evil(root[0])
    signature = _taken(root)
    evil.set("Id", "other")
    root.replace(data, evil)
    evil.append(signature)
    etree.SubElement(signature, f"{{{DSIG}}}Object").append(data)


def doubled(root):
    """An evil element under the same name."""
    root.insert(0, _evil(root[0]))


def test_the_message_itself_is_valid_and_all_of_it_is_covered(message, asked):
    found = verify(message, asked())

    assert found.is_valid, found
    assert found.last.covered == "/R/A"


@pytest.mark.parametrize(
    "attack",
    [xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw8, doubled],
    ids=lambda one: one.__name__,
)
def test_wrapped_content_is_never_valid_and_never_handed_back(message, asked, attack):
    root = etree.fromstring(message)
    attack(root)
    content = etree.tostring(root)
    assert b"00000" in content

    found = verify(content, asked())
    judged = xml.judged(xml.parsed(content), asked())

    assert found.verdict is Verdict.INVALID, found
    assert all(b"00000" not in part for one in judged for part in one.contents)


def test_text_beside_the_signed_part_is_told(message, asked):
    found = verify(message.replace(b"</R>", b"and more</R>"), asked(NOON))

    assert words.PART_ONLY in found.problems
