"""The pairs of a matcher: their features, adapter, scale, loss and weight."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras

from keras_transfer import graph
from keras_transfer._private.types import Nested
from keras_transfer.layers import FeatureAdapter
from keras_transfer.losses import FeatureMatchingLoss, SoftTargetLoss
from keras_transfer.models.matching import source_scale
from keras_transfer.models.matching.pairing import find_pairs
from keras_transfer.models.matching.similarity import similarity_of
from keras_transfer.models.matching.taps import Tap, as_scores
from keras_transfer.storage.printing import brief
from keras_transfer.storage.tables import format_table

if TYPE_CHECKING:
    from keras_transfer.losses.base import FeatureLoss


@dataclasses.dataclass
class Pair:
    """Features of the source, and those of the target that should be like it.

    Attributes:
        source: the source's `Tap`.
        target: the target's `Tap`.
        adapter: the `FeatureAdapter` behind the target's tap, or `None`.
        loss: the `FeatureMatchingLoss`.
        weight: the pair's share of the matching loss.
        scale: what brings the source's channels to one scale, or `None`.
        similarity: debiased CKA of the target's features with the source's
            before matching, `None` until it is measured.
        similarity_after: the same after it.
    """

    source: Tap
    target: Tap
    adapter: FeatureAdapter | None
    loss: FeatureMatchingLoss
    weight: float
    scale: keras.layers.Layer | None = None
    similarity: float | None = None
    similarity_after: float | None = None

    @property
    def similarity_change(self) -> float | None:
        """How much it rose, or fell if negative; `None` if not measured."""
        if self.similarity is None or self.similarity_after is None:
            return None
        return self.similarity_after - self.similarity

    @property
    def name(self) -> str:
        """What the pair is called in the History."""
        return self.target.name

    def __repr__(self) -> str:
        return brief(
            self,
            f"{self.source.name} {self.source.shape} and "
            f"{self.target.name} {self.target.shape}",
            self.loss.distance.name,
        )


class Pairs(tuple):
    """The pairs of a `FeatureMatcher`; `print` shows them as a table."""

    def __repr__(self) -> str:
        names = ", ".join(f"{p.source.name} and {p.target.name}" for p in self)
        return brief(self, len(self), names)

    def __str__(self) -> str:
        columns = [
            "source", "shape", "target", "shape", "adapter", "distance",
            "weight", "CKA before", "after", "change",
        ]  # fmt: skip
        rows = [
            (
                pair.source.name, pair.source.shape,
                pair.target.name, pair.target.shape,
                _described(pair), pair.loss.distance.name,
                f"{pair.weight:.3g}", _number(pair.similarity),
                _number(pair.similarity_after),
                _number(pair.similarity_change, "+z.3f"),
            )
            for pair in self
        ]  # fmt: skip
        return format_table(columns, rows, title=f"{len(self)} pairs")


def matched_pairs(
    source: keras.Model,
    target: keras.Model,
    pairs: str | Sequence,
    loss: Nested,
    soft_targets: bool | str | keras.losses.Loss,
    data: Nested,
) -> list[Pair]:
    """Returns the list of `Pair`, with adapters and weights."""
    similarity = None
    if data is not None and isinstance(pairs, str):
        similarity = similarity_of(source, target, data)
    found = find_pairs(source, target, pairs, similarity)
    losses = _one_each(loss, len(found))
    soft = _soft_loss(source, target, soft_targets)
    if soft is not None:
        found += find_pairs(source, target, ["logits"])
        losses.append(soft)
    found = [
        (as_scores(a), as_scores(b)) if each.on_logits else (a, b)
        for (a, b), each in zip(found, losses, strict=True)
    ]
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


def adapter_for(
    source: Tap, target: Tap, loss: FeatureMatchingLoss, name: str
) -> FeatureAdapter | None:
    """Returns the `FeatureAdapter` that a pair needs for its loss, or `None`.

    Losses that compare feature by feature always get a linear map, unless
    they take the features as they come: no two models have the same scales,
    and fewest steps are needed where these are learnt apart.

    Raises:
        ValueError: the target's features cannot be brought to that shape.
    """
    if loss.on_logits and source.shape != target.shape:
        raise ValueError(
            f"'{loss.distance.name}' compares logits of the same classes. "
            f"Received: {source.shape} of the source and {target.shape} of "
            "the target. Pair features, or give both models the same classes."
        )
    if loss.on_logits and source.shape[-1] == 1:
        raise ValueError(
            f"'{loss.distance.name}' compares the scores of classes. Received: "
            "one number a sample, of which it is always 0. Expected two "
            "classes or more, or one sigmoid. Compare numbers with 'mse'."
        )
    wanted = {
        "shape": source.shape,
        "space": (*source.positions, None),
        "channels": (*(None for _ in target.positions), source.shape[-1]),
        "batch": target.shape,
    }[loss.agree]
    have = target.shape
    by_feature = loss.agree == "shape" and not loss.on_logits
    always = by_feature and loss.normalize
    fits = len(wanted) == len(have) and all(
        w is None or w == h for w, h in zip(wanted, have, strict=True)
    )
    if fits and not always:
        return None
    adapter = FeatureAdapter(wanted, always, name=name)
    adapter.build((None, *have))
    return adapter


def _one_each(loss: Nested, count: int) -> list[FeatureMatchingLoss]:
    if isinstance(loss, list | tuple):
        losses = [_as_loss(each) for each in loss]
        if len(losses) != count:
            raise ValueError(
                f"`loss` has {len(losses)} entries for {count} pairs. Expected "
                "one loss, or a list with one for each pair."
            )
        return losses
    return [_as_loss(loss)] * count


def _as_loss(
    loss: str | FeatureLoss | FeatureMatchingLoss,
) -> FeatureMatchingLoss:
    if isinstance(loss, FeatureMatchingLoss):
        return loss
    return FeatureMatchingLoss(loss)


def _soft_loss(
    source: keras.Model,
    target: keras.Model,
    soft_targets: bool | str | keras.losses.Loss,
) -> FeatureMatchingLoss | None:
    """The loss on logits as well, or `None`."""
    if isinstance(soft_targets, str) and soft_targets == "auto":
        names = getattr(source, "class_names", None)
        same = names and names == getattr(target, "class_names", None)
        soft_targets = same and _has_classes(source) and _has_classes(target)
    if soft_targets is True:
        soft_targets = SoftTargetLoss()
    return _as_loss(soft_targets) if soft_targets else None


def _has_classes(model: keras.Model) -> bool:
    """Whether the outputs are of classes, not numbers with names."""
    return graph.activation_of(model) in ("softmax", "sigmoid")


def _described(pair: Pair) -> str:
    if pair.adapter is None:
        return "-"
    return "projection" if pair.adapter.projection is not None else "resize"


def _number(value: float | None, form: str = ".3f") -> str:
    return "" if value is None else format(value, form)
