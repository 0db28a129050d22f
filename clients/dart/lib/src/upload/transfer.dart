import 'dart:math';

import '../client/abort_signal.dart';
import '../client/client.dart';
import '../client/exception.dart';
import '../common/sfiles.dart';
import 'item.dart';
import 'streams.dart';
import 'tus.dart';
import 'types.dart';

/// Bytes of a chunk: at first, at least and at most.
const _first = 1 << 18, _least = 1 << 16, _most = 1 << 23;

/// Milliseconds of a request: a faster one lets chunks grow, a slower one lets them shrink.
const _fast = 1000, _slow = 4000;

/// Sends the bytes of uploads.
final class Transfer {
  /// In chunks of [_chunkSize] bytes, or of what suits the network.
  Transfer(this._client, this._tus, this._chunkSize, {required this.changed, required this.save});

  final PsdClient _client;
  final Tus _tus;
  final int? _chunkSize;

  /// Told when the server has confirmed more.
  final void Function(UploadItem item) changed;

  /// Keeps an upload for a later run.
  final Future<void> Function(UploadItem item) save;

  /// Bytes of the first chunk.
  int get firstChunk => _chunkSize ?? _first;

  /// Sends what the server has not; nothing comes of it where it was ended early.
  Future<UploadedFile?> run(UploadItem item, AbortSignal signal) async {
    if (item.via == UploadWay.socket && await streamsOf(_client).canOpen(signal)) {
      // Requests would have to ask first.
      item.isKnown = false;
      Future<void> begun(String id) {
        item.url ??= id;
        return save(item);
      }

      final events = StreamEvents(begun: begun, advance: (sent) => advance(item, sent));
      return streamsOf(_client).send(item, _chunkSize, signal, events);
    }
    return signal.isAborted ? null : _request(item, signal);
  }

  /// Ends what the server has of it.
  Future<void> terminate(UploadItem item) async {
    if (item.via == UploadWay.socket && await streamsOf(_client).end(item)) return;
    await _tus.terminate(item.url!);
  }

  /// Sends it by requests.
  Future<UploadedFile?> _request(UploadItem item, AbortSignal signal) async {
    if (item.url == null) {
      final TusAnswer(:url, :offset, :file) = await _tus.create(item.total, item.said);
      item.url = url;
      advance(item, offset);
      await save(item);
      if (file != null) return file;
    } else if (!item.isKnown) {
      advance(item, await _tus.offset(item.url!, signal));
    }
    item.isKnown = true;
    while (!signal.isAborted) {
      final sent = item.sent;
      final bytes = await item.source!.read(sent, min(sent + item.chunk, item.total));
      if (bytes.isEmpty && sent < item.total) {
        throw PsdException(ErrorKind.unreadable, 'the file ends after $sent of ${item.total} bytes');
      }
      final took = Stopwatch()..start();
      item.isKnown = false;
      final milliseconds = brief + (bytes.length * item.pace * 8).round();
      final TusAnswer(:offset, :file) = await _tus.append(
        item.url!,
        sent,
        bytes,
        milliseconds: milliseconds,
        signal: signal,
      );
      item.isKnown = true;
      if (bytes.isNotEmpty) _measure(item, bytes.length, took.elapsedMilliseconds);
      if (file != null) return file;
      if (offset <= sent) {
        final text = 'the server is at $offset of ${item.total} bytes, and does not go on';
        throw PsdException(ErrorKind.unreadable, text);
      }
      advance(item, offset);
    }
    return null;
  }

  /// The server has so much of it.
  void advance(UploadItem item, int sent) {
    if (sent > item.sent) item.failures = 0;
    if (sent == item.sent) return;
    item.sent = sent;
    changed(item);
    item.onProgress?.call(sent, item.total);
  }

  /// Sends less at once: the network is worse than it was.
  void shrink(UploadItem item) => _resize(item, item.chunk ~/ 2);

  void _measure(UploadItem item, int bytes, int took) {
    item.pace = took / bytes;
    if (bytes != item.chunk) return;
    if (took < _fast) _resize(item, item.chunk * 2);
    if (took > _slow) shrink(item);
  }

  void _resize(UploadItem item, int chunk) {
    if (_chunkSize == null) item.chunk = chunk.clamp(_least, _most);
  }
}
