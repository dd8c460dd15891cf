"""What the benchmark of SavedModels asks presets."""

import pytest

from tests.benchmarks.serving import asked


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("translation_en_de", b"Two young"),
        ("translation_multi30k_en_de", b"Two young"),
        ("translation_multi30k_de_en", b"Zwei junge"),
        ("ner_en", b"Alexander"),
    ],
)
def test_a_translator_is_asked_in_its_sources_language(name, begins):
    signature, given = asked(name, 2)
    assert signature == "serving_default"
    assert given["text"].shape == (2,)
    assert given["text"].numpy()[1].startswith(begins)
