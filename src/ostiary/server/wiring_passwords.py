"""Builds what hashes passwords, and what judges new ones, from a configuration. Must not know the other services."""

import os
from pathlib import Path

from ostiary.accounts.password_policy import PasswordPolicy, PasswordRules
from ostiary.accounts.ports import Entropy
from ostiary.config import Config, ConfigError
from ostiary.server.argon2_core import open_hash_memory
from ostiary.server.breached import BreachedListUnusable, open_breached
from ostiary.server.hashing import PasswordHasher
from ostiary.server.schemes import Argon2id, Bcrypt, Pbkdf2, Schemes
from ostiary.server.strength import ZxcvbnStrength


def make_hasher(config: Config, entropy: Entropy) -> PasswordHasher:
    """The hasher, whose threads are started; close it at the end."""
    passwords = config.passwords
    memory = open_hash_memory(passwords.argon2_memory_kib * 1024)
    argon2id = Argon2id(
        memory_kib=passwords.argon2_memory_kib,
        time_cost=passwords.argon2_time_cost,
        parallelism=passwords.argon2_parallelism,
        memory=memory,
    )
    return PasswordHasher(
        Schemes(argon2id, Bcrypt(passwords.bcrypt_pepper), Pbkdf2()),
        threads=passwords.hashing_threads or os.cpu_count() or 1,
        queue=passwords.hashing_queue,
        random_bytes=entropy.token_bytes,
        when_idle=memory.give_back if memory is not None else None,
    )


def make_policy(config: Config) -> PasswordPolicy:
    """What new passwords must be like. Raises ConfigError when the list of breached ones cannot be used."""
    passwords = config.passwords
    rules = PasswordRules(
        min_length=passwords.min_length,
        max_length=passwords.max_length,
        require_digit=passwords.require_digit,
        require_symbol=passwords.require_symbol,
        require_lowercase=passwords.require_lowercase,
        require_uppercase=passwords.require_uppercase,
        min_strength=passwords.min_strength,
        refuse_breached=bool(passwords.breached_file),
    )
    try:
        breached = open_breached(Path(passwords.breached_file)) if passwords.breached_file else None
    except BreachedListUnusable as error:
        raise ConfigError([f"passwords.breached_file: {error}"]) from error
    return PasswordPolicy(rules, ZxcvbnStrength() if passwords.min_strength else None, breached)
