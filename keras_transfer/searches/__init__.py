"""Whole searches: trials that are kept, resumed and reported."""

from keras_transfer.searches.search_result import SearchResult as SearchResult
from keras_transfer.searches.searching import search as search
