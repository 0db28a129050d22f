// Uploads against a real server; what is between them can be cut, and is counted.

import 'dart:async';
import 'dart:convert';
import 'dart:io';
import 'dart:math';
import 'dart:typed_data';

import 'package:psd_client/io.dart';
import 'package:psd_client/psd_client.dart';
import 'package:psd_client/src/upload/platform_io.dart';
import 'package:psd_client/upload.dart';

import '../harness.dart';
import 'restart_test.dart' show Child;
import 'server.dart';

const kib = 1024;
late TestServer server;

Uri endpoint([String path = '/uploads']) => server.url.replace(scheme: 'http', path: path);

/// A test beside a server that has just started.
void live(String name, Future<void> Function() body, {Map<String, String> settings = const {}}) => test(name, () async {
  server = await TestServer.begin(settings: settings);
  addTearDown(() => server.close());
  await body();
});

/// A network between client and server.
final class Wire {
  /// Bytes that were confirmed: the upload, from and to.
  final List<(Uri, int, int)> confirmed = [];
  final List<String> methods = [];

  /// Requests under way, and the most that there were.
  int now = 0;
  int most = 0;
  AbortSignal _cut = AbortSignal();

  /// Awaited before each request.
  Future<void> Function(String method) gate = (_) async {};

  /// Whether an answer gets lost.
  bool Function(String method, UploadResponse response) loses = (_, _) => false;

  void cut() => _cut.abort();

  void mend() => _cut = AbortSignal();

  Future<UploadResponse> http(UploadRequest request) async {
    final cut = _cut;
    final UploadRequest(:method, :url, :headers, :body, :signal) = request;
    most = max(most, ++now);
    try {
      await gate(method);
      final ended = AbortSignal();
      signal.onAbort(ended.abort);
      cut.onAbort(ended.abort);
      if (signal.isAborted || cut.isAborted) ended.abort();
      final response = await sendHttp(UploadRequest(method, url, headers: headers, body: body, signal: ended));
      methods.add(method);
      if (loses(method, response)) throw const SocketException('the answer was lost');
      if (method == 'PATCH' && response.status < 300) {
        final from = int.parse(headers['Upload-Offset']!);
        confirmed.add((url, from, int.parse(response.headers['upload-offset']!)));
      }
      return response;
    } finally {
      now--;
    }
  }

  /// Nothing that was confirmed went again.
  void expectOnce([List<(Uri, int, int)> before = const []]) {
    final ends = <Uri, int>{};
    for (final (url, from, to) in [...before, ...confirmed]) {
      check(from >= (ends[url] ?? 0), '$url: $from after ${ends[url]}');
      ends[url] = to;
    }
    check(ends.isNotEmpty);
  }
}

typedef Person = ({PsdClient client, Uploads uploads, Wire wire});

/// A client with uploads in small chunks; [name] logs in.
Future<Person> connect(
  String? name, {
  AuthOptions auth = const AuthOptions(),
  Storage? storage,
  int parallel = 3,
  bool keepDone = false,
  Uri Function()? address,
}) async {
  void onWarning(Object warning) => throw warning;
  final client = PsdClient(server.url, ClientOptions(auth: auth, storage: storage, onWarning: onWarning));
  addTearDown(client.close);
  final wire = Wire();
  final options = UploadsOptions(
    chunkSize: 32 * kib,
    http: wire.http,
    storage: storage,
    onWarning: onWarning,
    parallel: parallel,
    keepDone: keepDone,
  );
  final uploads = Uploads.resolving(client, address ?? endpoint, options);
  addTearDown(uploads.close);
  if (name != null) await client.auth.login(name, name);
  return (client: client, uploads: uploads, wire: wire);
}

final _random = Random(7);

Uint8List noise(int bytes) => Uint8List.fromList([for (var index = 0; index < bytes; index++) _random.nextInt(256)]);

BytesSource source(Uint8List bytes, [String name = 'noise.bin', String mime = '']) =>
    BytesSource(bytes, name: name, mime: mime, lastModified: 1);

Future<PsdException> failure(Future<Object?> future) => throwsA<PsdException>(() => future);

List<Type> states(Uploads uploads) => [for (final entry in uploads.value) entry.status.runtimeType];

Future<UploadEntry> has<T extends UploadState>(Upload upload) =>
    eventually(() => upload.value, (entry) => entry.status is T);

Future<void> sent(Upload upload, int least) async {
  await eventually(() => upload.value.sent, (sent) => sent >= least);
}

void expectStored(UploadedFile file, Uint8List bytes) =>
    expect(base64.encode(server.stored()[file.id]!.readAsBytesSync()), base64.encode(bytes));

Future<List<StoredMessage>> kept(Storage storage, String user) => storage.read('upload\n$user\n');

void main() {
  live('a file arrives whole, with its name, its type and what is said of it', () async {
    final (:client, :uploads, :wire) = await connect('ann');
    final bytes = noise(100 * kib);
    final seen = <int>[];
    final upload = uploads.upload(
      source(bytes, 'für alle.bin', 'application/x-noise'),
      localKey: 'k1',
      metadata: {'room': 'küche'},
      onProgress: (sent, total) {
        expect(total, 100 * kib);
        seen.add(sent);
      },
    );
    final UploadEntry(:name, :total, sent: none, status: first) = upload.value;
    expect([name, total, none, first is UploadQueued], ['für alle.bin', 100 * kib, 0, true]);
    final file = await upload.done;
    expect(
      [file.name, file.localKey, file.mime, file.downloadable],
      ['für alle.bin', 'k1', 'application/octet-stream', true],
    );
    expectStored(file, bytes);
    // What the server has confirmed, and nothing else.
    expect(seen, [for (final each in [32, 64, 96, 100]) each * kib]);
    final entry = uploads.value.single;
    expect([entry.id, entry.metadata, entry.sent], [upload.id, {'room': 'küche'}, 100 * kib]);
    expect((entry.status as UploadStored).file, file);
    expect(uploads.find(upload.id)!.value, entry);
    expect(wire.methods, ['POST', 'PATCH', 'PATCH', 'PATCH', 'PATCH']);

    expectStored(await uploads.upload(BytesSource(Uint8List(0))).done, Uint8List(0));
    for (final UploadEntry(:id) in uploads.value) {
      uploads.remove(id);
    }
    expect(uploads.value, <UploadEntry>[]);
    check(client.connection.value is ConnectionOpen);
  });

  live('a stream and a file are uploaded, and end when they do', () async {
    final (client: _, :uploads, :wire) = await connect('ann');
    final bytes = noise(100 * kib);
    Stream<List<int>> events(int length) async* {
      for (var at = 0; at < length; at += 7000) {
        yield Uint8List.sublistView(bytes, at, min(at + 7000, length));
      }
    }

    final lost = <int>{};
    wire.loses = (method, _) => method == 'PATCH' && lost.length < 2 && lost.add(wire.methods.length);
    final stream = uploads.upload(StreamSource(events(bytes.length), bytes.length, name: 'stream'));
    expectStored(await stream.done, bytes);
    expect(lost.length, 2);
    final short = uploads.upload(StreamSource(events(50 * kib), bytes.length));
    expect((await failure(short.done)).message, 'the stream ended after ${50 * kib} of ${bytes.length} bytes');

    final path = '${server.folder.path}/a file';
    File(path).writeAsBytesSync(bytes);
    final file = await uploads.upload(await FileSource.open(path, mime: 'application/x-noise')).done;
    expect(file.name, 'a file');
    expectStored(file, bytes);
  });

  live('an upload is paused, and goes on where it was', () async {
    final (client: _, :uploads, :wire) = await connect('ann');
    final bytes = noise(500 * kib);
    final upload = uploads.upload(source(bytes));
    await sent(upload, 32 * kib);
    upload.pause();
    await eventually(() => wire.now, (now) => now == 0);
    check(upload.value.status is UploadPaused && upload.value.sent < 500 * kib);
    upload.resume();
    expectStored(await upload.done, bytes);
    wire.expectOnce();
  });

  live('a server that is killed in the middle of an upload', () async {
    final (client: _, :uploads, :wire) = await connect('ann');
    final bytes = noise(600 * kib);
    final upload = uploads.upload(source(bytes));
    for (final each in [64, 192, 320]) {
      await sent(upload, each * kib);
      await server.kill();
      final UploadEntry(:status) = await has<UploadWaiting>(upload);
      expect((status as UploadWaiting).reason.kind, ErrorKind.disconnected);
      await server.start();
    }
    expectStored(await upload.done, bytes);
    wire.expectOnce();
  });

  live('an upload goes on when the network is back, and nothing that was confirmed goes again', () async {
    final (:client, :uploads, :wire) = await connect('ann');
    final bytes = noise(600 * kib);
    final upload = uploads.upload(source(bytes));
    for (final each in [32, 256]) {
      await sent(upload, each * kib);
      wire.cut();
      await has<UploadWaiting>(upload);
      wire.mend();
    }
    await sent(upload, 400 * kib);
    client.networkGone();
    check(upload.value.status is UploadWaiting || upload.value.status is UploadStored);
    client.networkBack();
    expectStored(await upload.done, bytes);
    wire.expectOnce();
    expect(wire.methods.where((method) => method == 'POST').length, 1);
  });

  live('an upload whose last answer was lost is done all the same', () async {
    final (client: _, :uploads, :wire) = await connect('ann');
    final bytes = noise(60 * kib);
    var lost = 0;
    wire.loses = (method, response) => method == 'PATCH' && response.status == 200 && lost++ == 0;
    final file = await uploads.upload(source(bytes, 'a.bin')).done;
    expect(file.name, 'a.bin');
    expectStored(file, bytes);
    expect(lost, 2);
    expect(server.stored().keys.toList(), [file.id]);
  });

  live('an upload goes on after a restart of the client', () async {
    final storage = MemoryStorage();
    final before = await connect('ann', storage: storage);
    final bytes = noise(600 * kib);
    final path = '${server.folder.path}/noise.bin';
    File(path).writeAsBytesSync(bytes);
    final begun = before.uploads.upload(await FileSource.open(path), metadata: {'room': 'a'});
    final paused = before.uploads.upload(await FileSource.open(path, name: 'paused'));
    await sent(begun, 64 * kib);
    paused.pause();
    final token = before.client.auth.token!;
    before.client.close();
    before.uploads.close();
    expect((await failure(begun.done)).kind, ErrorKind.disconnected);
    expect((await failure(before.uploads.upload(source(bytes)).done)).kind, ErrorKind.disconnected);

    final after = await connect(null, storage: storage, auth: AuthOptions(tokens: Tokens(token)));
    expect(after.uploads.value, <UploadEntry>[]);
    after.client.connect();
    await eventually(() => after.uploads.value, (entries) => entries.length == 2);
    final upload = after.uploads.find(begun.id)!;
    final UploadEntry(:name, :metadata, :total) = upload.value;
    expect([name, metadata, total], ['noise.bin', {'room': 'a'}, 600 * kib]);
    expectStored(await upload.done, bytes);
    check(after.uploads.find(paused.id)!.value.status is UploadPaused);
    after.uploads.resume(paused.id);
    expectStored(await after.uploads.find(paused.id)!.done, bytes);
    after.wire.expectOnce(before.wire.confirmed);
    // Nothing is left of either.
    await eventually(() => kept(storage, '1'), (rows) => rows.isEmpty);
  });

  live('an upload over the death of the process', () async {
    await (await Child.begin('login', server)).end();
    final bytes = noise(4096 * kib);
    File('${server.folder.path}/large').writeAsBytesSync(bytes);
    final child = await Child.begin('upload', server);
    await eventually(() => child.lines.length, (length) => length >= 5);
    await child.kill();
    final other = await Child.begin('upload', server);
    await other.end();
    final [sent, ..., last] = other.lines;
    // What the server had confirmed did not go again.
    check(int.parse(sent.split(' ').last) >= 5 * 32 * kib, '${child.lines} ${other.lines}');
    expect(last, 'stored large');
    expect(base64.encode(server.stored().values.single.readAsBytesSync()), base64.encode(bytes));
    expect(server.unfinished(), <String>[]);
  });

  live('an upload whose file was not kept goes on when the same file is chosen again', () async {
    final storage = MemoryStorage();
    final before = await connect('ann', storage: storage);
    final bytes = noise(300 * kib);
    final path = '${server.folder.path}/three';
    File(path).writeAsBytesSync(bytes);
    final [one, two, three] = [
      before.uploads.upload(source(bytes, 'one')),
      before.uploads.upload(source(bytes, 'two')),
      before.uploads.upload(await FileSource.open(path)),
    ];
    for (final upload in [one, two, three]) {
      await sent(upload, 64 * kib);
    }
    final token = before.client.auth.token!;
    before.uploads.close();
    File(path).writeAsBytesSync(noise(9));

    final after = await connect(null, storage: storage, auth: AuthOptions(tokens: Tokens(token)));
    after.client.connect();
    const all = [UploadNeedsFile, UploadNeedsFile, UploadNeedsFile];
    await eventually(() => states(after.uploads), (states) => '$states' == '$all');
    await throwsA<ArgumentError>(() => after.uploads.resume(one.id), 'needs its file');
    final other = source(Uint8List.sublistView(bytes, 1));
    await throwsA<ArgumentError>(
      () => after.uploads.resume(one.id, other),
      'another file: it has 307199 bytes, not 307200',
    );
    after.uploads.resume(one.id, source(bytes, 'one'));
    expectStored(await after.uploads.find(one.id)!.done, bytes);
    // Or it is chosen as if for the first time.
    final again = after.uploads.upload(source(bytes, 'two'));
    expectStored(await again.done, bytes);
    check(after.uploads.find(two.id) == null);
    check(!after.wire.methods.contains('POST'), after.wire.methods);
    after.uploads.resume(three.id, source(bytes));
    await after.uploads.find(three.id)!.done;
    expect(server.unfinished(), <String>[]);
  });

  live('so many uploads run at once, and the others wait for their turn', () async {
    final (client: _, :uploads, :wire) = await connect('ann', parallel: 2);
    final open = Completer<void>();
    wire.gate = (_) => open.future;
    final all = [for (var index = 0; index < 6; index++) uploads.upload(source(noise(70 * kib), '$index'))];
    List<Type> running(int count) => [
      for (var index = 0; index < 6; index++) index < count ? UploadRunning : UploadQueued,
    ];
    await eventually(() => states(uploads), (states) => '$states' == '${running(2)}');
    // A place that is given up is taken by the next.
    all.first.pause();
    open.complete();
    await Future.wait([for (final upload in all.skip(1)) upload.done]);
    all.first.resume();
    await all.first.done;
    expect(wire.most, 2);
    expect(server.stored().length, 6);
  });

  live('an upload that is cancelled is gone from the server', () async {
    final (:client, :uploads, :wire) = await connect('ann');
    final upload = uploads.upload(source(noise(600 * kib)));
    await sent(upload, 32 * kib);
    expect(server.unfinished().length, 1);
    await upload.cancel();
    expect((await failure(upload.done)).kind, ErrorKind.aborted);
    expect(server.unfinished(), <String>[]);
    expect(uploads.value, <UploadEntry>[]);

    // By a signal, while it is being begun.
    final abort = AbortSignal();
    wire.gate = (method) async {
      if (method == 'POST') abort.abort('changed my mind');
    };
    final other = uploads.upload(source(noise(600 * kib)), signal: abort);
    final error = await failure(other.done);
    expect([error.kind, error.cause], [ErrorKind.aborted, 'changed my mind']);
    await eventually(() => wire.methods.last, (method) => method == 'DELETE');
    expect(server.unfinished(), <String>[]);
    expect((await failure(uploads.upload(source(noise(9)), signal: abort).done)).kind, ErrorKind.aborted);
    expect(client.outbox.value, <OutboxEntry>[]);
  });

  live('an upload that is refused says why', () async {
    final (:client, :uploads, wire: _) = await connect('ann');
    final large = uploads.upload(BytesSource(noise(1001)));
    final error = await failure(large.done);
    expect([error.kind, error.code, error.message], [
      ErrorKind.refused,
      413,
      'the file has 1001 bytes; 1000 are allowed',
    ]);
    check(large.value.status is UploadStopped);
    final lie = uploads.upload(BytesSource(utf8.encode('no picture'), mime: 'image/png'));
    expect((await failure(lie.done)).message, 'the file is `text/plain`, not `image/png`');
    expect(server.unfinished(), <String>[]);

    // What was refused may be allowed later.
    uploads.resume(large.id);
    check(large.value.status is UploadQueued);
    expect((await failure(large.done)).code, 413);
    await client.auth.setTokens(null);
    expect((await failure(uploads.upload(BytesSource(noise(1))).done)).code, 401);
    await throwsA<ArgumentError>(() => uploads.upload(BytesSource(noise(1)), metadata: {'a b': ''}), 'a b');
    final elsewhere = await connect('ann', address: () => endpoint('/nowhere'));
    expect((await failure(elsewhere.uploads.upload(BytesSource(noise(1))).done)).code, 404);
  }, settings: {'PSD_UPLOAD_MAX_BYTES': '1000'});

  live('a token that ends during an upload is replaced', () async {
    final good = await connect('ann');
    final stale = Tokens('x.${base64Url.encode(utf8.encode('{"user_id":"1"}'))}.x');
    var asked = 0;
    final (:client, :uploads, :wire) = await connect(
      null,
      auth: AuthOptions(
        tokens: stale,
        refresh: (_) {
          asked++;
          return Tokens(good.client.auth.token!);
        },
      ),
    );
    final bytes = noise(300 * kib);
    final upload = uploads.upload(source(bytes));
    await sent(upload, 64 * kib);
    await client.auth.setTokens(stale);
    expectStored(await upload.done, bytes);
    expect(asked, 2);
    wire.expectOnce();

    // Where no other can be had, it waits for whoever it belongs to.
    final lost = await connect(
      null,
      auth: AuthOptions(
        tokens: stale,
        refresh: (_) => throw const PsdException(ErrorKind.signedOut, 'no more'),
      ),
    );
    final waiting = lost.uploads.upload(source(bytes));
    final UploadEntry(:status) = await has<UploadWaiting>(waiting);
    final UploadWaiting(:until, :reason) = status as UploadWaiting;
    expect([until, reason.kind], [null, ErrorKind.signedOut]);
    await lost.client.auth.login('ann', 'ann');
    expectStored(await waiting.done, bytes);
  });

  live('each user has their own uploads, and logging out forgets them', () async {
    final storage = MemoryStorage();
    final (:client, :uploads, :wire) = await connect('ann', storage: storage);
    final never = Completer<void>();
    wire.gate = (method) => method == 'PATCH' ? never.future : Future.value();
    final path = '${server.folder.path}/mine';
    File(path).writeAsBytesSync(noise(9));
    final anns = uploads.upload(await FileSource.open(path));
    await has<UploadRunning>(anns);
    await client.auth.login('bob', 'bob');
    expect((await failure(anns.done)).kind, ErrorKind.signedOut);
    expect(uploads.value, <UploadEntry>[]);
    final bobs = uploads.upload(source(noise(9)));
    await eventually(() => kept(storage, '2'), (rows) => rows.length == 1);
    await client.auth.logout();
    expect((await failure(bobs.done)).kind, ErrorKind.signedOut);
    expect(uploads.value, <UploadEntry>[]);
    await eventually(() => kept(storage, '2'), (rows) => rows.isEmpty);
    expect((await kept(storage, '1')).length, 1);
    wire.gate = (_) async {};
    await client.auth.login('ann', 'ann');
    final found = await eventually(() => uploads.find(anns.id), (upload) => upload != null);
    await found!.done;
    expect(server.stored().length, 1);
  });

  live('an upload that is gone from the server begins anew', () async {
    final (:client, :uploads, :wire) = await connect('ann');
    final bytes = noise(300 * kib);
    final upload = uploads.upload(source(bytes));
    await sent(upload, 64 * kib);
    upload.pause();
    await eventually(() => wire.now, (now) => now == 0);
    final (url, _, _) = wire.confirmed.first;
    final headers = {'Tus-Resumable': '1.0.0', 'Authorization': 'Bearer ${client.auth.token}'};
    await sendHttp(UploadRequest('DELETE', url, headers: headers, signal: AbortSignal()));
    upload.resume();
    expectStored(await upload.done, bytes);
    expect(wire.methods.where((method) => method == 'POST').length, 2);
  });

  live('what is done stays on the list until it is removed, if that is wished', () async {
    final storage = MemoryStorage();
    final before = await connect('ann', storage: storage, keepDone: true);
    final file = await before.uploads.upload(BytesSource(utf8.encode('hello')), metadata: {'room': 'a'}).done;
    final token = before.client.auth.token!;
    before.uploads.close();
    final after = await connect(null, storage: storage, keepDone: true, auth: AuthOptions(tokens: Tokens(token)));
    after.client.connect();
    await eventually(() => after.uploads.value, (entries) => entries.length == 1);
    final entry = after.uploads.value.single;
    expect([entry.sent, entry.metadata], [5, {'room': 'a'}]);
    expect((entry.status as UploadStored).file, file);
    expect(await after.uploads.find(entry.id)!.done, file);
    after.uploads.remove(entry.id);
    await eventually(() => kept(storage, '1'), (rows) => rows.isEmpty);
  });
}
