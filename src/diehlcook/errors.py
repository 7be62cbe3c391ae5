"""The exceptions that the command line turns into a single line on stderr."""


class DiehlCookError(Exception):
    """What a user can mend: the message names what was found, what was expected, and what to do."""


class NetworkError(DiehlCookError):
    """The network itself fails, whatever machine it runs on: it is silent, runs away or diverges."""
