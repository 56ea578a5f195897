"""`data.load` of texts: tables and folders, splits, labels, what is wrong."""

import json

import numpy as np
import pytest

pytest.importorskip("pandas")

from keras_transfer.data import load

pytestmark = pytest.mark.any_backend
ROWS = [
    ("Good film", "good"),
    ("Bad film", "bad"),
    ("Fine", "good"),
    ("Dull", "bad"),
    ("Very good", "good"),
    ("Very dull", "bad"),
]


def table(path, rows=ROWS, header="text,label"):
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def samples(part):
    x, y = part.read(np.arange(part.num_samples))
    return dict(zip(x.tolist(), y.tolist(), strict=True))


def test_one_table_is_divided_by_the_seed(tmp_path):
    data = load(table(tmp_path / "t.csv", ROWS * 5), validation_split=0.2)
    assert data.class_names == ["bad", "good"]
    assert data.task == "classification"
    assert sum(data.num_samples.values()) == 30
    assert set(data.num_samples) == {"train", "validation", "test"}
    assert samples(data.train)["Good film"] == 1
    assert data.train.class_names == ["bad", "good"]


def test_tables_by_split(tmp_path):
    table(tmp_path / "train.csv")
    table(tmp_path / "test.csv", [("Other", "good"), ("Else", "bad")])
    data = load(tmp_path, validation_split=0)
    assert data.num_samples == {"train": 6, "test": 2}
    assert samples(data.test) == {"Other": 1, "Else": 0}


def test_a_column_of_splits(tmp_path):
    rows = [(*row, "val" if i == 0 else "train") for i, row in enumerate(ROWS)]
    data = load(table(tmp_path / "t.csv", rows, "text,label,split"))
    assert data.num_samples == {"train": 5, "validation": 1}
    rows = [(*row, "some") for row in ROWS]
    table(tmp_path / "t.csv", rows, "text,label,split")
    with pytest.raises(ValueError, match="says 'some'"):
        load(tmp_path / "t.csv")


def test_json_lines_and_tabs(tmp_path):
    rows = [{"review": text, "class": label} for text, label in ROWS]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    found = [samples(load(path, validation_split=0, test_split=0).train)]
    tabs = table(tmp_path / "t.tsv")
    tabs.write_text(tabs.read_text().replace(",", "\t"))
    found.append(samples(load(tabs, validation_split=0, test_split=0).train))
    assert found[0] == found[1]


@pytest.mark.parametrize("parts", [("",), ("train/", "test/")])
def test_folders_of_text_files(tmp_path, parts):
    for part in parts:
        for name in ("yes", "no"):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for index in range(4):
                (folder / f"{index}.txt").write_text(
                    f"{name} caf\u00e9 {index}"
                )
    data = load(tmp_path, validation_split=0, test_split=0.5)
    assert data.class_names == ["no", "yes"]
    assert len(data.num_samples) == 2
    assert all(t.startswith("yes") == y for t, y in samples(data.train).items())


def test_labels_of_each_kind(tmp_path):
    whole = [(t, i % 12) for i, (t, _) in enumerate(ROWS * 2)]
    data = load(table(tmp_path / "t.csv", whole), validation_split=0)
    assert data.class_names == [str(i) for i in range(12)]
    stars = [(t, i / 2) for i, (t, _) in enumerate(ROWS)]
    data = load(table(tmp_path / "t.csv", stars), validation_split=0)
    assert (data.task, data.target_names) == ("regression", ["label"])
    assert data.train.read(np.arange(2))[1].shape == (2, 1)
    many = [(t, i % 2, 1) for i, (t, _) in enumerate(ROWS)]
    table(tmp_path / "t.csv", many, "text,angry,urgent")
    data = load(
        tmp_path / "t.csv", label_column=["angry", "urgent"], test_split=0,
        validation_split=0,
    )  # fmt: skip
    assert (data.task, data.class_names) == ("multi_label", ["angry", "urgent"])
    assert data.train.read(np.arange(2))[1].dtype == np.float32


def test_columns_are_found_or_named(tmp_path):
    rows = [("x", *row) for row in ROWS]
    path = table(tmp_path / "t.csv", rows, "note,Sentence,Class")
    assert load(path).class_names == ["bad", "good"]
    path = table(tmp_path / "t.csv", rows, "id,words,kind")
    data = load(path, text_column="words", label_column="kind")
    assert data.class_names == ["bad", "good"]


def test_empty_and_double_texts_are_said(tmp_path, capsys):
    rows = [*ROWS, ROWS[0], ("", "good"), ("  ", "bad")]
    data = load(table(tmp_path / "t.csv", rows), validation_split=0)
    assert sum(data.num_samples.values()) == 7
    assert "2 empty ones left out; 1 are there more than once" in (
        capsys.readouterr().out
    )


def test_shots_and_classes(tmp_path):
    rows = [*ROWS * 4, ("What", "other"), ("Who", "other")]
    path = table(tmp_path / "t.csv", rows)
    data = load(
        path, shots_per_class=2, validation_split=0, classes=["good", "bad"]
    )
    assert data.num_samples["train"] == 4
    assert data.class_names == ["good", "bad"]


def test_photos_with_a_table_stay_photos(tmp_path):
    table(tmp_path / "labels.csv", [("a.jpg", "cat")], "file,kind")
    with pytest.raises(ValueError, match=r"labels\.csv"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (ROWS, "words,kind", "which column holds the texts"),
        ([("a", "b", 1)], "text,kind,number", "which column holds the labels"),
        ([(3, "a"), (4, "b")], "text,label", "row 0 of 'text' is no text"),
        ([("a", ""), ("b", "c")], "text,label", "row 0 has no label"),
        ([("a", "b"), ("c", "b")], "text,label", "one class, 'b'"),
        ([], "text,label", "has no rows"),
        ([("", "a")], "text,label", "every row of 'text' is empty"),
    ],
)
def test_what_is_wrong_with_a_table(tmp_path, rows, header, message):
    with pytest.raises(ValueError, match=message):
        load(table(tmp_path / "t.csv", rows, header))


def test_names_that_are_not_there(tmp_path):
    path = table(tmp_path / "t.csv")
    with pytest.raises(ValueError, match="no column 'words' for the texts"):
        load(path, text_column="words")
    with pytest.raises(ValueError, match="no column 'kind' for the labels"):
        load(path, label_column="kind")


def test_bytes_that_are_no_utf_8(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"text,label\ncaf\xe9,good\nbad,bad\n")
    with pytest.raises(ValueError, match="is no UTF-8"):
        load(path)
