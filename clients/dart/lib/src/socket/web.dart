import 'dart:js_interop';
import 'dart:typed_data';

import 'socket.dart';

/// Opens the browser's WebSocket.
PsdSocket openSocket(Uri url, List<String> protocols, SocketListener listener) => _WebSocket(url, protocols, listener);

/// Calls [back] when the network may be there again or the page is looked at again, and [gone] when the system says
/// that the network is away. Returns what stops it.
void Function() watchNetwork(void Function() back, void Function() gone) {
  final online = ((JSAny? _) => back()).toJS;
  final offline = ((JSAny? _) => gone()).toJS;
  _addEventListener('online', online);
  _addEventListener('pageshow', online);
  _addEventListener('offline', offline);
  return () {
    _removeEventListener('online', online);
    _removeEventListener('pageshow', online);
    _removeEventListener('offline', offline);
  };
}

@JS('addEventListener')
external void _addEventListener(String type, JSFunction listener);

@JS('removeEventListener')
external void _removeEventListener(String type, JSFunction listener);

final class _WebSocket implements PsdSocket {
  _WebSocket(Uri url, List<String> protocols, SocketListener listener) : _socket = _open('$url', protocols) {
    _socket
      ..binaryType = 'arraybuffer'
      ..onopen = ((JSAny? _) => listener.opened(_socket.protocol)).toJS
      ..onmessage = ((_MessageEvent event) => listener.received(_frame(event.data))).toJS
      ..onclose = ((_CloseEvent event) => listener.closed(event.code, event.reason)).toJS;
  }

  // An empty list is not the same for every browser.
  static _JsWebSocket _open(String url, List<String> protocols) =>
      protocols.isEmpty ? _JsWebSocket(url) : _JsWebSocket(url, [for (final entry in protocols) entry.toJS].toJS);

  static Object _frame(JSAny? data) =>
      data.isA<JSString>() ? (data! as JSString).toDart : (data! as JSArrayBuffer).toDart.asUint8List();

  final _JsWebSocket _socket;

  @override
  void send(Object frame) => _socket.send(frame is String ? frame.toJS : (frame as Uint8List).toJS);

  @override
  void close() {
    _socket
      ..onopen = null
      ..onmessage = null
      ..onclose = null
      ..close(1000);
  }
}

@JS('WebSocket')
extension type _JsWebSocket._(JSObject _) implements JSObject {
  external factory _JsWebSocket(String url, [JSArray<JSString> protocols]);
  external set binaryType(String value);
  external String get protocol;
  external set onopen(JSFunction? listener);
  external set onmessage(JSFunction? listener);
  external set onclose(JSFunction? listener);
  external void send(JSAny data);
  external void close(int code);
}

extension type _MessageEvent(JSObject _) implements JSObject {
  external JSAny? get data;
}

extension type _CloseEvent(JSObject _) implements JSObject {
  external int get code;
  external String get reason;
}
