"""Configuration, from the environment alone."""

from functools import cache

from pydantic import SecretStr
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: SecretStr
    redis_url: SecretStr
    log_level: str = "INFO"
    app_name: str = "farol-example"
    app_version: str = "dev"
    sentry_dsn: SecretStr | None = None
    sentry_release: str | None = None
    sentry_environment: str = "production"
    sentry_traces_sample_rate: float = 0.0

    @property
    def release(self) -> str:
        return self.sentry_release or self.app_version


@cache
def settings() -> Settings:
    return Settings()
