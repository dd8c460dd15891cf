"""Whether a vocabulary that is learned of the data has anything for a model to know."""

from tasks.errors import UserError
from zoo.text import Vocabulary
from zoo.text.vocabulary import SPECIAL


def check(vocabulary: Vocabulary, level: str, min_count: int) -> None:
    """Raises a UserError where no token of the training texts is frequent enough.

    Args:
        vocabulary: what was learned.
        level: what its tokens are, "word" say.
        min_count: how often each has to occur.
    """
    if len(vocabulary) == len(SPECIAL):
        if min_count == 1:
            raise UserError(f"The training texts hold no {level}s, only white space.")
        raise UserError(
            f"No {level} occurs {min_count} times in the training texts, so that the "
            "model would know none. Lower --min-count, or train on more."
        )
