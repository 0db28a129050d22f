"""A Django project that answers questions: one JSON object a line in, one out.

`python serve.py auth.User` or `python serve.py accounts.Account`; the database is named by the environment (project.py).
"""

import json
import logging
import sys
import time

import project

project.setup(sys.argv[1])

import jwt
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.core.management import call_command
from rest_framework.exceptions import APIException
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenRefreshSerializer
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

# simplejwt warns of tokens for inactive users.
logging.disable(logging.WARNING)
User = get_user_model()


def user(name):
    return User.objects.get(**{User.USERNAME_FIELD: name})


def permission(name):
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def migrate():
    """Lets Django make its tables: first those that the project's own refer to, which are made without migrations."""
    call_command("migrate", "auth", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)


def create(name, password=None, hasher="default", permissions=(), groups=(), **fields):
    """A user with a password in the format of a hasher; returns its key, as a token has it."""
    stored = make_password(password, hasher=hasher)
    one = User.objects.create(**{User.USERNAME_FIELD: name, "password": stored, **fields})
    one.user_permissions.add(*map(permission, permissions))
    one.groups.add(*(Group.objects.get_or_create(name=group)[0] for group in groups))
    return str(one.pk)


def grant(group, permissions):
    """Permissions for everybody in a group."""
    Group.objects.get_or_create(name=group)[0].permissions.add(*map(permission, permissions))


def change(name, **fields):
    User.objects.filter(**{User.USERNAME_FIELD: name}).update(**fields)


def take(name, permissions=(), groups=()):
    one = user(name)
    one.user_permissions.remove(*map(permission, permissions))
    one.groups.remove(*Group.objects.filter(name__in=groups))


def delete(name):
    user(name).delete()


def stored(name):
    """The password as it stands in the database."""
    return user(name).password


def login(name, password):
    """Whom Django takes this for: by its function, or by its login form, which tidies the name up."""
    one = authenticate(None, username=name, password=password)
    if one is None:
        form = AuthenticationForm(data={"username": name, "password": password})
        one = form.get_user() if form.is_valid() else None
    return None if one is None else str(one.pk)


def allows(name, permissions=(), whitelist=(), blacklist=()):
    """What Django decides about a request with these demands, as a status."""
    one = None if name is None else accepts(str(AccessToken.for_user(user(name))))
    if one is None:
        return 401
    one = User.objects.get(pk=one)
    groups = set(one.groups.values_list("name", flat=True))
    if one.is_superuser:
        return 200
    if not one.has_perms(permissions):
        return 403
    if whitelist and not groups & set(whitelist):
        return 403
    return 403 if groups & set(blacklist) else 200


def access(name):
    return str(AccessToken.for_user(user(name)))


def refresh(name):
    return str(RefreshToken.for_user(user(name)))


def sign(claims, key=project.SECRET_KEY, algorithm="HS256", headers=None):
    """A token with any claims. Times that are numbers are seconds from now."""
    for name in ("exp", "nbf", "iat"):
        if isinstance(claims.get(name), int):
            claims[name] += int(time.time())
    return jwt.encode(claims, None if algorithm == "none" else key, algorithm=algorithm, headers=headers)


def accepts(token):
    """Whose request a token makes it, as simplejwt sees it."""
    try:
        authentication = JWTAuthentication()
        return str(authentication.get_user(authentication.get_validated_token(token.encode())).pk)
    except (APIException, TokenError):
        return None
    except (ValueError, ValidationError):
        # A user id that is no key is an internal error there, which lets nobody in either.
        return None


def refreshes(token):
    """The access token that simplejwt gives for a refresh token."""
    try:
        serializer = TokenRefreshSerializer(data={"refresh": token})
        return serializer.validated_data["access"] if serializer.is_valid() else None
    except (APIException, TokenError, User.DoesNotExist):
        return None


QUESTIONS = {
    function.__name__: function
    for function in (
        migrate, create, grant, change, take, delete, stored, login, allows, access, refresh, sign, accepts, refreshes,
    )
}

for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = {"answer": QUESTIONS[question["ask"]](**question["with"])}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
