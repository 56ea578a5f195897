"""Names of classes: one spelling, one line; names of files: any bytes."""

import csv
import io
import os
import sys
import unicodedata

import pytest

pytest.importorskip("PIL")

from keras_transfer import data
from keras_transfer.data.class_names import checked_name, checked_names
from keras_transfer.recipes import writers
from keras_transfer.storage import fingerprints

pytestmark = [
    pytest.mark.any_backend,
    pytest.mark.skipif(
        sys.platform != "linux",
        reason="other systems change or refuse such names of files",
    ),
]

COMPOSED = "caf\u00e9"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
# What Python makes of a name in Latin-1.
LATIN = os.fsdecode("caf\u00e9".encode("latin-1"))


@pytest.mark.parametrize(
    "name, said",
    [
        (LATIN, "not UTF-8"),
        ("a\nb", r"'\\n'"),
        ("a\rb", r"'\\r'"),
        ("a\tb", r"'\\t'"),
        ("a\x85b", r"'\\x85'"),
        ("a\u2028b", r"'\\u2028'"),
    ],
)
def test_names_that_no_label_can_have(name, said, tmp_path, photos):
    with pytest.raises(ValueError, match=said):
        checked_name(name)
    photos.fill(tmp_path, {"dog": 3, name: 3})
    with pytest.raises(ValueError, match=said) as caught:
        data.load(tmp_path)
    # The error itself can be printed anywhere.
    assert str(caught.value).isascii()


def test_one_text_is_no_list_of_names():
    with pytest.raises(ValueError, match="are a list"):
        checked_names("cat")


def test_other_scripts_stay_as_they_are():
    # With a zero-width joiner, as Persian and emojis of several parts have it.
    persian, emoji = "\u0646\u06cc\u200c\u0634", "\U0001f469\u200d\U0001f52c"
    for name in ("\u65e5\u672c", persian, emoji, "a b"):
        assert checked_name(name) == name
    assert checked_name(DECOMPOSED) == COMPOSED
    assert checked_name(3) == "3"
    # As Python reads it in a locale without UTF-8.
    assert checked_name("caf\udcc3\udca9") == COMPOSED


def names_and_counts(folder, **options):
    loaded = data.load(folder, image_size=8, **options)
    return loaded.class_names, loaded.num_samples


def test_one_class_in_two_spellings(tmp_path, photos):
    photos.fill(tmp_path / "train", {DECOMPOSED: 6, "dog": 6})
    photos.fill(tmp_path / "test", {COMPOSED: 2, "dog": 2})
    names, counts = names_and_counts(tmp_path, validation_split=0)
    assert names == [COMPOSED, "dog"] and counts == {"train": 12, "test": 4}
    chosen, _ = names_and_counts(tmp_path, classes=["dog", DECOMPOSED])
    assert chosen == ["dog", COMPOSED]
    # Both in one part are one class too.
    photos.fill(tmp_path / "train", {COMPOSED: 3})
    _, counts = names_and_counts(tmp_path, validation_split=0)
    assert counts == {"train": 15, "test": 4}


def test_the_order_of_classes_is_that_of_one_spelling(tmp_path, photos):
    # Decomposed, an e with an accent comes before f; composed after z.
    names = ["\u00e9cru", "fawn", "zinc"]
    for form in ("NFC", "NFD"):
        counts = {unicodedata.normalize(form, name): 2 for name in names}
        photos.fill(tmp_path / form, counts)
        found, _ = names_and_counts(tmp_path / form)
        assert found == ["fawn", "zinc", "\u00e9cru"]


def test_an_empty_class_in_another_spelling(tmp_path, photos):
    photos.fill(tmp_path, {"dog": 3})
    (tmp_path / DECOMPOSED).mkdir()
    (tmp_path / DECOMPOSED / "bad.png").write_bytes(b"")
    with pytest.raises(ValueError, match="Found in it: 1 x empty"):
        data.load(tmp_path)


def write_table(folder, rows):
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def test_a_table_and_files_in_two_spellings(tmp_path, photos):
    for number in range(4):
        photos.save(photos.picture(), tmp_path / f"{DECOMPOSED}{number}.png")
    labels = [COMPOSED, "dog", DECOMPOSED, "dog"]
    rows = [[f"{COMPOSED}{n}.png", label] for n, label in enumerate(labels)]
    write_table(tmp_path, [["file", "kind"], *rows])
    found = data.load(tmp_path, image_size=8, validation_split=0, test_split=0)
    assert found.class_names == [COMPOSED, "dog"]
    assert sorted(found.train.read_labels().tolist()) == [0, 0, 1, 1]
    rows[0][1] = "a\nb"
    write_table(tmp_path, [["file", "kind"], *rows])
    with pytest.raises(ValueError, match="control character"):
        data.load(tmp_path)
    write_table(tmp_path, [["file", "x\ny"], *([n, 1.5] for n, _ in rows)])
    with pytest.raises(ValueError, match="control character"):
        data.load(tmp_path)


def test_a_table_that_is_not_utf_8(tmp_path, photos):
    photos.save(photos.picture(), tmp_path / "a.png")
    text = "file,kind\na.png,caf\u00e9\n"
    (tmp_path / "labels.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="Expected text in UTF-8"):
        data.load(tmp_path)


def test_files_may_have_names_that_are_not_utf_8(tmp_path, photos):
    photos.fill(tmp_path, {"cat": 4, "dog": 4})
    for name in ("cat", "dog"):
        first = min((tmp_path / name).iterdir())
        first.rename(tmp_path / name / f"{LATIN}{first.suffix}")
    (tmp_path / "dog" / f"bad{LATIN}.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="empty"):
        loaded = data.load(tmp_path, image_size=8, test_split=0)
    assert sum(loaded.num_samples.values()) == 8
    # Digests, and files with the name in them.
    first = loaded.train.fingerprint()
    assert first == loaded.train.fingerprint()
    assert fingerprints.of_arrays(LATIN) != fingerprints.of_arrays("caf")
    rows = [{"file": path} for path in loaded.train.photos]
    writers.write_rows(tmp_path / "files.csv", rows)
    written = (tmp_path / "files.csv").read_bytes()
    assert b"caf\xe9." in written
    writers.write_json(tmp_path / "files.json", rows)


def test_data_can_be_printed_on_every_output(tmp_path, photos, monkeypatch):
    photos.fill(tmp_path, {"\u65e5\u672c": 3, "dog": 3})
    loaded = data.load(tmp_path, image_size=8)
    assert "\u65e5" in repr(loaded)
    stream = io.TextIOWrapper(io.BytesIO(), "cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    print(loaded)
    stream.flush()
    assert rb"dog, \u65e5" in stream.buffer.getvalue()
