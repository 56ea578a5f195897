"""`rank`, and `fit --backbone auto`."""

import json

import pytest
from small_nets import photo_net

pytest.importorskip("PIL")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from keras_transfer.cli import main, rank

pytestmark = pytest.mark.any_backend


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """The file of another small source model."""
    path = tmp_path_factory.mktemp("other") / "other.keras"
    photo_net((16, 16, 3)).save(path)
    return path


@pytest.fixture
def ranked(photos, backbone, other):
    def ranked(*more, backbones=(backbone, other), data=photos):
        names = ",".join(map(str, backbones))
        options = ["--image-size", 16, *more, "--backbone", names]
        return main([str(x) for x in ("rank", data, *options)])

    return ranked


def test_json_and_files(ranked, backbone, tmp_path, capsys):
    out = tmp_path / "ranking"
    backbones = (backbone, tmp_path / "gone.keras")
    assert ranked("--json", "--output", out, backbones=backbones) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "ranking.json").read_text())
    assert printed["best"] == str(backbone)
    assert printed["num_samples"] == 24
    small, gone = printed["candidates"]
    assert small["num_samples"] == 24 and small["error"] is None
    assert "gone.keras" in gone["error"]
    assert len(list(out.iterdir())) == 4


def test_text(ranked, capsys):
    assert ranked() == 0
    text = capsys.readouterr().out
    assert "best probe" in text and "Fine-tune it." in text


@pytest.mark.parametrize(
    ("backbones", "more", "message"),
    [
        (("a.keras", "a.keras"), (), "'a.keras' 2 times"),
        (("a.keras",), (), "No candidate can be used"),
        (("a.keras",), ("--shots", "1"), "3 samples"),
    ],
)
def test_what_cannot_be_done_is_told(ranked, capsys, backbones, more, message):
    assert ranked(*more, backbones=backbones) == 1
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_fit_takes_the_best(fit, backbone, other, tmp_path, monkeypatch):
    monkeypatch.setattr(rank, "SMALL", (str(backbone), str(other)))
    out = tmp_path / "run"
    assert fit(out, "--backbone", "auto", "--epochs", 0) == 0
    best = json.loads((out / "ranking.json").read_text())["best"]
    config = json.loads((out / "config.json").read_text())
    assert config["backbone"] == best


def test_fit_auto_needs_published_weights(fit, tmp_path, capsys):
    assert fit(tmp_path / "run", "--backbone", "auto", "--weights", "none") == 1
    assert "Received: --weights none" in capsys.readouterr().err
