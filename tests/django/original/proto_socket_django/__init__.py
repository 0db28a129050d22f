"""A stand-in for proto-socket-django, which is not in the Python registry.

It has what the shop uses, by the original's names and with the original's behaviour towards clients, and uses generated
classes as the original does: `Rx` classes read the JSON of a body, `Tx` classes give the JSON of an envelope.
"""

from asgiref.sync import async_to_sync
from channels.generic.websocket import JsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.contrib.auth import get_user_model

import proto.messages as pb


class FPSReceiverError:
    def __init__(self, message, code=None):
        self.message = message
        self.code = code


class FPSReceiver:
    def __init__(self, consumer):
        self.consumer = consumer


def receive(permissions=None, auth=None, whitelist_groups=None, blacklist_groups=None):
    auth = True if auth is None else auth

    def decorate(method):
        message = method.__annotations__.get("message")
        if message is not None:
            method.received = message
            method.rules = (auth, permissions, whitelist_groups, blacklist_groups)
        return method

    return decorate


def passes(user, auth, permissions, whitelist_groups, blacklist_groups):
    if not (auth or permissions or whitelist_groups or blacklist_groups):
        return True
    if user is None:
        return False
    groups = set(user.groups.values_list("name", flat=True))
    return user.is_superuser or (
        user.has_perms(permissions or ())
        and (not whitelist_groups or bool(groups & set(whitelist_groups)))
        and not groups & set(blacklist_groups or ())
    )


class ApiWebsocketConsumer(JsonWebsocketConsumer):
    receivers = []

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.user = self.token = self.uuid = None
        self.handlers = {}
        for receiver in (kind(self) for kind in self.receivers):
            for name, method in vars(type(receiver)).items():
                if hasattr(method, "received"):
                    self.handlers[method.received.type] = getattr(receiver, name)

    def receive_json(self, content, **_):
        data = pb.RxMessageData(content)
        self.uuid = data.uuid
        if data.authHeader and data.authHeader != self.token:
            self.authenticate(data.authHeader)
        handler = self.handlers.get(data.type)
        if handler is None:
            return
        if not passes(self.user, *handler.rules):
            return self.close()
        result = handler(handler.received(data, self.user))
        if data.ack:
            ack = pb.Ack(uuid=data.uuid)
            if isinstance(result, FPSReceiverError):
                ack.error_message, ack.error_code = result.message, result.code
            self.send_message(pb.TxAck(ack))

    def authenticate(self, token):
        from rest_framework_simplejwt.exceptions import TokenError
        from rest_framework_simplejwt.tokens import AccessToken

        self.token = token
        try:
            user_id = AccessToken(token)["user_id"]
            self.user = get_user_model().objects.filter(pk=user_id).first()
        except TokenError:
            self.user = None
        if self.user is None:
            self.send_message(pb.TxTokenInvalid())
        else:
            self.on_authenticated()

    def on_authenticated(self):
        pass

    def send_message(self, message):
        envelope = message.get_message()
        if self.uuid is not None:
            envelope["headers"]["uuid"] = self.uuid
        self.send_json(envelope)

    def broadcast_message(self, event):
        self.send_json(event["event"])

    @staticmethod
    def broadcast(group, message):
        event = {"type": "broadcast.message", "event": message.get_message()}
        async_to_sync(get_channel_layer().group_send)(group, event)

    def add_group(self, name):
        async_to_sync(self.channel_layer.group_add)(name, self.channel_name)
