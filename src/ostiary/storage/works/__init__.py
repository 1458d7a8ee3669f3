"""The transactions, one module a subject. Each says what it does in the words of ``accounts.ports``."""
