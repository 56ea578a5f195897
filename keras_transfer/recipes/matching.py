"""`match`: stage 3 and 4 in one call, features first and labels afterwards."""

import dataclasses

import keras
import numpy as np

from keras_transfer.feature_cache import FeatureCache
from keras_transfer.feature_cache.rows import num_bytes
from keras_transfer.freezing import set_trainable_depth
from keras_transfer.joined_inputs import JoinedInputs
from keras_transfer.memory import available_bytes
from keras_transfer.models import FeatureMatcher
from keras_transfer.recipes.best_weights import BestWeights, Stage, compared
from keras_transfer.recipes.data_parts import as_numbered, hold_out, parts
from keras_transfer.recipes.fine_tuning import FineTuneResult, fine_tune
from keras_transfer.recipes.training import rising_and_falling

# Held out of the labelled samples where there are no validation data.
_HELD_OUT = 0.2
# Samples by whose features pairs are chosen.
_LOOKED_AT = 32


@dataclasses.dataclass
class MatchResult(FineTuneResult):
    """What `match` did: a `FineTuneResult`, and the pairs.

    Attributes:
        pairs: the pairs of features that were matched; they print as a table.
    """

    pairs: object = None


def match(
    target,
    source,
    train,
    unlabelled=None,
    validation=None,
    *,
    epochs=5,
    learning_rate=1e-3,
    pairs="auto",
    loss=None,
    soft_targets="auto",
    batch_size=32,
    seed=0,
    verbose="auto",
    **fine_tuning,
):
    """Trains a target on the features of a source, then on the labels.

    1. Matching. The target learns to have the source's features on all
       samples, labelled or not, and its scores too where both name the same
       classes. The source runs over the data once.
    2. The labels. `fine_tune` solves the head on the features that came of
       it, and trains further as far as validation says it pays.
    3. Where scores were matched, the head that learnt them is kept if it is
       better on validation than what the labels made of it.

    Args:
        target: a `TransferModel`; weights that are random are fine. A
            compiled one keeps its loss and metrics.
        source: what `FeatureMatcher` takes for a source.
        train: labelled data, as in `fine_tune`.
        unlabelled: further samples without labels (labels are ignored):
            arrays, or a data set that can be walked over again.
        validation: labelled data, or `None` to hold out a fifth.
        epochs: epochs of matching.
        learning_rate: peak rate of Adam in matching; it rises over the first
            tenth of the steps and falls along a cosine.
        pairs: as in `FeatureMatcher`.
        loss: as in `FeatureMatcher`.
        soft_targets: as in `FeatureMatcher`.
        batch_size: samples a step.
        seed: seed of the order of samples and of what is held out.
        verbose: as in `keras.Model.fit`; 0 prints nothing.
        **fine_tuning: further arguments of `fine_tune`.

    Returns:
        A `MatchResult`.

    Raises:
        ValueError: arguments, models or data that do not fit.

    Example:

    ```python
    source = kt.load_model("vgg16_flowers.keras")
    target = kt.TransferModel("ResNet50", head=5)
    result = kt.match(target, source, kt.data.load("flowers"))
    print(result.pairs)
    ```

    Reference:
        Romero et al. 2015, FitNets: Hints for Thin Deep Nets (features first,
        then the task); Hinton et al. 2015 (scores).
    """
    if not getattr(target, "compiled", False):
        target.compile("auto")
    names = getattr(getattr(train, "train", train), "class_names", None)
    if target.class_names is None and names:
        target.class_names = list(names)
    train, validation = parts(
        train, validation, batch_size=batch_size, seed=seed
    )
    if validation is None:
        train, validation = hold_out(train, _HELD_OUT, seed)
    # Frozen, a target would have nothing to match with.
    set_trainable_depth(target, len(target.blocks))
    every = [train]
    if unlabelled is not None:
        every.append(as_numbered(unlabelled, "unlabelled", batch_size, seed))
    every = JoinedInputs(every, batch_size=batch_size, seed=seed)
    result = MatchResult()
    best = BestWeights(target)
    matcher = FeatureMatcher(
        target, source, pairs=pairs, loss=loss, soft_targets=soft_targets,
        task_weight=0, data=_some(every),
    )  # fmt: skip
    result.pairs = matcher.pairs
    if verbose:
        print(matcher.pairs)
    with Stage("matching", result, best):
        _match(matcher, every, epochs, learning_rate, best, verbose)
    target.mark_pretrained()
    learnt = None
    if any(pair.loss.on_logits for pair in matcher.pairs):
        learnt = _judged(target, validation)
    tuned = fine_tune(
        target, train, validation, batch_size=batch_size, seed=seed,
        verbose=verbose, **fine_tuning,
    )  # fmt: skip
    return _together(result, tuned, target, learnt, verbose)


def _match(matcher, every, epochs, rate, best, verbose):
    rates = rising_and_falling(rate, epochs * len(every))
    matcher.compile(keras.optimizers.Adam(rates))
    matcher.fit(
        every,
        epochs=epochs,
        feature_cache=_cache_for(matcher, every),
        callbacks=[best],
        verbose=verbose,
    )


def _cache_for(matcher, every):
    """A cache for the source's features, `None` if they should not be kept."""
    if matcher.parts.augments:
        return None
    shapes = [pair.source.shape for pair in matcher.pairs]
    if any(axis is None for shape in shapes for axis in shape):
        return None
    needed = sum(num_bytes(every.num_samples, s, "float32") for s in shapes)
    free = available_bytes()
    fits = free is None or needed <= free / 4
    return FeatureCache("memory") if fits else None


def _some(every):
    count = min(_LOOKED_AT, every.num_samples)
    # Spread over all parts: the labelled samples come first.
    numbers = np.linspace(0, every.num_samples - 1, count).astype(int)
    return every.read(numbers)[0]


def _judged(target, validation):
    """`(weights, row)` of the target as it is."""
    logs = target.evaluate(validation, verbose=0, return_dict=True)
    row = {f"val_{name}": float(value) for name, value in logs.items()}
    return target.get_weights(), row


def _together(result, tuned, target, learnt, verbose):
    """One result of both stages; the target gets the better weights."""
    for name in ("history", "stages", "choices"):
        setattr(result, name, [*getattr(result, name), *getattr(tuned, name)])
    result.best, result.warnings = tuned.best, tuned.warnings
    result.interrupted = tuned.interrupted
    if learnt is not None and compared(learnt[1]) < compared(tuned.best):
        target.set_weights(learnt[0])
        result.best = {"stage": "matching", **learnt[1]}
        choice = {
            "choice": "weights",
            "value": "those of matching",
            "reason": f"validation loss {compared(learnt[1]):.4f}, "
            f"{compared(tuned.best):.4f} after the labels",
        }
        result.choices.append(choice)
        if verbose:
            print(f"{choice['choice']}: {choice['value']} ({choice['reason']})")
    return result
