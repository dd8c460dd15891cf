"""Which types of entities a tagger learns, of those that its data have."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from tasks.data import renaming
from tasks.errors import UserError, did_you_mean
from zoo import tags as schemes


@dataclasses.dataclass(frozen=True)
class EntityTypes:
    """Which types of entities are kept, and what they are called.

    Attributes:
        kept: the types to keep, by the names that they have in the end; others' tokens
            are `O`. None for all.
        renamed: from a type's name in the data to the name that it gets.
    """

    kept: tuple[str, ...] | None = None
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.kept is not None or bool(self.renamed)

    def name_of(self, found: str) -> str | None:
        """Returns what a type of the data is called in the end; None if it goes."""
        name = self.renamed.get(found, found)
        return name if self.kept is None or name in self.kept else None

    def check(self, found: Iterable[str]) -> None:
        """Raises a UserError where a name is none of the data's.

        Args:
            found: the types that the data have, all data sets' together.
        """
        found = sorted(set(found))
        renaming.check(self.renamed, found, "entity type")
        named = sorted({self.renamed.get(name, name) for name in found})
        for name in self.kept or ():
            if name not in named:
                raise UserError(did_you_mean("entity type", name, named))

    def record(self) -> dict:
        """Returns what a preset remembers of it."""
        found = {}
        if self.kept is not None:
            found["types"] = list(self.kept)
        if self.renamed:
            found["map"] = renaming.written(self.renamed)
        return found

    def applied(self, rows: Sequence[Sequence[str]], scheme: str) -> list[list[str]]:
        """Returns tags whose types are kept and named as they should be.

        Args:
            rows: each sentence's tags, in a scheme of entities.
            scheme: one of `zoo.tags.SCHEMES` but "plain".
        """
        return [self._applied(row, scheme) for row in rows]

    def _applied(self, row, scheme):
        spans = [
            span._replace(label=self.name_of(span.label))
            for span in schemes.spans(row, scheme)
            if self.name_of(span.label) is not None
        ]
        return schemes.from_spans(spans, len(row), scheme)

    def inventory(self, names: Sequence[str], scheme: str) -> list[str]:
        """Returns the tags that there may be, of those that the data have.

        Args:
            names: the tags' names.
            scheme: their scheme.
        """
        found = {}
        for name in names:
            prefix, _, label = name.partition("-")
            if label and self.name_of(label) is not None:
                found[f"{prefix}-{self.name_of(label)}"] = None
            elif not label:
                found[name] = None
        return list(found)


def parse(kept: Sequence[str] | None, pairs: Sequence[str] | None) -> EntityTypes:
    """Returns what `--types` and `--map` say.

    Args:
        kept: names.
        pairs: `OLD=NEW` each.

    Raises:
        UserError: a pair is none, or a name is renamed twice.
    """
    return EntityTypes(
        tuple(dict.fromkeys(kept)) if kept else None, renaming.parse(pairs)
    )
