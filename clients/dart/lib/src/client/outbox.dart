import 'dart:async';
import 'dart:math';
import 'dart:typed_data';

import '../codec/message.dart';
import '../storage/storage.dart';
import 'environment.dart';
import 'exception.dart';
import 'keys.dart';
import 'store.dart';

/// Codes with which the server says that a later attempt may succeed.
const _transient = {408, 429, 503};

/// How many messages that failed are listed.
const _mostFailed = 100;

/// How a message fares that was given to `send`.
sealed class DeliveryStatus {
  const DeliveryStatus(this.retries);

  /// How often it was sent before.
  final int retries;
}

/// It waits for the connection, or for its turn.
final class DeliveryQueued extends DeliveryStatus {
  /// It waits.
  const DeliveryQueued(super.retries);
}

/// It was sent, and the answer is not there yet.
final class DeliverySending extends DeliveryStatus {
  /// It was sent.
  const DeliverySending(super.retries);
}

/// The server has handled it.
final class DeliverySent extends DeliveryStatus {
  /// It was handled.
  const DeliverySent(super.retries);
}

/// It will not be sent any more.
final class DeliveryFailed extends DeliveryStatus {
  /// It failed.
  const DeliveryFailed(super.retries, this.error);

  /// Why.
  final PsdException error;
}

/// A message in the outbox.
final class OutboxEntry {
  /// For the client.
  const OutboxEntry({
    required this.uuid,
    required this.type,
    required this.message,
    required this.at,
    required this.status,
  });

  /// Names its request.
  final String uuid;

  /// The route.
  final String type;

  /// The message; nothing where its type is not known here yet (see the option `messages`).
  final ProtoMessage? message;

  /// When it was given to the outbox.
  final DateTime at;

  /// How it fares.
  final DeliveryStatus status;
}

/// The bounds of the outbox.
final class OutboxOptions {
  /// These bounds.
  const OutboxOptions({this.maxMessages = 1000, this.maxBytes = 4 << 20});

  /// How many messages may wait.
  final int maxMessages;

  /// How many bytes they may have together.
  final int maxBytes;
}

/// The messages with `client cache` that wait until the server has handled them, over restarts, oldest first.
abstract interface class Outbox implements Store<List<OutboxEntry>> {
  /// Sends a failed message again.
  void retry(String uuid);

  /// Forgets a message that failed or waits. One that is being sent may arrive all the same.
  void discard(String uuid);
}

/// What the outbox needs of the client.
final class OutboxEvents {
  /// All of it.
  const OutboxEvents({required this.send, required this.isOpen, required this.find});

  /// Sends a message and waits for its ack.
  final Future<void> Function(OutboxItem item) send;

  /// Whether messages can be sent now.
  final bool Function() isOpen;

  /// The message of a route.
  final MessageType<Object>? Function(String type) find;
}

/// A message in the outbox, and who waits for it.
final class OutboxItem {
  OutboxItem._({
    required this.uuid,
    required this.type,
    required this.body,
    required this.at,
    required this.expires,
    required this.retries,
    required this.status,
    this.key,
    this.message,
    this.completer,
    this.isStored = false,
  });

  /// Names its request.
  final String uuid;

  /// The route.
  final String type;

  /// Its protobuf bytes.
  final Uint8List body;

  /// When it was given to the outbox: microseconds since 1970.
  final int at;

  /// Until when it may be sent: microseconds since 1970.
  final int expires;

  /// How often it was sent, not counting an attempt that is under way.
  int retries;

  /// How it fares.
  final Cell<DeliveryStatus> status;

  /// Its identity, where it has cache keys.
  final String? key;

  /// The message, where its type is known.
  ProtoMessage? message;

  /// Who waits for it.
  final Completer<void>? completer;

  /// Whether a restart would find it.
  bool isStored;

  void _settle([PsdException? error]) {
    final completer = this.completer;
    if (completer == null || completer.isCompleted) return;
    error == null ? completer.complete() : completer.completeError(error);
  }
}

const _prefix = 'outbox\n';

/// The outbox of a client.
final class ClientOutbox implements Outbox {
  /// Keeps messages there.
  ClientOutbox(this._storage, this._options, this._environment, this._events);

  final Storage _storage;
  final OutboxOptions _options;
  final Environment _environment;
  final OutboxEvents _events;
  final Listeners<List<OutboxEntry>> _listeners = Listeners(limit: 1);
  List<OutboxItem> _items = [];
  List<OutboxEntry>? _entries;
  String _user = '';
  bool _isBusy = false;
  int _pauses = 0;
  void Function()? _stopPause;

  @override
  List<OutboxEntry> get value => _entries ??= List.unmodifiable(_items.map(_entry));

  @override
  Stream<List<OutboxEntry>> get changes => _listeners.stream;

  String get _group => _prefix + _user;
  int get _now => _environment.now() * 1000;
  OutboxItem? _find(String uuid) => _items.where((item) => item.uuid == uuid).firstOrNull;

  OutboxEntry _entry(OutboxItem item) {
    final type = _events.find(item.type);
    if (item.message == null && type != null) {
      try {
        item.message = type.fromBinary(item.body) as ProtoMessage;
      } on Object {
        // The contract changed since. The server will say what it thinks of it.
      }
    }
    return OutboxEntry(
      uuid: item.uuid,
      type: item.type,
      message: item.message,
      at: DateTime.fromMicrosecondsSinceEpoch(item.at),
      status: item.status.value,
    );
  }

  void _publish() {
    _entries = null;
    if (!_listeners.isEmpty) _listeners.call(value);
  }

  void _update(OutboxItem item, DeliveryStatus status) {
    item.status.value = status;
    _publish();
  }

  /// Writes a message; [attempts] are under way.
  Future<void> _store(OutboxItem item, [int attempts = 0]) async {
    // It may have been discarded or replaced meanwhile.
    if (!_items.contains(item)) return;
    await _storage.write([
      StoredMessage(
        id: _prefix + item.uuid,
        group: _group,
        at: item.at,
        expires: item.expires,
        type: item.type,
        body: item.body,
        sent: item.retries + attempts,
      ),
    ]);
  }

  void _unstore(OutboxItem item) => unawaited(_storage.write(const [], [_prefix + item.uuid]));

  void _remove(OutboxItem item) {
    _items = [..._items.where((other) => !identical(other, item))];
    _unstore(item);
  }

  /// Gives a message up. It stays in the list, so that somebody sees it, but for this run only.
  void _fail(OutboxItem item, PsdException error) {
    _unstore(item);
    _update(item, DeliveryFailed(item.retries, error));
    final failed = [..._items.where((item) => item.status.value is DeliveryFailed)];
    if (failed.length > _mostFailed) {
      _remove(failed.first);
      _publish();
    }
    item._settle(error);
  }

  /// Does not take a message.
  void _refuse(OutboxItem item, PsdException error) {
    item.status.value = DeliveryFailed(0, error);
    item._settle(error);
  }

  /// Sends what waits, in order and one at a time: the next goes when the one before was acked.
  Future<void> pump() async {
    if (_isBusy) return;
    _isBusy = true;
    try {
      for (;;) {
        final item = _items.where((item) => item.status.value is DeliveryQueued).firstOrNull;
        // One that is not stored yet calls again when it is.
        if (item == null || !item.isStored || _stopPause != null || !_events.isOpen()) break;
        if (item.expires <= _now) {
          _fail(item, PsdException(ErrorKind.expired, '`${item.type}` could not be sent in its time'));
        } else {
          await _deliver(item);
        }
      }
    } finally {
      _isBusy = false;
    }
  }

  Future<void> _deliver(OutboxItem item) async {
    _update(item, DeliverySending(item.retries));
    unawaited(_store(item, 1));
    try {
      await _events.send(item);
    } on Object catch (thrown) {
      if (_items.contains(item)) _failed(item, thrown);
      return;
    }
    _remove(item);
    _pauses = 0;
    _update(item, DeliverySent(item.retries));
    item._settle();
  }

  void _failed(OutboxItem item, Object thrown) {
    final error =
        thrown is PsdException
            ? thrown
            : PsdException(ErrorKind.unreadable, '`${item.type}` cannot be sent: $thrown', cause: thrown);
    final isRefused = error.kind == ErrorKind.refused;
    final isLost = error.kind == ErrorKind.disconnected || error.kind == ErrorKind.timeout;
    // Whoever is signed out now may be back before the message expires.
    final isTransient = _transient.contains(error.code) || (error.code == 401 && !_events.isOpen());
    // A frame over the limit ended the connection: the next attempt would end the next one.
    final mayRepeat = isRefused ? isTransient : isLost && error.code != 1009;
    if (!mayRepeat) return _fail(item, error);
    item.retries++;
    _update(item, DeliveryQueued(item.retries));
    if (!isRefused) return;
    final pause = min(1000 << min(_pauses++, 5), 20000) * (0.5 + _environment.unit() / 2);
    _stopPause = timer(pause.round(), () {
      _stopPause = null;
      unawaited(pump());
    });
  }

  /// Takes up what an earlier run has left.
  Future<void> _adopt() async {
    final user = _user;
    final stored = await _storage.read(_group);
    if (user != _user) return;
    for (final StoredMessage(:id, :type, :body, :at, :expires, :sent) in stored) {
      final uuid = id.substring(_prefix.length);
      if (_find(uuid) != null) continue;
      final item = OutboxItem._(
        uuid: uuid,
        type: type,
        body: body,
        at: at,
        expires: expires,
        retries: sent,
        status: Cell(DeliveryQueued(sent)),
        isStored: true,
        key: _keyOf(type, body),
      );
      _items.add(item);
    }
    _items.sort((one, other) => one.at.compareTo(other.at));
    _publish();
    unawaited(pump());
  }

  String? _keyOf(String route, Uint8List body) {
    final type = _events.find(route);
    if (type == null || !hasKeys(type)) return null;
    try {
      return route + identity(type, type.fromBinary(body));
    } on Object {
      return null;
    }
  }

  /// Keeps a message and sends it when its turn comes. [completer] completes when the server has handled it.
  Future<void> add(
    ProtoMessage message,
    String uuid,
    Cell<DeliveryStatus> status,
    Completer<void> completer,
  ) async {
    final type = message.$descriptor;
    final Uint8List body;
    try {
      body = type.toBinary(message);
    } on Object catch (error) {
      final failure = PsdException(ErrorKind.unreadable, '`${type.type}` cannot be written: $error', cause: error);
      status.value = DeliveryFailed(0, failure);
      completer.completeError(failure);
      return;
    }
    final now = _now;
    final item = OutboxItem._(
      uuid: uuid,
      type: type.type!,
      body: body,
      at: max(now, (_items.lastOrNull?.at ?? 0) + 1),
      expires: now + type.cacheSeconds! * 1000000,
      retries: 0,
      status: status,
      key: hasKeys(type) ? type.type! + identity(type, message) : null,
      message: message,
      completer: completer,
    );
    final waiting = [..._items.where((item) => item.status.value is! DeliveryFailed)];
    final bytes = waiting.fold(body.length, (sum, item) => sum + item.body.length);
    if (waiting.length >= _options.maxMessages || bytes > _options.maxBytes) {
      return _refuse(item, PsdException(ErrorKind.full, '${waiting.length} messages wait in the outbox already'));
    }
    if (_find(uuid) != null) {
      return _refuse(item, PsdException(ErrorKind.full, 'the uuid `$uuid` is in the outbox already'));
    }
    for (final older in waiting) {
      if (item.key == null || older.key != item.key || older.status.value is! DeliveryQueued) continue;
      _remove(older);
      _fail(older, const PsdException(ErrorKind.replaced, 'a newer message with the same cache keys is sent instead'));
    }
    _items.add(item);
    _publish();
    await _store(item);
    // From here on, a restart does not lose it: it may be sent.
    item.isStored = true;
    unawaited(pump());
  }

  /// Whose messages these are. Those of somebody else are kept for when they come back.
  Future<void> setUser(String next, {bool isStart = false}) async {
    if (next == _user && !isStart) return;
    final before = _items;
    // What nobody said before they signed in is theirs.
    if (_user.isNotEmpty) _items = [];
    _user = next;
    for (final item in before) {
      if (_items.contains(item)) {
        unawaited(_store(item));
      } else {
        item._settle(
          const PsdException(ErrorKind.signedOut, 'somebody else is signed in; the message is kept for its sender'),
        );
      }
    }
    await _adopt();
  }

  /// Forgets everything of the present user.
  Future<void> clear() async {
    final gone = _items;
    _items = [];
    _publish();
    final stored = await _storage.read(_group);
    await _storage.write(const [], [for (final message in stored) message.id]);
    for (final item in gone) {
      item._settle(const PsdException(ErrorKind.signedOut, 'logged out before the message was sent'));
    }
  }

  @override
  void retry(String uuid) {
    final item = _find(uuid);
    if (item == null || item.status.value is! DeliveryFailed) return;
    item.retries++;
    _update(item, DeliveryQueued(item.retries));
    unawaited(_store(item).then((_) => pump()));
  }

  @override
  void discard(String uuid) {
    final item = _find(uuid);
    if (item == null) return;
    _remove(item);
    _publish();
    item._settle(const PsdException(ErrorKind.aborted, 'the message was discarded'));
  }

  /// Waits for nothing any more.
  void stop() {
    _stopPause?.call();
    _stopPause = null;
  }
}
