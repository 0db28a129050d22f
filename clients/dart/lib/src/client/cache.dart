import 'dart:math';

import '../codec/message.dart';
import '../storage/storage.dart';
import 'environment.dart';
import 'keys.dart';

/// What bounds the cache.
final class CacheOptions {
  /// These bounds.
  const CacheOptions({this.maxMessages = 2000, this.maxBytes = 16 << 20});

  /// How many messages of one type are kept; the oldest go first.
  final int maxMessages;

  /// How many bytes the messages of one type may have together; the oldest go first.
  final int maxBytes;
}

/// The messages with `client cache` that came from the server, kept for as long as their contract says, each user's by
/// themselves. A message takes the place of an older one with the same cache keys.
abstract interface class Cache {
  /// What is kept of a type, in the order of arrival; with [where], only messages that it accepts.
  Future<List<T>> query<T extends ServerMessage>(MessageType<T> type, {bool Function(T message)? where});

  /// Keeps a message as if it had come.
  Future<void> put(ServerMessage message);

  /// Forgets the messages of a type; with [where], those that it accepts.
  Future<void> delete<T extends ServerMessage>(MessageType<T> type, {bool Function(T message)? where});

  /// Forgets everything of the present user.
  Future<void> clear();
}

/// How many messages may come beyond the bound before somebody looks.
const _slack = 64;

/// How many bytes may come beyond the bound before somebody looks.
const _slackBytes = 1 << 20;

/// The cache of a client.
final class ClientCache implements Cache {
  /// Keeps messages there; [_user] is asked whose they are.
  ClientCache(this._storage, this._user, this._options, this._environment, this._warn);

  final Storage _storage;
  final Future<String> Function() _user;
  final CacheOptions _options;
  final Environment _environment;
  final void Function(Object error) _warn;

  /// How much a group may take until it is looked at: the first message looks.
  final Map<String, ({int messages, int bytes})> _room = {};
  int _last = 0;

  Future<String> _prefix() async => 'cache\n${await _user()}\n';
  Future<String> _group(MessageType<Object> type) async => '${await _prefix()}${type.type}\n';

  Future<List<(StoredMessage, T)>> _find<T extends ServerMessage>(
    MessageType<T> type,
    bool Function(T message)? where,
  ) async {
    final found = <(StoredMessage, T)>[];
    final now = _environment.now() * 1000;
    for (final stored in await _storage.read(await _group(type))) {
      if (stored.expires <= now) continue;
      final T message;
      try {
        message = type.fromBinary(stored.body);
      } on Object catch (error) {
        // The contract changed since.
        _warn(error);
        continue;
      }
      if (where == null || where(message)) found.add((stored, message));
    }
    return found;
  }

  @override
  Future<List<T>> query<T extends ServerMessage>(MessageType<T> type, {bool Function(T message)? where}) async => [
    for (final (_, message) in await _find(type, where)) message,
  ];

  @override
  Future<void> put(ServerMessage message) async {
    final type = message.$descriptor;
    final now = _environment.now() * 1000;
    // Several may come in one microsecond.
    final at = _last = max(now, _last + 1);
    final body = type.toBinary(message);
    final group = await _group(type);
    final expires = now + (type.cacheSeconds ?? 0) * 1000000;
    final id = group + identity(type, message);
    await _storage.write([
      StoredMessage(id: id, group: group, at: at, expires: expires, type: type.type!, body: body),
    ]);
    final room = _room[group] ?? (messages: 0, bytes: 0);
    _room[group] = (messages: room.messages - 1, bytes: room.bytes - body.length);
    if (room.messages <= 0 || room.bytes <= 0) await _trim(group);
  }

  Future<void> _trim(String group) async {
    var messages = 0;
    var bytes = 0;
    final beyond = <String>[];
    for (final stored in (await _storage.read(group)).reversed) {
      final fits = messages < _options.maxMessages && bytes + stored.body.length <= _options.maxBytes;
      if (fits && beyond.isEmpty) {
        messages++;
        bytes += stored.body.length;
      } else {
        beyond.add(stored.id);
      }
    }
    _room[group] = (
      messages: _options.maxMessages + _slack - messages,
      bytes: _options.maxBytes + _slackBytes - bytes,
    );
    if (beyond.isNotEmpty) await _storage.write(const [], beyond);
  }

  @override
  Future<void> delete<T extends ServerMessage>(MessageType<T> type, {bool Function(T message)? where}) async {
    await _storage.write(const [], [for (final (stored, _) in await _find(type, where)) stored.id]);
  }

  @override
  Future<void> clear() async => _storage.clear(await _prefix());

  /// Removes what has expired, of all users.
  Future<void> sweep() => _storage.clear('cache\n', expired: _environment.now() * 1000);
}
