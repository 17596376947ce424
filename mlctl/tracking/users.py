"""Who runs this process."""


def current() -> str:
    """The user's name; ``unknown`` for a user id without one, as in many containers."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"
