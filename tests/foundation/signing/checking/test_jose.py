"""JWS and JAdES: ours, strangers', and headers that lie."""

import base64
import hashlib
import json

import pytest
from joserfc import jws as other_jws
from joserfc.jwk import ECKey, RSAKey
from joserfc.registry import HeaderParameter
from tests.foundation.signing.checking.makers import NOON

from yba.foundation.signing import jws
from yba.foundation.signing.checking import provenance, words
from yba.foundation.signing.checking.jose import padless, unpadded
from yba.foundation.signing.model import Verdict
from yba.foundation.signing.verification import verify

CONTENT = b'{"id":"p1","resourceType":"Patient"}'


def signed_by(maker, label: str, content: bytes = CONTENT, *, tsa: str = "") -> bytes:
    """Return a detached signature of that person."""
    prepared = jws.prepare(
        content,
        certificate=maker.authority.certificate(label),
        chain=maker.chain(label),
        at=NOON,
    )
    value = maker.value(label, prepared.digest)
    token = maker.token(jws.stamped(prepared, value), tsa=tsa) if tsa else None
    return jws.finish(prepared, value, token=token)


def _attached(token: bytes, content: bytes = CONTENT) -> bytes:
    head, _, value = token.split(b".")
    return b".".join([head, padless(content).encode(), value])


def _with_header(maker, label: str = "seal", **changes) -> bytes:
    """Return a signature over a header that says something else; None takes a name away."""
    header = json.loads(unpadded(signed_by(maker, label).split(b".")[0].decode())) | changes
    header = {name: value for name, value in header.items() if value is not None}
    protected = padless(json.dumps(header).encode())
    is_plain = header.get("b64") is False
    payload = CONTENT if is_plain else padless(CONTENT).encode()
    digest = hashlib.sha256(protected.encode() + b"." + payload).digest()
    return f"{protected}..{padless(maker.value(label, digest))}".encode()


@pytest.mark.parametrize("label", ["seal", "doctor"])
def test_our_signature_holds_over_its_content_only(maker, asked, label):
    token = signed_by(maker, label)

    assert verify(token, asked(), content=CONTENT).is_valid
    assert verify(token, asked(), content=CONTENT + b" ").verdict is Verdict.INVALID
    assert verify(token, asked()).problems == (words.CONTENT_MISSING,)
    assert verify(_attached(token), asked()).is_valid


def test_another_library_reads_what_we_write(maker):
    for label, kind in (("seal", RSAKey), ("doctor-ec", ECKey)):
        token = _attached(signed_by(maker, label)).decode()
        key = kind.import_key(maker.key(label).public_key())
        # The library must be told of the time that JAdES demands to be understood.
        registry = other_jws.JWSRegistry(
            header_registry={"sigT": HeaderParameter("time of signing", "str")},
            algorithms=["RS256", "ES256"],
            strict_check_header=False,
        )
        registry.max_header_length = len(token)
        assert other_jws.deserialize_compact(token, key, registry=registry).payload == CONTENT


def test_a_curve_and_a_stamp(maker, asked):
    token = signed_by(maker, "doctor-ec", tsa="tsa")

    found = verify(token, asked(NOON.replace(year=2029)), content=CONTENT)

    assert found.is_valid, found
    assert (found.last.level, found.last.time_is_proven) == ("B-T", True)


def test_plain_payload_needs_its_demand(maker, asked):
    good = _with_header(maker, b64=False, crit=["sigT", "b64"])
    silent = _with_header(maker, b64=False)

    assert verify(good, asked(), content=CONTENT).is_valid
    assert verify(silent, asked(), content=CONTENT).problems == (words.UNKNOWN_METHOD,)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"alg": "none"}, words.WEAK_METHOD),
        ({"alg": "HS256"}, words.WEAK_METHOD),
        ({"alg": "PS256"}, words.CONTENT_CHANGED),
        ({"alg": "ES256"}, words.CONTENT_CHANGED),
        ({"alg": ["RS256"]}, words.UNREADABLE_SIGNATURE),
        ({"crit": []}, words.UNKNOWN_METHOD),
        ({"crit": ["exp"], "exp": 1}, words.UNKNOWN_METHOD),
        ({"crit": ["alg"]}, words.UNKNOWN_METHOD),
        ({"crit": ["sigT", "sigT"]}, words.UNKNOWN_METHOD),
        ({"crit": ["b64"]}, words.UNKNOWN_METHOD),
        ({"sigD": {"mId": "x", "pars": ["http://x.example"]}}, words.OUTSIDE_REFERENCE),
        ({"x5c": None}, words.NO_CERTIFICATE),
        ({"x5c": ["!"]}, words.NO_CERTIFICATE),
        ({"x5c": None, "jwk": {"kty": "oct", "k": "AA"}}, words.NO_CERTIFICATE),
        ({"x5t#S256": "AA"}, words.VALUE_BROKEN),
    ],
)
def test_a_header_that_lies_is_refused(maker, asked, changes, problem):
    found = verify(_with_header(maker, **changes), asked(), content=CONTENT)

    assert found.verdict is Verdict.INVALID
    assert problem in found.problems, found


def test_names_that_occur_twice_are_refused(maker, asked):
    token = json.loads(signed_by(maker, "seal", tsa="tsa"))
    text = json.dumps(token)[:-1] + ',"signature":"AA"}'

    assert verify(text.encode(), asked(), content=CONTENT).problems == (words.AMBIGUOUS,)


def test_a_header_outside_the_protection_commands_nothing(maker, asked):
    token = json.loads(signed_by(maker, "seal", tsa="tsa"))
    for name, value in (("alg", "none"), ("b64", False), ("crit", ["b64"])):
        token["header"][name] = value
        assert not verify(json.dumps(token).encode(), asked(), content=CONTENT).is_valid
        del token["header"][name]


def test_every_changed_letter_is_seen(maker, asked):
    token = bytearray(signed_by(maker, "seal"))
    for place in range(0, len(token), 37):
        changed = bytes(token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :])
        assert not verify(changed, asked(), content=CONTENT).is_valid, place


def test_depth_and_size_end_in_an_answer(asked):
    for hostile in (
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 1_000_000,
        b'{"payload":"' + b"A" * 5_000_000 + b'","signatures":[]}',
        b'{"signature":"AA","protected":"' + base64.b64encode(b"[" * 50_000) + b'"}',
        b'{"signatures":[{}]}',
        b'{"signature":1}',
        b'{"a":NaN,"signature":"AA"}',
        b"eyJ" + b"." * 10,
        b"9" * 100_000 + b".a.b",
        b'{"iat":' + b"9" * 100_000 + b"}",
    ):
        assert not verify(hostile, asked()).is_valid


class TestProvenance:
    """A resource with the Provenance that vouches for it."""

    RESOURCE = {"resourceType": "Patient", "id": "p1", "active": True, "multipleBirthInteger": 2}

    def _bundle(self, maker, *, label="seal", resource=None, version=""):
        resource = self.RESOURCE if resource is None else resource
        token = signed_by(maker, label, provenance.canonical(resource))
        return {
            "resourceType": "Bundle",
            "entry": [
                {
                    "resource": {
                        "resourceType": "Provenance",
                        "target": [{"reference": f"Patient/p1{version}"}],
                        "signature": [
                            {
                                "sigFormat": "application/jose",
                                "targetFormat": provenance.TARGET_FORMAT,
                                "data": base64.b64encode(token).decode(),
                            }
                        ],
                    }
                },
                {"resource": dict(resource)},
            ],
        }

    def _found(self, bundle, asked):
        return verify(json.dumps(bundle).encode(), asked())

    def test_it_is_valid_in_any_order_of_names_and_with_other_meta(self, maker, asked):
        bundle = self._bundle(maker)
        resource = bundle["entry"][1]["resource"]
        bundle["entry"][1]["resource"] = dict(reversed(resource.items())) | {
            "meta": {"versionId": "7"}
        }

        assert self._found(bundle, asked).is_valid

    def test_any_changed_value_is_told(self, maker, asked):
        bundle = self._bundle(maker)
        bundle["entry"][1]["resource"]["active"] = False

        assert words.CONTENT_CHANGED in self._found(bundle, asked).problems

    def test_an_unsigned_resource_beside_it_is_told(self, maker, asked):
        bundle = self._bundle(maker)
        bundle["entry"].append({"resource": {"resourceType": "Observation", "id": "o1"}})

        found = self._found(bundle, asked)

        assert found.verdict is Verdict.INVALID
        assert words.PART_ONLY in found.problems

    def test_two_resources_of_one_name_name_none(self, maker, asked):
        bundle = self._bundle(maker)
        bundle["entry"].append({"resource": {**self.RESOURCE, "active": False}})

        assert words.AMBIGUOUS in self._found(bundle, asked).problems

    def test_another_version_is_not_what_was_signed(self, maker, asked):
        bundle = self._bundle(maker, version="/_history/1")
        bundle["entry"][1]["resource"]["meta"] = {"versionId": "2"}

        assert words.OTHER_TARGET in self._found(bundle, asked).problems

    def test_a_resource_without_provenance_is_unsigned(self, asked):
        content = json.dumps(self.RESOURCE).encode()

        assert verify(content, asked()).verdict is Verdict.UNSIGNED
