"""The configurations under which wrong requests are sent: the usual one, and one with every stage in the flows.

Must not know how requests are made wrong.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from ostiary.api.uia import DUMMY, TERMS
from ostiary.config import Config, FlowsConfig, IdentityServersConfig
from ostiary.config.services import OWNER_STAGES, REGISTRATION_STAGES
from tests.server.web.settings import HeldCaptcha, pages_config
from tests.world import World, open_config, open_world

_PROOFS_AND_ALL: Final = (*((stage,) for stage in OWNER_STAGES if stage != DUMMY), OWNER_STAGES)
_REGISTRATION: Final = (
    (DUMMY,),
    *((stage,) for stage in REGISTRATION_STAGES if stage not in (DUMMY, TERMS)),
    REGISTRATION_STAGES,
)


def all_flows(path: Path) -> Config:
    """Mail, text messages, a captcha and terms; each stage that proves something is a way, all together another.

    Accounts are still made by the dummy stage, which the wrong requests do not send to register.
    """
    config = pages_config(path, *_REGISTRATION)
    return replace(
        config,
        registration=replace(config.registration, guests=True),
        flows=FlowsConfig(
            change_password=_PROOFS_AND_ALL,
            reset_password=_PROOFS_AND_ALL,
            deactivate=_PROOFS_AND_ALL,
            delete_devices=_PROOFS_AND_ALL,
            add_threepid=_PROOFS_AND_ALL,
            get_login_token=_PROOFS_AND_ALL,
        ),
        identity_servers=IdentityServersConfig(trusted=("http://127.0.0.1:1",), timeout_ms=100),
    )


FLOWS: Final[Mapping[str, Callable[[Path], Config]]] = {"usual": open_config, "all": all_flows}
"""What ``--flows`` takes, and the configuration it stands for."""


@asynccontextmanager
async def open_under(flows: str, path: Path, *, seed: str = "seed") -> AsyncIterator[World]:
    """A server under one of these configurations, its database in this folder."""
    async with open_world(FLOWS[flows](path), seed=seed, captcha=HeldCaptcha()) as world:
        yield world
