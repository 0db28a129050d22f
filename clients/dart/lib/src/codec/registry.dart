import 'message.dart';

/// Messages, found by what is known of them.
final class MessageRegistry {
  /// These messages. Of two with one name or one route, the last is found.
  MessageRegistry(Iterable<MessageType<Object>> types)
    : _byName = {for (final type in types) type.name: type},
      _fromServer = _routes(types, (origin) => origin.isServer),
      _fromClients = _routes(types, (origin) => origin.isClient);

  static Map<String, MessageType<Object>> _routes(
    Iterable<MessageType<Object>> types,
    bool Function(Origin) isWanted,
  ) => {
    for (final type in types)
      if (type case MessageType(type: final route?, :final origin?) when isWanted(origin)) route: type,
  };

  final Map<String, MessageType<Object>> _byName;
  final Map<String, MessageType<Object>> _fromServer;
  final Map<String, MessageType<Object>> _fromClients;

  /// Every message, with those that are only part of others.
  Iterable<MessageType<Object>> get types => _byName.values;

  /// Those that the server sends.
  Iterable<MessageType<Object>> get serverMessages => _fromServer.values;

  /// Those that clients send.
  Iterable<MessageType<Object>> get clientMessages => _fromClients.values;

  /// The message of a name in the .proto files, with its package: `chat.ChatSent`.
  MessageType<Object>? named(String name) => _byName[name];

  /// The message that the server sends with this route.
  MessageType<Object>? serverMessage(String route) => _fromServer[route];

  /// The message that clients send with this route.
  MessageType<Object>? clientMessage(String route) => _fromClients[route];

  /// These messages and those of another registry, which go before.
  MessageRegistry operator +(MessageRegistry other) => MessageRegistry([...types, ...other.types]);
}
