"""Where clients connect."""

from proto_socket_django import ApiWebsocketConsumer
from proto_socket_django.receivers import AuthenticationReceiver

from chat.receivers import ChatReceiver
from chat.stock import StockReceiver


class BaseConsumer(ApiWebsocketConsumer):
    receivers = [AuthenticationReceiver, ChatReceiver, StockReceiver]
    APP_GROUP = "everybody"
    groups = [APP_GROUP]

    def on_authenticated(self):
        self.add_group(f"user-{self.user.pk}")

    def shout(self, text):
        self.broadcast(self.APP_GROUP, text)


class OfficeConsumer(ApiWebsocketConsumer):
    receivers = [StockReceiver]
