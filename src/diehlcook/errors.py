"""The one exception that the command line turns into a single line on stderr."""


class DiehlCookError(Exception):
    """What a user can mend: the message names what was found, what was expected, and what to do."""
