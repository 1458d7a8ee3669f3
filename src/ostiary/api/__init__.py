"""The contract: every endpoint declared once, as typed data, for clients and servers alike.

A request is a value of its endpoint's class; ``codec`` turns it into HTTP and back. Imports msgspec and the standard
library, nothing else of ours.
"""
