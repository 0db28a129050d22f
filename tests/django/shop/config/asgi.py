"""The server: `uvicorn config.asgi:application`."""

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from api.consumers import BaseConsumer, OfficeConsumer

application = ProtocolTypeRouter(
    {
        "websocket": URLRouter(
            [
                path("ws/", BaseConsumer.as_asgi()),
                re_path(r"^office$", OfficeConsumer.as_asgi()),
            ]
        )
    }
)
