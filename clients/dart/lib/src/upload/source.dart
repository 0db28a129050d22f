import 'dart:async';
import 'dart:math';
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

/// A stream that comes once. What may still be under way is kept: a MiB before what was read last, and what its events
/// brought beyond that.
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

  /// Bytes that may be under way, so that the server may want them again.
  static const _underWay = 1 << 20;

  /// What is held: the first [_used] bytes, of which the first is at [_start] in the stream.
  Uint8List _held = Uint8List(0);
  int _start = 0;
  int _used = 0;

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
    while (_start + _used < end && await _events.moveNext()) {
      _hold(_events.current, start);
    }
    if (_start + _used < end) {
      throw PsdException(ErrorKind.unreadable, 'the stream ended after ${_start + _used} of $length bytes');
    }
    return _held.sublist(start - _start, end - _start);
  }

  /// Holds what has come, and lets go of what nobody wants again who wants what begins at [start].
  void _hold(List<int> event, int start) {
    if (_used + event.length > _held.length) {
      final rest = _held.sublist(max(0, start - _underWay - _start).clamp(0, _used), _used);
      _start += _used - rest.length;
      _used = rest.length;
      final needed = _used + event.length;
      if (needed > _held.length ~/ 2) _held = Uint8List(needed * 2);
      _held.setRange(0, _used, rest);
    }
    _held.setRange(_used, _used += event.length, event);
  }
}
