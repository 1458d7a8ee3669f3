"""The domain: accounts, devices, sessions, tokens, and what may happen to them.

Plain Python without HTTP, SQL or libraries; what it needs of the world it asks for through ``ports``.
"""
