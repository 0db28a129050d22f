/// What went wrong.
enum ErrorKind {
  /// The server refused the request; `code` and `message` are its own.
  refused,

  /// No answer came in time.
  timeout,

  /// The connection ended before the answer came; whether the server acted is unknown. `code` is the close code.
  disconnected,

  /// The caller's `AbortSignal` fired, or the message was discarded.
  aborted,

  /// The server handled the request without the reply that was asked for.
  noReply,

  /// Something that came cannot be read.
  unreadable,

  /// The message is over the largest frame that the server takes.
  tooLarge,

  /// There is no valid token any more, and no way to a new one.
  signedOut,

  /// Too much waits to be sent already.
  full,

  /// The message waited in the outbox for longer than its contract says.
  expired,

  /// A newer message with the same cache keys took its place in the outbox.
  replaced,
}

/// Every error of the client.
final class PsdException implements Exception {
  /// An error of this kind.
  const PsdException(this.kind, this.message, {this.code, this.cause});

  /// What went wrong.
  final ErrorKind kind;

  /// What happened, for people; the server's own text where it refused.
  final String message;

  /// The server's code where it refused, the close code where the connection ended.
  final int? code;

  /// What is behind it: the error that was met, the reason of an `AbortSignal`, the server's `LoginError`.
  final Object? cause;

  @override
  String toString() => 'PsdException(${kind.name}${code == null ? '' : ' $code'}): $message';
}

/// That something cannot be read.
PsdException unreadable(Object error, String what) =>
    PsdException(ErrorKind.unreadable, '$what cannot be read: $error', cause: error);
