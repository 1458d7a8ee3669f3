"""The domain's store for real: its SQL and transactions, written so that several engines can run them.

``works`` are the transactions, written once as generators; ``store`` gives them the names of ``accounts.ports``; an
engine (``sqlite``, ``postgres``) carries them out. Must not know HTTP, nor why anything is stored.
"""
