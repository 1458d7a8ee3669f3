"""A few mails to a server in bad moods; ``python -m tests.faults mail`` sends hundreds."""

import logging
from pathlib import Path

from ostiary.server.logs import Log
from tests.faults.mail import mail_run
from tests.faults.report import Report


async def test_every_mail_arrives_and_once_where_that_can_be_known(tmp_path: Path) -> None:
    report = Report("mail")
    await mail_run(tmp_path, mails=12, seed=1, report=report, log=Log(logging.getLogger("tests.faults")))
    assert not report.violations, str(report)
