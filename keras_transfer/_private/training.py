"""Private names of the trainers."""

from collections.abc import Container, Iterable

import keras
from keras.src.backend.common import global_state
from keras.src.losses.loss import unscale_loss_for_distribution
from keras.src.random.seed_generator import global_seed_generator

from keras_transfer._private.types import Nested, Tensor


def rebuild_train_function(model: keras.Model) -> None:
    """Makes the next training step see the present `trainable` flags.

    Works inside `fit` and between two `fit` calls; a model that has not been
    trained yet needs nothing. Uses `Model.make_train_function(force=True)`
    and `Model.train_function`.
    """
    if getattr(model, "train_function", None) is not None:
        model.make_train_function(force=True)


def sync_state(model: keras.Model) -> None:
    """Writes what a running JAX epoch holds back into the variables.

    A no-op on the other backends. Uses `Model.jax_state_sync`.
    """
    if keras.backend.backend() == "jax" and not model._jax_state_synced:
        model.jax_state_sync()
        # The next step then reads its state from the variables again.
        model._jax_state_synced = True


def global_seed_state(create: bool = False) -> keras.Variable | None:
    """Returns the state of the seed generator that all unseeded layers share.

    As long as nothing has asked for it, `None`, or a new one with `create`.
    Uses `global_state.get_global_attribute` and `global_seed_generator`.
    """
    generator = global_state.get_global_attribute("global_seed_generator")
    if generator is None and create:
        generator = global_seed_generator()
    return None if generator is None else generator.state


def additional_loss(model: keras.Model, value: Tensor) -> Tensor:
    """Returns a further loss in the form in which it is added to the others.

    Under `tf.distribute` each replica adds its share. Uses
    `Trainer._aggregate_additional_loss`.
    """
    return model._aggregate_additional_loss(value)


def compiled_loss(model: keras.Model) -> keras.losses.Loss | None:
    """Returns what `compile(loss=...)` was made of, `None` without one.

    Uses `Trainer._compile_loss`.
    """
    return model._compile_loss


def compiled_metrics(model: keras.Model) -> keras.metrics.Metric | None:
    """Returns the metric that holds those of `compile(metrics=...)`.

    Uses `Trainer._compile_metrics`.
    """
    return model._compile_metrics


def losses_of_call(model: keras.Model) -> list[Tensor]:
    """Returns the losses that JAX has carried out of a stateless call.

    Empty on the other backends. Uses `Layer._losses_override`.
    """
    return model._losses_override


def unscaled_loss(value: Tensor) -> Tensor:
    """Returns a replica's loss as its mean, not as its share of all replicas.

    The opposite of what a Keras loss does to its mean under `tf.distribute`.
    Uses `unscale_loss_for_distribution`.
    """
    return unscale_loss_for_distribution(value)


def forget_functions(model: keras.Model) -> None:
    """Makes the next `fit` and `evaluate` build their functions anew.

    Not inside of them. Uses `Model.train_function` and `Model.test_function`.
    """
    model.train_function = None
    model.test_function = None


def forget_validation(model: keras.Model) -> None:
    """Lets go of the validation data of a `fit` that has raised.

    Uses `Trainer._eval_epoch_iterator`.
    """
    if hasattr(model, "_eval_epoch_iterator"):
        del model._eval_epoch_iterator


def validates_fit(options: Container[str]) -> bool:
    """Whether a call of `evaluate` is that of `fit`, on data it has taken.

    Args:
        options: further keyword arguments of `evaluate`.

    Uses the argument `_use_cached_eval_dataset` of `Trainer.evaluate`.
    """
    return "_use_cached_eval_dataset" in options


def has_strategy(model: keras.Model) -> bool:
    """Whether a model was built under a `tf.distribute` strategy.

    The public `distribute_strategy` is TensorFlow's default one otherwise.
    Uses `Trainer._distribute_strategy`.
    """
    return getattr(model, "_distribute_strategy", None) is not None


class BuildsByOneReplica:
    """Mixin of a model that builds its metrics from one replica's samples.

    Under `tf.distribute`, Keras adds up what all replicas have of the first
    batch to learn the shapes, which fails where they have not the same
    number. Uses `Trainer._maybe_symbolic_build` and
    `tf.distribute.DistributedValues.values`.
    """

    def _maybe_symbolic_build(
        self, iterator: Iterable | None = None, data_batch: Nested = None
    ) -> None:
        if not has_strategy(self):
            return
        if iterator is not None:
            for _, _, replicas in iterator:
                data_batch = keras.tree.map_structure(
                    lambda x: getattr(x, "values", [x])[0], next(replicas)
                )
                break
        super()._maybe_symbolic_build(  # type: ignore[misc]
            data_batch=data_batch
        )
