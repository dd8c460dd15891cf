"""`synthetic/dates`: dates as people write them in 27 languages, and in ISO 8601.

**Rule.** `human` is a day of 1900 to 2099 as a locale of `LOCALES` writes it, in one of
its forms in Unicode's CLDR: with the weekday or without, the month in words, shortened
or in digits. `machine` is the same day as YYYY-MM-DD.

**Optimum.** Exact match 1.0: no two forms write two days alike. The year is the only
number of four digits, and a month in words leaves one other number, the day. Numbers
alone are year, month, day where the year comes first, else day, month, year: forms in
another order, as the American 3/4/2009, and those with two digits for the year are left
out.

No text is in two splits; a day may be, in two forms. Some texts hold a no-break space
or a mark of direction, as they do in CLDR. The forms are those of the installed Babel,
of the extra `translation`: another version of it may write some of them differently.
"""

import datetime
import random
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from tasks.datasets.synthetic import partition

if TYPE_CHECKING:
    import babel.dates

SIZES = {"train": 18_000, "validation": 1000, "test": 1000}
FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
LOCALES = (
    *("en", "en_GB", "de", "nl", "sv", "da", "fr", "es", "it", "pt", "ro"),
    *("pl", "cs", "ru", "uk", "el", "fi", "hu", "tr", "he", "ar", "hi"),
    *("th", "vi", "id", "ja", "ko", "zh"),
)
LENGTHS = ("full", "long", "medium", "short")
SKELETONS = ("yMd", "yMEd", "yMMMd", "yMMMEd", "yMMMMd", "yMMMMEEEEd")


class Form(NamedTuple):
    """A way to write a day."""

    locale: "babel.Locale"
    pattern: "babel.dates.DateTimePattern"

    def write(self, day: datetime.date) -> str:
        """Returns a day in this form."""
        return self.pattern.apply(day, self.locale)


def forms() -> list[list[Form]]:
    """Returns the forms of each of `LOCALES`.

    Raises:
        ImportError: Babel is not installed.
    """
    try:
        from babel import Locale
    except ImportError as error:
        raise ImportError(
            "Dates in many languages need Babel, of the extra 'translation': pip "
            "install babel."
        ) from error
    return [_forms_of(Locale.parse(name)) for name in LOCALES]


def _forms_of(locale):
    patterns = [locale.date_formats[length] for length in LENGTHS]
    skeletons = locale.datetime_skeletons
    patterns += [skeletons[name] for name in SKELETONS if name in skeletons]
    distinct = {pattern.pattern: pattern for pattern in patterns}
    return [
        Form(locale, pattern) for text, pattern in distinct.items() if is_clear(text)
    ]


def is_clear(pattern: str) -> bool:
    """Says whether the days that a pattern of CLDR writes can mean no other.

    Args:
        pattern: letters for the parts of a date, `d. MMMM y`, and words in quotes.
    """
    parts = re.findall("y+|[ML]+|d+", re.sub("'[^']*'", "", pattern))
    order = "".join(part[0] for part in parts).replace("L", "M")
    digits = any(part in ("M", "MM", "L", "LL") for part in parts)
    return "yy" not in parts and (not digits or order in ("yMd", "dMy"))


def generate(split: str) -> Iterator[dict[str, str]]:
    """Yields the examples of `split`.

    Raises:
        ImportError: Babel is not installed.
    """
    rng = random.Random(f"synthetic/dates/{split}")
    forms_by_locale = forms()
    seen = set()
    while len(seen) < SIZES[split]:
        form = rng.choice(rng.choice(forms_by_locale))
        day = datetime.date.fromordinal(
            rng.randint(FIRST.toordinal(), LAST.toordinal())
        )
        human = form.write(day)
        if human in seen or partition.owner(human, SIZES) != split:
            continue
        seen.add(human)
        yield {"human": human, "machine": day.isoformat()}
