"""The configuration: one value, from defaults, a TOML file, the environment and the command line, in this order.

Every key is declared once, in ``model``, with its meaning and limits; reading, checking, showing and documenting it
follow from that. Must not know what is done with any of it.
"""

from ostiary.config.checking import Flows, serves_alone, usable_stages
from ostiary.config.database import PostgresDatabase, SqliteDatabase, parse_database_url
from ostiary.config.loading import ConfigError, Loaded, load
from ostiary.config.manager import notify_socket
from ostiary.config.model import (
    Config,
    LoggingConfig,
    MetricsConfig,
    PasswordsConfig,
    PostgresqlConfig,
    Rate,
    RateConfig,
    RateLimitsConfig,
    ServerConfig,
    SessionsConfig,
    UiaConfig,
)
from ostiary.config.services import (
    CAPTCHA_SERVICES,
    AppservicesConfig,
    CaptchaConfig,
    FlowsConfig,
    IdentityServersConfig,
    JwtConfig,
    LoginConfig,
    MailConfig,
    ProfileConfig,
    RegistrationConfig,
    SmsConfig,
    SupportConfig,
    TermsConfig,
    ThreepidsConfig,
)
from ostiary.config.showing import show
from ostiary.config.tables import ContactConfig, PolicyConfig

__all__ = [
    "CAPTCHA_SERVICES",
    "AppservicesConfig",
    "CaptchaConfig",
    "Config",
    "ConfigError",
    "ContactConfig",
    "Flows",
    "FlowsConfig",
    "IdentityServersConfig",
    "JwtConfig",
    "Loaded",
    "LoggingConfig",
    "LoginConfig",
    "MailConfig",
    "MetricsConfig",
    "PasswordsConfig",
    "PolicyConfig",
    "PostgresDatabase",
    "PostgresqlConfig",
    "ProfileConfig",
    "Rate",
    "RateConfig",
    "RateLimitsConfig",
    "RegistrationConfig",
    "ServerConfig",
    "SessionsConfig",
    "SmsConfig",
    "SqliteDatabase",
    "SupportConfig",
    "TermsConfig",
    "ThreepidsConfig",
    "UiaConfig",
    "load",
    "notify_socket",
    "parse_database_url",
    "serves_alone",
    "show",
    "usable_stages",
]
