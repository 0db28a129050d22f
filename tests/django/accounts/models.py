import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Account(AbstractUser):
    """Like many projects' users: the key is a UUID, and who logs in types an address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = None
    address = models.CharField(max_length=254, unique=True)

    USERNAME_FIELD = "address"
    REQUIRED_FIELDS = []
