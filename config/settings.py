"""Parley's settings: everything that a deployment decides is read from the environment here and nowhere else.

The table of variables is in README.md; `.env.example` lists them with their defaults. A value that cannot be used is
reported by `manage.py check` as `config.E002` and stops the server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

from config.database import SQLITE_ENGINE, database_settings, replica_settings
from config.env import Env

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = Env.of_process(BASE_DIR / ".env")

VERSION = "0.1.0"

# Security

DEVELOPMENT_SECRET_KEY = "parley-development-key-that-must-never-leave-a-laptop-0123456789"  # noqa: S105
DEBUG = ENV.boolean("DEBUG", default=True)
# `make run` leaves a key of this machine's own there, for every command that is run beside it.
LOCAL_SECRET_KEY_FILE = BASE_DIR / "var" / "secret_key"
SECRET_KEY = ENV.text("SECRET_KEY") or (
    LOCAL_SECRET_KEY_FILE.read_text(encoding="utf-8").strip()
    if LOCAL_SECRET_KEY_FILE.is_file()
    else DEVELOPMENT_SECRET_KEY
)
SECRET_KEY_FALLBACKS = ENV.words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = ENV.words("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = ENV.words("CSRF_TRUSTED_ORIGINS")

# The first pepper signs new API keys, every listed one is accepted: put a new one in front to rotate.
API_KEY_PEPPERS = ENV.words("API_KEY_PEPPERS") or [
    hmac.new(SECRET_KEY.encode(), b"parley.api-key-pepper", hashlib.sha256).hexdigest()
]

# The first key encrypts the secrets of integrations, every one decrypts: put a new one in front to rotate. Keys derived
# from SECRET_KEY come last, so that an installation that began without keys of its own moves to one at any time.
OWN_SECRETS_KEYS = ENV.words("SECRETS_KEYS")
SECRETS_KEYS = OWN_SECRETS_KEYS + [
    base64.urlsafe_b64encode(hmac.digest(key.encode(), b"parley.secrets-key", "sha256")).decode()
    for key in (SECRET_KEY, *SECRET_KEY_FALLBACKS)
]
DEFAULT_EXCEPTION_REPORTER_FILTER = "core.error_reports.ErrorReportFilter"

# Hosts that Parley itself sends requests to; nothing else is ever called, and no private address but those named.
OUTGOING_HOSTS = ENV.words("OUTGOING_HOSTS")
OUTGOING_PRIVATE_HOSTS = ENV.words("OUTGOING_PRIVATE_HOSTS")
OUTGOING_TIMEOUT_SECONDS = ENV.integer("OUTGOING_TIMEOUT_SECONDS", 10, minimum=1, maximum=60)

HTTPS_ONLY = ENV.boolean("HTTPS_ONLY", default=not DEBUG)
BEHIND_PROXY = ENV.boolean("BEHIND_PROXY", default=False)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = ENV.integer("HSTS_SECONDS", 31_536_000, minimum=0, maximum=63_072_000) if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS_ONLY
SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"

# Application

INSTALLED_APPS = [
    "core",
    "ledger",
    "accounts",
    "agents_app",
    "conversations",
    "transfer",
    "config",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "core.middleware.RequestIdMiddleware",
    "core.middleware.SecurityHeadersMiddleware",
    "core.health.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.middleware.OutageMiddleware",
    "core.admin.row_scope.RowScopeMiddleware",
]

# What requests with an API key pass through, see core.lanes.
PROGRAM_MIDDLEWARE = [
    "core.middleware.RequestIdMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
IDEMPOTENCY_MODEL = "accounts.IdempotencyRecord"
REFUSAL_RECORDER = "ledger.services.refusals.record_access_refusal"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Data

DATABASES = {"default": database_settings(ENV, base_dir=BASE_DIR)}

# Streaming replicas, see docs/replicas.md. Without one nothing of it is installed.
REPLICA_DATABASES = replica_settings(ENV, primary=DATABASES["default"])
REPLICAS = tuple(REPLICA_DATABASES)
REPLICA_APPS = frozenset({"conversations", "ledger", "agents_app"})
REPLICA_READS = ENV.text("REPLICA_READS", "current", choices=("current", "any"))
REPLICA_WAIT_MILLISECONDS = ENV.integer("REPLICA_WAIT_MILLISECONDS", 100, minimum=0, maximum=10_000)
REPLICA_MAX_LAG_SECONDS = ENV.integer("REPLICA_MAX_LAG_SECONDS", 10, minimum=1, maximum=3600)
if REPLICAS:
    DATABASES |= REPLICA_DATABASES
    DATABASE_ROUTERS = ["core.replicas.routing.ReplicaRouter"]
    for chain in (MIDDLEWARE, PROGRAM_MIDDLEWARE):
        chain.append("core.replicas.middleware.ReplicaMiddleware")

# The second wall between organizations, see docs/row-security.md. PostgreSQL only.
ROW_LEVEL_SECURITY = ENV.boolean("ROW_LEVEL_SECURITY", default=False)
ROW_LEVEL_SECURITY_ROLE = ENV.text("ROW_LEVEL_SECURITY_ROLE", "parley_tenant")
# A session of an agent without a heartbeat for longer is closed by `manage.py close_stale_sessions`.
SESSION_IDLE_MINUTES = ENV.integer("SESSION_IDLE_MINUTES", 30, minimum=1, maximum=10_080)
IDEMPOTENCY_RETENTION_DAYS = ENV.integer("IDEMPOTENCY_RETENTION_DAYS", 30, minimum=1, maximum=3650)
TRASH_RETENTION_DAYS = ENV.integer("TRASH_RETENTION_DAYS", 30, minimum=0, maximum=3650)

# A body larger than this answers 413; messages of agents carry whole files in tool results.
MAX_BODY_BYTES = 10 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["accounts.backends.NameOrEmailBackend"]
LOGIN_FAILURES_PER_5_MINUTES = ENV.integer("LOGIN_FAILURES_PER_5_MINUTES", 10, minimum=1, maximum=1000)
LOGIN_URL = "rest_framework:login"
LOGIN_REDIRECT_URL = "/"

# Time and language

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# Static files

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.MemberSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["core.access.HasPermissionCode"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["core.renderers.JSONRenderer", "core.renderers.BrowsableRenderer"],
    "DEFAULT_PAGINATION_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "core.openapi.Schema",
    "EXCEPTION_HANDLER": "core.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Parley",
    "DESCRIPTION": "The system of record for LLM-agent conversations.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api",
    "PREPROCESSING_HOOKS": ["core.openapi.only_unversioned_paths"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums"],
    "ENUM_NAME_OVERRIDES": {
        "IntegrationTestStatusEnum": "agents_app.models.integration.IntegrationConfig.TestStatus",
        "MessageStatusEnum": "conversations.models.message.Message.Status",
        "ThreadStatusEnum": "conversations.models.thread.Thread.Status",
    },
}

# Server (`manage.py serve`)

SERVER_HOST = ENV.text("SERVER_HOST", "127.0.0.1")
SERVER_PORT = ENV.integer("PORT", 8000, minimum=1, maximum=65_535)
SERVER_WORKERS = ENV.integer("SERVER_WORKERS", 2, minimum=1, maximum=256)
# Threads of one worker share its interpreter lock: they pay only while others wait for a database server.
SERVER_THREADS = ENV.integer(
    "SERVER_THREADS", 1 if DATABASES["default"]["ENGINE"] == SQLITE_ENGINE else 4, minimum=1, maximum=256
)
# Connections that one worker holds, and the seconds a client may send no whole head of a request: see config.listening.
SERVER_CONNECTIONS = ENV.integer("SERVER_CONNECTIONS", 2048, minimum=16, maximum=100_000)
SERVER_IDLE_SECONDS = ENV.integer("SERVER_IDLE_SECONDS", 30, minimum=1, maximum=3600)
MIGRATE_ON_START = ENV.boolean("MIGRATE_ON_START", default=False)

# Requests that the whole server lets through in a minute, for each key or person and for each address; 0: any number.
THROTTLE_KEY_PER_MINUTE = ENV.integer("THROTTLE_KEY_PER_MINUTE", 300_000, minimum=0, maximum=100_000_000)
THROTTLE_ADDRESS_PER_MINUTE = ENV.integer("THROTTLE_ADDRESS_PER_MINUTE", 12_000, minimum=0, maximum=100_000_000)

# Observation, see docs/monitoring.md

# Whoever shows it reads /metrics; without one there are no metrics, and they cost nothing.
METRICS_TOKEN = ENV.text("METRICS_TOKEN")
# Shared by the processes of one server. `manage.py serve` makes one for itself.
METRICS_DIRECTORY = ENV.text("METRICS_DIRECTORY")
LOG_REQUESTS = ENV.text("LOG_REQUESTS", "slow", choices=("none", "slow", "all"))
SLOW_REQUEST_MS = ENV.integer("SLOW_REQUEST_MS", 1000, minimum=1, maximum=3_600_000)
SLOW_QUERY_MS = ENV.integer("SLOW_QUERY_MS", 0, minimum=0, maximum=3_600_000)
OTEL_EXPORTER_OTLP_ENDPOINT = ENV.text("OTEL_EXPORTER_OTLP_ENDPOINT")
SENTRY_DSN = ENV.text("SENTRY_DSN")

# Logging

LOG_FORMAT = ENV.text("LOG_FORMAT", "text" if DEBUG else "json", choices=("text", "json"))
LOG_LEVEL = ENV.text("LOG_LEVEL", "INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "core.logs.RequestIdFilter"},
        "query_string": {"()": "core.logs.QueryStringFilter"},
    },
    "formatters": {
        "text": {
            "class": "core.logs.TextFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
        },
        "json": {"()": "core.logs.JSONFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["request_id"]},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {
            "handlers": ["stderr"],
            "level": LOG_LEVEL,
            "propagate": False,
            "filters": ["query_string"],
        },
        # Statements carry the content of messages: they are never echoed, at no log level.
        "django.db.backends": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
