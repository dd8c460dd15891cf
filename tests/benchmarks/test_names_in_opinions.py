"""Counting names where hardly any are."""

import numpy as np
import pytest

from tests.benchmarks import names_in_opinions
from zoo.models import SequenceTagger


@pytest.mark.slow
def test_names_are_counted_with_their_types_and_texts():
    model = SequenceTagger(
        *(["Ann"], ["ann"], list("An"), ["O", "B-PER"]),
        **{"word_units": 2, "lowercase_units": 2, "units": 2, "crf": False},
        character_features="none",
    )
    # "Ann" is told by her word alone.
    weights = {weight.path: np.zeros(weight.shape) for weight in model.weights}
    for path, value in weights.items():
        if path.endswith("emissions/bias"):
            value[:] = [1.0, 0.0]
    model.set_weights(list(weights.values()))
    texts = np.array([b"Ann met Ann .", b"it rains", b""], object)
    assert names_in_opinions.find(model, texts) == (3, 0, [])
    model.get_layer("emissions").bias.assign([0.0, 1.0])
    found = names_in_opinions.find(model, texts)
    assert found.sentences == 3
    assert found.with_names == 2
    assert found.names[:2] == [("PER", "Ann"), ("PER", "met")]
    assert found.per_hundred() == 100 * len(found.names) / 3
