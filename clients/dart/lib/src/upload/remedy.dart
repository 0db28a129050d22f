import '../client/exception.dart';
import 'types.dart';

/// How often the server may say the same in a row of what should not happen twice.
const _patience = 5;

/// Codes with which the server says that a later attempt may succeed, besides those of its own failures.
const _transient = {408, 423, 425, 429};

/// Codes of a server's failures that no later attempt changes: what it cannot do, and a full disk.
const _lasting = {501, 505, 507};

/// Codes after which the server is asked how far it is: another offset, a checksum that does not match.
const _elsewhere = {409, 460};

/// Codes of an upload that is not there any more.
const _gone = {404, 410};

/// Somebody else goes on with the upload.
const _taken = 423;

/// What is done about an attempt that failed.
enum Remedy {
  /// Another one follows.
  wait,

  /// Another one follows when somebody has logged in.
  waitForLogin,

  /// The next one is from the beginning.
  beginAnew,

  /// There is no other.
  giveUp,
}

/// What is done about an error, after so many failures in a row; [isBegun]: whether the server has something.
Remedy remedyFor(
  PsdException error, {
  required UploadWay via,
  required bool isBegun,
  required bool isSignedOut,
  required int failures,
}) {
  final PsdException(:kind, code: said) = error;
  final code = said ?? 0;
  if (kind == ErrorKind.signedOut || code == 401 && isSignedOut) return Remedy.waitForLogin;
  // The network, or a token that cannot be had now.
  if (kind == ErrorKind.disconnected || kind == ErrorKind.timeout) return Remedy.wait;
  final mayRepeat = isBegun && failures <= _patience;
  if (mayRepeat && _gone.contains(code)) return Remedy.beginAnew;
  if (mayRepeat && _elsewhere.contains(code)) return Remedy.wait;
  // Both would go on taking it from each other.
  if (code == _taken && via == UploadWay.socket) return Remedy.giveUp;
  final isTransient = _transient.contains(code) || code >= 500 && !_lasting.contains(code);
  return kind == ErrorKind.refused && isTransient ? Remedy.wait : Remedy.giveUp;
}
