class RxMessageData:
    """What a client has sent: the headers and the body of its envelope."""

    def __init__(self, json_data: dict):
        self.headers = json_data.get("headers") or {}
        self.body = json_data.get("body")
        self.type = self.headers.get("messageType")
        self.uuid = self.headers.get("uuid")
        self.ack = self.headers.get("ack")
        self.authHeader = self.headers.get("authHeader")
        self.apiVersion = self.headers.get("apiVersion")
        self.retryCount = self.headers.get("retryCount", 0)


class RxMessage(ABC):
    """A message from a client: `proto` is its class, and in an object the message."""

    type = None
    proto = None
    auth_required = True

    def __init__(
        self,
        data: Union[RxMessageData, betterproto.Message, None] = None,
        user=None,
    ):
        self.user = user
        self.data = None
        if isinstance(data, betterproto.Message):
            self.proto = data
        elif data is None:
            self.proto = self.proto()
        else:
            self.data = data
            self.set_data(data)

    def set_data(self, data: RxMessageData):
        self.proto = type(self).proto().from_dict(data.body or {})


class TxMessage(ABC):
    """A message from the server: `proto` is its class, and in an object the message."""

    type = None
    proto = None
    auth_required = True

    def __init__(self, proto: Optional[betterproto.Message] = None):
        expected = self.proto
        if proto is not None and not isinstance(proto, expected):
            name = type(proto).__name__
            raise TypeError(f"{name} is no {expected.__name__}")
        self.fields = {}
        self.proto = expected() if proto is None else proto

    def get_message(self) -> dict:
        return {"headers": {"messageType": self.type}, "body": self.proto.to_dict()}


def _init_default_gen(self):
    """A field that was not set holds None, but for messages and lists of messages."""
    self.default_gen = {}
    for field in dataclasses.fields(self.cls):
        meta = betterproto.FieldMetadata.get(field)
        is_message = meta.proto_type == betterproto.TYPE_MESSAGE
        default = self.cls._get_field_default_gen(field, meta) if is_message else None
        self.default_gen[field.name] = default or (lambda: None)


betterproto.ProtoClassMetadata.init_default_gen = _init_default_gen
