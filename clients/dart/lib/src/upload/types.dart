import 'dart:async';
import 'dart:math';

import '../client/exception.dart';
import '../client/store.dart';
import '../common/sfiles.dart';
import '../storage/storage.dart';
import 'http.dart';
import 'source.dart';

/// What carries a file.
enum UploadWay {
  /// Requests of tus, beside the connection.
  http,

  /// The connection itself, beside its messages. A server that takes no files there (or speaks classic) gets them by
  /// [http].
  socket,
}

/// How an upload fares. `UploadStatus`, `UploadDone` and `UploadFailed` are messages: whoever imports those, too, must not
/// have to choose.
sealed class UploadState {
  const UploadState();
}

/// It waits for its turn.
final class UploadQueued extends UploadState {
  /// At the beginning, and after each wait.
  const UploadQueued();
}

/// Its bytes are on their way.
final class UploadRunning extends UploadState {
  /// From one attempt to its end.
  const UploadRunning();
}

/// An attempt failed, and another will follow.
final class UploadWaiting extends UploadState {
  /// Until then, for this reason.
  const UploadWaiting(this.until, this.reason);

  /// When the next attempt begins, or when the network is back; `null` waits for a login.
  final DateTime? until;

  /// What went wrong.
  final PsdException reason;
}

/// It waits until somebody resumes it.
final class UploadPaused extends UploadState {
  /// By `pause`.
  const UploadPaused();
}

/// The application was started again, and the file is not there any more, or is another: it goes on when the same file
/// is given again.
final class UploadNeedsFile extends UploadState {
  /// After a restart.
  const UploadNeedsFile();
}

/// The server has stored the file.
final class UploadStored extends UploadState {
  /// As this one.
  const UploadStored(this.file);

  /// What the server says of it.
  final UploadedFile file;
}

/// It does not go on by itself.
final class UploadStopped extends UploadState {
  /// For this reason.
  const UploadStopped(this.error);

  /// What went wrong.
  final PsdException error;
}

/// An upload as it is listed.
final class UploadEntry {
  /// An entry.
  const UploadEntry({
    required this.id,
    required this.name,
    required this.mime,
    required this.total,
    required this.sent,
    required this.localKey,
    required this.metadata,
    required this.via,
    required this.fingerprint,
    required this.at,
    required this.source,
    required this.status,
  });

  /// This client's own name for it.
  final String id;

  /// The file's name; empty for what has none.
  final String name;

  /// The media type that it is said to have; empty if nobody knows.
  final String mime;

  /// Its bytes.
  final int total;

  /// How many of them the server has confirmed.
  final int sent;

  /// `local_key` of the server's messages.
  final String localKey;

  /// What else the server is told.
  final Map<String, String> metadata;

  /// What carries it, if the server does not want it otherwise.
  final UploadWay via;

  /// What tells whether a file that is given again is this one.
  final String fingerprint;

  /// When it was begun.
  final DateTime at;

  /// The file, where it is there.
  final UploadSource? source;

  /// How it fares.
  final UploadState status;
}

/// One upload, and how it fares.
abstract interface class Upload implements Store<UploadEntry> {
  /// This client's own name for it.
  String get id;

  /// Completes when the server has stored the file; fails when the upload is cancelled or has failed. Resumed, it has
  /// another.
  Future<UploadedFile> get done;

  /// Stops it, until somebody resumes it.
  void pause();

  /// Goes on after a pause or a failure; at once, if it waits. [file] is what one that needs its file is given.
  void resume([UploadSource? file]);

  /// Ends it: what the server has of it goes, too. Completes when the server has been told.
  Future<void> cancel();
}

/// What uploads are made with.
final class UploadsOptions {
  /// Uploads that are remembered in memory only, unless something else is said.
  const UploadsOptions({
    this.parallel = 3,
    this.chunkSize,
    this.checksum = true,
    this.keepDone = false,
    this.storage,
    this.onWarning,
    this.http,
    this.open,
    this.clock,
    this.random,
  });

  /// How many run at once; the others wait for their turn.
  final int parallel;

  /// Bytes of a request, or at most of a chunk on the socket. By default as many as go in about a second or two, from
  /// 64 KiB to 8 MiB; on the socket what the line takes without delay, from 16 to 64 KiB.
  final int? chunkSize;

  /// Whether each chunk carries its CRC-32. On the socket each has its CRC-32C.
  final bool checksum;

  /// Whether uploads that are done stay on the list, over restarts too, until they are removed.
  final bool keepDone;

  /// Where uploads are remembered; by default in memory. The client's storage is a good place. It belongs to whoever
  /// made it.
  final Storage? storage;

  /// Told of what goes wrong without a caller to tell; by default it is printed.
  final void Function(Object error)? onWarning;

  /// Sends requests; by default with `dart:io`, or the browser's `fetch`.
  final UploadHttp? http;

  /// Finds a file again by its `reference`; nothing if it is not there. By default the reference is a path.
  final Future<UploadSource?> Function(String reference)? open;

  /// The clock, for tests.
  final DateTime Function()? clock;

  /// The chance of waits between attempts, for tests.
  final Random? random;
}
