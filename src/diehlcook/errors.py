"""The exceptions of the package: those that the command line turns into one line on stderr, and giving up when asked to."""


class DiehlCookError(Exception):
    """What a user can mend: the message names what was found, what was expected, and what to do.

    Parameters
    ----------
    message
        In the words of Python.
    typed
        The same in the words of the command line, where these are others.
    """

    def __init__(self, message: str, typed: str | None = None) -> None:
        super().__init__(message)
        self.typed = typed or message


class NetworkError(DiehlCookError):
    """The network itself fails, whatever machine it runs on: it is silent, runs away or diverges."""


class Cancelled(Exception):
    """Work was given up because the caller asked for it; what was handed in is still the newest."""


def printable(text: str) -> str:
    """Return a text in which nothing can steer a terminal or fail to be written: control characters as their codes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )
