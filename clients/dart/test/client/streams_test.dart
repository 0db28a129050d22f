// Files over the connection: beside a real server, whose line is looked at and cut, and beside one in this process.

import 'dart:async';
import 'dart:convert';
import 'dart:io';
import 'dart:math';
import 'dart:typed_data';

import 'package:psd_client/common.dart';
import 'package:psd_client/io.dart';
import 'package:psd_client/psd_client.dart';
import 'package:psd_client/src/client/dialect.dart' show Incoming, decode;
import 'package:psd_client/src/crc32.dart';
import 'package:psd_client/src/socket/io.dart';
import 'package:psd_client/src/upload/pace.dart';
import 'package:psd_client/upload.dart';

import '../board/messages/messages.dart';
import '../harness.dart';
import 'fake_socket.dart';
import 'server.dart';

const kib = 1024;
const mib = 1 << 20;
late TestServer server;
late Line line;

/// All connections of a test.
final class Line {
  final Set<_Wire> _open = {};

  /// Chunks that went although the server had confirmed them, and where each upload ended.
  final List<int> again = [];
  final Map<String, int> ends = {};

  /// The uploads of streams that the server opened.
  final List<String> opened = [];

  /// As a network that goes away.
  void cut() {
    for (final wire in [..._open]) {
      wire.socket.close();
      _open.remove(wire);
      wire.listener.closed(1006, 'cut');
    }
  }
}

final class _Wire implements PsdSocket {
  _Wire(this.line, this.listener);

  final Line line;
  final SocketListener listener;
  late final PsdSocket socket;
  final Map<int, String> streams = {};
  final Map<String, int> safe = {};

  void received(Object frame) {
    for (final message in _decoded(frame)) {
      switch (message.type) {
        case 'psd.upload-opened':
          final UploadOpened(:stream, :uploadId, :offset) = message.read(UploadOpened.descriptor);
          streams[stream] = uploadId;
          safe[uploadId] = offset;
          line.opened.add(uploadId);
        case 'psd.upload-credit':
          final UploadCredit(:stream, :offset) = message.read(UploadCredit.descriptor);
          safe[streams[stream]!] = offset;
      }
    }
  }

  @override
  void send(Object frame) {
    for (final message in _decoded(frame)) {
      if (message.type != 'psd.upload-chunk') continue;
      final UploadChunk(:stream, :offset, :data) = message.read(UploadChunk.descriptor);
      final id = streams[stream]!;
      if (offset < safe[id]!) line.again.add(offset);
      line.ends[id] = offset + data.length;
    }
    socket.send(frame);
  }

  @override
  void close() {
    line._open.remove(this);
    socket.close();
  }

  List<Incoming> _decoded(Object frame) =>
      decode(frame is String ? Dialect.json : Dialect.proto, frame, (error) => throw error);
}

/// Hears what comes before the client does.
final class _Ear implements SocketListener {
  _Ear(this._listener);

  final SocketListener _listener;
  _Wire? _wire;

  @override
  void opened(String protocol) => _listener.opened(protocol);

  @override
  void received(Object frame) {
    _wire?.received(frame);
    _listener.received(frame);
  }

  @override
  void closed(int code, String reason) {
    line._open.remove(_wire);
    _listener.closed(code, reason);
  }
}

typedef Person = ({PsdClient client, Uploads uploads});

/// A client with uploads that may use nothing but the connection; [name] logs in.
Future<Person> connect(
  String? name, {
  AuthOptions auth = const AuthOptions(),
  Storage? storage,
  int parallel = 3,
  Dialect? dialect,
}) async {
  void onWarning(Object warning) => throw warning;
  PsdSocket socket(Uri url, List<String> protocols, SocketListener listener) {
    final ear = _Ear(listener);
    final wire = ear._wire = _Wire(line, listener);
    line._open.add(wire);
    return wire..socket = openSocket(url, protocols, ear);
  }

  final client = PsdClient(
    server.url,
    ClientOptions(auth: auth, storage: storage, onWarning: onWarning, socket: socket, dialect: dialect),
  );
  addTearDown(client.close);
  final options = UploadsOptions(
    http: (request) => throw StateError('a request: ${request.method} ${request.url}'),
    storage: storage,
    onWarning: onWarning,
    parallel: parallel,
  );
  final uploads = Uploads(client, server.url.replace(scheme: 'http', path: '/uploads'), options);
  addTearDown(uploads.close);
  if (name != null) await client.auth.login(name, name);
  return (client: client, uploads: uploads);
}

/// A test beside a server that has just started.
void live(String name, Future<void> Function() body, {Map<String, String> settings = const {}}) => test(name, () async {
  server = await TestServer.begin(settings: settings);
  line = Line();
  addTearDown(() => server.close());
  await body();
});

final _random = Random(7);

Uint8List noise(int bytes) => Uint8List.fromList([for (var index = 0; index < bytes; index++) _random.nextInt(256)]);

BytesSource source(Uint8List bytes, [String name = 'noise.bin', String mime = '']) =>
    BytesSource(bytes, name: name, mime: mime, lastModified: 1);

Future<UploadEntry> has<T extends UploadState>(Upload upload) =>
    eventually(() => upload.value, (entry) => entry.status is T);

Future<void> sent(Upload upload, int least) async {
  await eventually(() => upload.value.sent, (sent) => sent >= least);
}

void expectStored(UploadedFile file, Uint8List bytes) =>
    check(base64.encode(server.stored()[file.id]!.readAsBytesSync()) == base64.encode(bytes), 'another content');

/// Nothing that was confirmed went again, of uploads of so many bytes.
void expectOnce(int total, {int uploads = 1}) {
  expect(line.again, <int>[]);
  expect({...line.ends.values}.toList(), [total]);
  expect({...line.opened}.length, uploads);
}

void main() {
  test('checksums', () {
    expect(crc32c(utf8.encode('123456789')), 0xe3069283);
    expect(crc32(utf8.encode('123456789')), 0xcbf43926);
    expect(crc32c(Uint8List(0)), 0);
  });

  test('the pace is what a line takes without delay', () {
    var pace = Pace();
    var now = 0;
    final sent = <(int bytes, Mark mark, int at)>[];
    // Sends and receives for so long, over a line so many KiB a second wide and so many milliseconds long; the most KiB
    // that were under way in the end.
    int run(int seconds, int rate, int length) {
      final end = now + seconds * 1000;
      var free = now;
      var most = 0;
      while (now < end) {
        final underWay = sent.fold(0, (sum, chunk) => sum + chunk.$1);
        final bytes = pace.chunk(64 * kib);
        if (pace.hasRoom(underWay, bytes)) {
          free = max(now, free) + bytes * 1000 ~/ kib ~/ rate;
          sent.add((bytes, pace.mark(now), free + length));
          if (now > end - 1000) most = max(most, underWay + bytes);
        } else {
          final (bytes, mark, at) = sent.removeAt(0);
          pace.came(bytes, mark, now = at);
        }
      }
      return most ~/ kib;
    }

    // A fast line gets what it can hold.
    check(run(5, 100000, 1) > 900);
    // When it becomes slow, a message waits for less than a second.
    check(run(30, 50, 20) < 50);
    check(pace.chunk(64 * kib) < 25 * kib);
    check(run(30, 2000, 20) > 500);
    // One that is long, but wide, gets what it can hold, too; one that is not so wide gets what keeps it busy.
    pace = Pace();
    sent.clear();
    check(run(10, 10000, 300) > 900);
    pace = Pace();
    sent.clear();
    final most = run(30, 500, 100);
    check(most > 50 + 100 && most < 50 + 250, '$most');
  });

  for (final dialect in [Dialect.proto, Dialect.json]) {
    live('a file arrives whole over ${dialect.protocol}, with what is said of it', () async {
      final (client: _, :uploads) = await connect('ann', dialect: dialect);
      final bytes = noise(700 * kib);
      final seen = <int>[];
      final upload = uploads.upload(
        source(bytes, 'für alle.bin', 'application/x-noise'),
        via: UploadWay.socket,
        localKey: 'k1',
        metadata: {'room': 'küche'},
        onProgress: (sent, total) => seen.add(sent),
      );
      expect(upload.value.via, UploadWay.socket);
      final file = await upload.done;
      expect([file.name, file.localKey, file.mime], ['für alle.bin', 'k1', 'application/octet-stream']);
      expectStored(file, bytes);
      expect(seen, [...seen]..sort());
      check(seen.length > 2 && seen.last == 700 * kib, '$seen');
      expectOnce(700 * kib);
      expectStored(await uploads.upload(BytesSource(Uint8List(0)), via: UploadWay.socket).done, Uint8List(0));
    });
  }

  live('it goes on where the server is: after a pause, a cut line, a server that was killed, one that stopped', () async {
    final (:client, :uploads) = await connect('ann');
    final bytes = noise(24 * mib);
    Stream<List<int>> events() async* {
      for (var at = 0; at < bytes.length; at += 50000) {
        yield Uint8List.sublistView(bytes, at, min(at + 50000, bytes.length));
      }
    }

    // One that cannot be read again from its beginning.
    final upload = uploads.upload(StreamSource(events(), bytes.length), via: UploadWay.socket);
    Future<void> begin() => server.start();
    final breaks = <Future<void> Function()>[
      () async {
        upload.pause();
        check(upload.value.status is UploadPaused);
        upload.resume();
      },
      () async => line.cut(),
      () async {
        await server.kill();
        await has<UploadWaiting>(upload);
        await begin();
      },
      () async {
        await server.stop();
        await has<UploadWaiting>(upload);
        await begin();
      },
      () async {
        client
          ..networkGone()
          ..networkBack();
      },
    ];
    for (final interrupt in breaks) {
      // More than is under way, so that the upload has been begun again since the break before.
      await sent(upload, upload.value.sent + mib ~/ 2);
      check(upload.value.sent < bytes.length);
      await interrupt();
    }
    expectStored(await upload.done, bytes);
    expectOnce(bytes.length);
    expect(line.opened.length, 6);
  });

  live('it goes on after a restart of the client', () async {
    final storage = MemoryStorage();
    final before = await connect('ann', storage: storage);
    final bytes = noise(8 * mib);
    final path = '${server.folder.path}/noise.bin';
    File(path).writeAsBytesSync(bytes);
    final begun = before.uploads.upload(await FileSource.open(path), via: UploadWay.socket);
    await sent(begun, mib);
    final token = before.client.auth.token!;
    before.uploads.close();
    before.client.close();
    final after = await connect(null, storage: storage, auth: AuthOptions(tokens: Tokens(token)));
    after.client.connect();
    await eventually(() => after.uploads.find(begun.id), (upload) => upload != null);
    expectStored(await after.uploads.find(begun.id)!.done, bytes);
    expectOnce(bytes.length);
  });

  live('two at once while messages flow', () async {
    final (:client, :uploads) = await connect('ann', parallel: 2);
    final files = [noise(8 * mib), noise(8 * mib), noise(kib)];
    final all = [for (final bytes in files) uploads.upload(source(bytes, '${bytes.length}'), via: UploadWay.socket)];
    await sent(all[0], 1);
    await sent(all[1], 1);
    check(all[2].value.status is UploadQueued);
    await client.fetch(const Watch(board: 'a'), Board.descriptor);
    final heard = <String>[];
    client.on(Posted.descriptor).listen((note) => heard.add(note.text));
    final said = <String>[];
    while (all.every((upload) => upload.value.status is! UploadStored)) {
      said.add('${said.length}');
      await client.send(Post(board: 'a', text: said.last));
    }
    expect(heard, said);
    // Messages that waited for a file would be few.
    check(said.length > 5, '$said');
    for (final (index, upload) in all.indexed) {
      expectStored(await upload.done, files[index]);
    }
    expect(line.again, <int>[]);
  });

  live('what is cancelled is gone from the server, and a refusal says why', () async {
    final (:client, :uploads) = await connect('ann');
    final upload = uploads.upload(source(noise(3 * mib)), via: UploadWay.socket);
    await sent(upload, 1);
    await upload.cancel();
    expect((await throwsA<PsdException>(() => upload.done)).kind, ErrorKind.aborted);
    expect(server.unfinished(), <String>[]);
    final large = uploads.upload(source(noise(3 * mib + 1)), via: UploadWay.socket);
    final refusal = await throwsA<PsdException>(() => large.done, 'are allowed');
    expect([refusal.kind, refusal.code], [ErrorKind.refused, 413]);
    await client.auth.setTokens(null);
    final nobody = uploads.upload(source(noise(9)), via: UploadWay.socket);
    expect((await throwsA<PsdException>(() => nobody.done)).code, 401);
    expect(server.unfinished(), <String>[]);
  }, settings: {'PSD_UPLOAD_MAX_BYTES': '${3 * mib}'});

  test('credit, somebody else, and a server that takes no files', () async {
    final sockets = FakeSockets();
    final client = PsdClient(Uri.parse('ws://fake/ws'), ClientOptions(socket: sockets.open));
    addTearDown(client.close);
    final requests = <String>[];
    final options = UploadsOptions(
      chunkSize: 32 * kib,
      http: (request) async {
        requests.add('${request.method} ${request.url}');
        return const UploadResponse(400, {}, '{"error": "not here"}');
      },
    );
    final uploads = Uploads(client, Uri.parse('http://fake/files/'), options);
    addTearDown(uploads.close);
    Future<FakeSocket> connected(int number, int streams) async {
      await eventually(() => sockets.all.length, (length) => length > number);
      return sockets.all[number]
        ..open({'connectionId': '1', 'heartbeatMs': 25000, 'maxFrameBytes': mib, 'uploadStreams': streams});
    }

    Iterable<Map<String, Object?>> of(FakeSocket socket, String type) =>
        socket.sent
            .where((frame) => (frame['headers']! as Map<String, Object?>)['messageType'] == type)
            .map((frame) => frame['body']! as Map<String, Object?>);
    Future<void> count(FakeSocket socket, String type, int count) async {
      await eventually(() => of(socket, type).length, (length) => length >= count);
      await pumpEventQueue();
      expect(of(socket, type).length, count);
    }

    final upload = uploads.upload(source(noise(200 * kib)), via: UploadWay.socket);
    final first = await connected(0, 4);
    await count(first, 'psd.upload-open', 1);
    expect(of(first, 'psd.upload-chunk').length, 0);
    first.push(
      {'messageType': 'psd.upload-opened'},
      {'stream': 1, 'uploadId': 'f00', 'until': '${50 * kib}', 'chunkBytes': 64 * kib},
    );
    // The second would go beyond the credit.
    await count(first, 'psd.upload-chunk', 1);
    first.push(
      {'messageType': 'psd.upload-credit'},
      {'stream': 1, 'offset': '${32 * kib}', 'until': '${82 * kib}'},
    );
    await count(first, 'psd.upload-chunk', 2);
    expect(upload.value.sent, 32 * kib);
    first.push(
      {'messageType': 'psd.upload-failed'},
      {'stream': 1, 'errorCode': 423, 'errorMessage': 'somebody else goes on', 'kept': true},
    );
    expect((await throwsA<PsdException>(() => upload.done)).code, 423);
    first.end();
    upload.resume();
    await connected(1, 0);
    expect((await throwsA<PsdException>(() => upload.done)).message, 'not here');
    expect(requests, ['HEAD http://fake/files/f00']);
  });
}

/// Lets everything happen that waits for nothing.
Future<void> pumpEventQueue() async {
  for (var turn = 0; turn < 20; turn++) {
    await Future<void>.delayed(Duration.zero);
  }
}
