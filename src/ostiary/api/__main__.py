"""Prints the reference of the endpoints: ``python -m ostiary.api > docs/reference/endpoints.md``.

With ``--admin``, that of the admin API: ``python -m ostiary.api --admin > docs/reference/admin-api.md``.
With ``--openapi``, as an OpenAPI document: ``python -m ostiary.api --openapi > docs/reference/openapi.json``.
"""

import sys

from ostiary.api.openapi import printed
from ostiary.api.reference import admin_reference, reference

if "--openapi" in sys.argv[1:]:
    sys.stdout.write(printed())
else:
    sys.stdout.write(admin_reference() if "--admin" in sys.argv[1:] else reference())
