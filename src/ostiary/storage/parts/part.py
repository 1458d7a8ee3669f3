"""What every part of the store is made of: an engine."""

from ostiary.storage.work import Engine


class Part:
    """Some of the store's methods."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
