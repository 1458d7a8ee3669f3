"""Prints the reference of the endpoints: ``python -m ostiary.api > docs/reference/endpoints.md``."""

import sys

from ostiary.api.reference import reference

sys.stdout.write(reference())
