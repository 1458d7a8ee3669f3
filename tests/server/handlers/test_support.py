"""GET /.well-known/matrix/support."""

from pathlib import Path

from ostiary.config import ContactConfig, SupportConfig
from tests.world import World, open_config, open_world

PATH = "/.well-known/matrix/support"


async def test_not_found_where_nothing_is_configured(world: World) -> None:
    answer = await world.call("GET", PATH)
    assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")


async def test_contacts_and_page(tmp_path: Path) -> None:
    support = SupportConfig(
        contacts=(
            ContactConfig("m.role.admin", "@admin:localhost", None),
            ContactConfig("m.role.security", None, "security@example.org"),
        ),
        page="https://example.org/help",
    )
    async with open_world(open_config(tmp_path, support=support)) as world:
        assert (await world.call("GET", PATH)).json == {
            "contacts": [
                {"role": "m.role.admin", "matrix_id": "@admin:localhost"},
                {"role": "m.role.security", "email_address": "security@example.org"},
            ],
            "support_page": "https://example.org/help",
        }


async def test_page_alone(tmp_path: Path) -> None:
    async with open_world(open_config(tmp_path, support=SupportConfig(page="https://example.org/"))) as world:
        assert (await world.call("GET", PATH)).json == {"support_page": "https://example.org/"}
