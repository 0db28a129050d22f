use psd_core::{Connection, Error, Identity, receive};

use super::not_moved;
use crate::{consumers::BaseConsumer, pb};

/// `ChatReceiver.send_chat`, chat/receivers.py:11.
#[receive(consumer = BaseConsumer, blacklist_groups = ["muted"])]
pub async fn send_chat(
    message: pb::SendChat,
    user: Identity,
    connection: Connection,
) -> Result<(), Error> {
    // text = message.proto.text
    // if not text:
    //     return psd.FPSReceiverError("the text is empty", code=422)
    // sent = pb.ChatSent(
    //     room=message.proto.room,
    //     author=message.user.username,
    //     text=text,
    //     number=2**53 + 1,
    //     mood=pb.ChatSentMood.HAPPY,
    //     tags=["<tag>", "žluť", "🐎", '"\\'],
    //     line=pb.ChatSentLine(price=1.5, is_free=True, picture=b"\x00\xff"),
    // )
    // self.consumer.broadcast(message.proto.room, pb.TxChatSent(sent))
    Err(not_moved("ChatReceiver.send_chat"))
}

/// `ChatReceiver.join_room`, chat/receivers.py:27.
#[receive(consumer = BaseConsumer)]
pub async fn join_room(message: pb::JoinRoom, connection: Connection) -> Result<(), Error> {
    // self.consumer.add_group(message.proto.room)
    Err(not_moved("ChatReceiver.join_room"))
}

/// `ChatReceiver.look_around`, chat/receivers.py:31.
#[receive(consumer = BaseConsumer, auth = false)]
pub async fn look_around(message: pb::LookAround) -> Result<(), Error> {
    // pass
    Err(not_moved("ChatReceiver.look_around"))
}
