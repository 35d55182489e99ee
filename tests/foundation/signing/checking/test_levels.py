"""From B-B to B-LTA: what a stamp and kept evidence prove, years later and after a revocation."""

from datetime import timedelta

import pytest
from tests.foundation.signing.checking.makers import NOON

from yba.foundation.signing.checking import words
from yba.foundation.signing.checking.revocation import Evidence
from yba.foundation.signing.model import Revocation, Verdict
from yba.foundation.signing.verification import verify

YEARS_LATER = NOON.replace(year=2033)
# The signer's certificate has ended, the one of the time-stamp authority has not.
AFTER_THE_SIGNER = NOON.replace(year=2029)
AFTER_EVERYBODY = NOON.replace(year=2040)


@pytest.fixture(scope="session")
def basic(maker, page):
    """Return a page signed without a stamp."""
    return maker.pdf(page, "doctor")


@pytest.fixture(scope="session")
def stamped(maker, page):
    """Return a page signed with a stamp."""
    return maker.pdf(page, "doctor", tsa="tsa")


@pytest.fixture(scope="session")
def lasting(maker, page):
    """Return a page with a stamp and everything a later check needs."""
    return maker.pdf(page, "doctor", tsa="tsa", keep=True)


@pytest.fixture(scope="session")
def archived(maker, page):
    """Return a page with a stamp over everything."""
    return maker.pdf(page, "doctor", tsa="tsa", archive=True)


def level(found) -> str:
    """Return the level that a check found."""
    return found.last.level


def test_each_level_is_named(basic, stamped, lasting, archived, asked):
    found = [verify(content, asked()) for content in (basic, stamped, lasting, archived)]

    assert [one.is_valid for one in found] == [True] * 4, found
    assert [level(one) for one in found] == ["B-B", "B-T", "B-LT", "B-LTA"]


def test_a_stamp_proves_the_time_and_names_its_authority(stamped, asked):
    found = verify(stamped, asked()).last

    assert (found.when, found.time_is_proven) == (NOON, True)
    assert found.stamped_by == "Dấu thời gian thử nghiệm"
    assert found.authority == "Gốc chứng thực thử nghiệm"
    assert found.revocation is Revocation.GOOD


def test_years_later_with_every_service_off_the_kept_evidence_is_enough(lasting, archived, asked):
    for content in (lasting, archived):
        found = verify(content, asked(YEARS_LATER, evidence=None))
        assert found.is_valid, found


def test_without_kept_evidence_nobody_knows_whether_it_was_revoked(basic, stamped, asked):
    for content in (basic, stamped):
        found = verify(content, asked(evidence=None))
        assert found.verdict is Verdict.UNTRUSTED
        assert words.REVOCATION_UNKNOWN in found.problems


def test_an_ended_certificate_is_believed_only_with_a_stamp(basic, stamped, asked):
    assert words.EXPIRED in verify(basic, asked(AFTER_THE_SIGNER)).problems
    assert verify(stamped, asked(AFTER_THE_SIGNER)).is_valid


def test_when_the_stamp_itself_is_too_old_nothing_is_proven(lasting, asked):
    found = verify(lasting, asked(AFTER_EVERYBODY))

    assert found.verdict is Verdict.UNTRUSTED
    assert words.TIME_STAMP_UNTRUSTED in found.problems


def test_a_stamp_that_ends_soon_lives_on_under_a_later_one(maker, page, asked):
    ending = maker.pdf(page, "doctor", tsa="ending", keep=True)
    renewed = maker.archived(ending)
    later = NOON.replace(year=2030)

    assert not verify(ending, asked(later, evidence=None)).is_valid
    assert verify(renewed, asked(later, evidence=None)).is_valid


class TestRevoked:
    """Revoked a day before noon, or long ago; told by list or by answer."""

    @pytest.mark.parametrize("by_list", [True, False])
    @pytest.mark.parametrize("label", ["revoked", "compromised"])
    def test_a_revoked_signer_is_told(self, maker, page, asked, label, by_list):
        content = maker.pdf(page, label, tsa="tsa")

        found = verify(content, asked(evidence=maker.evidence(label, crl=by_list)))

        assert found.verdict is Verdict.UNTRUSTED
        assert found.last.revocation is Revocation.REVOKED
        assert words.REVOKED in found.problems

    def test_signed_and_stamped_before_the_revocation_stays_good(self, maker, page, asked):
        before = NOON - timedelta(days=5)
        with maker.at(before):
            content = maker.pdf(page, "revoked", tsa="tsa")

        found = verify(content, asked())

        assert found.is_valid, found
        assert found.last.when == before

    def test_a_revoked_authority_spoils_everybody_below(self, maker, page, asked):
        content = maker.pdf(page, "under-withdrawn", tsa="tsa")

        found = verify(content, asked(evidence=maker.evidence("under-withdrawn")))

        assert found.last.revocation is Revocation.REVOKED

    def test_an_old_answer_that_is_played_again_proves_nothing(self, maker, page, asked):
        with maker.at(NOON - timedelta(days=40)):
            old = maker.answer("revoked")
        lists = Evidence(crls=(maker.crl("root"), maker.crl("tsa-root")), ocsps=(old,))

        found = verify(maker.pdf(page, "revoked", tsa="tsa"), asked(evidence=lists))

        assert found.verdict is Verdict.UNTRUSTED
        assert words.REVOCATION_UNKNOWN in found.problems

    def test_the_answer_about_another_person_proves_nothing(self, maker, page, asked):
        lists = Evidence(crls=(maker.crl("root"),), ocsps=(maker.answer("doctor"),))

        found = verify(maker.pdf(page, "reviewer"), asked(evidence=lists))

        assert words.REVOCATION_UNKNOWN in found.problems

    def test_a_list_that_another_authority_signed_proves_nothing(self, maker, basic, asked):
        lists = Evidence(crls=(maker.crl("root"), maker.crl("withdrawn"), maker.crl("tsa-root")))

        found = verify(basic, asked(evidence=lists))

        assert words.REVOCATION_UNKNOWN in found.problems


class TestStamps:
    """Stamps that are not believed."""

    @pytest.mark.parametrize("tsa", ["expired", "wrong-purpose", "stranger"])
    def test_a_bad_authority_proves_no_time(self, maker, page, asked, tsa):
        found = verify(maker.pdf(page, "doctor", tsa=tsa), asked())

        assert not found.last.time_is_proven
        assert words.TIME_STAMP_UNTRUSTED in found.problems

    def test_a_stamp_from_the_future_is_not_believed(self, stamped, asked):
        found = verify(stamped, asked(NOON - timedelta(days=2)))

        assert not found.last.time_is_proven
        assert words.TIME_IN_FUTURE in found.problems

    def test_a_few_minutes_between_clocks_do_not_matter(self, stamped, asked):
        found = verify(stamped, asked(NOON - timedelta(minutes=3)))

        assert found.last.time_is_proven


class TestWhose:
    """Certificates that were made for something else, too early, too late, elsewhere."""

    @pytest.mark.parametrize(
        ("label", "problem"),
        [
            ("expired", words.NOT_VALID_THEN),
            ("future", words.NOT_VALID_THEN),
            ("server", words.WRONG_PURPOSE),
            ("no-repudiation", words.WRONG_PURPOSE),
            ("stranger", words.UNKNOWN_AUTHORITY),
        ],
    )
    def test_it_is_unchanged_but_not_confirmed(self, maker, page, asked, label, problem):
        found = verify(maker.pdf(page, label, tsa="tsa"), asked())

        assert found.verdict is Verdict.UNTRUSTED, found
        assert problem in found.problems


def test_two_signers_are_told_in_the_order_in_which_they_signed(maker, page, asked):
    found = verify(maker.pdf(page, "doctor", "head", tsa="tsa"), asked())

    assert found.is_valid
    assert [one.who for one in found.findings] == ["Trần Thị Ngọc Ánh", "Ngô Thị Trưởng"]


def test_an_unsafe_hash_is_refused(maker, page, asked):
    found = verify(maker.pdf(page, "doctor", digest="sha1"), asked())

    assert found.verdict is Verdict.INVALID
    assert words.WEAK_METHOD in found.problems
