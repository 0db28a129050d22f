import 'dart:async';
import 'dart:io';

import 'socket.dart';

/// Opens a WebSocket of `dart:io`.
PsdSocket openSocket(Uri url, List<String> protocols, SocketListener listener) =>
    _IoSocket(listener)..open(url, protocols);

/// Calls nothing: applications know of the network, `dart:io` does not.
void Function() watchNetwork(void Function() back, void Function() gone) => () {};

final class _IoSocket implements PsdSocket {
  _IoSocket(SocketListener listener) : _listener = listener;

  /// Only of this socket, so that an attempt can be given up.
  final HttpClient _client = HttpClient();
  SocketListener? _listener;
  WebSocket? _socket;

  Future<void> open(Uri url, List<String> protocols) async {
    final WebSocket socket;
    try {
      socket = await WebSocket.connect(
        '$url',
        protocols: protocols.isEmpty ? null : protocols,
        // It costs a connection 300 kB, and our servers have another way to compress.
        compression: CompressionOptions.compressionOff,
        customClient: _client,
      );
    } on WebSocketException catch (error) {
      return _end(_codes[error.httpStatusCode] ?? 1006, error.message);
    } on Object catch (error) {
      return _end(1006, error is IOException ? '$error' : 'the attempt failed: $error');
    }
    _client.close();
    if (_listener == null) return unawaited(socket.close(1000));
    _socket = socket;
    socket.listen(
      (frame) => _listener?.received(frame as Object),
      onError: (Object error) => _end(1006, '$error'),
      onDone: () => _end(socket.closeCode ?? 1006, socket.closeReason ?? ''),
    );
    _listener?.opened(socket.protocol ?? '');
  }

  void _end(int code, String reason) {
    _client.close(force: true);
    final listener = _listener;
    _listener = null;
    listener?.closed(code, reason);
  }

  @override
  void send(Object frame) => _socket!.add(frame);

  @override
  void close() {
    _listener = null;
    final socket = _socket;
    // Its closing handshake may take as long as it likes.
    socket == null ? _client.close(force: true) : unawaited(socket.close(1000));
  }
}

/// What the server says by the status of a handshake that it refuses, as close codes.
const _codes = {429: 4429, 503: 1013};
