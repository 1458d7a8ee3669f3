"""What an operation costs: CPU of the server's process, counted by the operating system, per request."""
