"""Builds the services from a configuration and from what stands behind the domain's ports. Opens nothing."""

from collections.abc import Sequence
from typing import Final

from ostiary.accounts.administration import Administration
from ostiary.accounts.appservices import Appservices
from ostiary.accounts.deactivation import Deactivations
from ostiary.accounts.devices import Devices, LastSeen
from ostiary.accounts.expiry import Expiry, ExpiryRules
from ostiary.accounts.exporting import Exports
from ostiary.accounts.invitations import Invitations
from ostiary.accounts.login import Logins
from ostiary.accounts.messages import Medium, MessageKind
from ostiary.accounts.moderation import Moderation
from ostiary.accounts.notices import Notices
from ostiary.accounts.openid import OpenIds
from ostiary.accounts.pairs import Lifetimes, Pairs
from ostiary.accounts.passwords import Passwords
from ostiary.accounts.ports import Clock, Entropy, Hasher, Store
from ostiary.accounts.postroom import Postroom
from ostiary.accounts.profiles import ProfileRules, Profiles
from ostiary.accounts.records import Records
from ostiary.accounts.registration import RegistrationRules, Registrations
from ostiary.accounts.sessions import Sessions
from ostiary.accounts.stages.dummy import DummyStage
from ostiary.accounts.stages.password import PasswordStage
from ostiary.accounts.stages.recaptcha import RecaptchaStage
from ostiary.accounts.stages.registration_token import RegistrationTokenStage
from ostiary.accounts.stages.stage import Stage
from ostiary.accounts.stages.terms import Policy, TermsStage, Translation
from ostiary.accounts.stages.validated import ValidatedStage
from ostiary.accounts.threepids import Threepids
from ostiary.accounts.uia import InteractiveAuth
from ostiary.accounts.validations import ValidationRules, Validations
from ostiary.accounts.values import Purpose
from ostiary.accounts.who import WhoIs
from ostiary.api.uia import EMAIL, MSISDN
from ostiary.config import Config, TermsConfig, serves_alone, usable_stages
from ostiary.server.announcing import announcements_of
from ostiary.server.appservice_files import load_appservices
from ostiary.server.flows import REGISTERS, flows_of, waits_for_captcha
from ostiary.server.limits import Limits, buckets_of
from ostiary.server.links import Links
from ostiary.server.outside import Outside
from ostiary.server.services import CaptchaSite, Services
from ostiary.server.vitals import Vitals
from ostiary.server.wiring_passwords import make_policy

ANSWERS: Final = frozenset({MessageKind.APPROVED, MessageKind.REJECTED})
"""What people are told because they wait for it, whatever they are told of besides."""

_STAGE_OF = {Medium.EMAIL: EMAIL, Medium.MSISDN: MSISDN}


def build_services(
    config: Config, store: Store, outside: Outside, hasher: Hasher, clock: Clock, entropy: Entropy, vitals: Vitals
) -> Services:
    """The services on these ports. Raises ConfigError for what other files say.

    ``vitals``: of what stands behind the ports.
    """
    name = config.server_name
    links = Links(public_url(config))
    limiter = Limits(clock, buckets_of(config.rate_limits), None if serves_alone(config) else store)
    notices = Notices(store, name, _notices(config))
    pairs = Pairs(entropy, _lifetimes(config))
    sessions = Sessions(store, clock, entropy, limiter, pairs, config.sessions.replay_grace_ms, notices, vitals.cache)
    passwords = Passwords(store, hasher, clock, limiter, make_policy(config), notices, sessions.forget)
    appservices = Appservices(load_appservices(config.appservices.files, name), name)
    registrations = Registrations(
        store, sessions, passwords, appservices, clock, entropy, limiter, _registration_rules(config)
    )
    validations = Validations(store, clock, entropy, limiter, outside.phones, _validation_rules(config, links))
    threepids = Threepids(
        store,
        validations,
        outside.identity,
        notices,
        clock,
        name,
        changes_allowed=config.threepids.changes,
        adds_without_password=config.threepids.add_without_password,
    )
    who = WhoIs(name, store, outside.phones)
    last_seen = LastSeen(store)
    devices = Devices(store, clock, last_seen, sessions.forget)
    deactivations = Deactivations(store, threepids, clock, sessions.forget)
    records = Records(store)
    exports = Exports(store, devices, records, name)
    administration = Administration(
        store, registrations, passwords, threepids, deactivations, devices, records, exports, notices, clock, name,
        sessions.forget,
    )  # fmt: skip
    stages = _stages(config, store, outside, passwords, who, validations, clock)
    return Services(
        server_name=name,
        announcements=announcements_of(config, appservices),
        links=links,
        flows=flows_of(config),
        clock=clock,
        limiter=limiter,
        store=store,
        sessions=sessions,
        logins=Logins(sessions, passwords, registrations, store, store, outside.jwts, clock, entropy, name),
        registrations=registrations,
        passwords=passwords,
        devices=devices,
        last_seen=last_seen,
        administration=administration,
        records=records,
        uia=InteractiveAuth(store, clock, entropy, hasher, stages, config.uia.session_lifetime_ms),
        who=who,
        appservices=appservices,
        validations=validations,
        threepids=threepids,
        deactivations=deactivations,
        moderation=Moderation(store, store, administration, name),
        profiles=Profiles(store, name, _profile_rules(config)),
        openids=OpenIds(store, clock, entropy, name),
        invitations=Invitations(store, clock, entropy, name, links.invitation),
        postroom=Postroom(store, clock),
        expiry=Expiry(store, notices, clock, ExpiryRules(config.registration.expiry_notice_ms)),
        pinger=outside.pinger,
        signing_key=outside.signing_key,
        vitals=vitals,
        captcha_site=_captcha_site(config),
    )


def public_url(config: Config) -> str:
    """Where the server is found from outside; while it is tried out, on this machine."""
    return config.server.public_url or (f"http://localhost:{config.server.port}" if config.dev else "")


def _captcha_site(config: Config) -> CaptchaSite | None:
    captcha = config.captcha
    return CaptchaSite(captcha.service, captcha.site_key) if captcha.site_key and captcha.secret else None


def _notices(config: Config) -> frozenset[MessageKind]:
    sends = bool(config.mail.host or config.mail.folder)
    return ANSWERS | frozenset(MessageKind(kind) for kind in config.mail.notices) if sends else frozenset()


def _stages(
    config: Config, store: Store, outside: Outside, passwords: Passwords, who: WhoIs, validations: Validations,
    clock: Clock,
) -> tuple[Stage, ...]:  # fmt: skip
    stages: list[Stage] = [
        DummyStage(),
        PasswordStage(passwords, who),
        TermsStage(_policies(config.terms)),
        RegistrationTokenStage(store, clock),
        *(ValidatedStage(medium, validations, store, REGISTERS) for medium in Medium),
    ]
    if outside.captcha is not None:
        stages.append(RecaptchaStage(outside.captcha, config.captcha.site_key))
    return tuple(stages)


def _policies(terms: TermsConfig) -> tuple[Policy, ...]:
    return tuple(
        Policy(
            policy.policy_id,
            policy.version,
            {language: Translation(name, url) for language, (name, url) in policy.translations.items()},
        )
        for policy in terms.policies
    )


def _lifetimes(config: Config) -> Lifetimes:
    sessions = config.sessions
    return Lifetimes(
        access_token_ms=sessions.access_token_lifetime_ms,
        unrefreshable_access_token_ms=sessions.unrefreshable_access_token_lifetime_ms,
        refresh_token_ms=sessions.refresh_token_lifetime_ms,
    )


def _registration_rules(config: Config) -> RegistrationRules:
    registration = config.registration
    return RegistrationRules(
        server_name=config.server_name,
        users=registration.enabled,
        guests=registration.guests,
        approval=registration.approval,
        reserved=_folded(registration.reserved_names),
        lifetime_ms=registration.account_lifetime_ms,
    )


def _validation_rules(config: Config, links: Links) -> ValidationRules:
    threepids, flows = config.threepids, config.registration.flows
    usable = usable_stages(config)
    return ValidationRules(
        server_name=config.server_name,
        media=frozenset(medium for medium, stage in _STAGE_OF.items() if stage in usable),
        lifetime_ms=threepids.validation_lifetime_ms,
        allowed=_folded(threepids.allowed),
        denied=_folded(threepids.denied),
        reveals_known=threepids.reveal_known,
        next_link_hosts=_folded(threepids.next_link_hosts),
        link=links.validation,
        held=frozenset(
            (Purpose.REGISTER, medium) for medium, stage in _STAGE_OF.items() if waits_for_captcha(flows, stage)
        ),
    )


def _folded(patterns: Sequence[str]) -> tuple[str, ...]:
    """Patterns as what they are held against is: a capital in one would have it match nothing, and nobody notice."""
    return tuple(pattern.casefold() for pattern in patterns)


def _profile_rules(config: Config) -> ProfileRules:
    profile = config.profile
    return ProfileRules(
        changeable=profile.changes,
        allowed=profile.allowed,
        disallowed=profile.disallowed,
        public=profile.public,
    )
