"""`predict` on photos and folders, in batches, to a table, JSON or CSV."""

import csv
import json
import shutil

import pytest

pytest.importorskip("PIL.Image")

from keras_transfer import data
from keras_transfer.cli import main, predictions
from keras_transfer.models import TransferModel


@pytest.fixture
def many(run_and_photos, tmp_path):
    """A run, its model, and 44 photos at several depths, one without end."""
    run, _, model = run_and_photos
    folder = tmp_path / "new"
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    for number in range(44):
        name = ("cat", "dog")[number % 2]
        source = tmp_path / "photos" / name / f"{number % 4}.png"
        shutil.copy(source, (deep if number % 3 else folder) / f"{number}.png")
    (folder / "notes.txt").write_text("no photo, and not named like one")
    (folder / "._0.png").write_text("what macOS leaves behind")
    return run, folder, model


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_goes_through_the_model_in_batches(
    many, tmp_path, capsys, monkeypatch
):
    run, folder, model = many
    calls, predict = [], TransferModel.predict

    def counted(self, x, *args, **options):
        calls.append(len(x))
        return predict(self, x, *args, **options)

    monkeypatch.setattr(TransferModel, "predict", counted)
    single = str(tmp_path / "photos" / "cat" / "0.png")
    assert main(["predict", run, str(folder), single, "--json"]) == 0
    assert calls == [2]  # batches, in one call
    found = json.loads(capsys.readouterr().out)
    assert len(found) == 45 and found[-1]["image"] == single
    for each in (found[0], found[20], found[-1]):
        image = data.read_photo(each["image"], 9)
        scores = predict(model, image[None], verbose=0)[0]
        assert each["label"] == model.class_names[scores.argmax()]
        assert each["score"] == pytest.approx(scores.max(), rel=1e-5)


def test_a_csv_has_all_photos_and_why_some_could_not_be_read(
    many, tmp_path, capsys
):
    run, folder, _ = many
    for number in range(30):
        (folder / f"bad{number}.jpg").write_bytes(b"")
    path = tmp_path / "made" / "named.csv"
    assert main(["predict", run, str(folder), "--csv", str(path)]) == 1
    said = capsys.readouterr()
    assert said.err.count("empty") == 20
    assert "... and 10 more: --csv FILE has all" in said.err
    assert "30 of 74 photos cannot be read" in said.out
    rows = rows_of(path)
    assert [row["error"] for row in rows] == 44 * [""] + 30 * ["empty"]
    counts = [row["label"] for row in rows]
    for name in ("cat", "dog"):
        if name in counts:
            assert [name, str(counts.count(name))] in [
                line.split() for line in said.out.splitlines()
            ]
    scores = [float(rows[0][f"score_{place}"]) for place in (1, 2)]
    assert sum(scores) == pytest.approx(1, abs=1e-5)
    assert rows[0]["label"] == rows[0]["label_1"] != rows[0]["label_2"]


@pytest.mark.parametrize("bad", ["bad.png", "missing.png"])
def test_a_bad_photo_is_named_once(bad, run_and_photos, tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"")
    assert main(["predict", run_and_photos[0], str(tmp_path / bad)]) == 1
    said = capsys.readouterr()
    assert said.err.count(bad) == 1 and "Traceback" not in said.err
    # One is not counted.
    assert said.out.strip() == ""


def test_what_is_wrong_is_said_before_anything_is_read(
    run_and_photos, tmp_path, capsys
):
    (tmp_path / "empty").mkdir()
    run, photos, _ = run_and_photos
    assert main(["predict", run, str(tmp_path / "empty")]) == 1
    assert "no photo in the folder" in capsys.readouterr().err
    assert main(["predict", run, photos, "--csv", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "--csv takes a file" in said.err and not said.out


def test_rows_of_other_heads():
    several = {
        "image": "a.png",
        "labels": ["red", "big"],
        "top": [{"label": "red", "score": 0.9}, {"label": "big", "score": 0.8}],
        "unknown": {"score": 0.25, "is_unknown": True, "threshold": 0.2},
    }
    (row,) = predictions.as_rows([several], {})
    assert row["label"] == "red, big" and row["score_2"] == 0.8
    assert row["is_unknown"] is True and row["unknown_score"] == 0.25
    numbers = {"image": "b.png", "values": {"kg": 4.25, "cm": 30.0}}
    (row,) = predictions.as_rows([numbers], {})
    assert row == {"file": "b.png", "kg": 4.25, "cm": 30.0}
    assert "kg 4.25, cm 30" in predictions.as_table([numbers])
    none = several | {"labels": []}
    assert predictions.label_of(none) == "none"
