import 'dart:async';
import 'dart:convert';
import 'dart:io';

import '../io/file_source.dart';
import 'http.dart';
import 'source.dart';

/// Connections are kept for the next chunk, and no longer keep a program from its end.
final HttpClient _client = HttpClient()..idleTimeout = const Duration(seconds: 5);

/// Sends a request with `dart:io`.
Future<UploadResponse> sendHttp(UploadRequest request) {
  final UploadRequest(:method, :url, :headers, :body, :signal) = request;
  final done = Completer<UploadResponse>();
  HttpClientRequest? begun;
  void end(Object error) {
    begun?.abort();
    if (!done.isCompleted) done.completeError(error);
  }

  Future<void> send() async {
    final http = begun = await _client.openUrl(method, url);
    if (done.isCompleted) return http.abort();
    http.followRedirects = false;
    headers.forEach(http.headers.set);
    http.contentLength = body?.length ?? 0;
    if (body != null) http.add(body);
    final response = await http.close();
    final text = await response.transform(const Utf8Decoder(allowMalformed: true)).join();
    final found = <String, String>{};
    response.headers.forEach((name, values) => found[name] = values.join(', '));
    if (!done.isCompleted) done.complete(UploadResponse(response.statusCode, found, text));
  }

  const aborted = HttpException('the request was aborted');
  final stop = signal.onAbort(() => end(aborted));
  signal.isAborted ? end(aborted) : send().onError((Object error, _) => end(error));
  return done.future.whenComplete(stop);
}

/// The file of a path; nothing if it is not there.
Future<UploadSource?> openSource(String reference) async {
  try {
    return await FileSource.open(reference);
  } on FileSystemException {
    return null;
  }
}
