"""Prints the reference of the endpoints: ``python -m ostiary.api > docs/reference/endpoints.md``.

With ``--admin``, that of the admin API: ``python -m ostiary.api --admin > docs/reference/admin-api.md``.
"""

import sys

from ostiary.api.reference import admin_reference, reference

sys.stdout.write(admin_reference() if "--admin" in sys.argv[1:] else reference())
