/// A WebSocket as the client needs it.
abstract interface class PsdSocket {
  /// Sends a frame: a `String` as text, a `Uint8List` as binary. Throws where that is not possible.
  void send(Object frame);

  /// Ends the connection, or the attempt. Its listener hears nothing more.
  void close();
}

/// Who hears of a WebSocket.
abstract interface class SocketListener {
  /// The server has taken the connection; [protocol] is the entry of the offer that it chose, or empty.
  void opened(String protocol);

  /// A frame has come: a `String` or bytes.
  void received(Object frame);

  /// The connection has ended, or never came about. Nothing is heard afterwards.
  void closed(int code, String reason);
}

/// Opens a WebSocket that offers these entries in `Sec-WebSocket-Protocol`. It calls [listener] later, never at once.
typedef SocketFactory = PsdSocket Function(Uri url, List<String> protocols, SocketListener listener);
