"""What is said in rooms."""

import proto.messages as pb
import proto_socket_django as psd

from chat.groups import UserGroups


class ChatReceiver(psd.FPSReceiver):
    @psd.receive(blacklist_groups=[UserGroups.muted])
    def send_chat(self, message: pb.RxSendChat):
        text = message.proto.text
        if not text:
            return psd.FPSReceiverError("the text is empty", code=422)
        sent = pb.ChatSent(
            room=message.proto.room,
            author=message.user.username,
            text=text,
            number=2**53 + 1,
            mood=pb.ChatSentMood.HAPPY,
            tags=["<tag>", "žluť", "🐎", '"\\'],
            line=pb.ChatSentLine(price=1.5, is_free=True, picture=b"\x00\xff"),
        )
        self.consumer.broadcast(message.proto.room, pb.TxChatSent(sent))

    @psd.receive()
    def join_room(self, message: pb.RxJoinRoom):
        self.consumer.add_group(message.proto.room)

    @psd.receive(auth=False)
    def look_around(self, message: pb.RxLookAround):
        pass


class ForgottenReceiver(psd.FPSReceiver):
    @psd.receive()
    def look_around(self, message: pb.RxLookAround):
        pass
