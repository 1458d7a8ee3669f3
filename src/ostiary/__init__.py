"""Ostiary, the doorkeeper: accounts and sessions for Matrix.

``ostiary.api`` is the contract, ``ostiary.client`` drives it, ``ostiary serve`` serves it.
"""

__version__ = "0.1.0"
