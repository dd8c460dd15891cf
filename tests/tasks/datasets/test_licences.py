"""Who may use a dataset, which the cards of models trained on it tell."""

import pytest

from tasks import datasets


@pytest.mark.parametrize("name", datasets.names())
def test_own_datasets_have_a_licence_and_a_source_unless_they_are_generated(name):
    told = datasets.terms(name)
    if name == "synthetic":
        assert told == ""
    else:
        assert told.startswith("Licence: ")
        assert "https://" in told


def test_of_tfds_datasets_the_page_is_named():
    page = "https://www.tensorflow.org/datasets/catalog/imdb_reviews"
    assert page in datasets.terms("imdb_reviews")


def test_of_others_nothing_is_known():
    assert datasets.terms("my_own") == ""
