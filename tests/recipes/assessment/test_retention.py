"""What was forgotten: CKA by block, and the accuracy on the source."""

import json

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from small_recipes import make, pictures

import keras_transfer as kt
from keras_transfer import transferability


@pytest.fixture(scope="module")
def before():
    return make()


@pytest.fixture(scope="module")
def source():
    return pictures(np.random.default_rng(0), 120, step=60.0)


@pytest.fixture(scope="module")
def after(before):
    """The last of three blocks has other weights."""
    model = before.clone()
    layer = model.backbone.get_layer("third")
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return model


def retention(before, after, data, **options):
    return kt.source_retention(
        before=before, after=after, source_data=data, verbose=0, **options
    )


def test_a_model_has_forgotten_nothing_beside_itself(before, source):
    found = retention(before, before.clone(), source)
    assert [block.cka for block in found.blocks] == pytest.approx([1.0] * 3)
    accuracy = found.accuracy
    assert accuracy["before"] == accuracy["after"] == accuracy["read_anew"]
    assert found.lost == (0.0, 0.0)


def test_only_the_block_that_changed_differs(before, after, source):
    found = retention(before, after, source)
    names = [block.name for block in before.blocks]
    assert [block.name for block in found.blocks] == names
    assert [block.cka for block in found.blocks[:2]] == pytest.approx([1, 1])
    assert found.blocks[2].cka < 0.99
    # As the score of the features gives it.
    features = [
        model.backbone.predict(model.preprocessing(source[0]), verbose=0)
        for model in (before, after)
    ]
    expected = transferability.linear_cka(
        *(x.mean(axis=(1, 2)) for x in features), debiased=True
    )
    assert found.blocks[2].cka == pytest.approx(expected, abs=1e-4)
    assert found.accuracy["after"] < found.accuracy["before"]
    lost, error = found.lost
    right = found.before.astype(float), found.after.astype(float)
    assert lost == pytest.approx(right[0].mean() - right[1].mean())
    assert error == pytest.approx(
        np.std(right[0] - right[1], ddof=1) / np.sqrt(120)
    )


def test_the_heads_of_the_source_are_used_as_they_are(before, after, source):
    x, y = source
    width = before.backbone.output_shape[-1]
    dense = keras.Sequential([keras.Input((width,)), keras.layers.Dense(3)])
    inputs = keras.Input(before.backbone.output_shape[1:])
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    on_maps = keras.Model(inputs, dense(pooled))
    found = retention(before, after, source, source_head=dense)
    maps = before.backbone.predict(before.preprocessing(x), verbose=0)
    named = on_maps.predict(maps, verbose=0).argmax(axis=1)
    assert found.accuracy["before"] == pytest.approx(np.mean(named == y))
    assert "the source's head" in str(found)
    same = retention(before, after, source, source_head=on_maps)
    assert same.accuracy == found.accuracy
    own = retention(before, after, source, source_head=before.head)
    named = before.predict(x, verbose=0).argmax(axis=1)
    assert own.accuracy["before"] == pytest.approx(np.mean(named == y))


def test_without_labels_there_is_cka_alone(before, after, source):
    found = retention(before, after, source[0])
    assert found.accuracy is None and found.lost is None
    assert len(found.blocks) == 3 and "accuracy" not in str(found)
    backbones = before.backbone, after.backbone
    alone = retention(*backbones, before.preprocessing(source[0]))
    ours = [block.cka for block in found.blocks]
    assert [block.cka for block in alone.blocks] == pytest.approx(ours, 1e-4)


def test_reports(before, after, source, tmp_path):
    found = retention(before, after, source)
    written = json.loads(json.dumps(found.to_json()))
    assert written["blocks"][2]["cka"] == found.blocks[2].cka
    assert written["accuracy"] == found.accuracy
    assert f"| third | {found.blocks[2].cka:.3f} |" in found.to_markdown()
    found.plot(tmp_path / "cka.png")
    assert (tmp_path / "cka.png").read_bytes()[:4] == b"\x89PNG"


def test_more_samples_than_are_needed_are_drawn(before, source, monkeypatch):
    from keras_transfer.recipes.assessment import retention as module

    monkeypatch.setattr(module, "_MOST", 50)
    assert retention(before, before, source).num_samples == 50


def test_bad_input_is_named(before, after, source):
    x, y = source
    other = kt.TransferModel(
        keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3)]),
        head=3,
        preprocessing="tf",
    )
    head = before.head
    narrow = keras.Sequential([keras.Input((7,)), keras.layers.Dense(3)])
    for arguments, options, message in [
        ((before, other, source), {}, "two models of one architecture"),
        ((before, after, x[:3]), {}, "at least 4 samples"),
        ((before, after, x), {"source_head": head}, "judged on labels"),
        ((before, after, (x, y + 1)), {"source_head": head}, "0 to 2"),
        ((before, after, (x, 0 * y)), {}, "at least two classes"),
        ((before, after, (x, y.astype(str))), {}, "Labels are numbers"),
        ((before, after, (x, np.where(y, y, np.nan))), {}, "hold NaN"),
        ((before, after, source), {"source_head": "dense"}, "of type str"),
        ((before, after, source), {"source_head": narrow}, "does not take"),
        ((before, "MobileNetV2", x), {}, "of type str"),
        ((before, after, x[:, 1:]), {}, "samples of `source_data` do not fit"),
        ((before, after, x * np.nan), {}, "not numbers|NaN"),
    ]:
        with pytest.raises(ValueError, match=message):
            retention(*arguments, **options)
