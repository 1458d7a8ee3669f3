"""A sample of what schemathesis makes of the OpenAPI documents, to a whole server: both tell the same."""

from pathlib import Path
from typing import Any

import pytest
from schemathesis import GenerationMode

from ostiary.api.administration.catalog import ADMIN_ENDPOINTS
from ostiary.api.catalog import ENDPOINTS
from ostiary.api.endpoint import Endpoint
from tests.fuzz.schemathesis import can_be_wrong, hold, judging, operations

OPERATIONS = operations(ENDPOINTS) | operations(ADMIN_ENDPOINTS)


@pytest.mark.parametrize("endpoint", OPERATIONS, ids=lambda endpoint: endpoint.__name__)
def test_server_and_document_agree(endpoint: type[Endpoint[Any]], tmp_path: Path) -> None:
    with judging(endpoint, tmp_path) as judge:
        hold(judge, OPERATIONS[endpoint], mode=GenerationMode.POSITIVE, examples=6)
        if can_be_wrong(OPERATIONS[endpoint]):
            hold(judge, OPERATIONS[endpoint], mode=GenerationMode.NEGATIVE, examples=6)
