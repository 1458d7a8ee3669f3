"""What leaves the server: mail and text messages to people, and requests to other servers.

Implements the ports of ``accounts.ports_outside`` and carries what the outbox holds. Must not know the database, the
configuration, nor why anything is sent.
"""
