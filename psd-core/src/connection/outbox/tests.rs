use tokio::io::AsyncReadExt as _;

use super::*;

type Result = std::result::Result<(), Refused<()>>;

fn outbox(bytes: usize, messages: usize) -> Outbox {
    Outbox::new(Limits { bytes, messages, droppable: 2 }, Arc::default())
}

fn push(outbox: &Outbox, socket: &Socket, text: &str) -> Result {
    outbox.push(socket, frame::TEXT, |buffer, seq| {
        *seq += 1;
        buffer.extend_from_slice(text.as_bytes());
        Ok(())
    })
}

fn push_shared(outbox: &Outbox, socket: &Socket, shared: &Bytes) -> Result {
    outbox.push_shared(socket, frame::TEXT, |seq| {
        *seq += 1;
        (b"<".to_vec(), shared, format!("{seq}>").into_bytes())
    })
}

fn text_frame(payload: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::new();
    frame::header(&mut buffer, payload.len(), frame::TEXT);
    buffer.extend_from_slice(payload);
    buffer
}

async fn flush(outbox: &Outbox, socket: &Socket) {
    std::future::poll_fn(|context| outbox.poll_flush(socket, context)).await.expect("the peer reads");
}

#[tokio::test]
async fn frames_leave_in_order_whatever_their_kind() {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let (outbox, socket) = (outbox(1 << 20, 100), Socket::other(near));
    let shared = Bytes::from(vec![b'x'; 3000]);
    push(&outbox, &socket, "one").expect("there is room");
    push_shared(&outbox, &socket, &shared).expect("there is room");
    push_shared(&outbox, &socket, &Bytes::from_static(b"two")).expect("there is room");
    outbox.close(1000, "bye");
    assert_eq!(push(&outbox, &socket, "late"), Err(Refused::Closed));
    flush(&outbox, &socket).await;
    drop((outbox, socket));
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).await.expect("memory does not fail");
    let mut expected = b"\x81\x03one".to_vec();
    expected.extend_from_slice(&text_frame(&[b"<", &shared[..], b"2>"].concat()));
    expected.extend_from_slice(b"\x81\x06<two3>\x88\x05\x03\xe8bye");
    assert_eq!(bytes, expected);
}

#[tokio::test]
async fn a_kept_buffer_does_not_stand_in_the_way_of_shared_frames() {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let (outbox, socket) = (outbox(1 << 20, 100), Socket::other(near));
    let shared = Bytes::from(vec![b'x'; 3000]);
    let mut expected = Vec::new();
    for number in 0..3 {
        push(&outbox, &socket, "one").expect("there is room");
        flush(&outbox, &socket).await;
        push_shared(&outbox, &socket, &shared).expect("there is room");
        push_shared(&outbox, &socket, &shared).expect("there is room");
        flush(&outbox, &socket).await;
        expected.extend_from_slice(b"\x81\x03one");
        for second in [2, 3] {
            let payload = [b"<", &shared[..], format!("{}>", number * 3 + second).as_bytes()].concat();
            expected.extend_from_slice(&text_frame(&payload));
        }
    }
    drop((outbox, socket));
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).await.expect("memory does not fail");
    assert!(bytes == expected);
}

#[tokio::test]
async fn a_slow_consumer_keeps_only_the_frame_it_has_begun() {
    let (near, mut far) = tokio::io::duplex(4);
    let (outbox, socket) = (outbox(40, 100), Socket::other(near));
    push(&outbox, &socket, "0123456789").expect("there is room");
    push(&outbox, &socket, "abcdefghij").expect("there is room");
    let flushed = std::future::poll_fn(|context| Poll::Ready(outbox.poll_flush(&socket, context).is_ready())).await;
    assert!(!flushed, "the pipe holds four bytes");
    assert_eq!(push(&outbox, &socket, "0123456789012345678901234567890123456789"), Err(Refused::SlowConsumer));
    assert_eq!(outbox.closing(), Some(frame::SLOW_CONSUMER));
    let reader = tokio::spawn(async move {
        let mut bytes = Vec::new();
        far.read_to_end(&mut bytes).await.map(|_| bytes)
    });
    flush(&outbox, &socket).await;
    drop((outbox, socket));
    let bytes = reader.await.expect("no panic").expect("memory does not fail");
    assert_eq!(bytes, b"\x81\x0a0123456789\x88\x0f\x11\x3dslow consumer");
}

#[tokio::test]
async fn a_message_that_cannot_be_encoded_leaves_nothing() {
    let (near, _far) = tokio::io::duplex(64);
    let (outbox, socket) = (outbox(100, 100), Socket::other(near));
    let refused = outbox.push(&socket, frame::TEXT, |buffer, _| {
        buffer.extend_from_slice(b"half");
        Err("no")
    });
    assert_eq!(refused, Err(Refused::Encode("no")));
    assert_eq!(outbox.waiting_bytes(), 0);
}

/// Publications that may be dropped come behind what may not, in their order, numbered as they are written.
#[tokio::test]
async fn what_may_be_dropped_stands_aside_while_the_client_is_slow() {
    let (near, mut far) = tokio::io::duplex(4);
    let (outbox, socket) = (outbox(40_000, 100), Socket::other(near));
    let much = "x".repeat(ASIDE_FROM);
    push(&outbox, &socket, &much).expect("there is room");
    let droppable = |text| {
        let message = SharedMessage::of(text);
        outbox.push_droppable(&socket, Dialect::V1Json, &message, &Policy::DropOldest)
    };
    for text in ["{one", "{two", "{three"] {
        droppable(text).expect("it is never refused");
    }
    push(&outbox, &socket, "reply").expect("there is room");
    assert_eq!((outbox.dropped(), outbox.dropped.load(Ordering::Relaxed)), (1, 1));
    outbox.close(1000, "bye");
    assert_eq!(droppable("{late"), Err(Refused::Closed));
    let reader = tokio::spawn(async move {
        let mut bytes = Vec::new();
        far.read_to_end(&mut bytes).await.map(|_| bytes)
    });
    flush(&outbox, &socket).await;
    drop((outbox, socket));
    let bytes = reader.await.expect("no panic").expect("memory does not fail");
    let mut expected = text_frame(much.as_bytes());
    expected.extend_from_slice(&text_frame(b"reply"));
    expected.extend_from_slice(&text_frame(b"{two,\"seq\":3}"));
    expected.extend_from_slice(&text_frame(b"{three,\"seq\":4}"));
    expected.extend_from_slice(b"\x88\x05\x03\xe8bye");
    assert!(bytes == expected, "{}", String::from_utf8_lossy(&bytes[ASIDE_FROM..]));
}

#[tokio::test]
async fn what_may_be_dropped_makes_room_for_what_may_not() {
    let (near, _far) = tokio::io::duplex(4);
    let (outbox, socket) = (outbox(40_000, 100), Socket::other(near));
    push(&outbox, &socket, &"x".repeat(ASIDE_FROM)).expect("there is room");
    let message = SharedMessage::of(&"y".repeat(20_000));
    let droppable = || outbox.push_droppable(&socket, Dialect::Classic, &message, &Policy::DropOldest);
    droppable().expect("there is room");
    push(&outbox, &socket, &"z".repeat(10_000)).expect("the publication goes, not the connection");
    assert_eq!(outbox.dropped(), 1);
    droppable().expect("it is dropped, and that is no failure");
    assert_eq!(outbox.dropped(), 2);
    assert_eq!(push(&outbox, &socket, &"z".repeat(20_000)), Err(Refused::SlowConsumer));
}

/// What stands around a message counts too: whatever its size, it is dropped, and no connection is closed for it.
#[tokio::test]
async fn a_droppable_message_as_large_as_the_outbox_closes_nothing() {
    for length in 900..1010 {
        let (near, _far) = tokio::io::duplex(4);
        let (outbox, socket) = (outbox(1000, 100), Socket::other(near));
        let message = SharedMessage::of(&format!("{{{}", "x".repeat(length)));
        for dialect in [Dialect::Classic, Dialect::V1Json, Dialect::V1Proto { compress_from: None }] {
            outbox.push_droppable(&socket, dialect, &message, &Policy::DropNewest).expect("it is never refused");
            assert_eq!(outbox.closing(), None, "{length}");
        }
    }
}

#[tokio::test]
async fn how_many_were_dropped_is_known_beyond_the_end() {
    let (near, _far) = tokio::io::duplex(4);
    let (outbox, socket) = (outbox(1000, 100), Socket::other(near));
    let message = SharedMessage::of(&"x".repeat(2000));
    outbox.push_droppable(&socket, Dialect::Classic, &message, &Policy::DropNewest).expect("it is never refused");
    outbox.abandon(1000);
    assert_eq!((outbox.dropped(), outbox.closing()), (1, Some(1000)));
}
