"""Error reporting; without SENTRY_DSN nothing is sent and nothing slows down."""

import sentry_sdk

from app.settings import Settings


def start(settings: Settings) -> None:
    if settings.sentry_dsn:
        sentry_sdk.init(
            dsn=settings.sentry_dsn.get_secret_value(),
            release=settings.release,
            environment=settings.sentry_environment,
            traces_sample_rate=settings.sentry_traces_sample_rate,
            # Both would send what webhooks carry.
            include_local_variables=False,
            max_request_body_size="never",
        )
