"""The account server: from bytes to the domain and back. ``wiring`` builds it, ``run`` runs it."""
