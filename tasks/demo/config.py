"""What the page can be told, and its bounds. Needs neither TensorFlow nor Gradio."""

import dataclasses

from simple_parsing import field

from tasks.errors import UserError

LOCALHOST = "127.0.0.1"
FIRST_PORT, LAST_PORT = 7860, 7959
"""Where a free port is looked for, if none is asked for."""

MOST_CHARACTERS = 20_000
"""Of a text that is given."""

MOST_TOKENS, MOST_STEPS = 1_000, 1_000
"""Of a text, and of music, that is drawn."""

MOST_WORDS = 20
"""To compare at a place of a text, which is read once with each."""

MOST_BYTES = 2**20
"""Of a file that is given."""

MOST_WAITING = 100
"""Questions of all pages together, those that are being answered included."""


@dataclasses.dataclass
class Serving:
    """Where the page is to be found."""

    # the address to listen at; 0.0.0.0: all, so that other machines reach the page
    host: str = LOCALHOST
    # the port; default: the first free one from 7860 on
    port: int | None = None
    # what stands before the page's paths at a proxy: /zoo
    root_path: str | None = None
    # open the browser
    inbrowser: bool = field(default=False, action="store_true")
    # have Gradio's servers make the page public for a week, through a tunnel
    share: bool = field(default=False, action="store_true")

    def check(self) -> None:
        """Raises a UserError where something can't be."""
        if self.port is not None and not 1 <= self.port < 2**16:
            raise UserError(f"--port must be from 1 to 65535, found {self.port}.")
        if not self.host:
            raise UserError(f"--host must not be empty: {LOCALHOST} is this machine.")
        if self.root_path is not None and not self.root_path.startswith(
            ("/", "http://", "https://")
        ):
            raise UserError(
                "--root-path must begin with / or be a whole address, found "
                f"{self.root_path!r}."
            )
