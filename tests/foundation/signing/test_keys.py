"""Keys stay in their files, encrypted, and open only with the right key file."""

import shutil
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives import serialization

from yba.foundation.signing.errors import KeyNotHere, KeyPlaceLocked, UnreadablePdf
from yba.foundation.signing.keys import SoftwareKeys, wrapping_key
from yba.foundation.signing.service import open_signing
from yba.foundation.signing.verification import verify_pdf


def test_no_file_of_the_folder_holds_a_key_in_clear(tmp_path):
    keys = SoftwareKeys(tmp_path / "keys", wrapping_key(tmp_path / "keyfile"))
    keys.create("doctor-1")
    secret = keys.opened("doctor-1").private_numbers().p.to_bytes(128, "big")
    encoded = keys.opened("doctor-1").private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret not in content
            assert encoded[40:80] not in content
            assert b"PRIVATE KEY" not in content
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_opens_again_with_its_key_file(tmp_path):
    wrapping = wrapping_key(tmp_path / "keyfile")
    public = SoftwareKeys(tmp_path / "keys", wrapping).create("doctor-1")

    again = SoftwareKeys(tmp_path / "keys", wrapping_key(tmp_path / "keyfile"))

    assert again.opened("doctor-1").public_key() == public


def test_another_key_file_does_not_open_it(tmp_path):
    SoftwareKeys(tmp_path / "keys", wrapping_key(tmp_path / "one")).create("doctor-1")

    other = SoftwareKeys(tmp_path / "keys", wrapping_key(tmp_path / "two"))

    with pytest.raises(KeyPlaceLocked):
        other.opened("doctor-1")


def test_two_key_files_cannot_be_swapped(tmp_path):
    keys = SoftwareKeys(tmp_path / "keys", wrapping_key(tmp_path / "keyfile"))
    keys.create("one")
    keys.create("two")
    (tmp_path / "keys" / "one.key").replace(tmp_path / "keys" / "two.key")

    fresh = SoftwareKeys(tmp_path / "keys", wrapping_key(tmp_path / "keyfile"))

    with pytest.raises(KeyPlaceLocked):
        fresh.opened("two")


@pytest.mark.parametrize("label", ["absent", "../secret", "", "a/b"])
def test_a_key_that_is_not_here_is_refused(tmp_path, label):
    keys = SoftwareKeys(tmp_path / "keys", wrapping_key(tmp_path / "keyfile"))

    with pytest.raises(KeyNotHere):
        keys.opened(label)


def test_a_damaged_key_file_is_refused(tmp_path):
    (tmp_path / "keyfile").write_bytes(b"short")

    with pytest.raises(KeyPlaceLocked):
        wrapping_key(tmp_path / "keyfile")


def test_the_key_place_does_not_print_its_key(tmp_path):
    keys = SoftwareKeys(tmp_path / "keys", wrapping_key(tmp_path / "keyfile"))

    assert repr(keys) == "SoftwareKeys(…)"


def test_the_authority_is_founded_once(tmp_path, at):
    def opened():
        return open_signing(tmp_path, organisation="Thử", facility_code="99999", at=at)

    assert opened().authority.root == opened().authority.root


def test_processes_that_start_together_found_one_authority(tmp_path, at):
    def opened(_):
        return open_signing(tmp_path, organisation="Thử", facility_code="99999", at=at)

    with ThreadPoolExecutor(4) as pool:
        roots = {found.authority.root for found in pool.map(opened, range(4))}

    assert len(roots) == 1


class TestRestoredBackup:
    """A backup holds no key file: signing begins anew, old signatures stay trusted."""

    @pytest.fixture
    def before(self, tmp_path, at, signer_for, page):
        """Return a folder that has signed a page, and the page."""
        old = open_signing(tmp_path, organisation="Thử", facility_code="99999", at=at)
        return tmp_path, signer_for(old, "doctor-1")[0](page)

    @pytest.mark.parametrize("lost", [["keyfile"], ["keyfile", "keys"]])
    def test_old_signatures_stay_trusted_and_new_ones_are(self, before, at, signer_for, page, lost):
        folder, old_page = before
        for name in lost:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

        new = open_signing(folder, organisation="Thử", facility_code="99999", at=at)
        new_page = signer_for(new, "doctor-2")[0](page)

        assert verify_pdf(old_page, new.trust(), at=at).is_valid
        assert verify_pdf(new_page, new.trust(), at=at).is_valid

    def test_a_named_key_file_that_is_absent_is_refused(self, tmp_path, at):
        keyfile = tmp_path / "safe" / "keyfile"

        def opened():
            return open_signing(
                tmp_path / "pki",
                organisation="Thử",
                facility_code="99999",
                at=at,
                keyfile=keyfile,
            )

        opened()
        keyfile.unlink()

        with pytest.raises(KeyPlaceLocked):
            opened()


def test_the_authority_says_that_it_has_no_legal_value(signing):
    assert "not legally valid" in signing.authority.issuing.subject.rfc4514_string()


@pytest.mark.parametrize("content", [b"", b"%PDF-", b"nonsense" * 50])
def test_what_is_no_pdf_is_refused(sign, content):
    with pytest.raises(UnreadablePdf):
        sign(content)


def test_a_truncated_pdf_is_refused(sign, page):
    with pytest.raises(UnreadablePdf):
        sign(page[: len(page) // 2])
