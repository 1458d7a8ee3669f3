"""Every key of the configuration does something, as a test shows: which one, by key."""

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from ostiary.config.keys import all_keys

TESTS: Final = Path(__file__).parent.parent

_ACCOUNTS: Final = "config/test_switches_of_accounts.py"
_LIMITS: Final = "config/test_switches_of_limits.py"
_PROCESS: Final = "config/test_switches_of_the_process.py"
_SENT: Final = "config/test_switches_of_what_is_sent.py"
_FLOWS: Final = "server/handlers/test_registration_flows.py"
_PASSWORDS: Final = "server/test_wiring_passwords.py"
_PROFILE: Final = "server/handlers/test_profile.py::TestConfiguration"
_VALIDATION: Final = "server/handlers/test_validation.py"
_CHANNEL: Final = "storage/test_postgres_channel.py"
_HOSTILE: Final = "faults/test_process.py::TestHostileConnections"

_RATES: Final = {
    f"rate_limits.{limit}.{side}.{figure}": f"{_LIMITS}::{test}"
    for limit in ("login", "register", "refresh", "check", "change", "message")
    for side in ("per_address", "per_account")
    for figure, test in (
        ("burst", "test_burst_is_how_many_at_once"),
        ("per_minute", "test_another_comes_after_its_part_of_a_minute"),
    )
}

SWITCHES: Final[dict[str, str]] = {
    "server_name": f"{_ACCOUNTS}::test_server_name_is_part_of_user_ids",
    "database": f"{_ACCOUNTS}::test_database_holds_the_accounts",
    "dev": "config/test_config.py::TestSources::test_dev_opens_registration_by_exactly_dummy_and_lifts_limits",
    "server.host": f"{_PROCESS}::test_host_is_where_it_listens",
    "server.workers": "faults/test_workers.py::test_worker_that_dies_is_replaced",
    "server.port": f"{_PROCESS}::test_port_is_where_it_listens",
    "server.socket": "server/test_operations_process.py::test_server_listens_on_a_unix_socket_for_owner_and_group",
    "server.public_url": "server/handlers/test_login.py::TestLogin::test_public_url_is_told_as_well_known",
    "server.identity_server": f"{_ACCOUNTS}::test_identity_server_is_told",
    "server.trusted_proxies": "server/test_operations.py::TestRequestIds::test_id_of_a_trusted_proxy_is_taken_over",
    "server.request_id_header": (
        "server/test_operations.py::TestRequestIds::test_every_answer_tells_it_where_the_configuration_says_so"
    ),
    "server.max_body_bytes": "server/test_http_rules.py::TestBodies::test_body_over_the_limit_is_refused",
    "server.max_header_bytes": f"{_PROCESS}::test_head_may_be_as_large",
    "server.header_timeout": f"{_HOSTILE}::test_silent_or_unfinished_head_is_closed",
    "server.body_timeout": f"{_HOSTILE}::test_body_that_does_not_come_is_given_up",
    "server.keep_alive": f"{_PROCESS}::test_idle_connection_is_kept_as_long",
    "server.shutdown_timeout": f"{_PROCESS}::test_requests_under_way_hold_up_the_end_as_long",
    "postgresql.connections": "storage/test_postgres.py::test_connections_are_at_most_as_many",
    "postgresql.notifications": f"{_CHANNEL}::TestWithoutNotifications::test_nothing_is_believed_for_longer",
    "postgresql.remember": f"{_CHANNEL}::TestWithoutNotifications::test_nothing_is_believed_for_longer",
    "postgresql.lease": f"{_CHANNEL}::TestProcesses::test_killed_one_holds_nobody_up_for_long",
    "registration.enabled": "server/handlers/test_registration.py::TestRegister::test_closed_registration_is_refused",
    "registration.guests": "server/handlers/test_registration.py::TestRegister::test_closed_registration_is_refused",
    "registration.flows": f"{_FLOWS}::TestAddresses::test_by_mail_the_account_gets_the_address",
    "registration.approval": f"{_FLOWS}::TestApproval::test_an_account_waits",
    "registration.reserved_names": "server/handlers/test_registration.py::TestReservedNames"
    "::test_are_given_by_administrators_only",
    "registration.expiry_notice": "server/test_housekeeping.py"
    "::test_owners_are_told_once_that_their_account_ends_soon",
    "registration.account_lifetime": f"{_FLOWS}::TestExpiry::test_an_account_expires",
    **{
        f"flows.{name}": f"{_ACCOUNTS}::test_operation_asks_for_its_flows"
        for name in (
            "change_password", "reset_password", "deactivate", "delete_devices", "add_threepid", "get_login_token",
        )
    },
    "login.password": f"{_ACCOUNTS}::test_way_to_log_in_can_be_closed",
    "login.token": f"{_ACCOUNTS}::test_way_to_log_in_can_be_closed",
    "jwt.enabled": "server/handlers/test_jwt.py::test_off_unless_configured",
    "jwt.key_file": "server/handlers/test_jwt.py::test_public_keys",
    "jwt.create_accounts": "server/handlers/test_jwt.py::test_accounts_are_made_only_where_it_is_configured",
    **{
        f"jwt.{name}": f"{_ACCOUNTS}::test_web_tokens_are_judged_by"
        for name in ("algorithm", "secret", "subject_claim", "issuer", "audiences")
    },
    "sessions.access_token_lifetime": f"{_ACCOUNTS}::test_access_tokens_live_as_long",
    "sessions.unrefreshable_access_token_lifetime": f"{_ACCOUNTS}::test_access_tokens_live_as_long",
    "sessions.refresh_token_lifetime": f"{_ACCOUNTS}::test_unused_refresh_tokens_live_as_long",
    "sessions.replay_grace": f"{_ACCOUNTS}::test_late_replay_ends_the_session_after_the_grace_only",
    "sessions.idle_lifetime": "server/test_housekeeping.py::test_devices_that_nobody_uses_are_logged_out",
    "sessions.dead_token_memory": f"{_ACCOUNTS}::test_ended_sessions_are_remembered_as_long",
    "passwords.argon2_memory_kib": f"{_PASSWORDS}::TestHasher::test_hashes_as_configured",
    "passwords.argon2_time_cost": f"{_PASSWORDS}::TestHasher::test_hashes_as_configured",
    "passwords.argon2_parallelism": f"{_PASSWORDS}::TestHasher::test_hashes_as_configured",
    **{
        f"passwords.{name}": (
            "server/test_limits.py::TestHashingPool::test_full_pool_refuses_at_once_and_serves_everything_else"
        )
        for name in ("hashing_threads", "hashing_queue")
    },
    **{
        f"passwords.{name}": f"{_PASSWORDS}::TestPolicy::test_each_key_asks_for_what_it_says"
        for name in (
            "min_length", "max_length", "require_digit", "require_symbol", "require_lowercase", "require_uppercase",
            "min_strength",
        )
    },
    "passwords.breached_file": f"{_PASSWORDS}::TestPolicy::test_list_of_breached_passwords_is_read",
    "passwords.bcrypt_pepper": f"{_PASSWORDS}::TestHasher::test_reads_hashes_with_the_configured_pepper",
    "uia.session_lifetime": f"{_ACCOUNTS}::test_dialogues_live_as_long",
    "mail.host": "server/test_sending.py::TestSenders::test_each_by_its_configuration",
    "mail.port": f"{_SENT}::test_mail_goes_to_its_port_from_its_sender",
    "mail.encryption": f"{_SENT}::test_mail_is_encrypted_as_configured",
    "mail.ca_file": f"{_SENT}::test_mail_server_is_known_and_knows_us",
    "mail.username": f"{_SENT}::test_mail_server_is_known_and_knows_us",
    "mail.password": f"{_SENT}::test_mail_server_is_known_and_knows_us",
    "mail.sender": f"{_SENT}::test_mail_goes_to_its_port_from_its_sender",
    "mail.timeout": f"{_SENT}::test_mail_server_that_hangs_is_given_up",
    "mail.folder": "server/test_sending.py::TestSenders::test_each_by_its_configuration",
    "mail.templates": f"{_SENT}::test_templates_of_ones_own_come_first",
    "mail.language": "server/test_sending.py::TestSenders::test_the_language_of_those_whose_own_is_not_known",
    "mail.notices": f"{_SENT}::test_notices_are_those_that_are_listed",
    **{
        f"sms.{name}": f"{_SENT}::test_gateway_is_asked_as_configured" for name in ("url", "method", "headers", "body")
    },
    "sms.timeout": f"{_SENT}::test_gateway_that_hangs_is_given_up",
    "threepids.changes": f"{_VALIDATION}::TestRules::test_changes_can_be_forbidden",
    "threepids.add_without_password": (
        "server/handlers/test_administrative_contact.py::TestAdding::test_older_call_can_be_closed"
    ),
    "threepids.allowed": f"{_VALIDATION}::TestRules::test_allowed",
    "threepids.denied": f"{_VALIDATION}::TestRules::test_denied",
    "threepids.reveal_known": f"{_VALIDATION}::TestWhoIsKnown::test_told_where_it_may_be",
    "threepids.validation_lifetime": f"{_VALIDATION}::TestRules::test_links_expire",
    "threepids.next_link_hosts": f"{_VALIDATION}::TestRules::test_next_link_leads_to_listed_hosts_only",
    "captcha.service": "server/web/test_stages.py::TestCaptcha::test_each_service",
    "captcha.site_key": "server/web/test_stages.py::TestCaptcha::test_each_service",
    "captcha.secret": f"{_SENT}::test_captcha_is_judged_at_its_place_with_its_secret",
    "captcha.verify_url": f"{_SENT}::test_captcha_is_judged_at_its_place_with_its_secret",
    "terms.policies": f"{_FLOWS}::TestTerms::test_policies_by_language_and_consent_by_version",
    "profile.changes": f"{_PROFILE}::test_changes_can_be_forbidden",
    "profile.allowed": f"{_PROFILE}::test_fields_can_be_listed",
    "profile.disallowed": f"{_PROFILE}::test_fields_can_be_excepted",
    "profile.public": f"{_PROFILE}::test_profiles_can_be_hidden",
    "support.contacts": "server/handlers/test_support.py::test_contacts_and_page",
    "support.page": "server/handlers/test_support.py::test_page_alone",
    "identity_servers.trusted": "server/test_identity_servers.py::test_bound_and_unbound",
    "identity_servers.signing_key": "server/test_identity_servers.py::test_without_a_key",
    "identity_servers.timeout": f"{_SENT}::test_identity_server_that_hangs_is_given_up",
    "appservices.files": "server/handlers/test_appservices.py::TestFiles::test_missing_file",
    "appservices.timeout": "server/handlers/test_appservices.py::TestPing::test_what_came_of_it",
    "rate_limits.enabled": f"{_LIMITS}::test_limits_can_be_lifted",
    **_RATES,
    "logging.level": f"{_PROCESS}::test_log_has_what_is_grave_enough",
    "logging.format": f"{_PROCESS}::test_log_is_for_machines_or_people",
    "logging.requests": "server/test_operations.py::TestAccessLog::test_without_it_nothing_is_logged_of_a_success",
    "metrics.enabled": "server/test_operations_metrics.py::test_without_it_nothing_is_counted",
    "metrics.host": f"{_PROCESS}::test_metrics_are_told_at_their_place",
    "metrics.port": f"{_PROCESS}::test_metrics_are_told_at_their_place",
}  # fmt: skip
"""The test that shows what a key does, by the key: its file below ``tests``, its class if it has one, its name."""


def test_every_key_has_its_test_and_no_other_has() -> None:
    assert SWITCHES.keys() == all_keys().keys()


@pytest.mark.parametrize("named", sorted(set(SWITCHES.values())))
def test_named_test_is_there(named: str) -> None:
    file, *path = named.split("::")
    assert tuple(path) in _tests_in(file)


@cache
def _tests_in(file: str) -> frozenset[tuple[str, ...]]:
    """The tests of a file, by the names that lead to each."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found: set[tuple[str, ...]] = set()
    for node in ast.parse((TESTS / file).read_text(encoding="utf-8")).body:
        if isinstance(node, functions):
            found.add((node.name,))
        if isinstance(node, ast.ClassDef):
            found |= {(node.name, inner.name) for inner in node.body if isinstance(inner, functions)}
    return frozenset(found)
