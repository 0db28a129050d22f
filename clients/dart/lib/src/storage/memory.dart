import 'storage.dart';

/// Keeps messages as long as the process lives.
final class MemoryStorage implements Storage {
  final Messages _messages = Messages();

  @override
  Future<List<StoredMessage>> read(String group) async => _messages.of(group);

  @override
  Future<void> write(List<StoredMessage> put, [List<String> remove = const []]) async => _messages.change(put, remove);

  @override
  Future<void> clear(String prefix, {int? expired}) async => _messages.clear(prefix, expired);

  @override
  Future<void> close() async {}
}

/// Messages by id and by group.
final class Messages {
  final Map<String, StoredMessage> _byId = {};
  final Map<String, Map<String, StoredMessage>> _groups = {};

  /// All of them.
  Iterable<StoredMessage> get all => _byId.values;

  /// What belongs to a group, oldest first.
  List<StoredMessage> of(String group) =>
      [...?_groups[group]?.values]..sort((one, other) => one.at.compareTo(other.at));

  /// Removes and puts, in this order.
  void change(List<StoredMessage> put, List<String> remove) {
    remove.forEach(_remove);
    for (final message in put) {
      _remove(message.id);
      _byId[message.id] = message;
      (_groups[message.group] ??= {})[message.id] = message;
    }
  }

  /// Removes by the beginning of ids, and by age.
  void clear(String prefix, int? expired) {
    for (final message in [..._byId.values]) {
      final isOld = expired == null || message.expires <= expired;
      if (isOld && message.id.startsWith(prefix)) _remove(message.id);
    }
  }

  void _remove(String id) {
    final old = _byId.remove(id);
    final group = _groups[old?.group];
    group?.remove(id);
    if (group != null && group.isEmpty) _groups.remove(old!.group);
  }
}
