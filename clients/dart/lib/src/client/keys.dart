import 'dart:convert';

import '../codec/json.dart';
import '../codec/message.dart';

/// Whether messages of a type are told apart by cache keys.
bool hasKeys(MessageType<Object> type) => type.cacheKeys.all.isNotEmpty;

/// What tells a message of its type from others: the values of its cache keys. A newer message with the same ones takes
/// the place of the older; without cache keys, there is one message of a type.
String identity(MessageType<Object> type, Object message) {
  final values = type.valuesOf(message);
  return jsonEncode([
    for (final name in type.cacheKeys.all)
      if (type.field(name) case final field? when field.isThere(values[field.slot]))
        field.toJson(values[field.slot], JsonWriting())
      else
        null,
  ]);
}
