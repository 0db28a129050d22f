import 'dart:typed_data';

import '../client/abort_signal.dart';

/// A request of an upload.
final class UploadRequest {
  /// A request.
  const UploadRequest(this.method, this.url, {required this.headers, required this.signal, this.body});

  /// `POST`, `HEAD`, `PATCH` or `DELETE`.
  final String method;

  /// Where it goes.
  final Uri url;

  /// By their names.
  final Map<String, String> headers;

  /// Its content; `null` for none.
  final Uint8List? body;

  /// Ends it early.
  final AbortSignal signal;
}

/// What a server answered.
final class UploadResponse {
  /// An answer.
  const UploadResponse(this.status, this.headers, this.body);

  /// The code.
  final int status;

  /// By their names in small letters.
  final Map<String, String> headers;

  /// The content, as text.
  final String body;
}

/// Sends a request, and completes when all of the answer is there. Fails when there is none, or the request was
/// aborted.
typedef UploadHttp = Future<UploadResponse> Function(UploadRequest request);
