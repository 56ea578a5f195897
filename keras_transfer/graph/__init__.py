"""Pure functions on functional graphs: cut points, blocks, surgery."""

from keras_transfer.graph.block import Block, blocks
from keras_transfer.graph.build import input_like as input_like
from keras_transfer.graph.cuts import Cut, cut_points
from keras_transfer.graph.endings import activation_of as activation_of
from keras_transfer.graph.endings import endings as endings
from keras_transfer.graph.endings import last_activation as last_activation
from keras_transfer.graph.masking import is_added as is_added
from keras_transfer.graph.pixels import scales_pixels as scales_pixels
from keras_transfer.graph.surgery import flatten as flatten
from keras_transfer.graph.surgery import split, tap
from keras_transfer.graph.top import top_cut as top_cut

__all__ = ["Block", "Cut", "blocks", "cut_points", "split", "tap"]
