import 'dart:async';
import 'dart:convert';
import 'dart:typed_data';

import '../client/abort_signal.dart';
import '../client/auth.dart';
import '../client/environment.dart';
import '../client/exception.dart';
import '../codec/json_text.dart';
import '../common/sfiles.dart';
import '../crc32.dart';
import 'http.dart';

/// Milliseconds that a request without bytes of the file may take.
const brief = 30000;

/// Asks for the file in the answer to what has completed it (RFC 7240).
const _prefer = {'Prefer': 'return=representation'};

final _id = RegExp(r'^\w+$');

/// A refusal.
final class Refusal implements Exception {
  /// A refusal, and how long the server wants to be left alone.
  const Refusal(this.error, {this.retryAfter = 0});

  /// What the server said.
  final PsdException error;

  /// Milliseconds.
  final int retryAfter;
}

/// What the server says about an upload.
final class TusAnswer {
  /// An answer.
  const TusAnswer(this.offset, {this.file, this.url});

  /// Bytes that it has.
  final int offset;

  /// The file, once it is stored.
  final UploadedFile? file;

  /// Where a new upload goes on, as the server wrote it.
  final String? url;
}

/// The requests of tus 1.0.0, with the client's token.
final class Tus {
  /// Uploads begin at [_endpoint].
  Tus(this._auth, this._endpoint, this._http, {required this.checksum});

  final Auth _auth;
  final FutureOr<Uri> Function() _endpoint;
  final UploadHttp _http;

  /// Whether chunks carry their CRC-32.
  final bool checksum;

  /// Begins an upload of [total] bytes. What is said of it is left out where it is empty.
  Future<TusAnswer> create(int total, Map<String, String> said) async {
    String word(MapEntry<String, String> entry) => '${entry.key} ${base64.encode(utf8.encode(entry.value))}';
    final described = said.entries.where((entry) => entry.value.isNotEmpty);
    final response = await _request('POST', '', {
      'Upload-Length': '$total',
      if (described.isNotEmpty) 'Upload-Metadata': described.map(word).join(','),
      ..._prefer,
    });
    final url = response.headers['location'];
    if (url == null) throw _unreadable('the answer to the beginning of an upload has no `Location`');
    final TusAnswer(:offset, :file) = _answer(response);
    return TusAnswer(offset, file: file, url: url);
  }

  /// How much of an upload the server has.
  Future<int> offset(String url, AbortSignal signal) async =>
      _answer(await _request('HEAD', url, const {}, signal: signal)).offset;

  /// Sends bytes, within [milliseconds]; none ask for the file that an upload has become.
  Future<TusAnswer> append(
    String url,
    int offset,
    Uint8List bytes, {
    required int milliseconds,
    required AbortSignal signal,
  }) async {
    final headers = {
      'Content-Type': 'application/offset+octet-stream',
      'Upload-Offset': '$offset',
      if (checksum && bytes.isNotEmpty) 'Upload-Checksum': 'crc32 ${base64.encode(_bytesOf(crc32(bytes)))}',
      ..._prefer,
    };
    return _answer(await _request('PATCH', url, headers, body: bytes, milliseconds: milliseconds, signal: signal));
  }

  /// Ends an upload.
  Future<void> terminate(String url) => _request('DELETE', url, const {});

  /// Sends a request; again with another token, if the first is refused.
  Future<UploadResponse> _request(
    String method,
    String url,
    Map<String, String> headers, {
    Uint8List? body,
    int milliseconds = brief,
    AbortSignal? signal,
  }) async {
    await _auth.ready;
    if (_auth.isDue && _auth.canRefresh) {
      try {
        await _auth.refresh();
      } on PsdException {
        // A token that cannot be replaced now may still be good.
      }
    }
    for (var tries = 1; ; tries++) {
      final token = _auth.token;
      final address = _addressOf(url, await _endpoint());
      final all = {'Tus-Resumable': '1.0.0', ...headers, if (token != null) 'Authorization': 'Bearer $token'};
      final response = await _attempt(method, address, all, body, milliseconds, signal);
      if (response.status >= 200 && response.status < 300) return response;
      final refusal = _refused(response);
      if (refusal.error.code != 401 || token == null || tries > 2) throw refusal;
      if (_auth.token != token) continue;
      if (!_auth.canRefresh) throw refusal;
      await _auth.refresh();
    }
  }

  /// As the server wrote it, or below the endpoint what the socket calls it.
  Uri _addressOf(String url, Uri endpoint) {
    if (!_id.hasMatch(url)) return endpoint.resolve(url);
    final segments = endpoint.pathSegments.where((segment) => segment.isNotEmpty);
    return endpoint.replace(pathSegments: [...segments, url]);
  }

  Future<UploadResponse> _attempt(
    String method,
    Uri url,
    Map<String, String> headers,
    Uint8List? body,
    int milliseconds,
    AbortSignal? signal,
  ) async {
    final abort = AbortSignal();
    final stopTimer = timer(milliseconds, abort.abort);
    final stopListening = signal?.onAbort(abort.abort);
    if (signal != null && signal.isAborted) abort.abort();
    try {
      return await _http(UploadRequest(method, url, headers: headers, body: body, signal: abort));
    } on UnsupportedError {
      rethrow;
    } on Object catch (error) {
      throw PsdException(ErrorKind.disconnected, 'cannot reach ${url.origin}: $error', cause: error);
    } finally {
      stopTimer();
      stopListening?.call();
    }
  }

  TusAnswer _answer(UploadResponse response) {
    final offset = int.tryParse(response.headers['upload-offset'] ?? '');
    if (offset == null || offset < 0) throw _unreadable('the answer to an upload has no `Upload-Offset`');
    if (response.body.isEmpty) return TusAnswer(offset);
    try {
      return TusAnswer(offset, file: UploadedFile.descriptor.fromJsonText(response.body, ignoreUnknown: true));
    } on Object catch (error) {
      throw _unreadable('the answer to an upload is unreadable: $error', error);
    }
  }
}

PsdException _unreadable(String text, [Object? cause]) => PsdException(ErrorKind.unreadable, text, cause: cause);

Uint8List _bytesOf(int value) => Uint8List.sublistView(ByteData(4)..setUint32(0, value));

Refusal _refused(UploadResponse response) {
  var reason = 'the server answered with ${response.status}';
  try {
    if (parseJson(response.body) case {'error': final String text} when text.isNotEmpty) reason = text;
  } on Object {
    // Something between here and the server answered.
  }
  final seconds = int.tryParse(response.headers['retry-after'] ?? '') ?? 0;
  return Refusal(PsdException(ErrorKind.refused, reason, code: response.status), retryAfter: seconds * 1000);
}
