import 'dart:async';
import 'dart:math';

import '../codec/message.dart';
import '../common/authentication.dart';
import '../socket/none.dart'
    if (dart.library.io) '../socket/io.dart'
    if (dart.library.js_interop) '../socket/web.dart';
import '../storage/memory.dart';
import '../storage/resilient.dart';
import 'abort_signal.dart';
import 'auth.dart';
import 'cache.dart';
import 'client_auth.dart';
import 'connection.dart';
import 'delivery.dart';
import 'dialect.dart';
import 'environment.dart';
import 'exception.dart';
import 'options.dart';
import 'outbox.dart';
import 'received.dart';
import 'requests.dart';
import 'store.dart';
import 'tokens.dart';

/// How many messages wait for a listener of [PsdClient.on] that pauses.
const _mostPaused = 1000;

/// A connection to one endpoint of a psd server that keeps itself alive. It connects when [connect] is called or
/// something is sent.
final class PsdClient {
  /// A client for this address: `wss://example.org/ws`; `http:` and `https:` are taken for `ws:` and `wss:`.
  PsdClient(Uri url, [ClientOptions options = const ClientOptions()]) : this._(() => url, options, isFixed: true);

  /// A client whose address is found before each attempt.
  PsdClient.resolving(FutureOr<Uri> Function() url, [ClientOptions options = const ClientOptions()])
    : this._(url, options, isFixed: false);

  PsdClient._(FutureOr<Uri> Function() url, this._options, {required bool isFixed})
    : _environment = Environment(clock: _options.clock, random: _options.random) {
    _connection = Connection(
      ConnectionOptions(
        url: url,
        isFixed: isFixed,
        socket: _options.socket ?? openSocket,
        watchNetwork: watchNetwork,
        dialect: _options.dialect,
        apiVersion: _options.apiVersion,
      ),
      _environment,
      ConnectionEvents(
        token: _handshakeToken,
        opened: _opened,
        received: _received,
        unreadable: (error) => _warn(unreadable(error, 'something that came')),
        lost: (reason) => _requests.lost(reason),
        closed: _closed,
      ),
    );
    _requests = Requests(
      _environment,
      RequestEvents(
        canSend: (call) => _connection.isOpen && (!_auth.isRefreshing || call.noToken || !call.needsToken),
        transmit: _transmit,
        cancel: _cancel,
        isLast: () => !_isClassic,
        authenticate: _authenticate,
      ),
    );
    final storage = ResilientStorage(_options.storage ?? MemoryStorage(), _warn);
    _outbox = ClientOutbox(
      storage,
      _options.outbox,
      _environment,
      OutboxEvents(
        send: _sendStored,
        isOpen: () => _connection.isOpen && !_auth.isRefreshing && !_isSignedOut,
        find: (type) => _clientMessages[type],
      ),
    );
    _cache = ClientCache(storage, () async {
      await _auth.ready;
      return _auth.user;
    }, _options.cache, _environment, _warn);
    _options.messages?.types.forEach(_register);
    _auth = Auth(
      _options.auth,
      _environment,
      AuthEvents(refresh: _refreshTokens, changed: _authChanged, warn: _warn),
    );
  }

  final ClientOptions _options;
  final Environment _environment;
  late final Connection _connection;
  late final Requests _requests;
  late final ClientOutbox _outbox;
  late final ClientCache _cache;
  late final Auth _auth;
  final Listeners<bool> _network = Listeners(limit: 1);
  final Map<String, Listeners<Received<Object>>> _listeners = {};
  final Map<String, MessageType<Object>> _clientMessages = {};
  final Map<String, MessageType<Object>> _serverMessages = {};

  /// The token that the connection carried last.
  String? _carried;

  /// Whether a refresh answered a 4401 already.
  bool _isTriedAgain = false;
  bool _hasStarted = false;

  /// Where the connection stands.
  Store<PsdConnectionState> get connection => _connection.state;

  /// Who is signed in.
  late final ClientAuth auth = SessionAuth(
    _auth,
    SessionEvents(ask: _ask, isOpen: () => _connection.isOpen, forget: _forget, warn: _warn),
  );

  /// What waits to be sent.
  Outbox get outbox => _outbox;

  /// What is kept of what came.
  Cache get cache => _cache;

  /// Connects, and stays connected. [send] and [fetch] do it too.
  void connect() {
    _auth.start();
    if (!_hasStarted) {
      _hasStarted = true;
      unawaited(_start());
    }
    _connection.connect();
  }

  Future<void> _start() async {
    await _auth.ready;
    await _outbox.setUser(_auth.user, isStart: true);
    await _cache.sweep();
  }

  /// Ends the connection for good; requests without an answer fail. What is in the outbox stays there.
  void close() {
    _connection.close(const PsdException(ErrorKind.disconnected, 'this client is closed'));
    _auth.stop();
    _outbox.stop();
  }

  /// Says that the network may be back, or that somebody looks at the application again: a wait for the next attempt is
  /// over, and a connection that may be dead is asked for a sign of life.
  void networkBack() {
    _connection.back();
    _network.call(true);
  }

  /// Says that the system has no network.
  void networkGone() {
    _connection.gone();
    _network.call(false);
  }

  /// Sends a message. With `client cache` in its contract it goes through the outbox: it is kept until the server has
  /// handled it, over breaks and restarts, and [timeout] and [retry] do not count.
  ///
  /// - [timeout]: until it fails; that of the options by default, [forever] waits for ever.
  /// - [signal] ends it early.
  /// - [retry]: whether it is sent again, with the same uuid, when the connection breaks before its answer. By default
  ///   it fails then, since nobody knows whether the server acted.
  /// - [uuid] names the request; a random one by default.
  /// - [noToken] sends no token along.
  /// - [noAck] asks for no ack; it is done when the message is handed to the socket.
  /// - [outbox]: `false` keeps a message with `client cache` out of the outbox.
  Delivery send(
    ClientMessage message, {
    Duration? timeout,
    AbortSignal? signal,
    bool retry = false,
    String? uuid,
    bool noToken = false,
    bool noAck = false,
    bool outbox = true,
  }) {
    final type = message.$descriptor;
    _register(type);
    final status = Cell<DeliveryStatus>(const DeliveryQueued(0));
    final name = uuid ?? randomUuid();
    if (type.cacheSeconds != null && outbox && !noAck) {
      return Delivery(name, status, _keep(message, name, status, signal));
    }
    final call = _call(
      message,
      uuid: name,
      timeout: timeout,
      signal: signal,
      retry: retry,
      noToken: noToken,
      ack: !noAck,
      onSent: () => status.value = const DeliverySending(0),
    );
    return Delivery(name, status, _watched(_request(call), status));
  }

  Future<void> _keep(ClientMessage message, String uuid, Cell<DeliveryStatus> status, AbortSignal? signal) {
    final completer = Completer<void>();
    // How it fares is seen in the outbox: nobody has to wait for it.
    completer.future.ignore();
    if (connection.value is ConnectionIdle) connect();
    unawaited(_outbox.add(message, uuid, status, completer));
    final stop = signal?.onAbort(() => _outbox.discard(uuid));
    if (signal != null && signal.isAborted) _outbox.discard(uuid);
    return completer.future.whenComplete(() => stop?.call())..ignore();
  }

  Future<void> _watched(Future<Reply?> reply, Cell<DeliveryStatus> status) async {
    try {
      await reply;
    } on PsdException catch (error) {
      status.value = DeliveryFailed(0, error);
      rethrow;
    }
    status.value = const DeliverySent(0);
  }

  /// Sends a message, and completes with the first reply of the type asked for. The options are those of [send].
  Future<R> fetch<R extends ServerMessage>(
    ClientMessage message,
    MessageType<R> reply, {
    Duration? timeout,
    AbortSignal? signal,
    bool retry = false,
    String? uuid,
    bool noToken = false,
  }) async {
    _register(message.$descriptor);
    _register(reply);
    final call = _call(
      message,
      uuid: uuid ?? randomUuid(),
      timeout: timeout,
      signal: signal,
      retry: retry,
      noToken: noToken,
      replies: [reply],
    );
    return (await _request(call))!.message as R;
  }

  /// Every message of a type from now on, replies too. Of what comes while a listener pauses, the last thousand wait
  /// for it.
  Stream<T> on<T extends ServerMessage>(MessageType<T> type) => received(type).map((received) => received.message);

  /// The same as [on], with what is known of the messages besides.
  Stream<Received<T>> received<T extends ServerMessage>(MessageType<T> type) {
    _register(type);
    final listeners =
        _listeners[type.type!] ??= Listeners(
          limit: _mostPaused,
          onDropped: () => _warn(
            PsdException(
              ErrorKind.full,
              'a listener to `${type.type}` pauses while more than $_mostPaused messages came',
            ),
          ),
        );
    return listeners.stream.map((received) {
      final Received(:message, :uuid, :isLocal) = received;
      return Received(message as T, uuid: uuid, isLocal: isLocal);
    });
  }

  /// Gives a message to the listeners as if it had come from the server.
  void emit(ServerMessage message) =>
      _listeners[message.$descriptor.type]?.call(Received(message, isLocal: true));

  /// Makes messages known, as the option `messages` does.
  void register(Iterable<MessageType<Object>> types) => types.forEach(_register);

  void _register(MessageType<Object> type) {
    final MessageType(type: route, :origin) = type;
    if (route == null || origin == null) return;
    if (origin.isClient) _clientMessages[route] = type;
    if (origin.isServer) _serverMessages[route] = type;
  }

  Call _call(
    ClientMessage message, {
    required String uuid,
    Duration? timeout,
    AbortSignal? signal,
    bool retry = false,
    bool noToken = false,
    bool ack = true,
    List<MessageType<Object>> replies = const [],
    void Function()? onSent,
  }) {
    final type = message.$descriptor;
    return Call(
      uuid: uuid,
      type: type.type!,
      payload: Payload.of(message),
      timeout: timeout ?? _options.timeout,
      signal: signal,
      retry: retry,
      noToken: noToken,
      needsToken: type.auth ?? true,
      ack: ack,
      replies: replies,
      onSent: onSent,
    );
  }

  Future<Reply?> _request(Call call) {
    if (connection.value case ConnectionClosed(:final reason)) return Future.error(reason);
    if (connection.value is ConnectionIdle) connect();
    return _requests.start(call);
  }

  Future<Object?> _ask(ClientMessage message, List<MessageType<Object>> replies, {Duration? timeout}) async {
    final call = _call(message, uuid: randomUuid(), timeout: timeout, noToken: true, replies: replies);
    return (await _request(call))?.message;
  }

  Future<void> _sendStored(OutboxItem item) {
    final type = _clientMessages[item.type];
    return _requests.start(
      Call(
        uuid: item.uuid,
        type: item.type,
        payload: Payload.bytes(item.body, type),
        at: item.at ~/ 1000,
        retries: item.retries,
        needsToken: type?.auth ?? true,
        timeout: const Duration(seconds: 30),
      ),
    );
  }

  void _warn(Object error) {
    final warn = _options.onWarning;
    // ignore: avoid_print
    warn == null ? print('psd: $error') : warn(error);
  }

  Future<void> _forget() async {
    await _cache.clear();
    await _outbox.clear();
  }

  // What the connection tells.

  Future<String?> _handshakeToken() async {
    await _auth.ready;
    // By the connection itself if need be: a server that insists on a token gets the old one.
    if (_auth.isDue && _options.auth.refresh != null) {
      try {
        await _auth.refresh();
      } on Object {
        // Its state tells.
      }
    }
    return _auth.token;
  }

  void _opened(String? token) {
    _carried = token;
    _isTriedAgain = false;
    _auth.isDue ? _refresh() : _announce();
    _go();
  }

  void _received(Incoming message) {
    final Incoming(:type, :uuid) = message;
    final known = _serverMessages[type];
    (MessageType<Object>, Object)? memory;
    Object read(MessageType<Object> type) {
      if (memory case (final before, final value) when identical(before, type)) return value;
      try {
        final value = message.read(type);
        memory = (type, value);
        return value;
      } on Object catch (error) {
        throw unreadable(error, '`${message.type}`');
      }
    }

    final listeners = _listeners[type];
    final isHeard = listeners != null && !listeners.isEmpty;
    // Tokens have their own place.
    final isKept = known?.cacheSeconds != null && type != LoginToken.descriptor.type;
    if (known != null && (isHeard || isKept)) {
      try {
        final value = read(known);
        if (isKept) _keepReceived(value as ServerMessage);
        listeners?.call(Received(value, uuid: uuid.isEmpty ? null : uuid));
      } on Object catch (error) {
        _warn(error);
      }
    }
    if (type == TokenInvalid.descriptor.type) _tokenInvalid(message);
    _requests.received(message, read);
  }

  void _keepReceived(ServerMessage message) => _cache.put(message).onError((Object error, _) => _warn(error)).ignore();

  void _tokenInvalid(Incoming message) {
    // It may be about one that was replaced meanwhile.
    if (_carried != _auth.token) return _announce();
    // While there is a grace and no way to another token, there is nothing to do about it.
    if (_auth.token == null) return;
    var grace = 0;
    try {
      grace = message.read(TokenInvalid.descriptor).graceMs;
    } on Object catch (error) {
      _warn(unreadable(error, '`${message.type}`'));
    }
    if (_auth.canRefresh || grace == 0) _refresh();
  }

  void _closed(PsdException reason) {
    if (reason.code == 4401 && _options.auth.refresh != null && _auth.canRefresh && !_isTriedAgain) {
      _isTriedAgain = true;
      _refresh();
    } else {
      _requests.closed(reason);
    }
  }

  // What requests need.

  bool get _isClassic => switch (connection.value) {
    ConnectionOpen(:final dialect) => dialect == Dialect.classic,
    _ => false,
  };

  void _transmit(Call call) {
    final token = call.noToken || _auth.isRefreshing ? null : _auth.token;
    // Classic servers are used to get the token every time.
    final shown = token == _carried && !_isClassic ? null : token;
    final left = max(1, call.ends - _environment.now());
    _connection.send(
      Outgoing(
        call.type,
        payload: call.payload,
        uuid: call.uuid,
        token: shown,
        ack: call.ack,
        retries: call.retries,
        at: call.at,
        deadline: call.ack && !_isClassic && left < 0x100000000 ? left : null,
      ),
    );
    _carried = shown ?? _carried;
    call.held = _auth.token;
  }

  void _cancel(String uuid) {
    if (_connection.isOpen && !_isClassic) _connection.send(Outgoing('psd.cancel', uuid: uuid));
  }

  bool _authenticate(Call call) {
    // There may be another one already, or on its way.
    if (call.held != _auth.token || _auth.isRefreshing) return true;
    if (_auth.canRefresh) _refresh();
    return _auth.canRefresh;
  }

  // What tokens need.

  bool get _isSignedOut => _auth.state.value is AuthSignedOut;

  Future<Tokens> _refreshTokens(String refreshToken) async {
    final reply = await _ask(RefreshToken(refreshToken: refreshToken), [
      LoginToken.descriptor,
      RefreshTokenInvalid.descriptor,
    ]);
    if (reply case LoginToken(:final token, :final refresh)) return Tokens(token, refresh: refresh);
    throw const PsdException(ErrorKind.signedOut, 'the refresh token is no longer valid');
  }

  void _authChanged({required bool isKnown}) {
    if (isKnown) _carried = _auth.token;
    if (_auth.isRefreshing) return;
    // A server keeps what it was told: only another connection is nobody's.
    if (_connection.isOpen && _auth.token == null && _carried != null) {
      _connection.reopen();
    } else if (_connection.isOpen) {
      _announce();
    } else if (connection.value case ConnectionClosed(reason: PsdException(code: 4401)) when _auth.token != null) {
      _connection.connect();
    }
    if (!_isSignedOut) unawaited(_outbox.setUser(_auth.user));
    _go();
  }

  /// Sends what can be sent.
  void _go() {
    _requests.flush();
    unawaited(_outbox.pump());
  }

  // Whoever waits for it hears of a failure; the state tells everybody else.
  void _refresh() => _auth.refresh().ignore();

  /// Shows a token that the server does not know yet, so that what it sends by itself is not interrupted.
  void _announce() {
    if (_auth.token == null || _auth.token == _carried || _auth.isRefreshing) return;
    _request(_call(const VerifyToken(), uuid: randomUuid(), ack: false)).ignore();
  }
}

/// The tokens of a client, for what is made beside it.
Auth authOf(PsdClient client) => client._auth;

/// Whether there is a network, whenever a client is told.
Stream<bool> networkOf(PsdClient client) => client._network.stream;

/// The connection of a client, for what is apart from it.
Connection connectionOf(PsdClient client) => client._connection;
