"""Faked rooms: just enough of the room-side calls that the clients and bots under test start up, and can say hello.

This is NOT the product. Ostiary keeps accounts and sessions; a homeserver beside it has the rooms. Here they live in
memory, without power levels, history, federation or encryption, and only for tests. The server does not know of it:
``calls`` stands before it as an ASGI wrapper, asks it by ``/account/whoami`` who calls, and passes everything else on.
"""
