"""The demo: from digits 0 to 4 to digits 5 to 9, without a download."""

from keras_transfer.demo.experiment import run as run
from keras_transfer.demo.story import text as text
