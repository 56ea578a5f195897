"""`search`: what it finds, and what is wrong before it begins."""

import contextlib
import io
import json
import shutil
import types

import h5py
import keras
import numpy as np
import pytest
from small_nets import source_net
from small_searches import hypermodel, searched, some_data

import keras_transfer as kt
from keras_transfer import _private
from keras_transfer.recipes.data_parts import parts
from keras_transfer.tuner import search_folder, trial, trial_model
from keras_transfer.tuner.settings import Settings

pytest.importorskip("keras_tuner")

compiles_anew = pytest.mark.skipif(
    keras.backend.backend() == "jax",
    reason="JAX compiles each trial anew; one search is enough there.",
)


@pytest.fixture(scope="module")
def search(source, tmp_path_factory):
    """A function that searches once with each kind of tuner."""
    searches = {}

    def search(tuner):
        if tuner not in searches:
            folder, text = tmp_path_factory.mktemp(tuner), io.StringIO()
            _private.forget_step_gradients()
            with contextlib.redirect_stdout(text):
                result = searched(
                    source, some_data(), folder, tuner=tuner,
                    keep_checkpoints=2, verbose=1,
                )  # fmt: skip
            searches[tuner] = types.SimpleNamespace(
                result=result, folder=folder, printed=text.getvalue(),
                gradients_left=_private.step_gradients(),
            )  # fmt: skip
        return searches[tuner]

    return search


@pytest.mark.parametrize(
    "tuner",
    [
        "random",
        pytest.param("bayesian", marks=compiles_anew),
        pytest.param("grid", marks=compiles_anew),
    ],
)
def test_search(tuner, search, data):
    found = search(tuner)
    result = found.result
    assert [row["status"] for row in result.trials] == ["COMPLETED"] * 3
    scores = [row["score"] for row in result.trials]
    assert scores == sorted(scores, reverse=True)
    lines = found.printed.splitlines()
    assert [line[:9] for line in lines if line.startswith("trial ")] == [
        f"trial {number}/3" for number in (1, 2, 3)
    ]
    assert sorted(row["trial"] for row in result.trials) == [1, 2, 3]
    assert f"keeps the weights of trials {kept_of(result)}" in lines[-1]
    # The model is that of the best epoch of the best trial.
    logs = result.model.evaluate(*data[1], verbose=0, return_dict=True)
    assert logs["accuracy"] == pytest.approx(scores[0], abs=1e-6)
    assert result.best["val_accuracy"] == pytest.approx(scores[0], abs=1e-6)
    kept = list(found.folder.glob("trial_*/checkpoint.weights.h5"))
    assert {path.parent.name for path in kept} == {
        f"trial_{row['trial']}" for row in result.trials[:2]
    }
    size = sum(weight.nbytes for weight in result.model.get_weights())
    for path in kept:
        with h5py.File(path) as file:
            assert "optimizer" not in file and "layers" in file
            stored = []
            file.visititems(
                lambda _, x, stored=stored: stored.append(
                    x.nbytes if isinstance(x, h5py.Dataset) else 0
                )
            )
        assert sum(stored) == size
    assert "val_accuracy" in result.table().splitlines()[1]
    assert len(result.plot().axes) >= 2


@compiles_anew
def test_the_first_trial_is_fine_tune(search, source, data):
    """So that on validation a search does not end behind it."""
    found = {
        tuner: next(
            row for row in search(tuner).result.trials if row["trial"] == 1
        )
        for tuner in ("random", "grid")
    }
    for row in found.values():
        assert row["hyperparameters"] == {"recipe": "fine_tune"}
    model = kt.TransferModel(
        source, kt.ClassificationHead(3, name="head"), weights="imagenet"
    )
    keras.utils.set_random_seed(0)
    own = kt.fine_tune(model, data[0], validation=data[1], verbose=0)
    logs = model.evaluate(*data[1], verbose=0, return_dict=True)
    assert own.history and found["random"]["score"] == pytest.approx(
        logs["accuracy"], abs=1e-6
    )
    result = search("random").result
    verdict = result.verdict()
    assert verdict.startswith("Better: ")
    assert f"{found['random']['score']:.4f}" in verdict
    # Of a grid no combination is lost to it.
    drawn = [
        row["hyperparameters"]
        for row in search("grid").result.trials
        if row["trial"] == 2
    ]
    assert drawn[0]["blocks"] == 0.0 and drawn[0]["batch_size"] == 10


def kept_of(result):
    numbers = sorted(row["trial"] for row in result.trials[:2])
    return ", ".join(map(str, numbers))


def test_recipe_repeats_the_best_trial(search, source, data):
    result = search("random").result
    recipe = json.loads(json.dumps(result.recipe))
    settings = Settings(**recipe["hyperparameters"])
    model = trial_model.build(
        settings, source, 3, input_shape=None, weights="imagenet",
        seed=recipe["seed"],
    )  # fmt: skip
    again = kt.tuner.repeat_trial(
        model, settings, data[0], validation=data[1],
        epochs=recipe["epochs"], head_epochs=recipe["head_epochs"], verbose=0,
    )  # fmt: skip
    assert again.best["val_loss"] == pytest.approx(
        result.best["val_loss"], abs=1e-6
    )
    for mine, others in zip(
        model.get_weights(), result.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(mine, others, atol=1e-6)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="This is what TensorFlow keeps.",
)
def test_graphs_of_trials_are_let_go(search, data):
    assert search("random").gradients_left == []
    another = source_net()
    another.compile("sgd", "mse")
    another.fit(data[0][0], np.zeros((40, 8, 8, 8)), verbose=0)
    assert _private.step_gradients() != []


class TestWrong:
    @pytest.mark.parametrize(
        "options, message",
        [
            ({"trials": 0}, "`trials` is a whole number"),
            ({"epochs": 1.5}, "`epochs` is a whole number"),
            ({"keep_checkpoints": 0}, "`keep_checkpoints`"),
            ({"tuner": "hyperband"}, "keras_tuner.Hyperband"),
            ({"objective": "val_auc"}, "'val_auc' is not logged"),
            ({"objective": 3}, "one keras_tuner.Objective. Received: 3"),
            ({"objective": ["loss"]}, "Received: \\['loss'\\]"),
            ({"class_weight": {99: 2.0}}, "not there. Received: 99"),
            ({"class_weight": "even"}, "'balanced' or a dict"),
            ({"space": {"batch_size": [8, 64]}}, "batch of 64 is more than"),
            (
                {"space": {"batch_size": (8, 64, "log")}},
                "batch of 64 is more than",
            ),
            ({"space": {"dropout": 0.1}}, "nothing to search"),
        ],
    )
    def test_before_the_first_trial(
        self, options, message, source, data, tmp_path, monkeypatch
    ):
        monkeypatch.delattr(trial, "train")
        with pytest.raises(ValueError, match=message):
            searched(source, data, tmp_path, **options)

    @compiles_anew
    def test_another_search_is_there(self, source, data, tmp_path):
        searched(source, data, tmp_path, trials=1, epochs=1)
        with pytest.raises(ValueError, match="another search: its epochs is 1"):
            searched(source, data, tmp_path, trials=1, epochs=2)
        mine = tmp_path / "mine.json"
        mine.write_text("{}")
        result = searched(
            source, data, tmp_path, trials=1, epochs=2, overwrite=True
        )
        assert result.recipe["epochs"] == 2 and mine.exists()
        (tmp_path / "search.json").unlink()
        with pytest.raises(ValueError, match="search of KerasTuner's own"):
            searched(source, data, tmp_path)

    @compiles_anew
    def test_a_relative_folder_is_written_over(
        self, source, data, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        options = {"trials": 1, "epochs": 1, "overwrite": True}
        for _ in range(2):
            assert searched(source, data, "a/b", **options).model
        assert (tmp_path / "a/b/trial_1/trial.json").exists()

    def test_folder_that_cannot_be_written(self, source, data, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match="Could not write"):
            searched(source, data, tmp_path / "file" / "search")

    def test_objective_in_plain_keras_tuner(self, source, data, tmp_path):
        import keras_tuner

        tuner = keras_tuner.RandomSearch(
            hypermodel(source),
            objective=keras_tuner.Objective("val_auc", "max"),
            max_trials=1, directory=tmp_path,
        )  # fmt: skip
        with pytest.raises(ValueError, match="'val_auc' is not logged"):
            tuner.search(*data[0], validation_data=data[1], verbose=0)


@compiles_anew
def test_an_objective_of_keras_tuner(source, data, tmp_path):
    import keras_tuner

    objective = keras_tuner.Objective("val_loss", "min")
    result = searched(
        source, data, tmp_path, objective=objective, epochs=2, trials=2
    )
    scores = [row["score"] for row in result.trials]
    assert scores == sorted(scores)
    assert result.best["val_loss"] == pytest.approx(scores[0])
    assert result.recipe["objective"] == "val_loss"


@compiles_anew
def test_class_weights_decide_in_a_search(source, data, tmp_path):
    weights = {0: 5.0, 1: 0.2}
    result = searched(
        source, data, tmp_path, class_weight=weights, epochs=1, trials=1
    )
    x, y = data[1]
    each = np.array([weights.get(int(label), 1.0) for label in y.ravel()])
    weighted, plain = (
        result.model.evaluate(
            x, y, sample_weight=given, verbose=0, return_dict=True
        )["loss"]
        for given in (each, None)
    )
    assert result.recipe["objective"] == "val_loss"
    assert result.best["val_loss"] == pytest.approx(weighted, rel=1e-4)
    assert abs(weighted - plain) > 0.01


def test_sources_of_one_name_are_two():
    one, two = source_net(), source_net()
    assert one.name == two.name
    known = kt.TransferHyperModel(3, backbones=[one, two, one]).backbones
    assert list(known.values()) == [one, two]


def changed_source(source):
    other = keras.models.clone_model(source)
    other.set_weights([weight + 1 for weight in source.get_weights()])
    return other, some_data()


def changed_labels(source):
    (x, y), validation = some_data()
    return source, ((x, 2 - y), validation)


def changed_images(source):
    (x, y), validation = some_data()
    return source, ((255 - x, y), validation)


def changed_validation(source):
    train, (x, y) = some_data()
    return source, (train, (x, 2 - y))


@pytest.mark.parametrize(
    "change",
    [changed_source, changed_labels, changed_images, changed_validation],
)
def test_a_folder_of_another_source_or_other_data(change, source, tmp_path):
    hyper = hypermodel(source)
    train, validation = parts(*some_data())
    about = search_folder.describe(
        hyper, 3, "random", "val_accuracy", 0, train, validation
    )
    search_folder.write(tmp_path, about)
    assert search_folder.holds_search(tmp_path, about, overwrite=False)
    other, data = change(source)
    about = search_folder.describe(
        hypermodel(other), 3, "random", "val_accuracy", 0, *parts(*data)
    )
    with pytest.raises(ValueError, match="holds another search"):
        search_folder.holds_search(tmp_path, about, overwrite=False)


def json_files(folder):
    """The files of a search that are JSON, one of each kind."""
    kinds = (
        "search.json", "oracle.json", "tuner*.json", "trial_*/trial.json",
        "trial_*/history.json",
    )  # fmt: skip
    return [min(folder.glob(kind)) for kind in kinds]


@pytest.mark.parametrize("content", ["", '{"a": ', "[]", "{}", "null", "7"])
def test_a_damaged_search_is_named(content, search, source, tmp_path):
    folder = search("random").folder
    for path in json_files(folder):
        copy = tmp_path / path.name
        shutil.copytree(folder, copy)
        (copy / path.relative_to(folder)).write_text(content)
        if content == "{}" and path.name.startswith("tuner"):
            # This is what KerasTuner writes there.
            continue
        with pytest.raises(ValueError, match="overwrite=True") as error:
            searched(source, some_data(), copy, keep_checkpoints=2)
        assert str(copy) in str(error.value)
