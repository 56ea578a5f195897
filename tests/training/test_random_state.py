"""After `restore` every generator draws what it drew after `collect`."""

import json
import random
import sys

import keras
import numpy as np
import pytest
from keras.src.backend.common import global_state

from keras_transfer import _private
from keras_transfer.training import random_state


def draws():
    drawn = [
        random.random(),
        random.gauss(0, 1),
        *np.random.uniform(size=2),
        np.random.normal(),
        *keras.ops.convert_to_numpy(keras.random.normal((3,))),
    ]
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        drawn += torch.randn(3).tolist()
        if torch.cuda.is_available():
            drawn += torch.randn(3, device="cuda").tolist()
    return [float(number) for number in drawn]


@pytest.fixture
def no_global_generator():
    """Keras as in a fresh process, in which nothing has drawn yet."""
    name = "global_seed_generator"
    before = global_state.get_global_attribute(name)
    global_state.set_global_attribute(name, None)
    yield
    global_state.set_global_attribute(name, before)


def through_json(state):
    arrays, info = state
    return arrays, json.loads(json.dumps(info))


# One draw leaves the second number of a pair of normal ones to be used up.
@pytest.mark.parametrize("draw", [random.random, np.random.normal, draws])
def test_the_same_numbers_are_drawn_again(draw):
    # The generators that are only made when they are asked for.
    draws()
    draw()
    state = random_state.collect()
    first = draws()
    draws()
    random_state.restore(*through_json(state))
    assert draws() == first
    assert draws() != first


def test_another_seed_in_between_does_not_matter():
    draws()
    state = random_state.collect()
    first = draws()
    keras.utils.set_random_seed(5)
    random_state.restore(*through_json(state))
    assert draws() == first


def test_the_state_is_no_view():
    draws()
    state = random_state.collect()
    before = {name: array.copy() for name, array in state[0].items()}
    draws()
    for name, array in state[0].items():
        np.testing.assert_array_equal(array, before[name])


def test_the_shared_generator_of_keras_is_made_in_a_fresh_process(
    no_global_generator,
):
    draws()
    state = random_state.collect()
    first = draws()
    global_state.set_global_attribute("global_seed_generator", None)
    random_state.restore(*through_json(state))
    assert draws() == first


def test_looking_makes_no_generator(no_global_generator):
    before = random.getstate()
    assert "keras" not in random_state.collect()[0]
    assert _private.global_seed_state() is None
    assert random.getstate() == before
