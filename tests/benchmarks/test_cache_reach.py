"""The cache's benchmark measures one model with several caches."""

import pytest

from tasks.text import batches as text_streams
from tasks.text import measures
from tasks.text.corpus import Texts
from tests.benchmarks import cache_reach
from tests.zoo.models.language_models import make


@pytest.mark.slow
def test_a_text_that_repeats_itself_costs_less_where_the_cache_reaches_back():
    model = make(cell="gru", cache_threshold=0.5)
    texts = Texts((20 * "bc.aé ab. " + 20 * "é c", 3 * "a.b"), "a source")
    none, near, far = (
        cache_reach.measure(model, places, texts)["nats"] for places in (0, 3, 20)
    )
    batches = text_streams.batches(model, texts, batch_size=1, window=7)
    own = measures.measure(model, batches, texts)["nats"]
    assert none == pytest.approx(own, abs=1e-5)
    assert far < min(none, near) - 0.1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model", "nowhere"], "nowhere"),
        (["--model", "x", "--places", "-1"], "--places must be 0 or more, found -1"),
    ],
)
def test_mistakes_have_one_message(flags, message, capsys):
    with pytest.raises(SystemExit) as error:
        cache_reach.main(flags)
    assert error.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
