use tokio::io::AsyncReadExt as _;

use super::*;
use crate::{codec::Dialect, connection::random::Random};

type Result = std::result::Result<(), Refused<()>>;

fn outbox(bytes: usize, messages: usize) -> Outbox {
    Outbox::new(Arc::new(Limits::of(bytes, messages, 2)))
}

fn push(outbox: &Outbox, socket: &Socket, text: &str) -> Result {
    outbox.push(socket, frame::TEXT, |buffer, seq| {
        *seq += 1;
        buffer.extend_from_slice(text.as_bytes());
        Ok(())
    })
}

fn push_shared(outbox: &Outbox, socket: &Socket, text: &str) -> Result {
    let message = SharedMessage::of(Dialect::V1Json, text);
    outbox.push_shared(socket, delivery(&message)).map(drop)
}

fn push_droppable(outbox: &Outbox, socket: &Socket, dialect: Dialect, text: &str, policy: &Policy) -> Result {
    let message = SharedMessage::of(dialect, text);
    outbox.push_droppable(socket, delivery(&message), policy).map(drop)
}

fn delivery(message: &SharedMessage) -> Delivery<'_> {
    Delivery { message, batch: 1 }
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
    let shared = format!("{{{}", "x".repeat(3000));
    push(&outbox, &socket, "one").expect("there is room");
    push_shared(&outbox, &socket, &shared).expect("there is room");
    push_shared(&outbox, &socket, "{two").expect("there is room");
    outbox.close(1000, "bye");
    assert_eq!(push(&outbox, &socket, "late"), Err(Refused::Closed));
    flush(&outbox, &socket).await;
    drop((outbox, socket));
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).await.expect("memory does not fail");
    let mut expected = b"\x81\x03one".to_vec();
    expected.extend_from_slice(&text_frame(format!("{shared},\"seq\":2}}").as_bytes()));
    expected.extend_from_slice(&text_frame(b"{two,\"seq\":3}"));
    expected.extend_from_slice(b"\x88\x05\x03\xe8bye");
    assert_eq!(bytes, expected);
}

#[tokio::test]
async fn a_kept_buffer_does_not_stand_in_the_way_of_shared_frames() {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let (outbox, socket) = (outbox(1 << 20, 100), Socket::other(near));
    let shared = format!("{{{}", "x".repeat(3000));
    let mut expected = Vec::new();
    for number in 0..3 {
        push(&outbox, &socket, "one").expect("there is room");
        flush(&outbox, &socket).await;
        push_shared(&outbox, &socket, &shared).expect("there is room");
        push_shared(&outbox, &socket, &shared).expect("there is room");
        flush(&outbox, &socket).await;
        expected.extend_from_slice(b"\x81\x03one");
        for second in [2, 3] {
            let payload = format!("{shared},\"seq\":{}}}", number * 3 + second);
            expected.extend_from_slice(&text_frame(payload.as_bytes()));
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

/// A client that reads as fast as there is more for it, and never catches up.
#[tokio::test]
async fn what_was_written_is_given_back_while_something_always_waits() {
    let (near, mut far) = tokio::io::duplex(4096);
    let (outbox, socket) = (outbox(1 << 20, 10_000), Socket::other(near));
    push(&outbox, &socket, &"x".repeat(20_000)).expect("there is room");
    for _ in 0..200 {
        push(&outbox, &socket, &"y".repeat(996)).expect("there is room");
        std::future::poll_fn(|context| Poll::Ready(outbox.poll_flush(&socket, context).is_ready())).await;
        far.read_exact(&mut [0; 1000]).await.expect("it was written");
        assert!(outbox.waiting_bytes() > 10_000);
        outbox.lock().check();
    }
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
    let droppable = |text| push_droppable(&outbox, &socket, Dialect::V1Json, text, &Policy::DropOldest);
    for text in ["{one", "{two", "{three"] {
        droppable(text).expect("it is never refused");
    }
    push(&outbox, &socket, "reply").expect("there is room");
    assert_eq!((outbox.dropped(), outbox.limits.dropped()), (1, 1));
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
    let droppable = || push_droppable(&outbox, &socket, Dialect::Classic, &"y".repeat(20_000), &Policy::DropOldest);
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
        let text = format!("{{{}", "x".repeat(length));
        for dialect in [Dialect::Classic, Dialect::V1Json, Dialect::V1Proto { compress_from: None }] {
            push_droppable(&outbox, &socket, dialect, &text, &Policy::DropNewest).expect("it is never refused");
            assert_eq!(outbox.closing(), None, "{length}");
        }
    }
}

#[tokio::test]
async fn how_many_were_dropped_is_known_beyond_the_end() {
    let (near, _far) = tokio::io::duplex(4);
    let (outbox, socket) = (outbox(1000, 100), Socket::other(near));
    let text = "x".repeat(2000);
    push_droppable(&outbox, &socket, Dialect::Classic, &text, &Policy::DropNewest).expect("it is never refused");
    outbox.abandon(1000);
    assert_eq!((outbox.dropped(), outbox.closing()), (1, Some(1000)));
}

#[tokio::test]
async fn a_batch_has_each_sleeping_connection_once_and_leaves_the_rest_to_its_task() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let (near, far) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
    let (socket, mut far) = (Socket::Tcp(near.expect("it is taken")), far.expect("it comes").0);
    let outbox = outbox(1 << 20, 10_000);
    let message = SharedMessage::of(Dialect::V1Json, "{one");
    let publish = |batch| outbox.push_shared(&socket, Delivery { message: &message, batch });
    assert_eq!(publish(1), Ok(false), "its task is awake, and writes");
    flush(&outbox, &socket).await;
    outbox.awake();
    assert!(outbox.sleep(&Context::from_waker(std::task::Waker::noop())));
    assert_eq!(publish(1), Ok(true), "the batch goes on, and its task has written and sleeps");
    assert_eq!([publish(2), publish(2), publish(3)], [Ok(true), Ok(false), Ok(true)]);
    outbox.write_out(&socket);
    assert_eq!(outbox.waiting_bytes(), 0);
    let mut expected = Vec::new();
    for number in 1..6 {
        expected.extend_from_slice(&text_frame(format!("{{one,\"seq\":{number}}}").as_bytes()));
    }
    let mut bytes = vec![0; expected.len()];
    far.read_exact(&mut bytes).await.expect("they were written");
    assert_eq!(bytes, expected);
}

#[derive(Default)]
struct Woken(AtomicU64);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn what_a_client_does_not_take_at_once_is_left_to_its_task() {
    let (near, _far) = tokio::io::duplex(4);
    // Nothing can be written to it without waiting.
    let (outbox, socket) = (outbox(1 << 20, 100), Socket::other(near));
    let woken = Arc::new(Woken::default());
    let waker = std::task::Waker::from(woken.clone());
    let mut task = Context::from_waker(&waker);
    assert!(outbox.sleep(&task));
    push_shared(&outbox, &socket, "{one").expect("there is room");
    assert_eq!(woken.0.load(Ordering::Relaxed), 0);
    outbox.write_out(&socket);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    // The task waits for the client now, and need not be told of more.
    outbox.awake();
    assert!(outbox.poll_flush(&socket, &mut task).is_pending() && outbox.sleep(&task));
    push_shared(&outbox, &socket, "{two").expect("there is room");
    outbox.write_out(&socket);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
}

/// Two ends of a connection through the operating system that holds little on its way.
async fn narrow_sockets() -> (Socket, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let far = tokio::net::TcpStream::connect(listener.local_addr().expect("it listens")).await.expect("it listens");
    let (near, _) = listener.accept().await.expect("somebody has come");
    socket2::SockRef::from(&near).set_send_buffer_size(4 * 1024).expect("it is an option");
    socket2::SockRef::from(&far).set_recv_buffer_size(64 * 1024).expect("it is an option");
    (Socket::Tcp(near), far)
}

/// The payloads of whole frames, and the code of the close frame at the end.
fn frames(mut bytes: &[u8]) -> (Vec<serde_json::Value>, Option<u16>) {
    let mut payloads = Vec::new();
    while let [first, length, rest @ ..] = bytes {
        let (length, rest) = match (length, rest) {
            (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            (length, rest) => (usize::from(*length), rest),
        };
        let (payload, rest) = rest.split_at(length);
        bytes = rest;
        match first & 0x0f {
            8 => {
                assert!(bytes.is_empty(), "nothing comes behind the close frame");
                return (payloads, Some(u16::from_be_bytes([payload[0], payload[1]])));
            }
            9 => assert!(payload.is_empty()),
            _ => payloads.push(serde_json::from_slice(payload).expect("a frame is whole")),
        }
    }
    (payloads, None)
}

/// Messages, publications of every kind, pings, writes by the task and by others, and a client that reads now and then:
/// frames stay whole, their numbers have no gap, and what may not be dropped is there, in order.
#[tokio::test]
async fn frames_stay_whole_and_in_order_whatever_happens() {
    for seed in 1..=60 {
        let mut random = Random(seed * 0x9e37_79b9);
        let (socket, mut far) = narrow_sockets().await;
        // Every third client is too slow for its outbox.
        let outbox = outbox(if seed % 3 == 0 { 24 * 1024 } else { 1 << 24 }, 10_000);
        let (mut heard, mut said, mut batch) = (Vec::new(), 0, 0);
        outbox.push_greeting(text_frame(b"{\"greeting\":true}")); // A frame, so that all are read alike.
        for _ in 0..300 {
            let text = format!("{{\"said\":{said},\"text\":\"{}\"", "x".repeat(random.below(3) * random.below(1500)));
            match random.below(10) {
                0 | 1 => {
                    let pushed = outbox.push(&socket, frame::TEXT, |buffer, seq| {
                        *seq += 1;
                        buffer.extend_from_slice(format!("{text},\"seq\":{seq}}}").as_bytes());
                        Ok::<_, ()>(())
                    });
                    said += usize::from(pushed.is_ok());
                }
                2 | 3 => {
                    batch += random.below(2) as u64;
                    // Of some nothing is the connection's own, not even a number.
                    let (dialect, end) =
                        [(Dialect::V1Json, ""), (Dialect::Classic, ",\"whole\":true}")][random.below(2)];
                    let message = SharedMessage::of(dialect, &format!("{text}{end}"));
                    let delivery = Delivery { batch, ..delivery(&message) };
                    said += usize::from(outbox.push_shared(&socket, delivery).is_ok());
                }
                4 => {
                    let policy = [Policy::DropOldest, Policy::DropNewest, Policy::Latest("key".into())];
                    let text = text.replace("said", "dropped");
                    let _ = push_droppable(&outbox, &socket, Dialect::V1Json, &text, &policy[random.below(3)]);
                }
                5 => outbox.push_control(frame::PING, &[]),
                6 => outbox.write_out(&socket),
                7 => {
                    let flush = |context: &mut Context<'_>| Poll::Ready(outbox.poll_flush(&socket, context).is_ready());
                    std::future::poll_fn(flush).await;
                }
                _ => {
                    let mut bytes = vec![0; 1 + random.below(8000)];
                    if let Ok(length) = far.try_read(&mut bytes) {
                        heard.extend_from_slice(&bytes[..length]);
                    }
                    tokio::task::yield_now().await;
                }
            }
            outbox.lock().check();
        }
        let is_slow = outbox.closing() == Some(frame::SLOW_CONSUMER);
        outbox.close(1000, "bye");
        let reading = async {
            flush(&outbox, &socket).await;
            socket.close();
        };
        let (read, ()) = tokio::join!(far.read_to_end(&mut heard), reading);
        read.expect("it ends well");
        let (payloads, code) = frames(&heard);
        assert_eq!(code, Some(if is_slow { frame::SLOW_CONSUMER } else { 1000 }), "seed {seed}");
        assert_eq!(payloads[0]["greeting"], true, "seed {seed}");
        let numbers: Vec<_> =
            payloads[1..].iter().filter(|it| it["whole"] != true).map(|it| it["seq"].as_u64()).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).map(Some).collect::<Vec<_>>(), "seed {seed}");
        let kept: Vec<_> = payloads.iter().filter_map(|payload| payload["said"].as_u64()).collect();
        assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>(), "seed {seed}");
        assert!(is_slow || kept.len() == said, "seed {seed}: {} of {said}", kept.len());
    }
}
