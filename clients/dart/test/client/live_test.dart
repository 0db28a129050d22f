// The client against a real server.

import 'dart:async';
import 'dart:convert';

import 'package:psd_client/common.dart';
import 'package:psd_client/io.dart';
import 'package:psd_client/psd_client.dart';
import 'package:psd_client/src/socket/io.dart';

import '../board/messages/messages.dart';
import '../harness.dart';
import 'server.dart';

late TestServer server;

/// A test beside a server that has just started.
void live(String name, Future<void> Function() body) => test(name, () async {
  server = await TestServer.begin();
  addTearDown(() => server.close());
  await body();
});

PsdClient connect({
  Dialect? dialect,
  AuthOptions auth = const AuthOptions(),
  Storage? storage,
  OutboxOptions outbox = const OutboxOptions(),
  MessageRegistry? messages,
  SocketFactory? socket,
  DateTime Function()? clock,
}) {
  final options = ClientOptions(
    dialect: dialect,
    auth: auth,
    storage: storage,
    outbox: outbox,
    messages: messages,
    socket: socket,
    clock: clock,
    onWarning: (warning) => throw warning,
  );
  final client = PsdClient(server.url, options);
  addTearDown(client.close);
  return client;
}

Future<void> isOpen(PsdClient client) =>
    eventually<PsdConnectionState>(() => client.connection.value, (state) => state is ConnectionOpen);

Future<PsdException> failure(Future<Object?> future) => throwsA<PsdException>(() => future);

void expectError(PsdException error, ErrorKind kind, {int? code, String? message}) {
  expect(error.kind, kind, error);
  if (code != null) expect(error.code, code, error);
  if (message != null) expect(error.message, message, error);
}

void main() {
  for (final dialect in Dialect.values) {
    group('over ${dialect.name}', () {
      live('requests, replies, pushes and refusals', () async {
        final client = connect(dialect: dialect);
        check(client.connection.value is ConnectionIdle);
        expect((await client.fetch(const WhoAmI(), You.descriptor)).name, '');
        expect((client.connection.value as ConnectionOpen).dialect, dialect);

        await client.auth.login('ann', 'ann');
        expect((client.auth.value as AuthSignedIn).user, '1');
        expect((await client.fetch(const WhoAmI(), You.descriptor)).name, 'ann');

        final pushed = <String>[];
        client.on(Posted.descriptor).listen((posted) => pushed.add(posted.text));
        expect(await client.fetch(const Watch(board: 'a'), Board.descriptor), Board());
        await client.send(const Post(board: 'a', text: 'one'));
        await client.send(const Post(board: 'a', text: 'two'), outbox: false);
        await eventually(() => pushed.length, (length) => length == 2);
        expect(pushed, ['one', 'two']);
        final board = await client.fetch(const Watch(board: 'a'), Board.descriptor);
        expect([for (final note in board.notes) note.number], [1, 2]);

        final refused = await failure(client.send(const Fail(code: 422, text: 'no')));
        expectError(refused, ErrorKind.refused, code: 422, message: 'no');
        final login = await failure(client.auth.login('ann', 'wrong'));
        expectError(login, ErrorKind.refused);
        expect((login.cause! as LoginError).errorCode, 'login-error');
      });
    });
  }

  live('a server that speaks classic only is found at the second try', () async {
    // This one refuses every handshake with an offer, as browsers do when the answer names none.
    final client = connect(socket: _Strict.new);
    expect((await client.fetch(const WhoAmI(), You.descriptor)).name, '');
    expect((client.connection.value as ConnectionOpen).dialect, Dialect.classic);
  });

  live('timeouts, aborted requests and missing replies', () async {
    final client = connect();
    final wait = const Wait(ms: 600000);
    final late = await failure(client.fetch(wait, Waited.descriptor, timeout: const Duration(milliseconds: 50)));
    check({ErrorKind.timeout, ErrorKind.refused, ErrorKind.disconnected}.contains(late.kind), late);
    final signal = AbortSignal();
    await isOpen(client);
    final waiting = failure(client.fetch(wait, Waited.descriptor, signal: signal, timeout: forever));
    signal.abort('changed my mind');
    final aborted = await waiting;
    expectError(aborted, ErrorKind.aborted);
    expect(aborted.cause, 'changed my mind');
    // It was dropped by the server, or this would wait for it.
    check((await client.fetch(const Wait(), Waited.descriptor)).cancelled > 0);
    expectError(await failure(client.fetch(const Ignore(), You.descriptor)), ErrorKind.noReply);
  });

  live('a server that is killed in the middle of a conversation', () async {
    final client = connect();
    final seen = <String, String>{};
    final errors = <Object>[];
    Future<void> look() async {
      if (client.connection.value is! ConnectionOpen) return;
      try {
        // What was posted meanwhile comes by asking again: that is how an application catches up.
        final board = await client.fetch(const Watch(board: 'a'), Board.descriptor, retry: true);
        for (final note in board.notes) {
          seen[note.noteId] = note.text;
        }
      } on Object catch (error) {
        errors.add(error);
      }
    }

    client.on(Posted.descriptor).listen((note) => seen[note.noteId] = note.text);
    await client.auth.login('ann', 'ann');
    client.connection.changes.listen((_) => unawaited(look()));
    await look();

    final said = <String>[];
    final deliveries = <Delivery>[];
    void say(String text) {
      said.add(text);
      deliveries.add(client.send(Post(board: 'a', text: text)));
    }

    for (var count = 0; count < 20; count++) {
      say('before $count');
    }
    await deliveries[3];
    final waiting = failure(client.fetch(const Wait(ms: 600000), Waited.descriptor, timeout: forever));
    await server.kill();
    for (var count = 0; count < 20; count++) {
      say('meanwhile $count');
    }
    expectError(await waiting, ErrorKind.disconnected);
    await eventually(() => client.connection.value, (state) => state is ConnectionWaiting);
    await server.start();
    for (var count = 0; count < 5; count++) {
      say('after $count');
    }
    await Future.wait(deliveries);

    expect(server.notes('a'), said);
    await eventually(() => seen.length, (length) => length == said.length);
    expect([...seen.values]..sort(), [...said]..sort());
    expect(client.outbox.value, <Object?>[]);
    expect(errors, <Object?>[]);
  });

  live('a server that stops says when to come back', () async {
    final client = connect();
    await client.fetch(const WhoAmI(), You.descriptor);
    final states = <PsdConnectionState>[];
    client.connection.changes.listen(states.add);
    await server.stop();
    await eventually(() => states, (states) => states.any((state) => state is ConnectionWaiting));
    check(states[0] is ConnectionDraining && states[1] is ConnectionWaiting, states);
    await server.start();
    await isOpen(client);
  });

  live('an end that forbids to come back', () async {
    final client = connect();
    final kicked = await failure(client.send(const Fail(code: 4403, text: 'out')));
    expectError(kicked, ErrorKind.disconnected, code: 4403);
    expect((client.connection.value as ConnectionClosed).reason.code, 4403);
    expectError(await failure(client.fetch(const WhoAmI(), You.descriptor)), ErrorKind.disconnected, code: 4403);
    client.connect();
    expect((await client.fetch(const WhoAmI(), You.descriptor)).name, '');
  });

  live('a message that the server refuses stays to be looked at', () async {
    final client = connect();
    await client.auth.login('ann', 'ann');
    final delivery = client.send(const Post(board: 'a'));
    expectError(await failure(delivery), ErrorKind.refused, code: 422);
    check(delivery.status.value is DeliveryFailed);
    final entry = client.outbox.value.single;
    expect([entry.uuid, entry.type, entry.message], [delivery.uuid, 'post', const Post(board: 'a')]);
    client.outbox.retry(delivery.uuid);
    await eventually(
      () => client.outbox.value.single.status,
      (status) => status is DeliveryFailed && status.retries == 1,
    );
    client.outbox.discard(delivery.uuid);
    expect(client.outbox.value, <Object?>[]);
  });

  live('a reload with a full outbox, and a second user', () async {
    final path = '${server.folder.path}/messages';
    var storage = await FileStorage.open(path);
    final before = connect(storage: storage);
    await before.auth.login('ann', 'ann');
    await server.kill();
    final texts = [for (var count = 0; count < 10; count++) 'note $count'];
    for (final text in texts) {
      before.send(Post(board: 'a', text: text));
    }
    final replaced = before.send(const SetDraft(board: 'd', text: 'old'));
    before.send(const SetDraft(board: 'd', text: 'new'));
    expectError(await failure(replaced), ErrorKind.replaced);
    final token = before.auth.token!;
    expect(before.outbox.value.length, 11);
    // Once the last one is stored.
    await eventually(() => storage.read('outbox\n1'), (kept) => kept.length == 11);
    before.close();
    await storage.close();

    await server.start();
    storage = await FileStorage.open(path);
    final bob = connect(storage: storage);
    await bob.auth.login('bob', 'bob');
    expect(bob.outbox.value, <Object?>[]);
    bob.close();
    await storage.close();

    storage = await FileStorage.open(path);
    final after = connect(storage: storage, auth: AuthOptions(tokens: Tokens(token)), messages: registry)..connect();
    await eventually(() => [...server.notes('a'), ...server.notes('d')].length, (length) => length == 11);
    await eventually(() => after.outbox.value.length, (length) => length == 0);
    expect(server.notes('a'), texts);
    expect(server.notes('d'), ['new']);
    await eventually(() => storage.read('outbox\n1'), (kept) => kept.isEmpty);
    after.close();
    await storage.close();
  });

  live('what cannot be kept is refused, and what waited too long is given up', () async {
    await server.kill();
    var later = Duration.zero;
    final client = connect(
      outbox: const OutboxOptions(maxMessages: 2),
      auth: const AuthOptions(tokens: Tokens('x')),
      clock: () => DateTime.now().add(later),
    );
    final expired = failure(client.send(const Post(board: 'a', text: 'late')));
    client.send(const Post(board: 'a', text: 'kept'));
    expectError(await failure(client.send(const Post(board: 'a', text: 'too much'))), ErrorKind.full);
    client.outbox.discard(client.outbox.value[1].uuid);
    final signal = AbortSignal();
    final withdrawn = failure(client.send(const Post(board: 'a', text: 'withdrawn'), signal: signal));
    signal.abort();
    expectError(await withdrawn, ErrorKind.aborted);
    later = const Duration(days: 2);
    await client.auth.setTokens(null);
    await server.start();
    client.networkBack();
    expectError(await expired, ErrorKind.expired);
    expect(server.notes('a'), <String>[]);
  });

  test('a token that ends while the client is connected', () async {
    server = await TestServer.begin(accessMs: 2000);
    addTearDown(() => server.close());
    final client = connect();
    final states = <AuthState>[];
    client.auth.changes.listen(states.add);
    final watcher = connect();
    final pushed = <String>[];
    watcher.on(Posted.descriptor).listen((note) => pushed.add(note.text));
    await watcher.auth.login('bob', 'bob');
    await watcher.fetch(const Watch(board: 'a'), Board.descriptor);
    await client.auth.login('ann', 'ann');
    final tokens = <String>{};
    final said = <String>[];
    // Posts all the time, over several lives of a token.
    while (tokens.length < 4) {
      tokens.add(client.auth.token!);
      final text = 'note ${said.length}';
      said.add(text);
      await client.send(Post(board: 'a', text: text));
      expect((await client.fetch(const WhoAmI(), You.descriptor)).name, 'ann');
      await Future<void>.delayed(const Duration(milliseconds: 20));
    }
    check(states.length == 2 && states[0] is AuthAnonymous && states[1] is AuthSignedIn, states);
    expect(server.notes('a'), said);
    await eventually(() => pushed.length, (length) => length == said.length);
    expect(pushed, said);
  });

  live('one refresh for all who wait, and the end where none is possible', () async {
    final good = connect();
    await good.auth.login('ann', 'ann');
    var asked = 0;
    Future<Tokens> refresh(Tokens _) async {
      asked++;
      await Future<void>.delayed(const Duration(milliseconds: 20));
      return Tokens(good.auth.token!);
    }

    final client = connect(auth: AuthOptions(tokens: const Tokens('nonsense'), refresh: refresh));
    final boards = [for (var count = 0; count < 10; count++) client.fetch(const Watch(board: 'a'), Board.descriptor)];
    expect((await Future.wait(boards)).length, 10);
    expect(asked, 1);

    // One whose end is known is replaced before the connection is opened.
    final ended = 'x.${base64Url.encode(utf8.encode(jsonEncode({'exp': 1}))).replaceAll('=', '')}.x';
    final early = connect(auth: AuthOptions(tokens: Tokens(ended), refresh: refresh));
    final states = <AuthState>[];
    early.auth.changes.listen(states.add);
    expect((await early.fetch(const WhoAmI(), You.descriptor)).name, 'ann');
    expect(asked, 2);
    check(states.length == 2 && states.every((state) => state is AuthSignedIn), states);

    final lost = connect(auth: const AuthOptions(tokens: Tokens('nonsense')))..connect();
    await eventually(() => lost.auth.value, (state) => state is AuthSignedOut);
    expect(lost.auth.token, null);
    final refused = await failure(lost.fetch(const Watch(board: 'a'), Board.descriptor));
    expectError(refused, ErrorKind.refused, code: 401);
    await lost.auth.login('bob', 'bob');
    expect((await lost.fetch(const WhoAmI(), You.descriptor)).name, 'bob');
  });

  live('logging out forgets everything, on the server too', () async {
    final client = connect();
    await client.auth.login('ann', 'ann');
    final posted = client.on(Posted.descriptor).first;
    await client.fetch(const Watch(board: 'a'), Board.descriptor);
    await client.send(const Post(board: 'a', text: 'kept'));
    await posted;
    final cached = await client.cache.query(Posted.descriptor, where: (note) => note.board == 'a');
    expect([for (final note in cached) note.text], ['kept']);
    expect(await client.cache.query(Posted.descriptor, where: (note) => note.board == 'b'), <Posted>[]);
    await client.auth.logout();
    check(client.auth.value is AuthAnonymous);
    expect((await client.fetch(const WhoAmI(), You.descriptor)).name, '');
    await client.auth.login('ann', 'ann');
    expect(await client.cache.query(Posted.descriptor), <Posted>[]);
  });

  live('live values follow the server', () async {
    final client = connect();
    await client.auth.login('ann', 'ann');
    final notes = client.watch(Posted.descriptor, where: (note) => note.board == 'a', limit: 3);
    final board = client.watchFetch(const Watch(board: 'a'), Board.descriptor);
    await eventually(() => board.value, (state) => state.data != null && !state.isFetching);
    for (final text in ['one', 'two', 'three', 'four']) {
      await client.send(Post(board: 'a', text: text));
    }
    await eventually(() => notes.value.lastOrNull?.text, (text) => text == 'four');
    expect([for (final note in notes.value) note.text], ['two', 'three', 'four']);
    client.emit(notes.value[1].copyWith(text: 'changed'));
    expect([for (final note in notes.value) note.text], ['two', 'changed', 'four']);
    final later = client.watch(Posted.descriptor, fromCache: true);
    await eventually(() => later.value.length, (length) => length == 4);
    await server.kill();
    await server.start();
    await eventually(() => board.value.data?.notes.length, (length) => length == 4);
    notes.close();
    later.close();
    board.close();
  });
}

final class _Strict implements PsdSocket {
  _Strict(Uri url, List<String> protocols, SocketListener listener) {
    if (protocols.isNotEmpty) {
      scheduleMicrotask(() => listener.closed(1006, ''));
    } else {
      _socket = openSocket(url, protocols, listener);
    }
  }

  PsdSocket? _socket;

  @override
  void send(Object frame) => _socket!.send(frame);

  @override
  void close() => _socket?.close();
}
