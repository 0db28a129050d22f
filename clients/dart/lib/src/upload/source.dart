import 'dart:async';
import 'dart:typed_data';

import '../client/exception.dart';

/// What is uploaded: bytes, a stream, or a file (`FileSource` of `package:psd_client/io.dart`).
abstract interface class UploadSource {
  /// The file's name; empty for what has none.
  String get name;

  /// Its media type; empty if nobody knows.
  String get mime;

  /// Its bytes.
  int get length;

  /// When it was last changed: milliseconds since 1970; `null` if nobody knows.
  int? get lastModified;

  /// What finds it again after a restart, such as a path; `null` if nothing does.
  String? get reference;

  /// The bytes from [start] to [end], or fewer at its end. Those before [start] are not asked for again, unless the
  /// server has lost them.
  Future<Uint8List> read(int start, int end);
}

/// Bytes in memory. After a restart, they have to be given again.
final class BytesSource implements UploadSource {
  /// These bytes, which may not change.
  const BytesSource(this._bytes, {this.name = '', this.mime = '', this.lastModified});

  final Uint8List _bytes;

  @override
  final String name;

  @override
  final String mime;

  @override
  final int? lastModified;

  @override
  int get length => _bytes.length;

  @override
  String? get reference => null;

  @override
  Future<Uint8List> read(int start, int end) async =>
      Uint8List.sublistView(_bytes, start, end < length ? end : length);
}

/// A stream that comes once. Only what the server has not confirmed is kept: at most a chunk, and an event of the
/// stream.
final class StreamSource implements UploadSource {
  /// A stream of [length] bytes.
  StreamSource(Stream<List<int>> stream, this.length, {this.name = '', this.mime = ''})
    : _events = StreamIterator(stream);

  final StreamIterator<List<int>> _events;

  @override
  final String name;

  @override
  final String mime;

  @override
  final int length;

  @override
  int? get lastModified => null;

  @override
  String? get reference => null;

  /// Where [_held] begins.
  int _start = 0;
  Uint8List _held = Uint8List(0);

  /// Reads follow each other, also those that nobody waits for any more.
  Future<void> _last = Future.value();

  @override
  Future<Uint8List> read(int start, int end) {
    final result = _last.then((_) => _read(start, end < length ? end : length));
    _last = result.then((_) {}, onError: (_) {});
    return result;
  }

  Future<Uint8List> _read(int start, int end) async {
    if (start < _start) {
      throw PsdException(ErrorKind.unreadable, 'the stream is past byte $start, from which the server wants it again');
    }
    final held = BytesBuilder(copy: false)..add(Uint8List.sublistView(_held, start - _start));
    _start = start;
    _held = Uint8List(0);
    try {
      while (start + held.length < end && await _events.moveNext()) {
        held.add(_events.current);
      }
    } finally {
      _held = held.takeBytes();
    }
    if (start + _held.length < end) {
      throw PsdException(ErrorKind.unreadable, 'the stream ended after ${start + _held.length} of $length bytes');
    }
    return Uint8List.sublistView(_held, 0, end - start);
  }
}
