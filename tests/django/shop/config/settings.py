"""The settings of the shop."""

import os
from datetime import timedelta

SECRET_KEY = os.environ["SHOP_SECRET"]
DEBUG = False
ALLOWED_HOSTS = ["*"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "channels",
    "proto_socket_django",
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["SHOP_DATABASE"],
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
PASSWORD_HASHERS = ["config.hashers.QuickArgon2PasswordHasher"]
ASGI_APPLICATION = "config.asgi.application"

CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

SIMPLE_JWT = {
    "SIGNING_KEY": SECRET_KEY,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=20),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "LEEWAY": 2,
    "TOKEN_OBTAIN_SERIALIZER": "shop.tokens.Serializer",
}

PSD_N_SYNC_WORKERS = 2
PSD_FORWARD_EXCEPTIONS = True
PSD_EXCEPTION_FORMATTER = repr
