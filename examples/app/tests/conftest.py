"""The service's configuration in tests: addresses where nothing answers."""

import os

os.environ["DATABASE_URL"] = "postgresql://app:secret@127.0.0.1:9/app"
os.environ["REDIS_URL"] = "redis://:secret@127.0.0.1:9/0"
os.environ["APP_VERSION"] = "1.2.3"
