import 'client.dart';

/// A message that came, and what is known of it besides.
final class Received<T extends Object> {
  /// For the client.
  const Received(this.message, {this.uuid, this.isLocal = false});

  /// The message.
  final T message;

  /// The uuid of the request that it answers.
  final String? uuid;

  /// Whether it came from [PsdClient.emit], not from the server.
  final bool isLocal;
}
