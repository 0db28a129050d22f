import 'dart:async';

import '../codec/message.dart';
import 'abort_signal.dart';
import 'dialect.dart';
import 'environment.dart';
import 'exception.dart';

/// How many requests may wait for a connection or an answer.
const _most = 10000;

/// Waits for an answer for ever (a hundred years): for the `timeout` of requests.
const forever = Duration(days: 36500);

/// A request that waits to be sent, or for its answer.
final class Call {
  /// A request; see [Requests.start].
  Call({
    required this.uuid,
    required this.type,
    required this.timeout,
    this.payload = const Payload.none(),
    this.signal,
    this.ack = true,
    this.retry = false,
    this.noToken = false,
    this.needsToken = true,
    this.replies = const [],
    this.at,
    this.retries = 0,
    this.onSent,
  });

  /// Names the request.
  final String uuid;

  /// The route.
  final String type;

  /// The message.
  final Payload payload;

  /// How long it may take.
  final Duration timeout;

  /// Ends it early.
  final AbortSignal? signal;

  /// Whether it is answered.
  final bool ack;

  /// Whether it is sent again when the connection breaks.
  final bool retry;

  /// Sends no token along.
  final bool noToken;

  /// Whether it has to wait while there is a new token on its way.
  final bool needsToken;

  /// The messages that answer it; without, the ack does.
  final List<MessageType<Object>> replies;

  /// When it happened, if not now: milliseconds since 1970.
  final int? at;

  /// How often it was sent before.
  int retries;

  /// Called when it is handed to the socket.
  final void Function()? onSent;

  /// Whether it was handed to the socket.
  bool isSent = false;

  /// Whether it was sent again for a new token.
  bool isSecondTry = false;

  /// The token that held when it was sent.
  String? held;

  /// When it ends: milliseconds since 1970.
  late final int ends;

  final Completer<Reply?> _completer = Completer();
  void Function()? _stopTimer;
  void Function()? _stopSignal;
}

/// The reply that answered a request.
final class Reply {
  /// This one.
  const Reply(this.type, this.message);

  /// What it is.
  final MessageType<Object> type;

  /// The reply itself.
  final Object message;
}

/// What requests need of the client.
final class RequestEvents {
  /// All of it.
  const RequestEvents({
    required this.canSend,
    required this.transmit,
    required this.cancel,
    required this.isLast,
    required this.authenticate,
  });

  /// Whether a request can be sent now.
  final bool Function(Call call) canSend;

  /// Hands a request to the socket; throws if that fails.
  final void Function(Call call) transmit;

  /// Tells the server that the answer to a request is not wanted any more.
  final void Function(String uuid) cancel;

  /// Whether a success without the reply is its end: in classic, a late reply may follow its ack.
  final bool Function() isLast;

  /// Gets another token for a request that was refused for its lack; `false` where there is no way.
  final bool Function(Call call) authenticate;
}

/// The requests of a client, in the order in which they were made.
final class Requests {
  /// None yet.
  Requests(this._environment, this._events);

  final Environment _environment;
  final RequestEvents _events;
  final Map<String, Call> _calls = {};

  /// Sends what waits and may go.
  void flush() {
    for (final call in [..._calls.values]) {
      if (call.isSent || !_isWaiting(call) || !_events.canSend(call)) continue;
      call.isSent = true;
      try {
        _events.transmit(call);
        call.onSent?.call();
        if (!call.ack) _settle(call);
      } on Object catch (error) {
        _settle(call, error: error);
      }
    }
  }

  /// Begins a request; completes with its reply, or with nothing if its ack answers it.
  Future<Reply?> start(Call call) {
    if (_calls.length >= _most) {
      return Future.error(const PsdException(ErrorKind.full, '$_most requests wait already'));
    }
    if (_calls.containsKey(call.uuid)) {
      final error = PsdException(ErrorKind.full, 'a request with the uuid `${call.uuid}` is under way already');
      return Future.error(error);
    }
    final milliseconds = call.timeout.inMilliseconds;
    call.ends = _environment.now() + milliseconds;
    final signal = call.signal;
    if (signal != null && signal.isAborted) {
      return Future.error(_aborted(call));
    }
    call
      .._stopTimer = timer(milliseconds, () => _settle(call, error: _late(call)))
      .._stopSignal = signal?.onAbort(() {
        _settle(call, error: _aborted(call));
        if (call.isSent) _events.cancel(call.uuid);
      });
    _calls[call.uuid] = call;
    flush();
    return call._completer.future;
  }

  PsdException _aborted(Call call) =>
      PsdException(ErrorKind.aborted, '`${call.type}` was aborted', cause: call.signal?.reason);

  PsdException _late(Call call) {
    final (kind, what) = call.isSent ? (ErrorKind.timeout, 'not answered') : (ErrorKind.disconnected, 'not sent');
    return PsdException(kind, '`${call.type}` was $what within ${call.timeout.inMilliseconds / 1000} s');
  }

  bool _isWaiting(Call call) => identical(_calls[call.uuid], call);

  void _settle(Call call, {Object? error, Reply? reply}) {
    if (!_isWaiting(call)) return;
    _calls.remove(call.uuid);
    call._stopTimer?.call();
    call._stopSignal?.call();
    error == null ? call._completer.complete(reply) : call._completer.completeError(error);
  }

  void _again(Call call) {
    call
      ..isSent = false
      ..retries += 1;
  }

  /// Looks whether a message belongs to a request; [read] decodes it.
  void received(Incoming message, Object Function(MessageType<Object> type) read) {
    final call = _calls[message.uuid];
    if (call == null) return;
    final result = message.result;
    if (result != null && result.errorMessage.isNotEmpty) {
      if (result.errorCode == 401 && !call.isSecondTry && !call.noToken && _events.authenticate(call)) {
        // Its handler did not run. It waits for the token, and goes again.
        call.isSecondTry = true;
        _again(call);
        flush();
      } else {
        final code = result.errorCode == 0 ? null : result.errorCode;
        _settle(call, error: PsdException(ErrorKind.refused, result.errorMessage, code: code));
      }
      return;
    }
    for (final reply in call.replies) {
      if (reply.type != message.type) continue;
      try {
        return _settle(call, reply: Reply(reply, read(reply)));
      } on Object catch (error) {
        return _settle(call, error: error);
      }
    }
    if (result == null) return;
    if (call.replies.isEmpty) {
      _settle(call);
    } else if (_events.isLast()) {
      final wanted = call.replies.first.type;
      _settle(
        call,
        error: PsdException(ErrorKind.noReply, '`${call.type}` was handled without sending `$wanted`'),
      );
    }
  }

  /// The connection ended: what was sent fails, or is sent again by the next one.
  void lost(PsdException reason) {
    for (final call in [..._calls.values]) {
      if (call.isSent) call.retry ? _again(call) : _settle(call, error: reason);
    }
  }

  /// There will be no connection: everything fails.
  void closed(PsdException reason) {
    for (final call in [..._calls.values]) {
      _settle(call, error: reason);
    }
  }
}
