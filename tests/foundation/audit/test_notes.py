"""Notes, keys and tile paths exactly as C2SP writes them."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from yba.foundation.audit import notes, tiles
from yba.foundation.audit.notes import COSIGNATURE_V1, ED25519, BadNote, SignerKey

KEY = SignerKey("log.example/a", ED25519, Ed25519PrivateKey.from_private_bytes(b"k" * 32))
# The example of C2SP signed-note (golang.org/x/mod/sumdb/note).
PETER = notes.verifier_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_published_example_verifies():
    assert notes.read_note(PETERS_NOTE).signed_by(PETER) is not None


def test_a_changed_text_does_not():
    with pytest.raises(BadNote):
        notes.read_note(PETERS_NOTE.replace("answer", "Answer")).signed_by(PETER)


def test_a_key_reads_back_as_it_was_written():
    assert notes.verifier_key(str(KEY.verifier)) == KEY.verifier


@pytest.mark.parametrize(
    "content",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— a\n",
        "text\n\n- a AAAAAAAA\n",
        "text\n\n— a AAAAAAAA",
        "text\n\n— a+b AAAAAAAA\n",
        "text\r\n\n— a AAAAAAAA\n",
        "text\n\n— a AAAA\n",
        "text\n\n— a AAAAAAB=\n",
    ],
)
def test_what_is_not_a_note_is_refused(content: str):
    with pytest.raises(BadNote):
        notes.read_note(content)


@pytest.mark.parametrize("size", ["01", "-1", "+1", "1.0", "", "99999999999999999999"])
def test_a_size_has_one_spelling(size: str):
    with pytest.raises(BadNote):
        notes.read_checkpoint(f"log\n{size}\n{'A' * 43}=\n")


def test_a_checkpoint_is_believed_under_its_origin_only():
    checkpoint = notes.Checkpoint("log.example/b", 1, b"r" * 32)
    content = f"{checkpoint.text}\n{KEY.line_for(checkpoint.text.encode())}"

    with pytest.raises(BadNote):
        notes.open_checkpoint(content, [KEY.verifier])


def test_a_cosignature_binds_its_time():
    witness = SignerKey("w", COSIGNATURE_V1, Ed25519PrivateKey.from_private_bytes(b"w" * 32))
    line = witness.line_for(b"text\n", seconds=1_700_000_000)
    note = notes.read_note("text\n\n" + line)
    signature = note.signed_by(witness.verifier)
    assert signature is not None
    later = (1_700_000_001).to_bytes(8) + signature.value[8:]

    assert signature.seconds == 1_700_000_000
    assert not witness.verifier.is_signature(b"text\n", later)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (tiles.TileName(0, 0), "tile/0/000"),
        (tiles.TileName(1, 273, 3), "tile/1/273.p/3"),
        (tiles.TileName(0, 1234067), "tile/0/x001/x234/067"),
        (tiles.TileName(None, 70000, 112), "tile/entries/x070/000.p/112"),
    ],
)
def test_paths_are_those_of_the_standard(name: tiles.TileName, path: str):
    assert name.path == path
    assert tiles.read_path(path) == name


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/03",
        "tile/-1/000",
        "tile/0/001/000",
        "tile/entries/../000",
        "tile/0/000\n",
    ],
)
def test_other_paths_name_nothing(path: str):
    assert tiles.read_path(path) is None


@given(st.lists(st.binary(max_size=300), max_size=256), st.integers(0, 256))
def test_bundles_read_back_and_can_be_cut(entries: list[bytes], width: int):
    content = tiles.bundled(entries)
    width = min(width, len(entries))

    assert tiles.unbundled(content) == entries
    assert tiles.unbundled(tiles.bundle_of_width(content, width)) == entries[:width]


def test_the_tiles_of_a_size():
    assert [name.path for name in tiles.tiles_of(70_000)][-3:] == [
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
