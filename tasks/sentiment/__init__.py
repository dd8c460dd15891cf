"""Many-to-one: a text in, its sentiment or any other class out.

python -m tasks.sentiment predict "What a wonderful film."
python -m tasks.sentiment train --dataset synthetic/reviews
"""

from tasks.cli.templates import Template
from tasks.sentiment.config import SUMMARY, Config, Evaluation, Prediction

TEMPLATE = Template(
    name="sentiment",
    summary=SUMMARY,
    examples=[
        'python -m tasks.sentiment predict "What a wonderful film."',
        "python -m tasks.sentiment predict --input reviews.txt --json",
        "python -m tasks.sentiment predict --input reviews.csv --text-column text",
        "python -m tasks.sentiment train        # synthetic/reviews: no download",
        "python -m tasks.sentiment train --dataset imdb_reviews --epochs 5",
        "python -m tasks.sentiment train --dataset glue/sst2 --cell gru",
        "python -m tasks.sentiment train --train-file reviews.csv",
        "python -m tasks.sentiment train --train-file own.csv --from-preset "
        "sentiment_en",
        "python -m tasks.sentiment evaluate --model sentiment_en",
    ],
    config=Config,
    evaluation=Evaluation,
    preset="sentiment_en",
    train="tasks.sentiment.template:train",
    evaluate="tasks.sentiment.template:evaluate",
    prediction=Prediction,
    predict="tasks.sentiment.commands:predict",
    served="tasks.sentiment.served:call",
)
