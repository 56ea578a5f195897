"""`Plan`: what a recipe is going to do, each value settled."""

import dataclasses

# Of a head that is trained, where nothing is given.
HEAD_RATES = (3e-4, 1e-3, 3e-3)
HEAD_EPOCHS = 20


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of a recipe: the head, then the blocks, then what is kept.

    Attributes:
        kind: how the head is solved, or `None` if it is trained.
        hold_out: share of the samples to validate on, 0 for none.
        epochs: most epochs of fine-tuning.
        blocks: blocks that are fine-tuned.
        rate: peak learning rate.
        schedule: how the rate goes on from there: `"cosine"`, after a
            warm-up, `"linear"` to 0, or `"constant"`.
        optimizer: `"adam"`, `"adamw"` or `"sgd"`.
        weight_decay: of AdamW.
        layer_decay: factor of the rate from block to block.
        gradual: whether the blocks join one after the other.
        l2sp: strength of L2-SP.
        interpolate: whether weights in between are tried.
        views: augmented versions of each sample; 0 draws anew each epoch.
        patience: epochs without a better one before it stops.
        horizontal_flips: whether the head is solved on horizontal flips too;
            `None` is as the validation loss says.
        is_full: whether all blocks train to the end of the schedule, for a
            fixed number of steps.
        batch_size: samples a step; `None` is as the data have it.
        head_start: factor of the solved head's logits at the start.
        head_epochs: most epochs of a head that is trained; 0 leaves the head
            as it is.
        head_rates: learning rates that are tried for it.
        keeps_best_epoch: whether the best epoch of head and blocks is kept as
            it is, and nothing is trained again.
        cross_validates: whether the penalty of a solved head is picked by
            folds where there are no validation data.
        ends: how many trainings with all samples, each in an order of its own;
            the weights of as many as pay are averaged.
        trains_flips: whether all blocks train on pictures turned left to
            right too, where the head has gained by them.
        mixing: how the samples of each batch are mixed, or `None`.
        limits_folds: whether folds have to end within a few minutes.
    """

    kind: str | None
    hold_out: float
    epochs: int
    blocks: int
    rate: float
    schedule: str = "cosine"
    optimizer: str = "adam"
    weight_decay: float = 0.0
    layer_decay: float = 1.0
    gradual: bool = False
    l2sp: float = 0.0
    interpolate: bool = True
    views: int = 0
    patience: int = 2
    horizontal_flips: bool | None = False
    is_full: bool = False
    batch_size: int | None = None
    head_start: float = 1.0
    head_epochs: int = HEAD_EPOCHS
    head_rates: tuple = HEAD_RATES
    keeps_best_epoch: bool = False
    cross_validates: bool = True
    ends: int = 1
    trains_flips: bool = False
    mixing: str | None = None
    limits_folds: bool = True
