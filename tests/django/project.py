"""The settings of a Django project: those of `manage.py startproject` in what matters here."""

import os

import django
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher, PBKDF2SHA1PasswordHasher

# Shared with the psd server beside it.
SECRET_KEY = os.environ["PROJECT_SECRET"]


class QuickPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """As many iterations as a test can wait for: they are the one slow format of a Rust that is not optimised."""

    iterations = 20_000


class QuickPBKDF2SHA1PasswordHasher(PBKDF2SHA1PasswordHasher):
    iterations = 20_000


def database():
    """The database that the environment names: a SQLite file, or a PostgreSQL by its socket's folder."""
    if "PROJECT_SQLITE" in os.environ:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["PROJECT_SQLITE"]}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PROJECT_HOST"],
        "USER": os.environ["PROJECT_USER"],
        "NAME": os.environ["PROJECT_DATABASE"],
    }


def setup(user_model):
    settings.configure(
        SECRET_KEY=SECRET_KEY,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "pages",
            *(["accounts"] if user_model == "accounts.Account" else []),
        ],
        AUTH_USER_MODEL=user_model,
        DATABASES={"default": database()},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        # The first one is that of new passwords.
        PASSWORD_HASHERS=[
            "project.QuickPBKDF2PasswordHasher",
            "project.QuickPBKDF2SHA1PasswordHasher",
            "django.contrib.auth.hashers.Argon2PasswordHasher",
            "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
            "django.contrib.auth.hashers.BCryptPasswordHasher",
            "django.contrib.auth.hashers.ScryptPasswordHasher",
        ],
    )
    django.setup()
