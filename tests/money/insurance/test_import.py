"""Importing: the right person, once, corrected, beside bad neighbours, without loss."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.money.insurance import visits
from tests.money.insurance.conftest import AT
from tests.money.insurance.rule_cases import changed

from yba.fhir import r4
from yba.foundation.parties import service as parties
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.money.insurance import service, store
from yba.money.insurance.build import build_episode
from yba.money.insurance.claim import Claim, Episode
from yba.money.insurance.errors import ImportFolderEmpty
from yba.money.insurance.importing import ImportSummary, Place
from yba.money.insurance.keeping import Kept
from yba.money.insurance.report import write_report
from yba.money.insurance.xml import write_claim
from yba.plumbing import i18n

IMPORTER = Actor.system("import")
Read = Callable[..., Awaitable[ImportSummary]]


def file_of(*episodes: Episode, created: str = "20260916") -> bytes:
    return write_claim(Claim(visits.FACILITY, created, episodes, str(len(episodes))))


async def kept_episode(place: Place, key: str = "DEMO0001") -> store.StoredEpisode:
    async with place.database.reading() as tx:
        found = await store.episode(tx, facility=visits.FACILITY, claim_key=key)
    assert found is not None
    return found


async def chart(place: Place, patient_id: str, *types: type):
    async with place.database.transaction() as tx:
        return await record.chart(tx, actor=IMPORTER, patient_id=patient_id, types=types, at=AT)


@pytest.mark.slow
async def test_a_file_becomes_the_record_of_its_person(place: Place, inbox: Path, read_inbox: Read):
    (inbox / "a.xml").write_bytes(file_of(visits.episode("outpatient")))

    summary = await read_inbox()

    episode = await kept_episode(place)
    found = await chart(
        place,
        episode.patient_id,
        r4.Encounter,
        r4.Condition,
        r4.MedicationRequest,
        r4.ServiceRequest,
        r4.Observation,
        r4.DiagnosticReport,
        r4.ClinicalImpression,
        r4.Claim,
        r4.Coverage,
    )
    assert summary.count("kept") == 1
    assert found.patient.name[0].text == "Nguyễn Thị Thử Nghiệm"
    assert {name: len(items) for name, items in found.resources.items()} == {
        "Patient": 1,
        "Coverage": 1,
        "Encounter": 1,
        "Condition": 2,
        "MedicationRequest": 2,
        "ServiceRequest": 3,
        "Observation": 2,
        "DiagnosticReport": 2,
        "ClinicalImpression": 1,
        "Claim": 1,
    }


async def test_importing_twice_changes_nothing(place: Place, inbox: Path, read_inbox: Read):
    (inbox / "a.xml").write_bytes(
        file_of(visits.episode("outpatient"), visits.episode("inpatient"))
    )
    await read_inbox()
    before = await kept_episode(place)
    encounter = (await chart(place, before.patient_id, r4.Encounter)).of(r4.Encounter)

    second = await read_inbox()
    (inbox / "a.xml").rename(inbox / "b.xml")
    third = await read_inbox()

    assert second.count("known") == third.count("known") == 1
    assert await kept_episode(place) == before
    again = (await chart(place, before.patient_id, r4.Encounter)).of(r4.Encounter)
    assert [e.meta for e in again] == [e.meta for e in encounter]


async def test_the_same_episode_in_another_file_changes_nothing(
    place: Place, inbox: Path, read_inbox: Read
):
    episode = visits.episode("outpatient")
    (inbox / "a.xml").write_bytes(file_of(episode))
    (inbox / "b.xml").write_bytes(file_of(episode, created="20260917"))

    summary = await read_inbox()

    assert summary.episodes(Kept.NEW) == 1
    assert summary.episodes(Kept.SAME) == 1
    assert (await kept_episode(place)).revision == 1


async def test_a_corrected_file_corrects_the_same_record(
    place: Place, inbox: Path, read_inbox: Read
):
    episode = visits.episode("outpatient")
    (inbox / "a.xml").write_bytes(file_of(episode))
    await read_inbox()
    before = await kept_episode(place)
    corrected = changed(episode, "XML1.MA_BENH_KT=E11.9")
    (inbox / "b.xml").write_bytes(file_of(corrected, created="20260918"))

    summary = await read_inbox()

    after = await kept_episode(place)
    conditions = (await chart(place, after.patient_id, r4.Condition)).of(r4.Condition)
    assert summary.episodes(Kept.UPDATED) == 1
    assert after.encounter_id == before.encounter_id
    assert after.revision == 2
    assert sorted(c.code.coding[0].code for c in conditions) == ["E11.9", "J02.9"]


async def test_an_older_file_does_not_undo_a_correction(
    place: Place, inbox: Path, read_inbox: Read
):
    episode = visits.episode("outpatient")
    (inbox / "a.xml").write_bytes(
        file_of(changed(episode, "XML1.MA_BENH_KT=E11.9"), created="20260918")
    )
    await read_inbox()
    (inbox / "b.xml").write_bytes(file_of(episode))

    summary = await read_inbox()

    assert summary.episodes(Kept.OLDER) == 1
    assert (await kept_episode(place)).revision == 1


async def test_bad_files_are_set_aside_and_good_ones_of_the_batch_are_kept(
    place: Place, inbox: Path, read_inbox: Read
):
    good = visits.episode("outpatient")
    (inbox / "good.xml").write_bytes(file_of(good))
    (inbox / "sum.xml").write_bytes(file_of(changed(good, "XML1.T_THUOC=1 && XML1.MA_LK=X")))
    (inbox / "broken.xml").write_bytes(b"<GIAMDINHHS><oops")
    (inbox / "bomb.xml").write_bytes(b'<!DOCTYPE a [<!ENTITY x "ha">]><GIAMDINHHS>&x;</GIAMDINHHS>')

    summary = await read_inbox()
    write_report(summary, i18n.load())

    assert {one.path.name: one.state for one in summary.outcomes} == {
        "good.xml": "kept",
        "sum.xml": "set-aside",
        "broken.xml": "set-aside",
        "bomb.xml": "set-aside",
    }
    aside = sorted(path.name for path in (summary.folder / "rejected").iterdir())
    assert aside == ["bomb.xml", "broken.xml", "sum.xml"]
    page = (summary.folder / "report.vi.html").read_text("utf-8")
    for part in ("sum.xml", "XML1", "T_THUOC", "VN-T001", "Không đọc", "94010"):
        assert part in page, part


async def test_nothing_of_a_file_that_is_set_aside_is_stored(
    place: Place, inbox: Path, read_inbox: Read
):
    bad = changed(visits.episode("inpatient"), "XML1.T_THUOC=1")
    (inbox / "a.xml").write_bytes(file_of(visits.episode("outpatient"), bad))

    await read_inbox()

    async with place.database.reading() as tx:
        assert await tx.value("SELECT count(*) FROM insurance.episode") == 0
        assert await tx.value("SELECT count(*) FROM insurance.person_link") == 0


async def test_what_other_rules_find_is_only_noted_when_only_the_shape_is_asked(
    place: Place, inbox: Path, read_inbox: Read
):
    (inbox / "a.xml").write_bytes(file_of(changed(visits.episode("outpatient"), "XML1.T_THUOC=1")))

    summary = await read_inbox(only_shape=True)

    assert summary.count("kept") == 1
    assert "VN-T001" in {one.rule for one in summary.outcomes[0].findings}


async def test_export_after_import_gives_equal_tables(place: Place, inbox: Path, read_inbox: Read):
    whole = file_of(visits.episode("everything"))
    (inbox / "a.xml").write_bytes(whole)
    await read_inbox(only_shape=True)

    async with place.database.reading() as tx:
        again = await service.export_episode(
            tx, actor=IMPORTER, facility=visits.FACILITY, claim_key="DEMO0002"
        )

    assert again.episodes == (visits.episode("everything"),)
    assert write_claim(again) == whole


async def test_two_visits_of_one_person_meet_by_the_identity_number(
    place: Place, inbox: Path, read_inbox: Read
):
    (inbox / "a.xml").write_bytes(file_of(visits.episode("outpatient")))
    (inbox / "b.xml").write_bytes(
        file_of(changed(visits.episode("inpatient"), "XML1.MA_BN=OTHER && XML7.MA_YTE=OTHER"))
    )

    await read_inbox()

    first, second = await kept_episode(place), await kept_episode(place, "DEMO0002")
    assert first.patient_id == second.patient_id
    assert first.encounter_id != second.encounter_id


async def test_a_shared_card_does_not_merge_two_persons(
    place: Place, inbox: Path, read_inbox: Read
):
    other = changed(
        visits.episode("inpatient"),
        "XML1.HO_TEN=Phạm Văn Khác && XML1.SO_CCCD= && XML1.MA_BN=B2 && XML7.MA_YTE=B2",
    )
    (inbox / "a.xml").write_bytes(file_of(visits.episode("outpatient")))
    (inbox / "b.xml").write_bytes(file_of(other))

    summary = await read_inbox()

    assert summary.count("kept") == 2
    first, second = await kept_episode(place), await kept_episode(place, "DEMO0002")
    assert first.patient_id != second.patient_id


async def test_an_identity_number_of_somebody_else_sets_the_file_aside(
    place: Place, inbox: Path, read_inbox: Read
):
    other = changed(
        visits.episode("inpatient"),
        "XML1.HO_TEN=Phạm Thị Khác && XML1.NGAY_SINH=199003120000",
    )
    (inbox / "a.xml").write_bytes(file_of(visits.episode("outpatient")))
    (inbox / "b.xml").write_bytes(file_of(other))

    summary = await read_inbox(only_shape=True)

    assert [one.state for one in summary.outcomes] == ["kept", "set-aside"]
    assert summary.outcomes[1].findings[-1].rule == "VN-O006"


async def test_a_corrected_identity_moves_the_episode_to_the_right_person(
    place: Place, inbox: Path, read_inbox: Read
):
    wrong = changed(
        visits.episode("outpatient"), "XML1.HO_TEN=Nguyễn Thị Nhầm && XML14.HO_TEN=Nguyễn Thị Nhầm"
    )
    (inbox / "a.xml").write_bytes(file_of(wrong))
    await read_inbox()
    before = await kept_episode(place)
    right = changed(
        visits.episode("outpatient"),
        "XML1.SO_CCCD=001185000099 && XML1.MA_THE_BHYT=GD4010000000099"
        " && XML14.MA_THE_BHYT= && XML1.MA_BN=BN99",
    )
    (inbox / "b.xml").write_bytes(file_of(right, created="20260918"))

    await read_inbox()

    after = await kept_episode(place)
    assert after.patient_id != before.patient_id
    assert (await chart(place, before.patient_id, r4.Encounter)).of(r4.Encounter) == []
    assert len((await chart(place, after.patient_id, r4.Encounter)).of(r4.Encounter)) == 1


async def test_the_desk_finds_an_imported_person(place: Place, inbox: Path, read_inbox: Read):
    (inbox / "a.xml").write_bytes(file_of(visits.episode("outpatient")))
    await read_inbox()

    async with place.database.transaction() as tx:
        found = await parties.find_persons(tx, actor=IMPORTER, text="thu nghiem nguyen")

    assert [match.name for match in found] == ["Nguyễn Thị Thử Nghiệm"]


async def test_the_original_file_stays_as_it_came(place: Place, inbox: Path, read_inbox: Read):
    content = file_of(visits.episode("outpatient"))
    (inbox / "a.xml").write_bytes(content)

    summary = await read_inbox()

    assert place.blobs.get(summary.outcomes[0].sha256) == content


async def test_an_empty_folder_is_told_so(read_inbox: Read):
    with pytest.raises(ImportFolderEmpty):
        await read_inbox()


@pytest.mark.slow
async def test_a_file_of_many_episodes_is_kept_whole(place: Place, inbox: Path, read_inbox: Read):
    base = visits.outpatient()
    episodes = [build_episode(replace(base, key=f"MANY{number:04}")) for number in range(60)]
    (inbox / "a.xml").write_bytes(file_of(*episodes))

    summary = await read_inbox()

    assert summary.episodes(Kept.NEW) == 60
