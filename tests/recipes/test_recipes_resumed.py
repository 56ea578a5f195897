"""A recipe that was killed goes on, in whatever training it was."""

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from small_recipes import colour_net, coloured, make, pictures

import keras_transfer as kt
from keras_transfer.callbacks import TransferCheckpoint
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.dataset import Dataset
from keras_transfer.recipes import checkpointing, fine_tune, match, two_stage


@pytest.fixture(autouse=True)
def each_epoch(monkeypatch):
    monkeypatch.setattr(checkpointing, "SECONDS_BETWEEN", 0)


class Killed(BaseException):
    """Nothing in a recipe may catch it."""


def killed_in(monkeypatch, training, call):
    """Kills a call at the second checkpoint of a training."""
    own, seen = TransferCheckpoint._save, []

    def save(self, epoch, ended_run_of=None):
        own(self, epoch, ended_run_of)
        seen.append(str(self.directory))
        if [name for name in seen if name.endswith(training)][1:]:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(TransferCheckpoint, "_save", save)
        with pytest.raises(Killed):
            call()


def assert_goes_on(monkeypatch, training, build, call, folder):
    """Compares a call that was killed and goes on with one that was not."""
    whole = build()
    call(whole, None)
    killed_in(monkeypatch, training, lambda: call(build(), folder))
    resumed = build()
    call(resumed, folder)
    for a, b in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def seeded(make_model):
    def build():
        keras.utils.set_random_seed(0)
        return make_model()

    return build


@pytest.mark.parametrize(
    ("training", "effort"),
    [
        ("fine-tune", "normal"),
        pytest.param("fold 2", "normal", marks=pytest.mark.slow),
        pytest.param("fine-tune, end 2", "best", marks=pytest.mark.slow),
        pytest.param("fold 1, end 3", "best", marks=pytest.mark.slow),
    ],
)
def test_few_labels(training, effort, rng, monkeypatch, tmp_path):
    data = coloured(rng, 60)

    def call(model, folder):
        fine_tune(
            model, data, checkpoint=folder, folds=2, epochs=3, effort=effort,
            verbose=0,
        )  # fmt: skip

    assert_goes_on(
        monkeypatch, training, seeded(colour_net), call, tmp_path / "run"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "training", ["head at 0.001", "fine-tune", "on all samples"]
)
def test_a_head_that_is_trained(training, rng, monkeypatch, tmp_path):
    """The way with more labels, and without validation data."""
    data = pictures(rng, 96, step=60.0)
    head = kt.ClassificationHead
    build = seeded(lambda: make(head=head(3, hidden_units=(6,))))

    def call(model, folder):
        fine_tune(
            model, data, checkpoint=folder, epochs=3, learning_rate=1e-2,
            blocks=2, verbose=0,
        )  # fmt: skip

    assert_goes_on(monkeypatch, training, build, call, tmp_path / "run")


@pytest.mark.slow
def test_two_stages(rng, monkeypatch, tmp_path):
    data = Dataset(
        ArrayBatches(*pictures(rng, 48)), ArrayBatches(*pictures(rng, 24))
    )

    def call(model, folder):
        two_stage(model, data, checkpoint=folder, epochs=3, verbose=0)

    assert_goes_on(
        monkeypatch, "fine-tune", seeded(make), call, tmp_path / "run"
    )


@pytest.mark.slow
@pytest.mark.parametrize("training", ["matching", "matched/fine-tune"])
def test_match(training, rng, monkeypatch, tmp_path):
    train, validation = pictures(rng, 48), pictures(rng, 24)
    unlabelled, _ = pictures(rng, 48)
    keras.utils.set_random_seed(3)
    source = make()

    def call(target, folder):
        match(
            source=source, target=target, train=train, unlabelled=unlabelled,
            validation=validation, epochs=3,
            checkpoint=folder, compare_alone=False, verbose=0,
        )  # fmt: skip

    assert_goes_on(monkeypatch, training, seeded(make), call, tmp_path / "run")


@pytest.mark.any_backend
def test_a_folder_that_is_full_costs_no_training(rng, monkeypatch, tmp_path):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TransferCheckpoint, "_save", full)
    with pytest.warns(UserWarning, match="No checkpoint could be written"):
        result = fine_tune(
            colour_net(), coloured(rng, 60), checkpoint=tmp_path, folds=0,
            epochs=2, verbose=0,
        )  # fmt: skip
    assert not result.interrupted and result.best
