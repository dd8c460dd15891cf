"""What a command can be told that answers by Apache Beam. Needs no Beam."""

import dataclasses

from simple_parsing import field

from tasks.errors import UserError


@dataclasses.dataclass
class PipelineConfig:
    """Many files, by Apache Beam (needs the extra beam)."""

    # answer the files of --input, a pattern, by this runner of Apache Beam:
    # DirectRunner on this machine, or FlinkRunner, SparkRunner, DataflowRunner,
    # PortableRunner; --output is what the names of the answers' files begin with, and
    # Beam's own flags, --direct_num_workers say, follow
    runner: str | None = None
    # with --runner: where workers find the SavedModel, a folder they share or a URL,
    # gs://…; default: the preset's own
    saved_model: str | None = None
    # with --runner: the answers of one file in its order, over all files written
    keep_order: bool = field(default=False, action="store_true")

    def check(self) -> None:
        """Raises a UserError where there is no runner for what is said of it."""
        if self.runner is not None:
            return
        for name in ("saved_model", "keep_order"):
            if getattr(self, name):
                raise UserError(f"--{name.replace('_', '-')} goes with --runner.")
