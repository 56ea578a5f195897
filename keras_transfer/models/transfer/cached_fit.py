"""`fit` on activations that the frozen part of a model has put out before."""

import contextlib

import keras

from keras_transfer import _private
from keras_transfer.data.batches import ArrayBatches, ReorderedBatches
from keras_transfer.data.first_batch import are_arrays
from keras_transfer.data.samples import samples_of
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.models.transfer.cache_segments import Stages, planned_depths
from keras_transfer.models.transfer.continued_fit import (
    DepthMoved,
    OneTraining,
    StageWatch,
)


def fit_cached(
    model,
    fit,
    x,
    *,
    feature_cache,
    epochs,
    initial_epoch,
    callbacks,
    order,
    verbose,
    validation_data,
    seed,
    **options,
):
    """Trains in calls of `fit`, one for each boundary; returns the History.

    For the callbacks it is one training. The samples come in the order of the
    uncached run.

    Args:
        model: a `TransferModel`.
        fit: `keras.Model.fit`, bound to it.
        x: the training data, arrays already wrapped.
        feature_cache: a `FeatureCache`.
        epochs: as in `fit`.
        initial_epoch: as in `fit`.
        callbacks: a list.
        order: the callback that tells data which epoch it is.
        verbose: as in `fit`.
        validation_data: as in `fit`.
        seed: seed of the order of a data set that shuffles by itself.
        **options: the other arguments of `fit`.

    Raises:
        ValueError: the numbers would not be those of the uncached run.
    """
    _check_call(model)
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    samples = samples_of(x, seed=seed)
    if samples.note:
        print(samples.note)
    watch = StageWatch()
    training = OneTraining(
        [*callbacks, order, watch],
        add_history=True,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs,
        steps=options.get("steps_per_epoch") or _num_batches(x),
        model=model,
    )
    model.stop_training = False
    training.begin()
    epoch = _private.epoch_to_start_at(model) or initial_epoch
    stages = Stages(
        model,
        samples,
        _validation_samples(validation_data, options),
        feature_cache,
        planned_depths(model, callbacks, range(epoch, epochs)),
        verbose,
    )
    loop = _Loop(model, fit, x, validation_data, stages, watch, order)
    try:
        with _private.not_finalizing(_innermost(model)):
            loop.run(training, epoch, epochs, verbose, options)
    finally:
        model.use_suffix(None)
    if epochs > epoch:
        model.optimizer.finalize_variable_values(model.trainable_weights)
    training.end()
    return model.history


class _Loop:
    """One call of `fit` after another."""

    def __init__(self, model, fit, x, validation_data, stages, watch, order):
        self.model, self.fit, self.x = model, fit, x
        self.validation_data = validation_data
        self.stages, self.watch, self.order = stages, watch, order

    def run(self, training, epoch, epochs, verbose, options):
        while epoch < epochs:
            depth = self.stages.depth_for(epoch)
            until = self.stages.stretch(epoch, epochs)
            train, validation = self._data(depth, epoch, until, epochs)
            full = len(self.model.blocks)
            self.watch.watch(full if depth is None else depth, epoch)
            with contextlib.suppress(DepthMoved):
                self.fit(
                    train,
                    validation_data=validation,
                    epochs=until,
                    initial_epoch=epoch,
                    callbacks=training,
                    verbose=verbose,
                    **options,
                )
            epoch = self.watch.next_epoch
            self.stages.trained(depth)
            if self.watch.went_deeper:
                self.stages.forget_plan()
            if self.model.stop_training and not self.watch.moved:
                break

    def _data(self, depth, epoch, until, epochs):
        if depth is None:
            self.model.use_suffix(None)
            return self._in_order(self.x, epoch), self.validation_data
        known = depth in self.stages.made
        boundary, train, validation = self.stages.at(depth, epoch)
        if not known and self.stages.seconds and self.stages.verbose:
            self._report(train, epochs - epoch)
        self.model.use_suffix(boundary.suffix)
        like = self.x if isinstance(self.x, SeededBatches) else None
        batches = self._in_order(train.batches(like), epoch)
        if validation is None:
            return batches, self.validation_data
        return batches, validation.batches()

    def _in_order(self, batches, epoch):
        if isinstance(batches, SeededBatches):
            batches = batches.starting_at(epoch)
            self.order.batches = batches
        return batches

    def _report(self, train, num_epochs):
        seconds, self.stages.seconds = self.stages.seconds, 0.0
        print(
            f"feature cache ({self.stages.cache.place}): {train.num_rows} "
            f"samples through the frozen part once, {seconds:.1f} s, instead "
            f"of in each of {num_epochs} epochs"
        )


def _validation_samples(data, options):
    """Validation data as `Samples`; `None` if they are read as they come."""
    if data is None or options.get("validation_steps"):
        return None
    if isinstance(data, tuple) or are_arrays(data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        size = options.get("validation_batch_size") or 32
        data = ArrayBatches(x, y, weights, batch_size=size, shuffle=False)
    elif isinstance(data, keras.utils.PyDataset) and not isinstance(
        data, SeededBatches
    ):
        data = ReorderedBatches(data)
        data.shuffle = False
    elif hasattr(data, "__next__") or not hasattr(data, "__iter__"):
        return None
    return samples_of(data)


def _num_batches(x):
    """The number of batches of a data set; `None` if it does not know."""
    try:
        return len(x)
    except TypeError:
        return None


def _innermost(model):
    return _private.wrapped_optimizers(model.optimizer)[-1]


def _check_call(model):
    if not _private.runs_its_graph(model):
        raise ValueError(
            "feature_cache= would not give the numbers of an uncached "
            f"training: {type(model).__name__} has a `call` of its own, which "
            "activations would go past. Leave feature_cache out."
        )
