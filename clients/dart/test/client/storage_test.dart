// What is kept: the same of every storage, and of the cache on top of it.

import 'dart:io';
import 'dart:typed_data';

import 'package:psd_client/common.dart';
import 'package:psd_client/io.dart';
import 'package:psd_client/psd_client.dart';
import 'package:psd_client/src/client/cache.dart';
import 'package:psd_client/src/client/environment.dart';
import 'package:psd_client/src/storage/resilient.dart';

import '../board/messages/messages.dart';
import '../harness.dart';

StoredMessage row(String id, {String group = 'g', int at = 1, int expires = 10, List<int> body = const [1]}) =>
    StoredMessage(id: id, group: group, at: at, expires: expires, type: 't', body: Uint8List.fromList(body));

List<String> ids(List<StoredMessage> rows) => [for (final row in rows) row.id];

String folder() {
  final folder = Directory.systemTemp.createTempSync('psd-dart-');
  addTearDown(() => folder.deleteSync(recursive: true));
  return folder.path;
}

Future<FileStorage> fileIn(String folder, {void Function(Object error)? onWarning}) async {
  final storage = await FileStorage.open('$folder/messages', onWarning: onWarning);
  addTearDown(storage.close);
  return storage;
}

final class Broken implements Storage {
  Future<Never> _fail() => Future.error(const FileSystemException('no space'));

  @override
  Future<List<StoredMessage>> read(String group) => _fail();

  @override
  Future<void> write(List<StoredMessage> put, [List<String> remove = const []]) => _fail();

  @override
  Future<void> clear(String prefix, {int? expired}) => _fail();

  @override
  Future<void> close() async {}
}

void main() {
  for (final (name, make) in [
    ('memory', () async => MemoryStorage()),
    ('a file', () => fileIn(folder())),
    ('memory, since the file is broken', () async => ResilientStorage(Broken(), (_) {})),
  ]) {
    group(name, () => storageTests(make));
  }
  group('a file', fileTests);
  group('the cache', cacheTests);

  test('a broken storage is reported once', () async {
    var warnings = 0;
    final storage = ResilientStorage(Broken(), (_) => warnings++);
    await Future.wait([
      storage.write([row('a')]),
      storage.write([row('b')]),
    ]);
    expect(ids(await storage.read('g')), ['a', 'b']);
    expect(warnings, 1);
  });

  test('tokens in a file', () async {
    final tokens = FileTokens('${folder()}/deep/tokens');
    expect(await tokens.load(), null);
    await tokens.save(const Tokens('a', refresh: 'b'));
    expect(await tokens.load(), const Tokens('a', refresh: 'b'));
    await tokens.save(const Tokens('c'));
    expect(await tokens.load(), const Tokens('c'));
    await tokens.save(null);
    expect(await tokens.load(), null);
  });
}

void storageTests(Future<Storage> Function() make) {
  test('keeps rows by group, oldest first, and replaces by id', () async {
    final storage = await make();
    await storage.write([row('b', at: 2), row('a'), row('c', group: 'other')]);
    expect(ids(await storage.read('g')), ['a', 'b']);
    await storage.write([row('a', at: 3)], ['c']);
    expect(ids(await storage.read('g')), ['b', 'a']);
    expect(ids(await storage.read('other')), <String>[]);
    await storage.write([row('a', group: 'other')]);
    expect(ids(await storage.read('g')), ['b']);
  });

  test('clears by the beginning of ids, and by age', () async {
    final storage = await make();
    await storage.write([row('a1'), row('a2', expires: 20), row('b1')]);
    await storage.clear('a', expired: 10);
    expect(ids(await storage.read('g')), ['a2', 'b1']);
    await storage.clear('a');
    expect(ids(await storage.read('g')), ['b1']);
  });

  test('keeps the order of calls that nobody waits for', () async {
    final storage = await make();
    storage.write([row('a')]).ignore();
    storage.write([], ['a']).ignore();
    storage.write([row('b')]).ignore();
    expect(ids(await storage.read('g')), ['b']);
  });
}

void fileTests() {
  test('what was kept is there after a restart', () async {
    final place = folder();
    var storage = await fileIn(place);
    final kept = StoredMessage(
      id: 'ä\n1',
      group: 'g',
      at: 1795396112099123,
      expires: 1795396112099124,
      type: 't',
      body: Uint8List.fromList([0, 255]),
      sent: 3,
    );
    await storage.write([row('gone'), row('old', expires: 5), kept], []);
    await storage.write([], ['gone']);
    await storage.clear('o', expired: 5);
    await storage.close();
    storage = await fileIn(place);
    final StoredMessage(:id, :at, :expires, :type, :body, :sent) = (await storage.read('g')).single;
    expect([id, at, expires, type, body, sent], [kept.id, kept.at, kept.expires, kept.type, kept.body, kept.sent]);
  });

  test('a write that was cut short loses nothing that was confirmed', () async {
    final place = folder();
    final storage = await fileIn(place);
    final ends = <int>[];
    final file = File('$place/messages');
    for (var count = 0; count < 4; count++) {
      await storage.write([row('$count', at: count)]);
      ends.add(file.lengthSync());
    }
    await storage.close();
    final bytes = file.readAsBytesSync();
    for (var length = ends.first; length <= bytes.length; length++) {
      // Some file systems have zeros where nothing was written yet.
      for (final tail in [0, 40]) {
        file.writeAsBytesSync([...bytes.sublist(0, length), ...Uint8List(tail)]);
        final confirmed = ends.where((end) => end <= length).length;
        final again = await fileIn(place, onWarning: (error) => throw error);
        final whole = [for (var count = 0; count < confirmed; count++) '$count'];
        expect(ids(await again.read('g')), whole, 'cut at $length');
        await again.write([row('new', at: 99)]);
        await again.close();
        final last = await fileIn(place, onWarning: (error) => throw error);
        expect(ids(await last.read('g')), [...whole, 'new'], 'cut at $length, written to');
        await last.close();
      }
    }
  });

  test('a damaged file is kept aside, and what is before the damage holds', () async {
    final place = folder();
    var storage = await fileIn(place);
    await storage.write([row('a')]);
    final length = File('$place/messages').lengthSync();
    await storage.write([row('b')]);
    await storage.write([row('c')]);
    await storage.close();
    final bytes = File('$place/messages').readAsBytesSync();
    bytes[length + 20] ^= 1;
    File('$place/messages').writeAsBytesSync(bytes);
    final warnings = <Object>[];
    storage = await fileIn(place, onWarning: warnings.add);
    expect(ids(await storage.read('g')), ['a']);
    expect(warnings.length, 1);
    expect(File('$place/messages.damaged').readAsBytesSync(), bytes);
    await storage.close();

    File('$place/messages').writeAsStringSync('something else altogether');
    storage = await fileIn(place, onWarning: warnings.add);
    expect(ids(await storage.read('g')), <String>[]);
    expect(warnings.length, 2);
  });

  test('a file of the past is written anew, and stays small', () async {
    final place = folder();
    var storage = await fileIn(place);
    final body = List.filled(1000, 7);
    for (var count = 0; count < 2000; count++) {
      final write = storage.write([row('${count % 10}', at: count, body: body)]);
      if (count % 100 == 99) await write;
    }
    final length = File('$place/messages').lengthSync();
    check(length < 400 << 10, length);
    await storage.close();
    check(!File('$place/messages.new').existsSync());
    storage = await fileIn(place);
    expect([for (final row in await storage.read('g')) row.at], [for (var at = 1990; at < 2000; at++) at]);
  });

  test('is opened once', () async {
    final storage = await fileIn(folder());
    await storage.close();
    await throwsA<FileSystemException>(() => storage.read('g'), 'closed');
    await throwsA<FileSystemException>(() => storage.write([row('a')]), 'closed');
  });
}

void cacheTests() {
  var user = '1';
  var time = DateTime.utc(2026);
  late MemoryStorage storage;
  ClientCache make([CacheOptions options = const CacheOptions()]) {
    storage = MemoryStorage();
    user = '1';
    return ClientCache(storage, () async => user, options, Environment(clock: () => time), (error) => throw error);
  }

  Posted note(String noteId, {String? text, String board = 'a'}) =>
      Posted(board: board, noteId: noteId, text: text ?? noteId);
  List<String> texts(List<Posted> notes) => [for (final note in notes) note.text];

  test('answers in the order of arrival, replaces by key, and filters', () async {
    final cache = make();
    for (final each in [note('1'), note('2'), note('3', text: 'other', board: 'b'), note('1', text: 'new')]) {
      cache.put(each).ignore();
    }
    expect(texts(await cache.query(Posted.descriptor)), ['2', 'other', 'new']);
    expect(texts(await cache.query(Posted.descriptor, where: (note) => note.board == 'a')), ['2', 'new']);
    await cache.delete(Posted.descriptor, where: (note) => note.board == 'a');
    expect(texts(await cache.query(Posted.descriptor)), ['other']);
  });

  test('without cache keys there is one message of a type', () async {
    final cache = make();
    for (final token in ['one', 'two']) {
      await cache.put(LoginToken(token: token));
    }
    expect(await cache.query(LoginToken.descriptor), [const LoginToken(token: 'two')]);
  });

  test('each user has their own, and what has expired is gone', () async {
    final cache = make();
    await cache.put(note('1'));
    user = '2';
    expect(await cache.query(Posted.descriptor), <Posted>[]);
    await cache.put(note('2'));
    await cache.clear();
    user = '1';
    expect(texts(await cache.query(Posted.descriptor)), ['1']);
    time = time.add(const Duration(days: 7));
    expect(await cache.query(Posted.descriptor), <Posted>[]);
    await cache.sweep();
    expect(ids(await storage.read('cache\n1\nposted\n')), <String>[]);
  });

  test('is bounded, and what is oldest goes first', () async {
    final cache = make(const CacheOptions(maxMessages: 10));
    for (var count = 0; count < 200; count++) {
      await cache.put(note('$count'));
    }
    check((await storage.read('cache\n1\nposted\n')).length <= 10 + 65);
    expect(texts(await cache.query(Posted.descriptor)).last, '199');
  });

  test('is bounded in bytes', () async {
    final cache = make(const CacheOptions(maxBytes: 100));
    final long = 'x' * 100000;
    for (var count = 0; count < 100; count++) {
      await cache.put(note('$count', text: long));
    }
    check((await storage.read('cache\n1\nposted\n')).length < 20);
  });

  test('identity knows what differs', () {
    final one = note('1');
    expect(identity(Posted.descriptor, one), identity(Posted.descriptor, note('1', text: 'x')));
    check(identity(Posted.descriptor, one) != identity(Posted.descriptor, note('2')));
    check(identity(Posted.descriptor, one) != identity(Posted.descriptor, note('1', board: 'b')));
    expect([hasKeys(Posted.descriptor), hasKeys(You.descriptor)], [true, false]);
  });
}
