"""One feature cache for several trainings."""

import keras
import pytest
from cached_training import (
    BATCH,
    NUM,
    arrays,
    assert_same_history,
    assert_same_model,
    both,
    counted,
    fit,
    made,
    scheduled,
    validation_arrays,
)
from cases import some_slow
from doubles import vectors

from keras_transfer.feature_cache import FeatureCache


@pytest.mark.parametrize("place", some_slow(["object", "folder"], {"folder"}))
def test_what_is_there_is_used_again(place, tmp_path, monkeypatch):
    kept = FeatureCache("memory")

    def cache():
        return kept if place == "object" else tmp_path / "cache"

    def run(model, make_data=None):
        with counted(monkeypatch) as rows:
            history = fit(
                model,
                make_data or arrays(),
                cache(),
                [],
                validation=validation_arrays,
            )
        return history, sum(rows)

    first, second = made(), made()
    one, computed = run(first)
    assert computed >= NUM + 9
    # The names of the layers differ, and the order does not matter.
    two, computed = run(second, arrays(seed=0))
    assert computed == 0
    assert_same_history(two, one)
    assert_same_model(second, first)
    # The same object again, which has trained its head meanwhile.
    assert run(second)[1] == 0
    changed = made()
    changed.backbone.get_layer("dense0").kernel.assign_add(
        keras.ops.ones((6, 5)) * 1e-6
    )
    assert run(changed)[1] >= NUM + 9
    x, y = vectors()
    x[3, 2] += 1e-6
    data_changed = lambda: ((x, y), {"batch_size": BATCH})  # noqa: E731
    assert NUM <= run(made(), data_changed)[1] < NUM + 9
    labels_changed = lambda: ((vectors()[0], y[::-1]), {})  # noqa: E731
    fresh = made()
    history, computed = run(fresh, labels_changed)
    assert computed >= NUM
    expected = fit(
        made(), labels_changed, None, [], validation=validation_arrays
    )
    assert_same_history(history, expected)


def test_memory_alone_keeps_nothing(monkeypatch):
    for _ in range(2):
        with counted(monkeypatch) as rows:
            fit(made(), arrays(), "memory", [])
        assert sum(rows) >= NUM


@pytest.mark.slow
def test_a_folder_with_a_training_that_unfreezes(tmp_path):
    for _ in range(2):
        both(
            arrays(),
            scheduled(0, 0, 2, 2, 1, 1),
            feature_cache=tmp_path / "cache",
            epochs=6,
            validation=validation_arrays,
        )
