import 'dart:async';

import '../codec/message.dart';
import 'abort_signal.dart';
import 'client.dart';
import 'connection.dart';
import 'exception.dart';
import 'keys.dart';
import 'store.dart';

/// What interfaces show, kept up to date.
extension Live on PsdClient {
  /// The messages of a type from now on, for lists; see [LiveMessages]. [LiveMessages.close] ends it.
  LiveMessages<T> watch<T extends ServerMessage>(
    MessageType<T> type, {
    bool Function(T message)? where,
    bool fromCache = false,
    int limit = 200,
  }) => LiveMessages(this, type, where: where, fromCache: fromCache, limit: limit);

  /// Asks for something now, and again after each reconnect; see [LiveFetch]. [LiveFetch.close] ends it.
  LiveFetch<R> watchFetch<R extends ServerMessage>(
    ClientMessage message,
    MessageType<R> reply, {
    Duration? timeout,
    bool refetchOnReconnect = true,
  }) => LiveFetch(this, message, reply, timeout: timeout, refetchOnReconnect: refetchOnReconnect);
}

/// The messages of a type that came since this was made, oldest first. A message takes the place of one with the same
/// cache keys, so that nothing is there twice.
final class LiveMessages<T extends ServerMessage> implements Store<List<T>> {
  /// Those that [where] accepts, the newest [limit] of them; with [fromCache], what the cache holds comes before them.
  LiveMessages(PsdClient client, this._type, {bool Function(T message)? where, bool fromCache = false, int limit = 200})
    : _limit = limit {
    _subscription = client.on(_type).listen((message) {
      if (where == null || where(message)) _came(message);
    });
    if (fromCache) client.cache.query(_type, where: where).then(_prepend).ignore();
  }

  final MessageType<T> _type;
  final int _limit;
  late final StreamSubscription<T> _subscription;
  final Cell<List<T>> _messages = Cell(const []);

  /// The identity of each message, where the type has cache keys.
  List<String> _keys = [];
  bool _isClosed = false;

  @override
  List<T> get value => _messages.value;

  @override
  Stream<List<T>> get changes => _messages.changes;

  void _came(T message) {
    final messages = [...value];
    final keys = [..._keys];
    final key = hasKeys(_type) ? identity(_type, message) : '';
    final place = hasKeys(_type) ? keys.indexOf(key) : -1;
    if (place < 0) {
      messages.add(message);
      keys.add(key);
    } else {
      messages[place] = message;
    }
    _show(messages, keys);
  }

  void _prepend(List<T> cached) {
    // What came while the cache was asked is in the cache, too, perhaps.
    final present = hasKeys(_type) ? {..._keys} : const <String>{};
    final older = [
      for (final message in cached)
        if (!present.contains(identity(_type, message))) message,
    ];
    if (older.isEmpty || _isClosed) return;
    _show([...older, ...value], [for (final message in older) identity(_type, message), ..._keys]);
  }

  void _show(List<T> messages, List<String> keys) {
    final beyond = messages.length > _limit ? messages.length - _limit : 0;
    _keys = keys.sublist(beyond);
    _messages.value = List.unmodifiable(messages.skip(beyond));
  }

  /// Listens no more.
  void close() {
    _isClosed = true;
    unawaited(_subscription.cancel());
  }
}

/// What a request came to.
final class FetchState<R> {
  /// This.
  const FetchState({this.data, this.error, this.isFetching = false});

  /// The last reply; it stays while another is asked for.
  final R? data;

  /// Why the last attempt failed.
  final PsdException? error;

  /// Whether an answer is awaited.
  final bool isFetching;
}

/// A request that is made at once and again after each reconnect, since what the server said may be old.
final class LiveFetch<R extends ServerMessage> implements Store<FetchState<R>> {
  /// Asks with [_message] for a [_reply].
  LiveFetch(this._client, this._message, this._reply, {Duration? timeout, bool refetchOnReconnect = true})
    : _timeout = timeout {
    if (refetchOnReconnect) _subscription = _client.connection.changes.listen(_connectionChanged);
    _wasOpen = _client.connection.value is ConnectionOpen;
    refetch();
  }

  final PsdClient _client;
  final ClientMessage _message;
  final MessageType<R> _reply;
  final Duration? _timeout;
  final Cell<FetchState<R>> _state = Cell(const FetchState(isFetching: true));
  StreamSubscription<PsdConnectionState>? _subscription;
  AbortSignal _signal = AbortSignal();
  bool _wasOpen = false;
  bool _isLost = false;
  bool _isClosed = false;

  @override
  FetchState<R> get value => _state.value;

  @override
  Stream<FetchState<R>> get changes => _state.changes;

  void _connectionChanged(PsdConnectionState state) {
    final isOpen = state is ConnectionOpen;
    if (isOpen && _isLost) refetch();
    _isLost = !isOpen && (_isLost || _wasOpen);
    _wasOpen = isOpen;
  }

  /// Asks again.
  void refetch() {
    if (_isClosed) return;
    _signal.abort();
    unawaited(_fetch(_signal = AbortSignal()));
  }

  Future<void> _fetch(AbortSignal signal) async {
    if (!value.isFetching || value.error != null) _state.value = FetchState(data: value.data, isFetching: true);
    FetchState<R> next;
    try {
      next = FetchState(data: await _client.fetch(_message, _reply, timeout: _timeout, signal: signal, retry: true));
    } on PsdException catch (error) {
      next = FetchState(data: value.data, error: error);
    }
    if (!signal.isAborted) _state.value = next;
  }

  /// Asks no more; a request under way is aborted.
  void close() {
    _isClosed = true;
    _signal.abort();
    _subscription?.cancel().ignore();
  }
}
