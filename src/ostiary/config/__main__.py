"""Prints the reference of the configuration: ``python -m ostiary.config > docs/reference/configuration.md``."""

import sys

from ostiary.config.showing import reference

sys.stdout.write(reference())
