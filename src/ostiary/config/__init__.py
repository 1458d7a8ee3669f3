"""The configuration: one value, from defaults, a TOML file, the environment and the command line, in this order.

Every key is declared once, in ``model``, with its meaning and limits; reading, checking, showing and documenting it
follow from that. Must not know what is done with any of it.
"""

from ostiary.config.database import PostgresDatabase, SqliteDatabase, parse_database_url
from ostiary.config.loading import ConfigError, Loaded, load
from ostiary.config.model import (
    Config,
    LoggingConfig,
    PasswordsConfig,
    Rate,
    RateConfig,
    RateLimitsConfig,
    RegistrationConfig,
    ServerConfig,
    SessionsConfig,
    UiaConfig,
)
from ostiary.config.showing import show

__all__ = [
    "Config", "ConfigError", "Loaded", "LoggingConfig", "PasswordsConfig", "PostgresDatabase", "Rate", "RateConfig",
    "RateLimitsConfig", "RegistrationConfig", "ServerConfig", "SessionsConfig", "SqliteDatabase", "UiaConfig", "load",
    "parse_database_url", "show",
]  # fmt: skip
