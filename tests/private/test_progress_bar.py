"""A probe of what the progress bar of Keras makes of numbers."""

import json
import re

import keras
import pytest

from keras_transfer import _private

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize("verbose", [1, 2])
@pytest.mark.parametrize("number", [0, 3])
def test_whole_number(capsys, verbose, number):
    bar = keras.callbacks.ProgbarLogger()
    bar.set_params({"verbose": verbose, "epochs": 1, "steps": 2})
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    logs = {"plain": number, "whole": _private.WholeNumber(number)}
    bar.on_train_batch_end(1, logs)
    bar.on_epoch_end(0, logs)
    said = capsys.readouterr().out
    assert re.search(rf"whole: {number} *\n", said)
    # Without it the bar has decimals.
    assert f"plain: {number}.000" in said


def test_a_whole_number_is_one_for_everybody_else():
    number = _private.WholeNumber(3)
    assert number == 3 and json.dumps([number]) == "[3]"
    assert f"{number} {number:3d}" == "3   3" and number / 2 == 1.5
