import 'dart:async';
import 'dart:collection';
import 'dart:math';
import 'dart:typed_data';

import '../client/abort_signal.dart';
import '../client/auth.dart';
import '../client/client.dart';
import '../client/connection.dart';
import '../client/dialect.dart';
import '../client/exception.dart';
import '../codec/message.dart';
import '../common/sfiles.dart';
import '../common/v1_uploads.dart';
import '../crc32.dart';
import 'item.dart';
import 'pace.dart';

/// Who hears how far an upload is.
final class StreamEvents {
  /// All of it.
  const StreamEvents({required this.begun, required this.advance});

  /// The server has the upload, and calls it so.
  final Future<void> Function(String id) begun;

  /// So many bytes are safe.
  final void Function(int sent) advance;
}

/// A stream of the connection.
final class _Stream {
  _Stream(this.advance);

  final void Function(int sent) advance;
  UploadOpened? opened;

  /// Up to where the server lets it send.
  int until = 0;

  /// Where what is on its way begins, and ends.
  int came = 0;
  int next = 0;

  /// What is on its way, and where it ends.
  final Queue<(int end, Mark mark)> chunks = Queue();

  /// How it ended: [UploadFinished] or [PsdException].
  Object? end;

  bool get isOver => end != null;
}

final Expando<UploadStreams> _known = Expando();

/// The upload streams of a client: one numbering for all that it uploads.
UploadStreams streamsOf(PsdClient client) => _known[client] ??= UploadStreams._(client);

/// Files over the connection of a client (PROTOCOL.md, section 14).
final class UploadStreams {
  UploadStreams._(this._client) : _connection = connectionOf(_client), _auth = authOf(_client) {
    _connection.heard = _hear;
    _connection.state.changes.listen(_connectionChanged);
  }

  final PsdClient _client;
  final Connection _connection;
  final Auth _auth;

  /// Those that the server may count, by their numbers.
  final Map<int, _Stream> _open = {};

  /// Whoever waits for something to change.
  final Set<void Function()> _waiting = {};
  final Stopwatch _clock = Stopwatch()..start();
  int _last = 0;
  Pace _pace = Pace();

  /// Whether the server takes files by the connection. Fails where there is none.
  Future<bool> canOpen(AbortSignal signal) async {
    if (_connection.state.value is ConnectionIdle) _client.connect();
    await _when(() => _connection.state.value is! ConnectionConnecting, signal);
    if (signal.isAborted) return false;
    switch (_connection.state.value) {
      case ConnectionWaiting(:final reason) || ConnectionClosed(:final reason):
        throw reason;
      case ConnectionDraining():
        throw const PsdException(ErrorKind.disconnected, 'the server is about to go');
      case _:
        return _takesFiles;
    }
  }

  /// Sends a file; nothing comes of it where it was ended early.
  Future<UploadedFile?> send(UploadItem item, int? chunkSize, AbortSignal signal, StreamEvents events) async {
    await _auth.ready;
    if (_auth.isDue && _auth.canRefresh) {
      try {
        await _auth.refresh();
      } on PsdException {
        // A token that cannot be replaced now may still be good.
      }
    }
    Object? end;
    for (var tries = 1; ; tries++) {
      final token = _auth.token;
      Future<void> begun(String id) {
        tries = 0;
        return events.begun(id);
      }

      end = await _attempt(item, chunkSize, signal, StreamEvents(begun: begun, advance: events.advance));
      final isNobody = end is PsdException && end.kind == ErrorKind.refused && end.code == 401;
      if (!isNobody || token == null || tries >= 3) break;
      if (_auth.token != token) continue;
      if (!_auth.canRefresh) break;
      await _auth.refresh();
    }
    if (signal.isAborted) return null;
    switch (end) {
      case UploadFinished(:final file?):
        return file;
      case UploadFinished():
        throw const PsdException(ErrorKind.unreadable, 'the server stored the file without a word about it');
      case final PsdException error:
        throw error;
      case _:
        return null;
    }
  }

  /// Ends an upload that was begun; whether the server did so.
  Future<bool> end(UploadItem item) async {
    final (number, stream) = await _begin(item, (_) {}) ?? (0, null);
    if (stream == null) return false;
    _say(UploadCancel(stream: number));
    await _when(() => stream.isOver);
    return switch (stream.end) {
      PsdException(kind: ErrorKind.refused) => true,
      _ => false,
    };
  }

  bool get _takesFiles => switch (_connection.state.value) {
    ConnectionOpen(:final dialect) => dialect != Dialect.classic && _connection.uploadStreams > 0,
    _ => false,
  };

  // What comes.

  void _hear(Incoming message) {
    switch (message.type) {
      case 'psd.upload-opened':
        final opened = message.read(UploadOpened.descriptor);
        _open[opened.stream]
          ?..opened = opened
          ..came = opened.offset
          ..next = opened.offset
          ..until = opened.until;
      case 'psd.upload-credit':
        final UploadCredit(stream: number, :offset, :until) = message.read(UploadCredit.descriptor);
        final stream = _open[number];
        final opened = stream?.opened;
        if (stream == null || opened == null) return;
        stream.until = until;
        _came(stream, until - opened.until + opened.offset);
        stream.advance(offset);
      case 'psd.upload-done':
        final finished = message.read(UploadFinished.descriptor);
        _over(finished.stream, finished);
      case 'psd.upload-failed':
        final UploadFailed(:stream, :errorCode, :errorMessage) = message.read(UploadFailed.descriptor);
        final code = errorCode == 0 ? null : errorCode;
        _over(stream, PsdException(ErrorKind.refused, errorMessage, code: code));
      default:
        return;
    }
    _changed();
  }

  void _connectionChanged(PsdConnectionState state) {
    if (state is! ConnectionOpen && state is! ConnectionDraining) {
      final reason = switch (state) {
        ConnectionWaiting(:final reason) || ConnectionClosed(:final reason) => reason,
        _ => const PsdException(ErrorKind.disconnected, 'the client opens another connection'),
      };
      for (final number in [..._open.keys]) {
        _over(number, reason);
      }
      _last = 0;
      _pace = Pace();
    }
    _changed();
  }

  /// The server took the bytes before [offset] from the line.
  void _came(_Stream stream, int offset) {
    while (stream.chunks.isNotEmpty && stream.chunks.first.$1 <= offset) {
      final (end, mark) = stream.chunks.removeFirst();
      _pace.came(end - stream.came, mark, _clock.elapsedMilliseconds);
      stream.came = end;
    }
  }

  void _over(int number, Object end) => _open.remove(number)?.end = end;

  void _changed() {
    for (final look in [..._waiting]) {
      look();
    }
  }

  /// Completes as soon as [test] holds, or the signal fires.
  Future<void> _when(bool Function() test, [AbortSignal? signal]) {
    final done = Completer<void>();
    void Function()? stopListening;
    late final void Function() look;
    void end([Object? error]) {
      _waiting.remove(look);
      stopListening?.call();
      if (done.isCompleted) return;
      error == null ? done.complete() : done.completeError(error);
    }

    look = () {
      try {
        if ((signal != null && signal.isAborted) || test()) end();
      } on Object catch (error) {
        end(error);
      }
    };
    _waiting.add(look);
    stopListening = signal?.onAbort(look);
    look();
    return done.future;
  }

  // What goes.

  void _say<M extends ProtoMessage>(M message) =>
      _connection.send(Outgoing(message.$descriptor.type!, payload: Payload.of(message)));

  /// Opens a stream as soon as there is room: an upload begins, or goes on.
  Future<(int, _Stream)?> _begin(UploadItem item, void Function(int sent) advance, [AbortSignal? signal]) async {
    final stream = _Stream(advance);
    var number = 0;
    await _when(() {
      if (!_takesFiles) return true;
      if (_open.length >= _connection.uploadStreams) return false;
      number = ++_last;
      _say(item.opening(number));
      _open[number] = stream;
      return true;
    }, signal);
    return number == 0 ? null : (number, stream);
  }

  /// Sends a file as far as it gets; how the stream ended.
  Future<Object?> _attempt(UploadItem item, int? chunkSize, AbortSignal signal, StreamEvents events) async {
    void advance(int sent) => signal.isAborted ? null : events.advance(sent);
    final (number, stream) = await _begin(item, advance, signal) ?? (0, null);
    if (stream == null) {
      if (signal.isAborted) return null;
      return const PsdException(ErrorKind.disconnected, 'the connection ended before the file went on its way');
    }
    try {
      await _when(() => stream.opened != null || stream.isOver, signal);
      if (stream.opened case final opened?) {
        await events.begun(opened.uploadId);
        advance(opened.offset);
        final most = min(chunkSize ?? opened.chunkBytes, opened.chunkBytes);
        while (stream.next < item.total && !stream.isOver && !signal.isAborted) {
          await _sendChunk(item, number, stream, most, signal);
        }
      }
      await _when(() => stream.isOver, signal);
      return stream.end;
    } finally {
      // What has no name yet cannot be found again.
      if (identical(_open[number], stream)) _say(UploadCancel(stream: number, keep: item.url != null));
    }
  }

  Future<void> _sendChunk(UploadItem item, int number, _Stream stream, int most, AbortSignal signal) async {
    final offset = stream.next;
    await _when(() {
      if (stream.isOver) return true;
      final size = min(_pace.chunk(most), item.total - offset);
      final underWay = _open.values.fold(0, (sum, stream) => sum + stream.next - stream.came);
      if (offset + size > stream.until || !_pace.hasRoom(underWay, size)) return false;
      // Other streams see that its place is taken.
      stream.next += size;
      return true;
    }, signal);
    final size = stream.next - offset;
    if (size == 0 || stream.isOver || signal.isAborted) return;
    final Uint8List data = await item.source!.read(offset, offset + size);
    if (stream.isOver || signal.isAborted) return;
    if (data.length < size) {
      final text = 'the file ends after ${offset + data.length} of ${item.total} bytes';
      throw PsdException(ErrorKind.unreadable, text);
    }
    _say(UploadChunk(stream: number, offset: offset, data: data, crc32c: crc32c(data)));
    stream.chunks.add((stream.next, _pace.mark(_clock.elapsedMilliseconds)));
  }
}
