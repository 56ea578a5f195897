"""Errors of the library name the options of the command that runs."""

import warnings

import keras
import pytest

from keras_transfer.cli import main
from keras_transfer.cli.parser import make_parser
from keras_transfer.cli.wording import in_words_of

pytestmark = pytest.mark.any_backend


def words(command, text):
    arguments = make_parser().parse_args([command, *"abc"[: _number(command)]])
    return in_words_of(arguments.actions, text)


def _number(command):
    return {"fit": 1, "tune": 1, "rank": 1, "match": 3, "predict": 2}[command]


@pytest.mark.parametrize(
    "command, said, expected",
    [
        ("fit", "with `weights=None`.", "with `--weights none`."),
        ("fit", 'or weights="imagenet"', "or --weights imagenet"),
        ("fit", "pass `weights=` its path", "pass `--weights` its path"),
        ("fit", "`image_size` must be", "`--image-size` must be"),
        ("fit", "`shots_per_class` needs", "`--shots` needs"),
        ("fit", "data.load(..., image_size=...)", "`--image-size PX`"),
        ("fit", "fine_tune(..., epochs=0), or", "`--epochs 0`, or"),
        ("fit", "pass task='regression'.", "pass --task regression."),
        ("fit", "a smaller image_size=96.", "a smaller --image-size 96."),
        ("fit", "learning_rate=1e-5 is", "--learning-rate 1e-5 is"),
        ("fit", "epochs=None", "no --epochs"),
        ("tune", "or pass overwrite=True to", "or pass --overwrite to"),
        ("tune", "leave tensorboard=False", "leave no --tensorboard"),
        ("match", "with loss='mse'", "with loss='mse'"),
        ("fit", "Received: epochs=-1.", "Received: --epochs -1."),
        ("fit", "above 0, or None for all", "above 0, or left out for all"),
        ("fit", "`weights` is a path or None", "`--weights` is a path or none"),
        ("fit", "pass data_dir=DIR or", "pass --data-dir DIR or"),
        ("rank", "(`list_backbones()` has", "(`keras-transfer backbones` has"),
        # What is no option of the command, or no argument at all.
        ("rank", "or overwrite=True `x=False`", "or overwrite=True `x=False`"),
        ("fit", "head=5, or `head`", "head=5, or `head`"),
        ("rank", "or use `fine_tune`", "or use `fine_tune`"),
        ("rank", "`epochs` of epochs=3", "`epochs` of epochs=3"),
        ("fit", "'/runs/seed=3/a' my-seed=1", "'/runs/seed=3/a' my-seed=1"),
        ("fit", "f(x, task='a'), seed=%r", "f(x, task='a'), seed=%r"),
        ("fit", "reseed=1, the seed", "reseed=1, the seed"),
        ("predict", "`images`, `run_dir`", "`images`, `run_dir`"),
    ],
)  # fmt: skip
def test_arguments_become_options(command, said, expected):
    assert words(command, said) == expected


def test_errors_and_warnings_of_a_command(monkeypatch, tmp_path, capsys):
    def fail(*args, **kwargs):
        warnings.warn("pass `epochs=3`", stacklevel=1)
        raise Exception("URL fetch failure on https://x/mobilenet.h5: None")

    monkeypatch.setattr(keras.applications, "MobileNetV2", fail)
    arguments = ["fit", "digits", "--output", str(tmp_path / "run")]
    assert main([*arguments, "--image-size", "32"]) == 1
    said = capsys.readouterr().err
    assert "`--weights none`" in said and "weights=" not in said
    assert "warning: pass `--epochs 3`" in said
