import 'dart:async';
import 'dart:js_interop';
import 'dart:typed_data';

import 'http.dart';
import 'source.dart';

/// Sends a request with the browser's `fetch`.
Future<UploadResponse> sendHttp(UploadRequest request) async {
  final UploadRequest(:method, :url, :headers, :body, :signal) = request;
  final abort = _AbortController();
  final stop = signal.onAbort(abort.abort);
  if (signal.isAborted) abort.abort();
  try {
    final said = _Headers();
    headers.forEach(said.append);
    final options = _Options(method: method, headers: said, body: body?.toJS, signal: abort.signal);
    final response = await _fetch('$url', options).toDart;
    final text = (await response.text().toDart).toDart;
    final found = <String, String>{};
    void note(JSString value, JSString name) => found[name.toDart.toLowerCase()] = value.toDart;
    response.headers.forEach(note.toJS);
    return UploadResponse(response.status, found, text);
  } finally {
    stop();
  }
}

/// Nothing: a page finds no file again.
Future<UploadSource?> openSource(String reference) async => null;

@JS('fetch')
external JSPromise<_Response> _fetch(String url, _Options options);

extension type _Options._(JSObject _) implements JSObject {
  external factory _Options({String method, _Headers headers, JSUint8Array? body, JSObject signal});
}

@JS('Headers')
extension type _Headers._(JSObject _) implements JSObject {
  external factory _Headers();
  external void append(String name, String value);
  external void forEach(JSFunction listener);
}

@JS('AbortController')
extension type _AbortController._(JSObject _) implements JSObject {
  external factory _AbortController();
  external JSObject get signal;
  external void abort();
}

extension type _Response(JSObject _) implements JSObject {
  external int get status;
  external _Headers get headers;
  external JSPromise<JSString> text();
}
