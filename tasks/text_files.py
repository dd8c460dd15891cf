"""Plain text files, in UTF-8."""

from pathlib import Path

from tasks.errors import UserError


def read(path: Path) -> str:
    """Returns a file's text, without a byte order mark.

    Raises:
        UserError: the file can't be read, or isn't UTF-8.
    """
    try:
        content = path.read_bytes()
        return content.decode("utf-8").removeprefix("\N{BYTE ORDER MARK}")
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8: byte {error.start:,} (0x{content[error.start]:02x}) "
            f"is wrong: {error.reason}. Convert it first, by iconv for example."
        ) from error


def lines(text: str) -> list[str]:
    """Returns a text's lines, without what ends them."""
    # Not `splitlines`, for which more than line feeds end a line.
    *whole, rest = (line.rstrip("\r") for line in text.split("\n"))
    return [*whole, rest] if rest else whole
