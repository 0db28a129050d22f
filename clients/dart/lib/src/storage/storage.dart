import 'dart:typed_data';

/// What the outbox and the cache keep of a message.
final class StoredMessage {
  /// What is kept.
  const StoredMessage({
    required this.id,
    required this.group,
    required this.at,
    required this.expires,
    required this.type,
    required this.body,
    this.sent = 0,
  });

  /// Unique; begins with what [Storage.clear] may be asked for.
  final String id;

  /// What is read together.
  final String group;

  /// When it came: microseconds since 1970. A group is read in this order.
  final int at;

  /// Until when it is kept: microseconds since 1970.
  final int expires;

  /// The route of the message.
  final String type;

  /// The message's protobuf bytes.
  final Uint8List body;

  /// How often it was sent (outbox).
  final int sent;
}

/// Where messages are kept. Every call is one step: it happens as a whole, and after those before it, whether or not
/// somebody waits for them. A call has happened for good when its future completes. One client at a time uses a
/// storage.
abstract interface class Storage {
  /// What belongs to a group, oldest first.
  Future<List<StoredMessage>> read(String group);

  /// Writes messages, over those with the same id, and removes others by their ids.
  Future<void> write(List<StoredMessage> put, [List<String> remove = const []]);

  /// Removes what has an id that begins with [prefix]; with [expired], that only which expires until then (microseconds
  /// since 1970).
  Future<void> clear(String prefix, {int? expired});

  /// Lets go of files and databases; nothing is called afterwards.
  Future<void> close();
}
