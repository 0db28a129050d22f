"""Makes the shop's tables and one user: `python users.py NAME PASSWORD`, in the shop's folder."""

import os
import sys

import django

sys.path.insert(0, os.getcwd())
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.contrib.auth import get_user_model
from django.core.management import call_command

call_command("migrate", run_syncdb=True, verbosity=0)
name, password = sys.argv[1:]
print(get_user_model().objects.create_user(name, password=password).pk)
