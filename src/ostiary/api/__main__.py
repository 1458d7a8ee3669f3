"""Prints the reference of the endpoints: ``python -m ostiary.api > docs/reference/endpoints.md``.

With ``--openapi``, as an OpenAPI document: ``python -m ostiary.api --openapi > docs/reference/openapi.json``.
"""

import sys

from ostiary.api.openapi import printed
from ostiary.api.reference import reference

sys.stdout.write(printed() if "--openapi" in sys.argv[1:] else reference())
