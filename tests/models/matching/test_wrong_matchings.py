"""What cannot be matched, and what is wrong with it."""

import keras
import numpy as np
import pytest
from small_matching import net, numpy, target

import keras_transfer as kt
from keras_transfer import graph


class TestWrong:
    @pytest.mark.slow
    def test_a_frozen_target(self, source, data):
        model = net(4, 8, 8)
        matcher = kt.FeatureMatcher(source=source, target=model)
        matcher.compile("auto")
        with pytest.warns(UserWarning, match="None of the blocks"):
            matcher.fit(*data, verbose=0)
        features = model.backbone.get_weights()
        kt.unfreeze(matcher)
        matcher.fit(*data, verbose=0)
        moved = zip(features, model.backbone.get_weights(), strict=True)
        assert any((a != b).any() for a, b in moved)

    def test_the_same_model(self, source):
        with pytest.raises(ValueError, match="share"):
            kt.FeatureMatcher(source=source, target=source)

    def test_random_weights(self):
        with pytest.warns(UserWarning, match="looks untrained"):
            kt.FeatureMatcher(
                source=net(4, 8, 8, weights=None), target=target()
            )

    def test_a_trained_target_and_a_source_that_is_not(self, source):
        with pytest.raises(ValueError, match="are the two swapped"):
            kt.FeatureMatcher(source=target(), target=source)

    def test_other_channels(self, source):
        grey = net(4, 8, size=(16, 16, 1), weights=None)
        with pytest.raises(ValueError, match="cannot be given the same"):
            kt.FeatureMatcher(source=source, target=grey)

    def test_nothing_to_pair(self, source):
        with pytest.raises(ValueError, match="nothing to match"):
            kt.FeatureMatcher(source=source, target=target(), pairs=[])

    @pytest.mark.parametrize("pairs", ["all", 3, [3], [(0, 1, 2)]])
    def test_no_pairs(self, pairs, source):
        with pytest.raises(ValueError, match="`pairs` is 'auto' or a list"):
            kt.FeatureMatcher(source=source, target=target(), pairs=pairs)

    @pytest.mark.parametrize("end", [9, "conv_77"])
    def test_no_such_features(self, end, source):
        with pytest.raises(ValueError, match=r"Its blocks: .*conv_0"):
            kt.FeatureMatcher(source=source, target=target(), pairs=[(end, 0)])

    def test_a_vector_to_a_map(self, source):
        model = net(4, 8, weights=None)
        pooled = keras.layers.GlobalAveragePooling2D()(model.backbone.output)
        vector = kt.TransferModel(
            keras.Model(model.backbone.input, pooled), 3, preprocessing=None
        )
        cut = next(c for c in graph.cut_points(vector) if len(c.shape) == 2)
        matcher = kt.FeatureMatcher(
            source=source, target=vector, pairs=[(-1, cut.name)]
        )
        assert matcher.pairs[0].source.shape == (12,)

    def test_logits_of_other_classes(self, source):
        with pytest.raises(ValueError, match="same classes"):
            kt.FeatureMatcher(
                source=source, target=net(4, head=5, weights=None),
                pairs=["logits"],
                loss="kl",
            )  # fmt: skip

    def test_losses_for_other_pairs(self, source):
        with pytest.raises(ValueError, match="2 entries for 1 pairs"):
            kt.FeatureMatcher(
                source=source,
                target=target(),
                pairs=[(0, 0)],
                loss=["mse", "cosine"],
            )

    @pytest.mark.parametrize("weight", [-1, "much", float("nan"), [1, 2]])
    def test_weights(self, weight, source):
        with pytest.raises(ValueError, match="matching_weight"):
            kt.FeatureMatcher(
                source=source, target=target(), matching_weight=weight
            )

    def test_mixed_samples(self, source, data):
        matcher = kt.FeatureMatcher(source=source, target=target())
        matcher.compile("auto")
        with pytest.raises(ValueError, match=r"mix when matcher\.target"):
            matcher.fit(*data, verbose=0, mixing="mixup")

    def test_features_that_are_no_numbers(self, source, data):
        kernel = source.backbone.layers[1].kernel
        kernel.assign(numpy(kernel) * np.nan)
        matcher = kt.FeatureMatcher(source=source, target=target())
        matcher.compile("auto")
        with pytest.raises(ValueError, match="not all numbers"):
            matcher.fit(*data, verbose=0)

    @pytest.mark.slow
    def test_a_loss_that_is_no_number_any_more(self, source, data):
        matcher = kt.FeatureMatcher(source=source, target=target())
        matcher.compile(keras.optimizers.SGD(1e30),
                        "sparse_categorical_crossentropy")  # fmt: skip
        with pytest.raises(ValueError, match="not a number after epoch"):
            matcher.fit(*data, epochs=3, verbose=0)
