import 'dart:async';
import 'dart:convert';
import 'dart:math';

import '../common/v1.dart';
import '../socket/socket.dart';
import 'backoff.dart';
import 'dialect.dart';
import 'environment.dart';
import 'exception.dart';
import 'store.dart';

/// Milliseconds that an attempt may take until the server's welcome.
const _connect = 10000;

/// How often the server is asked for a sign of life, at least.
const _beat = 20000;

/// How long it may take to answer before the connection counts as lost.
const _answer = 10000;

/// The same when there is reason for doubt: the network went away, or the application was asleep.
const _doubt = 5000;

/// A connection that held this long was good: the next break begins with a quick retry again.
const _stable = 5000;

/// Signs that the network is back begin an attempt at once, but not more often than this.
const _breath = 500;

/// What may stand in `Sec-WebSocket-Protocol`.
final _protocolToken = RegExp(r"^[\w!#$%&'*+\-.^`|~]+$");

/// Where the connection stands.
sealed class PsdConnectionState {
  const PsdConnectionState();
}

/// Nobody asked for a connection yet.
final class ConnectionIdle extends PsdConnectionState {
  /// At the start.
  const ConnectionIdle();
}

/// An attempt is under way.
final class ConnectionConnecting extends PsdConnectionState {
  /// The [attempt]-th since the last good connection.
  const ConnectionConnecting(this.attempt);

  /// Counted from 1 since the last good connection.
  final int attempt;
}

/// Messages flow.
final class ConnectionOpen extends PsdConnectionState {
  /// In this dialect.
  const ConnectionOpen(this.dialect, this.connectionId);

  /// How both sides talk.
  final Dialect dialect;

  /// The server's name for the connection; empty in classic.
  final String connectionId;
}

/// The server wants the client to go. Requests wait for the next connection.
final class ConnectionDraining extends PsdConnectionState {
  /// And to come back at [until].
  const ConnectionDraining(this.until, this.reason);

  /// When the next connection is opened.
  final DateTime until;

  /// What the server says, for people.
  final String reason;
}

/// The next attempt begins at [until], or when the network comes back.
final class ConnectionWaiting extends PsdConnectionState {
  /// For the [attempt]-th one.
  const ConnectionWaiting(this.until, this.attempt, this.reason);

  /// When it begins.
  final DateTime until;

  /// Counted from 1 since the last good connection.
  final int attempt;

  /// What happened.
  final PsdException reason;
}

/// There is no connection and there will be none, unless `connect` is called.
final class ConnectionClosed extends PsdConnectionState {
  /// For this reason.
  const ConnectionClosed(this.reason);

  /// What happened.
  final PsdException reason;
}

/// What the connection is made of.
final class ConnectionOptions {
  /// All of it.
  const ConnectionOptions({
    required this.url,
    required this.isFixed,
    required this.socket,
    required this.watchNetwork,
    required this.dialect,
    required this.apiVersion,
  });

  /// Finds the address before each attempt.
  final FutureOr<Uri> Function() url;

  /// Whether the address is always the same, so that a bad one stays bad.
  final bool isFixed;

  /// Opens sockets.
  final SocketFactory socket;

  /// Tells when the network comes and goes, where something does.
  final void Function() Function(void Function() back, void Function() gone) watchNetwork;

  /// The only dialect to speak, if there is one.
  final Dialect? dialect;

  /// The version of the application's contract; 0 for none.
  final int apiVersion;
}

/// What the connection tells.
final class ConnectionEvents {
  /// All of it.
  const ConnectionEvents({
    required this.token,
    required this.opened,
    required this.received,
    required this.unreadable,
    required this.lost,
    required this.closed,
  });

  /// Before each attempt; the token for the handshake.
  final Future<String?> Function() token;

  /// Messages flow from now on; `token` is what the handshake carried.
  final void Function(String? token) opened;

  /// A message came.
  final void Function(Incoming message) received;

  /// Something came that cannot be read.
  final void Function(Object error) unreadable;

  /// Nothing more comes from a connection that was open.
  final void Function(PsdException reason) lost;

  /// There will be no other one by itself.
  final void Function(PsdException reason) closed;
}

/// One connection at a time: attempts, heartbeats, drain, and when to try again.
final class Connection {
  /// Nothing is opened yet.
  Connection(this._options, this._environment, this._events);

  final ConnectionOptions _options;
  final Environment _environment;
  final ConnectionEvents _events;
  _Line? _line;
  int _failures = 0;
  int _attempted = 0;

  /// The server said when to come back; until then nothing begins an attempt.
  int _comeBack = 0;

  /// Set once a server has spoken v1: from then on a failure is no hint of a server that speaks classic only.
  bool _speaksV1 = false;
  bool _wasOffline = false;
  void Function()? _stopWaiting;
  void Function()? _stopWatching;

  /// Hears what else comes of v1 itself: what is about upload streams.
  void Function(Incoming message)? heard;

  /// How many of these a server of v1 takes at once.
  int get uploadStreams => _uploadStreams;
  int _uploadStreams = 0;

  /// Where the connection stands.
  final Cell<PsdConnectionState> state = Cell(const ConnectionIdle());

  /// Whether messages can be sent.
  bool get isOpen => state.value is ConnectionOpen;

  /// Opens a connection, if there is none and none is on its way.
  void connect() {
    if (state.value is! ConnectionIdle && state.value is! ConnectionClosed) return;
    _stopWatching = _options.watchNetwork(back, gone);
    _open();
  }

  /// Ends the connection for good.
  void close(PsdException reason) {
    if (state.value is! ConnectionClosed) _end(_line, reason);
  }

  /// Ends the connection and opens another at once.
  void reopen() {
    final wasOpen = _line?.isOpen ?? false;
    _abandon();
    if (wasOpen) _events.lost(_gone('the client opens another connection'));
    _open();
  }

  /// Sends a message, if the state is open. Throws where it cannot be written or is too large.
  void send(Outgoing message) => _line!.send(message);

  /// The network may be back, or somebody looks at the application.
  void back() {
    final now = _environment.now();
    if (state.value case ConnectionWaiting(:final reason)) {
      if (now >= _comeBack) _wait(max(0, _attempted + _breath - now), reason);
    } else {
      _line?.probe();
    }
    _wasOffline = false;
  }

  /// The system says that the network is away.
  void gone() {
    _wasOffline = true;
    _line?.probe();
  }

  /// The dialects to offer. Browsers fail a connection whose offer is not answered, so classic is tried by itself.
  List<String> get _offer => switch (_options.dialect) {
    Dialect.classic => [],
    final Dialect dialect => [dialect.protocol],
    null => _failures.isOdd && !_speaksV1 ? [] : [Dialect.proto.protocol, Dialect.json.protocol],
  };

  void _open() {
    _stopWaiting?.call();
    _attempted = _environment.now();
    final line = _line = _Line(this);
    state.value = ConnectionConnecting(_failures + 1);
    unawaited(line.begin());
  }

  /// A connection or an attempt failed.
  void _lost(_Line line, PsdException reason) {
    if (!identical(_line, line)) return;
    final code = reason.code ?? 0;
    if (isFinal(code)) return _end(line, reason);
    _abandon();
    final now = _environment.now();
    if (line.isOpen && now - line.since! >= _stable) _failures = 0;
    if (asksToSpread(code)) _failures = max(_failures, 1);
    final milliseconds = _comeBack > now ? _comeBack - now : delay(_failures, _environment.unit());
    _failures++;
    _wait(milliseconds, reason);
    if (line.isOpen) _events.lost(reason);
  }

  void _wait(int milliseconds, PsdException reason) {
    _stopWaiting?.call();
    _stopWaiting = timer(milliseconds, _open);
    state.value = ConnectionWaiting(_at(_environment.now() + milliseconds), _failures + 1, reason);
  }

  /// The end, until somebody calls [connect].
  void _end(_Line? line, PsdException reason) {
    _abandon();
    _stopWaiting?.call();
    _stopWatching?.call();
    _failures = _comeBack = 0;
    state.value = ConnectionClosed(reason);
    if (line != null && line.isOpen) _events.lost(reason);
    _events.closed(reason);
  }

  void _abandon() {
    _line?.abandon();
    _line = null;
  }
}

PsdException _gone(String reason, {int? code, Object? cause}) =>
    PsdException(ErrorKind.disconnected, reason, code: code, cause: cause);

/// Whether a frame has more bytes than that.
bool _exceeds(Object frame, int limit) {
  if (frame is! String) return (frame as List<int>).length > limit;
  // Only a text near the limit has its bytes counted.
  return frame.length > limit || (frame.length > limit ~/ 3 && utf8.encode(frame).length > limit);
}

DateTime _at(int milliseconds) => DateTime.fromMillisecondsSinceEpoch(milliseconds);

/// One attempt, and the connection that it became.
final class _Line implements SocketListener {
  _Line(this._owner) {
    _stopAttempt = timer(_connect, () => _lost(_gone('the server does not answer')));
  }

  final Connection _owner;
  PsdSocket? _socket;
  Uri? _address;
  Dialect _dialect = Dialect.classic;
  String? _carried;
  int _received = 0;
  int _asked = 0;
  int _seq = 0;
  int _seen = 0;
  int? _limit;
  Timer? _heartbeats;
  late final void Function() _stopAttempt;
  void Function()? _stopProbe;

  /// Since when messages flow: milliseconds since 1970.
  int? since;

  bool get isOpen => since != null;
  bool get _isCurrent => identical(_owner._line, this);
  int get _now => _owner._environment.now();

  void _lost(PsdException reason) => _owner._lost(this, reason);

  Future<void> begin() async {
    final options = _owner._options;
    try {
      final token = await _owner._events.token();
      final address = _socketAddress(await options.url());
      if (!_isCurrent) return;
      _address = address;
      final offer = _owner._offer;
      if (token != null && offer.isNotEmpty && _protocolToken.hasMatch(token)) {
        _carried = token;
        offer.add('psd.token.$token');
      }
      _socket = options.socket(address, offer, this);
    } on Object catch (error) {
      if (!_isCurrent) return;
      final reason = _gone('cannot connect: $error', cause: error);
      // A bad address, or no WebSocket: trying again makes it no better. But a function that fails may work next time.
      options.isFixed ? _owner._end(this, reason) : _lost(reason);
    }
  }

  void send(Outgoing message) {
    final number = message.type.startsWith('psd.') ? 0 : _seq + 1;
    final frame = encode(
      _dialect,
      message,
      now: _now,
      seq: number,
      seen: _seen,
      apiVersion: _owner._options.apiVersion,
    );
    if (_limit case final limit? when _exceeds(frame, limit)) {
      throw PsdException(
        ErrorKind.tooLarge,
        '`${message.type}` has more than the $limit bytes that the server takes',
      );
    }
    if (number != 0) _seq = number;
    _socket!.send(frame);
  }

  /// Asks for a sign of life now.
  void probe() {
    if (!isOpen) return;
    if (_dialect == Dialect.classic) {
      // Nothing in classic would be answered for sure: another connection is the only certainty.
      if (_owner._wasOffline) _lost(_gone('the network was away'));
      return;
    }
    final now = _now;
    _heartbeat(null);
    _stopProbe?.call();
    _stopProbe = timer(_doubt, () {
      if (_received < now) _lost(_gone('the server is silent'));
    });
  }

  /// Hears no more of it.
  void abandon() {
    _heartbeats?.cancel();
    _stopAttempt();
    _stopProbe?.call();
    _socket?.close();
  }

  void _ready(String connectionId) {
    _stopAttempt();
    since = _received;
    _owner.state.value = ConnectionOpen(_dialect, connectionId);
    // Whoever watches may have ended it.
    if (_isCurrent) _owner._events.opened(_carried);
  }

  /// A heartbeat; or the end, if the last one was not answered for so long.
  void _heartbeat(int? patience) {
    final now = _now;
    if (patience != null && _asked > _received && now - _received >= patience) {
      return _lost(_gone('the server is silent'));
    }
    _asked = now;
    send(const Outgoing('psd.heartbeat'));
  }

  void _control(Incoming message) {
    if (message.type == 'psd.welcome' && !isOpen) {
      final Welcome(:connectionId, :heartbeatMs, :maxFrameBytes, :uploadStreams) = message.read(Welcome.descriptor);
      _owner
        .._speaksV1 = true
        .._uploadStreams = uploadStreams;
      if (maxFrameBytes > 0) _limit = maxFrameBytes;
      final wanted = heartbeatMs > 0 ? max(1000, heartbeatMs) : _beat;
      final interval = min(_beat, wanted * 3 ~/ 4);
      // A server that does not read, since requests wait, says that it is there only once an interval.
      final patience = max(interval + _answer, 2 * heartbeatMs);
      _heartbeats = Timer.periodic(Duration(milliseconds: interval), (_) => _heartbeat(patience));
      _ready(connectionId);
    } else if (message.type == 'psd.drain') {
      final Drain(:reconnectAfterMs, :reason) = message.read(Drain.descriptor);
      _owner._comeBack = _now + reconnectAfterMs;
      if (isOpen) _owner.state.value = ConnectionDraining(_at(_owner._comeBack), reason);
    } else {
      _owner.heard?.call(message);
    }
  }

  @override
  void opened(String protocol) {
    _received = _now;
    _dialect = Dialect.of(protocol);
    if (_dialect == Dialect.classic) _ready('');
  }

  @override
  void received(Object frame) {
    _received = _now;
    for (final message in decode(_dialect, frame, _owner._events.unreadable)) {
      if (!_isCurrent) return;
      _seen = max(_seen, message.seq);
      if (_dialect != Dialect.classic && message.type.startsWith('psd.')) {
        try {
          _control(message);
        } on Object catch (error) {
          _owner._events.unreadable(error);
        }
      } else {
        _owner._events.received(message);
      }
    }
  }

  @override
  void closed(int code, String reason) {
    final what = isOpen ? 'the connection ended' : 'cannot connect to $_address';
    _lost(_gone('$what ($code${reason.isEmpty ? '' : ': $reason'})', code: code));
  }
}

/// A `ws:` or `wss:` address; `http:` and `https:` are taken for them.
Uri _socketAddress(Uri url) {
  final address = url.removeFragment();
  return switch (address.scheme) {
    'ws' || 'wss' => address,
    'http' => address.replace(scheme: 'ws'),
    'https' => address.replace(scheme: 'wss'),
    _ => throw FormatException('`$url` has neither `ws:` nor `wss:` nor `http:` nor `https:`'),
  };
}
