"""`assess`, and what `fit` says of the data before it trains."""

import json

import pytest

pytest.importorskip("PIL")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from keras_transfer.cli import main
from keras_transfer.recipes.assessment import before_training

pytestmark = pytest.mark.any_backend


@pytest.fixture
def assess(photos, backbone):
    def assess(*more, data=photos):
        options = ["--backbone", backbone, "--image-size", 16]
        return main([str(x) for x in ("assess", data, *options, *more)])

    return assess


def test_json_files_and_pictures(assess, photos, tmp_path, capsys):
    out = tmp_path / "found"
    options = ["--source", photos / "test", "--output", out, "--json"]
    assert assess(*options, "--unlabelled", photos / "test" / "red") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "assessment.json").read_text())
    assert printed["per_class"] == {"blue": 8, "green": 8, "red": 8}
    assert printed["num_samples"] == {"train": 24, "test": 12}
    assert printed["similarity"]["num_source"] == 12
    assert printed["shift"]["num_source"] == 4
    assert printed["baselines"][2]["accuracy"] > 0.9
    names = {path.name for path in out.iterdir()}
    assert {"assessment.json", "assessment.md", "map.png"} <= names


def test_text(assess, capsys):
    assert assess("--weights", "none") == 0
    text = capsys.readouterr().out
    assert "linear probe" in text and "Samples: 24 labels, 8 a class" in text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--source", "not/there"], "no folder 'not/there'"),
        (["--shots", "2"], "8 labelled samples"),
    ],
)
def test_what_cannot_be_done_is_told(assess, capsys, more, message):
    assert assess(*more) == 1
    assert message in capsys.readouterr().err


def test_a_folder_without_photos_as_source(assess, tmp_path, capsys):
    assert assess("--source", tmp_path) == 1
    assert "can be read" in capsys.readouterr().err


def test_data_of_several_labels_are_refused(backbone, photos, tmp_path, capsys):
    rows = ["file,red,dark"]
    for index in range(8):
        source = photos / "train" / "red" / f"{index}.png"
        (tmp_path / source.name).write_bytes(source.read_bytes())
        rows.append(f"{source.name},{index % 2},{index // 4}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    options = ["--backbone", str(backbone), "--image-size", "16"]
    assert main(["assess", str(tmp_path), *options]) == 1
    assert "multi_label" in capsys.readouterr().err


def test_fit_tells_about_the_data_first_and_keeps_it(fit, tmp_path, capsys):
    assert fit(tmp_path / "r", "--epochs", 0, validation_split=0) == 0
    text = capsys.readouterr().out
    told = json.loads((tmp_path / "r" / "assessment.json").read_text())
    assert told["summary"] in text
    assert text.index(told["summary"]) < text.index("Evaluating")
    assert told["per_class"] == {"blue": 8, "green": 8, "red": 8}
    assert (tmp_path / "r" / "assessment.md").is_file()


def test_fit_without_it(fit, tmp_path, capsys):
    assert fit(tmp_path / "r", "--epochs", 0, "--no-assess") == 0
    assert "linear probe" not in capsys.readouterr().out
    assert not (tmp_path / "r" / "assessment.json").exists()


def test_fit_goes_on_where_the_assessment_fails(
    fit, tmp_path, capsys, monkeypatch
):
    def broken(*arguments, **options):
        raise TypeError("nobody foresaw this")

    monkeypatch.setattr(before_training, "assess_features", broken)
    assert fit(tmp_path / "r", "--epochs", 0) == 0
    assert "nobody foresaw this" in capsys.readouterr().out
    assert (tmp_path / "r" / "model.keras").is_file()
