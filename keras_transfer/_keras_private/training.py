"""Private names of the trainers."""

import keras
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import global_seed_generator


def rebuild_train_function(model):
    """Makes the next training step see the present `trainable` flags.

    Works inside `fit` and between two `fit` calls; a model that has not been
    trained yet needs nothing. Uses `Model.make_train_function(force=True)`
    and `Model.train_function`.
    """
    if getattr(model, "train_function", None) is not None:
        model.make_train_function(force=True)


def sync_state(model):
    """Writes what a running JAX epoch holds back into the variables.

    A no-op on the other backends. Uses `Model.jax_state_sync`.
    """
    if keras.backend.backend() == "jax" and not model._jax_state_synced:
        model.jax_state_sync()
        # The next step then reads its state from the variables again.
        model._jax_state_synced = True


def global_seed_state(create=False):
    """Returns the state of the seed generator that all unseeded layers share.

    As long as nothing has asked for it, `None`, or a new one with `create`.
    Uses `global_state.get_global_attribute` and `global_seed_generator`.
    """
    generator = global_state.get_global_attribute("global_seed_generator")
    if generator is None and create:
        generator = global_seed_generator()
    return None if generator is None else generator.state


def additional_loss(model, value):
    """Returns a further loss in the form in which it is added to the others.

    Under `tf.distribute` each replica adds its share. Uses
    `Trainer._aggregate_additional_loss`.
    """
    return model._aggregate_additional_loss(value)


def forget_functions(model):
    """Makes the next `fit` and `evaluate` build their functions anew.

    Not inside of them. Uses `Model.train_function` and `Model.test_function`.
    """
    model.train_function = None
    model.test_function = None
