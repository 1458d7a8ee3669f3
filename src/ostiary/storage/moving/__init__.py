"""Moves what a database holds into another, of whichever engine.

``ends`` says what a copy needs of either database, ``sqlite`` and ``postgres`` give it; ``copying`` is the copy, which
goes on where it was, and ``checking`` tells whether both hold the same. Must not know what any of the rows mean.
"""
