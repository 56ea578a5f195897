"""The demo: from digits 0 to 4 to digits 5 to 9, without a download."""

from keras_transfer.cli.demo.command import add_parser as add_parser
