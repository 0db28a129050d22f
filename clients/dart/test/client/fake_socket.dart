/// A server of v1 in the test's own process, for what a real one does not do when asked: keep silent, end with any
/// code.
library;

import 'dart:convert';

import 'package:psd_client/psd_client.dart';

/// One attempt of the client to connect; the test decides what becomes of it.
final class FakeSocket implements PsdSocket {
  FakeSocket(this.url, this.offer, this._listener);

  final Uri url;
  final List<String> offer;
  final SocketListener _listener;
  final List<Map<String, Object?>> sent = [];
  bool isClosed = false;

  @override
  void send(Object frame) => sent.add(jsonDecode(frame as String) as Map<String, Object?>);

  @override
  void close() => isClosed = true;

  Map<String, Object?> headers(int index) => sent[index]['headers']! as Map<String, Object?>;

  /// A header of everything that was sent.
  List<Object?> header(String name) => [for (var index = 0; index < sent.length; index++) headers(index)[name]];

  /// The types of what was sent.
  List<Object?> get types => header('messageType');

  /// Takes the connection, in `psd.v1.json` so that tests can read it.
  void open([Map<String, Object?>? welcome]) {
    _listener.opened('psd.v1.json');
    push({'messageType': 'psd.welcome'}, welcome ?? {'connectionId': '1', 'heartbeatMs': 25000, 'maxFrameBytes': 1000});
  }

  void push(Map<String, Object?> headers, [Map<String, Object?> body = const {}]) =>
      receive(jsonEncode({'headers': headers, 'body': body}));

  void receive(String frame) => isClosed ? null : _listener.received(frame);

  /// Answers the last request.
  void answer([Map<String, Object?> result = const {}, String type = 'ack', Map<String, Object?> body = const {}]) =>
      push({'messageType': type, 'uuid': headers(sent.length - 1)['uuid'], 'result': result}, body);

  void end([int code = 1006, String reason = '']) {
    if (!isClosed) _listener.closed(code, reason);
  }
}

/// Every attempt of a client, in order.
final class FakeSockets {
  final List<FakeSocket> all = [];

  FakeSocket get last => all.last;

  PsdSocket open(Uri url, List<String> protocols, SocketListener listener) {
    final socket = FakeSocket(url, [...protocols], listener);
    all.add(socket);
    return socket;
  }
}
