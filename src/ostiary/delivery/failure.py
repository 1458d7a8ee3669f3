"""What goes wrong with a message on its way to a person. Must not know how messages are carried."""


class DeliveryFailed(Exception):
    """A message was not taken. ``message``: why, without secrets. ``permanent``: whether trying again is useless."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent
