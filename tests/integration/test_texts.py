"""Texts in, from `fit` to a file: a preset brings its tokenizer."""

import json

import keras
import numpy as np
import pytest
from processes import printed_json
from small_hub import TEXT, text_preset

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.views import SubsetBatches
from keras_transfer.feature_cache import features

WORDS = ["a", "good", "bad", "film", "plot", "very", "dull", "fine"]


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    keras_hub = pytest.importorskip(
        "keras_hub", reason="keras-hub is not installed (the extra `hub`)"
    )
    folder = tmp_path_factory.mktemp("preset")
    return text_preset(keras_hub, folder, WORDS)


@pytest.fixture
def model(preset):
    keras.utils.set_random_seed(0)
    return kt.TransferModel(f"hub:{preset}", head=2)


def sentences(rng, number=12):
    """Those of class 1 say "good" where others say "bad"."""
    y = np.arange(number) % 2
    texts = [
        " ".join(["a", "very"][: rng.integers(1, 3)])
        + [" bad", " good"][label]
        + rng.choice([" film", " plot"])
        for label in y
    ]
    return texts, y


def ids_by_hand(texts, length=8):
    """Of words that are all in the vocabulary."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    numbers = {word: i for i, word in enumerate([*special, *WORDS])}
    rows = np.zeros((len(texts), length), "int32")
    for row, text in zip(rows, texts, strict=True):
        words = ["[CLS]", *text.split(), "[SEP]"]
        row[: len(words)] = [numbers[word] for word in words]
    return rows


def test_ids_are_those_by_hand(model, rng, capsys):
    texts, y = sentences(rng)
    model.compile("auto")
    model.fit(texts, y, verbose=2)
    assert "texts: 8 tokens each, of at most 12; 0.0% of 12" in (
        capsys.readouterr().out
    )
    found = model.tokenize(texts)
    np.testing.assert_array_equal(found["token_ids"], ids_by_hand(texts))
    np.testing.assert_array_equal(
        found["padding_mask"], ids_by_hand(texts) != 0
    )
    assert {each.dtype for each in found.values()} == {np.dtype("int32")}


@pytest.mark.parametrize(
    "kind", ["list", "array", "bytes", "series", "batches", "subset"]
)
def test_texts_of_every_kind_are_their_ids(model, rng, kind):
    texts, y = sentences(rng)
    model._texts.settle(texts)
    expected = model.predict(model.tokenize(texts), verbose=0)
    given = {
        "list": lambda: texts,
        "array": lambda: np.array(texts),
        "bytes": lambda: np.array([each.encode() for each in texts]),
        "series": lambda: pytest.importorskip("pandas").Series(texts),
        "batches": lambda: ArrayBatches(np.array(texts, object), y),
        "subset": lambda: SubsetBatches(
            ArrayBatches(np.array(texts), y), np.arange(12), shuffle=False
        ),
    }[kind]()
    if kind == "batches":
        given.shuffle = False
    found = model.predict(given, verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_pipeline_is_tokenized_batch_by_batch(model, rng):
    tf = pytest.importorskip("tensorflow")
    texts, y = sentences(rng)
    pipeline = tf.data.Dataset.from_tensor_slices((texts, y)).batch(4)
    model.compile("auto")
    model.fit(pipeline, epochs=2, verbose=0)
    expected = model.predict(texts, verbose=0)
    found = model.predict(pipeline.map(lambda x, y: x), verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_training_on_texts_is_training_on_ids(preset, rng):
    texts, y = sentences(rng)
    found = []
    for cache in (None, "memory"):
        for as_ids in (False, True):
            keras.utils.set_random_seed(0)
            model = kt.TransferModel(preset, head=2, sequence_length=8)
            x = model.tokenize(texts) if as_ids else texts
            model.compile("sgd", "sparse_categorical_crossentropy")
            options = {"epochs": 2, "verbose": 0, "feature_cache": cache}
            history = model.fit(x, y, validation_data=(x, y), **options)
            found.append(history.history["val_loss"])
    for each in found[1:]:
        np.testing.assert_allclose(each, found[0], rtol=1e-5)


def test_pairs(model):
    pairs = (["a good film", "a plot"], ["dull", "very fine film"])
    model._texts.settle(pairs)
    found = model.tokenize(pairs)
    again = model.tokenize(np.array(pairs).T)
    for name, each in found.items():
        np.testing.assert_array_equal(each, again[name])
    # [CLS] a good film [SEP] dull [SEP]
    assert found["segment_ids"][0].tolist() == [0, 0, 0, 0, 0, 1, 1, 0]
    assert model.predict(pairs, verbose=0).shape == (2, 2)


@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_fine_tune_and_evaluate(model, rng, effort):
    train, validation = sentences(rng, 40), sentences(rng, 20)
    kt.fine_tune(
        model, train, validation=validation, effort=effort, epochs=None
        if effort == "quick" else 2, verbose=0,
    )  # fmt: skip
    logs = model.evaluate(*validation, return_dict=True, verbose=0)
    assert logs["accuracy"] > 0.7


def test_features_are_cached_by_tokenizer_and_length(preset, rng, tmp_path):
    texts, y = sentences(rng)
    found = []
    for length in (8, 12, 8):
        model = kt.TransferModel(preset, head=2, sequence_length=length)
        kept = features(model, (texts, y), cache=tmp_path / "cache", verbose=0)
        found.append(kept.take(kept.rows))
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


LOADED = """
import json, sys
import keras_transfer as kt
model = kt.load_model(sys.argv[1])
scores = model.predict(json.loads(sys.argv[2]), verbose=0)
print(json.dumps([scores.tolist(), model._texts.sequence_length]))
"""


def test_a_file_predicts_texts_in_another_process(model, rng, tmp_path):
    texts, y = sentences(rng)
    model.compile("auto")
    model.fit(texts, y, verbose=0)
    model.save(tmp_path / "m.keras")
    script = tmp_path / "load.py"
    script.write_text(LOADED)
    scores, length = printed_json(
        script, str(tmp_path / "m.keras"), json.dumps(texts)
    )
    np.testing.assert_allclose(
        scores, model.predict(texts, verbose=0), atol=1e-6
    )
    assert length == 8


def test_clones_and_transfer_models_of_it_have_the_tokenizer(model, rng):
    texts, _ = sentences(rng)
    model._texts.settle(texts)
    expected = model.predict(texts, verbose=0)
    np.testing.assert_allclose(
        model.clone().predict(texts, verbose=0), expected, atol=1e-6
    )
    other = kt.TransferModel(model, head=3)
    assert other.predict(texts, verbose=0).shape == (12, 3)


def test_no_layer_and_no_weight_is_more(model):
    ids = kt.TransferModel(model.backbone, head=2)
    assert ids._texts is None
    assert len(ids.blocks) == len(model.blocks)
    assert len(ids.weights) == len(model.weights)


def test_the_longest_text_that_the_backbone_takes(model, capsys):
    long = " ".join(WORDS * 3)
    model._texts.settle([long, "a"])
    assert model._texts.sequence_length == TEXT["max_sequence_length"]
    assert "50.0% of 2 texts are cut" in capsys.readouterr().out
    assert model.predict([long], verbose=0).shape == (1, 2)
    assert model.predict([long * 5000], verbose=0).shape == (1, 2)
    assert model.predict([""], verbose=0).shape == (1, 2)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (np.array(["a", None], object), "Sample 1 is no text. Received: None"),
        (np.array(["a", float("nan")], object), "Sample 1 is no text"),
        (np.array(["a", 3], object), "Received: 3 of type int"),
        (np.array([b"a", b"\xff\xfe"], object), "Text 1 is no UTF-8"),
    ],
)
def test_what_is_no_text(model, texts, message):
    with pytest.raises(ValueError, match=message):
        model.predict(texts, verbose=0)


def test_the_graph_takes_no_texts(model):
    with pytest.raises(ValueError, match=r"model\.predict"):
        model(["a good film"])


def test_a_model_without_a_tokenizer_says_so(rng):
    inputs = keras.Input((4,))
    net = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    model = kt.TransferModel(net, head=2)
    model.compile("auto")
    with pytest.raises(ValueError, match="has no tokenizer"):
        model.fit(["a", "good"], [0, 1], verbose=0)
    with pytest.raises(ValueError, match="has no tokenizer"):
        model.tokenize(["a"])


def test_a_list_of_batches_of_texts(model):
    batches = [(np.array(["a", "good"]), np.array([0, 1]))] * 2
    with pytest.raises(ValueError, match="Received: a list of texts"):
        model.compile("auto")
        model.fit(iter_again(batches), verbose=0)


def iter_again(batches):
    class Again:
        def __iter__(self):
            return iter(batches)

    Again.__name__ = "list"
    return Again()


@pytest.mark.parametrize("length", [2, 13, 4.5, True])
def test_lengths_that_cannot_be(preset, length):
    with pytest.raises(ValueError, match=f"sequence_length={length}"):
        kt.TransferModel(preset, head=2, sequence_length=length)


def test_a_length_for_a_source_without_a_tokenizer():
    inputs = keras.Input((4,))
    net = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    with pytest.raises(ValueError, match="source with a tokenizer"):
        kt.TransferModel(net, head=2, sequence_length=8)


def test_a_preset_without_a_tokenizer_takes_ids(preset, tmp_path, capsys):
    keras_hub = pytest.importorskip("keras_hub")
    folder = tmp_path / "bare"
    keras_hub.models.Backbone.from_preset(str(preset)).save_to_preset(
        str(folder)
    )
    model = kt.TransferModel(folder, head=2)
    assert "comes without a tokenizer" in capsys.readouterr().out
    with pytest.raises(ValueError, match="has no tokenizer"):
        model.tokenize(["a"])


def test_a_clone_settles_a_length_of_its_own(model):
    copy = model.clone()
    copy._texts.settle([" ".join(WORDS * 3)])
    assert copy._texts.sequence_length == 12
    assert model._texts.sequence_length is None


def test_ranking_and_what_is_unknown(preset, rng):
    texts, y = sentences(rng, 60)
    x = np.array(texts)
    ranked = kt.rank_backbones({"small": f"hub:{preset}"}, (x, y), verbose=0)
    assert ranked.best() == "small"
    model = kt.TransferModel(preset, head=2)
    kt.fine_tune(model, (texts, y), effort="quick", verbose=0)
    found = kt.expected_accuracy(
        model, unlabelled=texts, validation=(texts, y), verbose=0
    )
    assert found.num_unlabelled == 60


def test_one_tokenizer_teaches_the_other(preset, rng):
    texts, y = sentences(rng)
    source, target = (kt.TransferModel(preset, head=2) for _ in range(2))
    matcher = kt.FeatureMatcher(
        source=source, target=target, pairs=[("logits", "logits")]
    )
    matcher.compile("adam", "sparse_categorical_crossentropy")
    matcher.fit(texts, y, verbose=0)
    assert target._texts.sequence_length == 8
    target = kt.TransferModel(preset, head=2)
    before = target.get_weights()
    kt.match(
        source=source, target=target, train=(texts, y), epochs=4, verbose=0,
        compare_alone=False,
    )  # fmt: skip
    assert not np.array_equal(before[0], target.get_weights()[0])


def test_other_words_cannot_be_matched(preset, tmp_path, rng):
    keras_hub = pytest.importorskip("keras_hub")
    other = text_preset(keras_hub, tmp_path / "other", WORDS[::-1])
    matcher = kt.FeatureMatcher(
        source=kt.TransferModel(preset, head=2),
        target=kt.TransferModel(other, head=2),
        pairs=[("logits", "logits")],
    )
    matcher.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="different tokenizers"):
        matcher.fit(*sentences(rng), verbose=0)
