"""The contract of the admin API: what administrators do, below ``/_ostiary/admin/v1``. No part of Matrix.

Same wire as the rest: JSON, and the errors of Matrix. Its calls stand in a catalog of their own.
"""
