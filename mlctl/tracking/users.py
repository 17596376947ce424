"""Who runs this process."""


def current(*, nameless: str = "unknown") -> str:
    """The user's name; ``nameless`` for a user id without one, as in many containers."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return nameless
