import 'dart:async';

import '../client/abort_signal.dart';
import '../client/exception.dart';
import '../client/store.dart';
import '../common/sfiles.dart';
import '../common/v1_uploads.dart' show UploadOpen;
import 'kept.dart';
import 'source.dart';
import 'types.dart';

/// An upload, as the list has it.
final class UploadItem {
  /// One that begins, or that an earlier run has left.
  UploadItem(
    this._kept, {
    required this.source,
    required this.status,
    required this.chunk,
    required this.isStored,
    this.onProgress,
  }) : url = _kept.url,
       isKnown = _kept.url == null,
       sent = status is UploadStored ? _kept.total : 0 {
    renew();
    if (status case UploadStored(:final file)) settle(file: file);
  }

  final KeptUpload _kept;

  /// The file, where it is there.
  UploadSource? source;

  /// How it fares.
  UploadState status;

  /// Told of what the server has confirmed.
  final void Function(int sent, int total)? onProgress;

  /// How many bytes the server has confirmed.
  int sent;

  /// Where it goes on: as the server wrote it, or its id, if the socket brought that.
  String? url;

  /// Whether [sent] is what the server has.
  bool isKnown;

  /// Whether a restart would find it.
  bool isStored;

  /// Bytes of the next chunk.
  int chunk;

  /// Milliseconds that a byte took.
  double pace = 1 / 16;

  /// Failures in a row.
  int failures = 0;

  /// Ends the attempt that is under way.
  AbortSignal? abort;

  /// The attempt that is under way.
  Future<void>? attempt;

  /// Ends the wait for the next attempt.
  void Function()? stopWaiting;

  late Completer<UploadedFile> _done;

  /// What is shown of it.
  late final Cell<UploadEntry> cell = Cell(entry);

  /// The client's own name for it.
  String get id => _kept.id;

  /// The file's name.
  String get name => _kept.name;

  /// Its bytes.
  int get total => _kept.total;

  /// When it was begun: microseconds since 1970.
  int get at => _kept.at;

  /// What tells whether a file is this one.
  String get fingerprint => _kept.fingerprint;

  /// Whether nothing more will happen by itself.
  bool get isEnded => status is UploadStored || status is UploadStopped;

  /// Completes when it is done.
  Future<UploadedFile> get done => _done.future;

  /// What the server is told of it.
  Map<String, String> get said => {
    'filename': name,
    'filetype': _kept.mime,
    'local_key': _kept.localKey,
    ..._kept.metadata,
  };

  /// What carries it.
  UploadWay get via => _kept.via;

  /// Opens a stream for it.
  UploadOpen opening(int stream) => switch (url) {
    // What it is called, by its address.
    final url? => UploadOpen(stream: stream, size: total, uploadId: Uri.parse(url).pathSegments.last),
    null => UploadOpen(
      stream: stream,
      size: total,
      name: name,
      mime: _kept.mime,
      localKey: _kept.localKey,
      metadata: _kept.metadata,
    ),
  };

  /// As it is listed.
  UploadEntry get entry => UploadEntry(
    id: id,
    name: name,
    mime: _kept.mime,
    total: total,
    sent: sent,
    localKey: _kept.localKey,
    metadata: _kept.metadata,
    via: via,
    fingerprint: fingerprint,
    at: DateTime.fromMicrosecondsSinceEpoch(at),
    source: source,
    status: status,
  );

  /// What a later run should know of it.
  KeptUpload get kept => KeptUpload(
    id: id,
    name: name,
    mime: _kept.mime,
    total: total,
    localKey: _kept.localKey,
    metadata: _kept.metadata,
    via: via,
    fingerprint: fingerprint,
    at: at,
    modified: source == null ? _kept.modified : source!.lastModified,
    reference: source == null ? _kept.reference : source!.reference,
    url: url,
    status: status,
  );

  /// Waits to be done once more.
  void renew() {
    _done = Completer();
    // How it fares is seen on the list: nobody has to wait for it.
    _done.future.ignore();
  }

  /// Tells whoever waits.
  void settle({UploadedFile? file, PsdException? error}) {
    if (_done.isCompleted) return;
    error == null ? _done.complete(file) : _done.completeError(error);
  }
}
