"""``python -m tests.fuzz --requests 200000 --seed 1``: sends wrong requests to a server of its own."""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from tests.fuzz.flows import FLOWS, open_under
from tests.fuzz.run import Failed, Report, fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000, help="how many to send")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--first", type=int, default=0, help="the number of the first, to see a failure again")
    parser.add_argument("--flows", choices=FLOWS, default="usual", help="the stages of interactive authentication")
    options = parser.parse_args()
    # Where a request fails, the log says why; whatever is refused it need not repeat.
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    try:
        sys.stdout.write(f"{asyncio.run(_run(options.seed, options.requests, options.first, options.flows))}\n")
    except Failed as failure:
        sys.stdout.write(f"{failure}\n")
        return 1
    return 0


async def _run(seed: int, requests: int, first: int, flows: str) -> Report:
    with tempfile.TemporaryDirectory() as directory:
        async with open_under(flows, Path(directory)) as world:
            return await fuzz(world, seed=seed, requests=requests, first=first)


sys.exit(main())
