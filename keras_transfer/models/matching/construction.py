"""What a `FeatureMatcher` is put together from."""

import warnings

import keras
import numpy as np
from keras import ops

from keras_transfer.backbones.channels import channel_axis
from keras_transfer.backbones.resolving import resolve_backbone
from keras_transfer.layers import ImageNetPreprocessing
from keras_transfer.losses import FeatureMatchingLoss, SoftTargetLoss
from keras_transfer.models.base import SeededModel
from keras_transfer.models.construction import applied, input_like
from keras_transfer.models.matching import source_scale
from keras_transfer.models.matching.pairing import Pair, adapter_for, find_pairs
from keras_transfer.models.matching.similarity import debiased_cka
from keras_transfer.models.matching.taps import (
    in_inference,
    is_masked,
    listed,
    tapped,
)
from keras_transfer.training import freezing


def as_source(source):
    """Returns a source as a model that takes raw input.

    Args:
        source: a `TransferModel`, another functional or Sequential model, or
            a name or path that `resolve_backbone` takes.
    """
    if isinstance(source, SeededModel):
        return source
    resolved = resolve_backbone(source)
    if resolved.preprocessing == "none":
        return resolved.model
    preprocessing = resolved.preprocessing
    if isinstance(preprocessing, str):
        preprocessing = ImageNetPreprocessing(preprocessing)
    inputs = keras.tree.map_structure(input_like, resolved.model.input)
    outputs = resolved.model(applied(preprocessing, inputs))
    return keras.Model(inputs, outputs, name=resolved.model.name)


def check_models(target, source):
    """Raises if one of the two cannot be matched; warns of random weights."""
    if not isinstance(target, keras.Model):
        raise ValueError(
            "The target of a FeatureMatcher is a keras.Model. Received: "
            f"{target!r}. Expected for example TransferModel('ResNet50', 5)."
        )
    shared = {id(v) for v in target.variables} & {
        id(v) for v in source.variables
    }
    if shared:
        raise ValueError(
            f"The source '{source.name}' and the target '{target.name}' share "
            f"{len(shared)} weights: the source would change while the target "
            "trains. Expected two models. `model.clone()` makes a copy of a "
            "TransferModel."
        )
    _check_inputs(target, source)
    if looks_untrained(source):
        warnings.warn(
            f"The source '{source.name}' looks untrained: every bias and "
            "every running mean in it is 0. Its features are those of random "
            "weights. Load the weights it was trained to.",
            stacklevel=3,
        )


def looks_untrained(model):
    """Whether all that starts at zero still is: biases and running means."""
    names = ("bias", "beta", "moving_mean")
    starts = [v for v in model.variables if v.path.split("/")[-1] in names]
    return bool(starts) and not any(
        ops.convert_to_numpy(v).any() for v in starts
    )


def _check_inputs(target, source):
    mine, theirs = (
        keras.tree.flatten(target.input),
        keras.tree.flatten(source.input),
    )
    shapes = (
        [tuple(x.shape[1:]) for x in mine],
        [tuple(x.shape[1:]) for x in theirs],
    )
    fits = len(mine) == len(theirs) and all(
        _fits(a, b) for a, b in zip(*shapes, strict=True)
    )
    if not fits:
        raise ValueError(
            f"The source '{source.name}' and the target '{target.name}' "
            "cannot be given the same data. Received: inputs of shape "
            f"{shapes[1]} for the source and {shapes[0]} for the target. "
            "Images may differ in size, but neither in channels nor in their "
            "place (channels first or last); everything else must be equal. "
            "TransferModel(..., input_shape=...) adapts a model."
        )


def _fits(a, b):
    if len(a) != len(b):
        return False
    if len(a) != 3:
        return all(x == y or None in (x, y) for x, y in zip(a, b, strict=True))
    axis = channel_axis(a)
    return channel_axis(b) == axis and a[axis] == b[axis]


def matched_pairs(target, source, pairs, loss, soft_targets, data):
    """Returns the list of `Pair`, with adapters and weights."""
    similarity = None
    if data is not None and isinstance(pairs, str):
        similarity = _similarity_of(target, source, data)
    found = find_pairs(source, target, pairs, similarity)
    losses = _one_each(loss, len(found))
    soft = _soft_loss(target, source, soft_targets)
    if soft is not None:
        found += find_pairs(source, target, ["logits"])
        losses.append(soft)
    features = sum(not each.on_logits for each in losses)
    return [
        Pair(
            source=a,
            target=b,
            adapter=adapter_for(a, b, each, f"adapter_{index}"),
            scale=source_scale.scale_for(a, each, f"scale_{index}"),
            loss=each,
            weight=1.0 if each.on_logits else 1.0 / features,
        )
        for index, ((a, b), each) in enumerate(zip(found, losses, strict=True))
    ]


def _one_each(loss, count):
    if isinstance(loss, list | tuple):
        losses = [_as_loss(each) for each in loss]
        if len(losses) != count:
            raise ValueError(
                f"`loss` has {len(losses)} entries for {count} pairs. Expected "
                "one loss, or a list with one for each pair."
            )
        return losses
    return [_as_loss(loss)] * count


def _as_loss(loss):
    if isinstance(loss, FeatureMatchingLoss):
        return loss
    return FeatureMatchingLoss(loss)


def _soft_loss(target, source, soft_targets):
    """The loss on logits as well, or `None`."""
    if isinstance(soft_targets, str) and soft_targets == "auto":
        names = getattr(source, "class_names", None)
        same = names and names == getattr(target, "class_names", None)
        soft_targets = bool(same)
    if soft_targets is True:
        soft_targets = SoftTargetLoss()
    return _as_loss(soft_targets) if soft_targets else None


class Parts:
    """Source and target with their features, each in one pass.

    Args:
        target: the target model.
        source: the source model.
        pairs: list of `Pair`.
    """

    def __init__(self, target, source, pairs):
        self.pairs = pairs
        augmentation = getattr(target, "augmentation", None)
        self.augments = augmentation is not None
        self.target = tapped(
            target,
            [pair.target for pair in pairs],
            also=[augmentation.name] if self.augments else (),
        )
        self.source = _on_input_of(
            target, tapped(source, [pair.source for pair in pairs])
        )
        # Padded steps are zero, and stay so.
        self.are_padded = [
            is_masked(source, pair.source) and not pair.source.is_pooled
            for pair in pairs
        ]

    def run(self, inputs, given, training):
        """Returns `(output, source features, target features)`.

        Args:
            inputs: what the target takes.
            given: the source's features, `None` to compute them.
            training: whether the target is in training.
        """
        output, *features = self.target(inputs, training=training)
        if self.augments:
            inputs, *features = features
        if given is None:
            given = self.source(inputs, training=False)
        return output, self._at_scale(given), features

    def run_once(self, inputs):
        """The same in inference mode, outside of a training step."""
        output, *features = in_inference(self.target, inputs)
        if self.augments:
            inputs, *features = features
        given = in_inference(self.source, inputs)
        return output, self._at_scale(given), features

    def _at_scale(self, given):
        return [
            _like(x, _scaled(x, pair)) if padded else _scaled(x, pair)
            for x, pair, padded in self._each(listed(given))
        ]

    @property
    def scales(self):
        """What brings the features of each pair to one scale, or `None`."""
        return [pair.scale for pair in self.pairs]

    @property
    def is_scaled(self):
        """Whether the source's features are at the scale of the data."""
        return source_scale.are_measured(self.scales)

    def scale_by(self, batches):
        """Brings the source's features to one scale, by batches of inputs."""
        source_scale.measure(self.source, self.scales, batches)

    def adapted(self, features, source):
        """The target's features, as the losses want them.

        Args:
            features: the target's.
            source: the source's.
        """
        adapted = []
        for (x, pair, padded), like in zip(
            self._each(features), source, strict=True
        ):
            x = _adapted(x, pair)
            by_position = pair.loss.agree in ("shape", "space")
            adapted.append(_like(like, x) if padded and by_position else x)
        return adapted

    def _each(self, features):
        return zip(features, self.pairs, self.are_padded, strict=True)


def _adapted(x, pair):
    wanted = pair.source.shape
    if len(x.shape) == 1 + len(wanted) and x.shape[-1] == wanted[-1]:
        # The map begins as the identity: a copy of the source would agree.
        x = _scaled(x, pair)
    return x if pair.adapter is None else pair.adapter(x)


def _scaled(x, pair):
    return x if pair.scale is None else pair.scale(x, training=False)


def _like(padded, x):
    """Sets to zero what is zero in all channels of `padded`."""
    kept = ops.any(ops.not_equal(padded, 0), axis=-1, keepdims=True)
    return ops.where(kept, x, ops.zeros_like(x))


def _on_input_of(target, source):
    """The source's features from what the target takes, without its output."""
    inputs = keras.tree.map_structure(input_like, target.input)
    wanted = keras.tree.flatten(source.input)
    resized = [
        _at_size(x, like)
        for x, like in zip(keras.tree.flatten(inputs), wanted, strict=True)
    ]
    x = keras.tree.pack_sequence_as(source.input, resized)
    return keras.Model(inputs, source(x)[1:])


def _at_size(x, like):
    if len(x.shape) != 4:
        return x
    axis = channel_axis(tuple(like.shape[1:])) + 1
    sizes = [n for i, n in enumerate(like.shape) if i not in (0, axis)]
    have = [n for i, n in enumerate(x.shape) if i not in (0, axis)]
    if None in sizes or sizes == have:
        return x
    first = "channels_first" if axis == 1 else "channels_last"
    return ops.image.resize(x, sizes, antialias=True, data_format=first)


def similarities(parts, data):
    """Returns the debiased CKA of each pair on a batch of inputs.

    Raises:
        ValueError: the source's weights or features are not numbers.
    """
    _check_weights(parts.source)
    _, source, target = parts.run_once(data)
    found = []
    for pair, a, b in zip(parts.pairs, source, target, strict=True):
        a, b = ops.convert_to_numpy(a), ops.convert_to_numpy(b)
        _check_finite(a, pair)
        found.append(debiased_cka(a, b))
    return found


def _check_weights(source):
    # Compiled by XLA, max pooling turns NaN into -infinity and the next ReLU
    # into 0: the features would look like any others.
    for variable in source.weights:
        if not np.isfinite(ops.convert_to_numpy(variable)).all():
            raise ValueError(
                "The source's weights are not all numbers. Received: NaN or "
                f"infinity in '{variable.path}'. Its training went wrong: "
                "give the weights of an earlier epoch."
            )


def _check_finite(features, pair):
    """Raises if features of the source hold NaN or infinity."""
    bad = ~np.isfinite(np.asarray(features, "float32"))
    if bad.any():
        raise ValueError(
            f"The source's features at '{pair.source.name}' are not all "
            f"numbers. Received: NaN or infinity in {bad.mean():.1%} of them. "
            "Look at its weights and at the range of its input."
        )


def _similarity_of(target, source, data):
    """`f(source taps, target taps)`: CKA of all of them on `data`."""

    def similarity(source_taps, target_taps):
        model = _on_input_of(target, tapped(source, source_taps))
        theirs = in_inference(model, data)
        mine = in_inference(tapped(target, target_taps), data)[1:]
        theirs, mine = (
            [ops.convert_to_numpy(x) for x in side] for side in (theirs, mine)
        )
        return np.array([[debiased_cka(a, b) for b in mine] for a in theirs])

    return similarity


class MatcherPlan:
    """The target's `FreezePlan`, with adapters that always train."""

    def __init__(self, target, adapters):
        self._plan = freezing.freeze_plan(target)
        self._adapters = adapters

    @property
    def blocks(self):
        return self._plan.blocks

    @property
    def head(self):
        return [*self._plan.head, *self._adapters]

    @property
    def depth(self):
        return self._plan.depth

    @depth.setter
    def depth(self, depth):
        self._plan.depth = depth

    @property
    def train_batch_norm(self):
        return self._plan.train_batch_norm

    @train_batch_norm.setter
    def train_batch_norm(self, value):
        self._plan.train_batch_norm = value
