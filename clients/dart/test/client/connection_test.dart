// Connecting, reconnecting and giving up, in time that the test turns.

import 'dart:async';
import 'dart:convert';

import 'package:psd_client/psd_client.dart';
import 'package:psd_client/src/client/backoff.dart';
import 'package:psd_client/src/client/store.dart';

import '../board/messages/messages.dart';
import '../harness.dart';
import 'fake_socket.dart';
import 'fake_time.dart';

/// A client, and the server and the time that it believes in.
final class Bench {
  final FakeTime time = FakeTime();
  final FakeSockets sockets = FakeSockets();
  final List<Object> warnings = [];
  late final PsdClient client = make(Uri.parse('ws://here/ws'));

  PsdClient make(Uri url) => PsdClient(
    url,
    ClientOptions(
      socket: sockets.open,
      clock: time.now,
      random: const FixedChance(1),
      onWarning: warnings.add,
    ),
  );

  PsdConnectionState get state => client.connection.value;
  FakeSocket get last => sockets.last;
  Future<void> pass(int milliseconds) => time.pass(milliseconds);

  Future<FakeSocket> open() async {
    client.connect();
    await pass(0);
    last.open();
    return last;
  }
}

void bench(String name, Future<void> Function(Bench bench) body) => test(name, () {
  final bench = Bench();
  return bench.time.run(() async {
    await body(bench);
    bench.client.close();
  });
});

/// The error of a request, once it has one.
Future<PsdException> failure(Future<Object?> future) => throwsA<PsdException>(() => future);

void main() {
  test('the waits between attempts', () {
    final waits = [
      for (final failures in [0, 1, 2, 3, 5, 6, 2000]) [delay(failures, 0), delay(failures, 1)],
    ];
    expect(waits, [
      [0, 250],
      [500, 1000],
      [500, 2000],
      [500, 4000],
      [500, 16000],
      [500, 20000],
      [500, 20000],
    ]);
  });

  test('what codes mean', () {
    final finals = [1000, 1006, 4399, 4400, 4401, 4403, 4404, 4408].where(isFinal).toList();
    expect(finals, [4400, 4401, 4403]);
    expect([1001, 1006, 1012, 4413, 4429].where(asksToSpread).toList(), [1001, 1012, 4413, 4429]);
  });

  bench('nothing is done until somebody asks', (bench) async {
    await bench.pass(100000);
    check(bench.state is ConnectionIdle);
    expect(bench.sockets.all.length, 0);
  });

  bench('the first retry is quick, and those after it take longer and longer', (bench) async {
    bench.client.connect();
    await bench.pass(0);
    final waits = <int>[];
    for (var attempt = 0; attempt < 8; attempt++) {
      final since = bench.time.milliseconds;
      bench.last.end();
      final waiting = bench.state as ConnectionWaiting;
      expect([waiting.attempt, waiting.reason.kind, waiting.reason.code], [attempt + 2, ErrorKind.disconnected, 1006]);
      waits.add(waiting.until.millisecondsSinceEpoch - since);
      final count = bench.sockets.all.length;
      await bench.pass(waits.last - 1);
      expect(bench.sockets.all.length, count);
      await bench.pass(1);
      expect(bench.sockets.all.length, count + 1);
    }
    expect(waits, [250, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
    // Every second attempt is without an offer, since a server may speak classic only.
    expect([for (final socket in bench.sockets.all) socket.offer.length], [2, 0, 2, 0, 2, 0, 2, 0, 2]);
  });

  bench('a connection that held begins anew, one that did not goes on waiting', (bench) async {
    final first = await bench.open();
    await bench.pass(1000);
    first.end();
    await bench.pass(250);
    bench.last
      ..open()
      ..end();
    expect((bench.state as ConnectionWaiting).attempt, 3);
    await bench.pass(1000);
    bench.last.open();
    await bench.pass(6000);
    bench.last.end();
    expect((bench.state as ConnectionWaiting).attempt, 2);
    // A server that spoke v1 once is not asked for classic.
    expect([for (final socket in bench.sockets.all) socket.offer.length], [2, 2, 2]);
  });

  bench('a server that restarts gets no quick retry', (bench) async {
    final socket = await bench.open();
    await bench.pass(6000);
    socket.end(1012);
    await bench.pass(499);
    expect(bench.sockets.all.length, 1);
    await bench.pass(501);
    expect(bench.sockets.all.length, 2);
  });

  bench('a drain is obeyed: no requests, and no return before its time', (bench) async {
    final socket = await bench.open();
    socket.push({'messageType': 'psd.drain'}, {'reconnectAfterMs': 30000, 'reason': 'an update'});
    final draining = bench.state as ConnectionDraining;
    expect(
      [draining.until.millisecondsSinceEpoch - bench.time.milliseconds, draining.reason],
      [30000, 'an update'],
    );
    final kept = bench.client.send(const Ignore(), timeout: forever);
    expect(socket.types, <Object?>[]);
    await bench.pass(1000);
    socket.end(1012);
    // Not even when the network comes back.
    bench.client.networkBack();
    await bench.pass(28999);
    expect(bench.sockets.all.length, 1);
    await bench.pass(1);
    bench.last.open();
    expect(bench.last.types, ['ignore']);
    bench.last.answer();
    await kept;
  });

  bench('an application that is looked at again connects at once', (bench) async {
    bench.client.connect();
    await bench.pass(0);
    for (var attempt = 0; attempt < 5; attempt++) {
      bench.last.end();
      await bench.pass((bench.state as ConnectionWaiting).until.millisecondsSinceEpoch - bench.time.milliseconds);
    }
    await bench.pass(3000);
    bench.last.end();
    final count = bench.sockets.all.length;
    bench.client.networkBack();
    await bench.pass(0);
    expect(bench.sockets.all.length, count + 1);
    // But not twice in half a second.
    bench.last.end();
    bench.client.networkBack();
    await bench.pass(499);
    expect(bench.sockets.all.length, count + 1);
    await bench.pass(1);
    expect(bench.sockets.all.length, count + 2);
  });

  bench('a connection in doubt is asked for a sign of life', (bench) async {
    final socket = await bench.open();
    await bench.pass(100);
    bench.client.networkBack();
    expect(socket.types, ['psd.heartbeat']);
    socket.push({'messageType': 'psd.heartbeat'});
    await bench.pass(6000);
    check(bench.state is ConnectionOpen);
    bench.client.networkGone();
    await bench.pass(5000);
    check(bench.state is ConnectionWaiting);
  });

  bench('an attempt that nobody answers ends', (bench) async {
    bench.client.connect();
    await bench.pass(10000);
    check(bench.sockets.all.first.isClosed);
    check(bench.state is ConnectionWaiting);
  });

  bench('heartbeats, and a server that falls silent', (bench) async {
    final socket = await bench.open();
    await bench.pass(18750);
    expect(socket.types, ['psd.heartbeat']);
    socket.push({'messageType': 'posted'});
    await bench.pass(18750 * 2);
    check(bench.state is ConnectionOpen);
    await bench.pass(18750);
    check((bench.state as ConnectionWaiting).reason.message.contains('silent'));
    check(socket.isClosed);
  });

  for (final code in [4400, 4401, 4403]) {
    bench('$code forbids to come back by oneself', (bench) async {
      final socket = await bench.open();
      final lost = failure(bench.client.send(const Ignore()));
      socket.end(code, 'go');
      expect((bench.state as ConnectionClosed).reason.code, code);
      expect((await lost).code, code);
      await bench.pass(100000);
      expect(bench.sockets.all.length, 1);
      bench.client.connect();
      await bench.pass(0);
      expect(bench.sockets.all.length, 2);
    });
  }

  bench('4401 is over when there is another token', (bench) async {
    final socket = await bench.open();
    socket.end(4401);
    await bench.client.auth.setTokens(const Tokens('abc'));
    await bench.pass(0);
    check(bench.last.offer.contains('psd.token.abc'), bench.last.offer);
  });

  bench('a refused token without another is the end of it, but not while there is a grace, nor for nobody', (
    bench,
  ) async {
    final socket = await bench.open();
    socket.push({'messageType': 'token-invalid'});
    await bench.pass(0);
    check(bench.client.auth.value is AuthAnonymous);
    await bench.client.auth.setTokens(const Tokens('abc'));
    socket.push({'messageType': 'token-invalid'}, {'graceMs': 25000});
    await bench.pass(0);
    check(bench.client.auth.value is AuthSignedIn);
    socket.push({'messageType': 'token-invalid'});
    await bench.pass(0);
    expect((bench.client.auth.value as AuthSignedOut).reason.kind, ErrorKind.signedOut);
    // Only another connection is nobody's.
    expect(bench.sockets.all.length, 2);
  });

  bench('a token that may not stand in the handshake comes with the first request', (bench) async {
    await bench.client.auth.setTokens(const Tokens('a b'));
    final socket = await bench.open();
    expect(socket.offer.length, 2);
    expect([socket.types, socket.header('authHeader')], [
      ['verify-token'],
      ['a b'],
    ]);
    bench.client.send(const Ignore()).ignore();
    expect(socket.headers(1)['authHeader'], null);
  });

  bench('an address that is none', (bench) async {
    final bad = bench.make(Uri.parse('ftp://here'))..connect();
    await bench.pass(0);
    check((bad.connection.value as ConnectionClosed).reason.message.contains('cannot connect'));
    check(bench.client.connection.value is ConnectionIdle);
  });

  group('requests', () {
    bench('are numbered, and carry what is left of their time', (bench) async {
      bench.client.connect();
      final told = bench.client.fetch(
        const WhoAmI(),
        You.descriptor,
        timeout: const Duration(seconds: 5),
        uuid: 'u',
      );
      await bench.pass(1000);
      bench.last.open();
      final headers = bench.last.headers(0);
      expect(
        [headers['messageType'], headers['uuid'], headers['ack'], headers['deadlineMs'], bench.last.sent[0]['seq']],
        ['who-am-i', 'u', true, 4000, 1],
      );
      bench.last.answer({}, 'you', {'name': 'ann'});
      expect((await told).name, 'ann');
    });

    bench('fail with the connection, unless they may be repeated', (bench) async {
      final socket = await bench.open();
      final failed = failure(bench.client.send(const Ignore()));
      final repeated = bench.client.fetch(const WhoAmI(), You.descriptor, retry: true);
      socket.end();
      expect((await failed).code, 1006);
      await bench.pass(250);
      bench.last.open();
      expect(bench.last.types, ['who-am-i']);
      expect([bench.last.headers(0)['retryCount'], bench.last.headers(0)['uuid']], [1, socket.headers(1)['uuid']]);
      bench.last.answer({}, 'you');
      await repeated;
    });

    bench('that were never sent say so', (bench) async {
      final failed = failure(bench.client.send(const Ignore(), timeout: const Duration(milliseconds: 100)));
      await bench.pass(100);
      expect((await failed).kind, ErrorKind.disconnected);
    });

    bench("over the server's limit are refused here", (bench) async {
      final socket = await bench.open();
      final long = Post(text: 'x' * 2000);
      expect((await failure(bench.client.send(long, outbox: false))).kind, ErrorKind.tooLarge);
      expect((await failure(bench.client.send(long))).kind, ErrorKind.tooLarge);
      expect(socket.sent.length, 0);
      // The next one has the number that these did not take.
      bench.client.send(const Ignore()).ignore();
      expect(socket.sent[0]['seq'], 1);
    });

    bench('end once: late answers, and those of strangers, mean nothing', (bench) async {
      final socket = await bench.open();
      final told = bench.client.fetch(const WhoAmI(), You.descriptor);
      socket
        ..push({'messageType': 'you', 'uuid': 'another'}, {'name': 'bob'})
        ..answer({}, 'you', {'name': 'ann'})
        ..answer({'errorMessage': 'too late'});
      expect((await told).name, 'ann');
      expect(bench.warnings, <Object>[]);
    });

    bench('what cannot be read is reported, and takes nothing else with it', (bench) async {
      final socket = await bench.open();
      final heard = <String>[];
      bench.client.on(You.descriptor).listen((you) => heard.add(you.name));
      final told = failure(bench.client.fetch(const WhoAmI(), You.descriptor));
      socket
        ..receive('{')
        ..answer({}, 'you', {'name': 7});
      expect((await told).kind, ErrorKind.unreadable);
      final frame = [
        {'body': <String, Object?>{}},
        'nonsense',
        {
          'headers': {'messageType': 'you'},
          'body': {'name': 'ann'},
        },
      ];
      socket.receive(jsonEncode(frame));
      expect(heard, ['ann']);
      check(bench.warnings.length >= 3, bench.warnings);
    });

    bench('that are aborted tell the server', (bench) async {
      final socket = await bench.open();
      final signal = AbortSignal();
      final aborted = failure(bench.client.fetch(const Wait(ms: 1), Waited.descriptor, signal: signal, uuid: 'w'));
      signal.abort();
      expect((await aborted).kind, ErrorKind.aborted);
      expect([socket.types, socket.headers(1)['uuid']], [
        ['wait', 'psd.cancel'],
        'w',
      ]);
      final early = bench.client.fetch(const Wait(ms: 1), Waited.descriptor, signal: signal);
      expect((await failure(early)).kind, ErrorKind.aborted);
      expect(socket.sent.length, 2);
    });
  });

  bench('the outbox sends in order and one at a time, and again with the same uuid', (bench) async {
    final socket = await bench.open();
    final [first, second] = [
      for (final text in ['one', 'two']) bench.client.send(Post(text: text)),
    ];
    await bench.pass(0);
    check(first.status.value is DeliverySending && second.status.value is DeliveryQueued);
    List<Object?> sent(FakeSocket socket) => [
      for (var index = 0; index < socket.sent.length; index++) ...[
        socket.headers(index)['uuid'],
        socket.headers(index)['retryCount'] ?? 0,
      ],
    ];
    expect(sent(socket), [first.uuid, 0]);
    // The server may have acted: its ack is lost.
    socket.end();
    await bench.pass(250);
    bench.last.open();
    await bench.pass(0);
    expect(first.status.value.retries, 1);
    bench.last.answer({'errorMessage': 'busy', 'errorCode': 503});
    await bench.pass(0);
    check(first.status.value is DeliveryQueued && first.status.value.retries == 2);
    await bench.pass(1000);
    bench.last.answer();
    await bench.pass(0);
    bench.last.answer();
    await Future.wait([first, second]);
    expect(sent(bench.last), [first.uuid, 1, first.uuid, 2, second.uuid, 0]);
    expect(bench.client.outbox.value, <Object?>[]);
  });

  bench('a listener that throws keeps no other from hearing', (bench) async {
    final socket = await bench.open();
    final heard = <String>[];
    final uncaught = <Object>[];
    runZonedGuarded(() {
      bench.client.on(You.descriptor).listen((_) => throw const Failure('mine'));
    }, (error, _) => uncaught.add(error));
    final subscription = bench.client.received(You.descriptor).listen((received) {
      heard.add('${received.message.name} ${received.uuid} ${received.isLocal}');
    });
    socket.push({'messageType': 'you'}, {'name': 'ann'});
    bench.client.emit(const You(name: 'bob'));
    await subscription.cancel();
    socket.push({'messageType': 'you'}, {'name': 'eve'});
    expect(heard, ['ann null false', 'bob null true']);
    expect(uncaught.length, 3);
  });

  test('a listener that pauses hears the newest of what it missed, in order', () async {
    var dropped = 0;
    final listeners = Listeners<int>(limit: 3, onDropped: () => dropped++);
    final heard = <int>[];
    final subscription = listeners.stream.listen(heard.add)..pause();
    for (var count = 0; count < 5; count++) {
      listeners.call(count);
    }
    subscription.resume();
    listeners.call(5);
    await Future<void>.delayed(Duration.zero);
    expect([heard, dropped], [
      [3, 4, 5],
      3,
    ]);
    // One event at a time, however slow the listener is.
    final slow = <int>[];
    final done = Completer<void>();
    unawaited(() async {
      await for (final event in listeners.stream) {
        await Future<void>.delayed(Duration.zero);
        slow.add(event);
        if (event == 9) break;
      }
      done.complete();
    }());
    for (var count = 7; count < 10; count++) {
      listeners.call(count);
    }
    await done.future;
    expect(slow, [7, 8, 9]);
    await subscription.cancel();
    check(listeners.isEmpty);
  });
}
