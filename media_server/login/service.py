"""Logging in, put together from the settings; closed when left."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from auth import AuthError, MemoryOneTime, ProviderUnreachable, RelyingParty, RsaKeyRing
from media_server.development_provider import DevelopmentProvider
from media_server.login.environment import JWKS, itsme_settings
from media_server.login.handlers import Login, LoginParts
from media_server.login.ports import Sessions
from media_server.login.provider_http import open_provider
from media_server.login.redis_states import Redis, app_codes, login_states
from media_server.login.settings import ItsmeEnvironment
from media_server.settings import Settings

log = logging.getLogger(__name__)

DISCOVERY_INTERVAL_S: Final = 6 * 3600.0
_PRUNE_KEYS_EVERY_S: Final = 600.0


@asynccontextmanager
async def open_login(
    settings: Settings, port: int, sessions: Sessions, redis: Redis | None
) -> AsyncIterator[Login | None]:
    """None where nobody can log in. `port` is the one bound; without Redis, logins are this node's alone.

    Raises KeysUnusable.
    """
    itsme = itsme_settings(settings, port)
    if itsme is None:
        yield None
        return
    keys = RsaKeyRing.open(settings.itsme_keys_folder)
    states = MemoryOneTime() if redis is None else login_states(redis)
    codes = MemoryOneTime() if redis is None else app_codes(redis)
    async with open_provider() as http:
        relying_party = RelyingParty(itsme, keys, states, http)
        origin = settings.origin(port)
        development = settings.itsme_environment is ItsmeEnvironment.DEVELOPMENT
        provider = DevelopmentProvider(itsme, f"{origin}{JWKS}", http) if development else None
        login = Login(LoginParts(settings, origin, relying_party, keys, sessions, codes, provider))
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(_prune(keys), name="itsme-keys")]
            if provider is None:
                work.append(group.create_task(_watch(relying_party), name="itsme-discovery"))
            try:
                yield login
            finally:
                for task in work:
                    task.cancel()


async def _prune(keys: RsaKeyRing) -> None:
    while True:
        await asyncio.sleep(_PRUNE_KEYS_EVERY_S)
        try:
            for kid in keys.prune():
                log.info("itsme.key_pruned", extra={"kid": kid})
        except AuthError:
            log.error("itsme.prune_failed")


async def _watch(relying_party: RelyingParty) -> None:
    """Compare what is pinned with what the provider says of itself; only tells the operator."""
    while True:
        try:
            await relying_party.check_discovery()
        except ProviderUnreachable:
            log.warning("itsme.discovery_not_seen")
        await asyncio.sleep(DISCOVERY_INTERVAL_S)
