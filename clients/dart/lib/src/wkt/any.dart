import 'dart:typed_data';

import '../codec/error.dart';
import '../codec/field.dart';
import '../codec/json.dart';
import '../codec/kind.dart';
import '../codec/message.dart';
import '../codec/registry.dart';
import 'other.dart';
import 'struct.dart';
import 'time.dart';
import 'wrappers.dart';

/// `google.protobuf.Any`: a message of any type. In JSON, the message with its name as `@type`; the option `types` says
/// which there are.
final class Any extends ProtoMessage {
  /// These bytes of this type.
  Any({this.typeUrl = '', Uint8List? value}) : value = value ?? noBytes;

  /// A message.
  factory Any.pack(ProtoMessage message) =>
      Any(typeUrl: 'type.googleapis.com/${message.$descriptor.name}', value: message.toBinary());

  /// The name of the message behind a slash.
  final String typeUrl;

  /// Its bytes.
  final Uint8List value;

  /// The message, if it is of this type.
  ///
  /// Throws a [CodecException] if its bytes are malformed.
  T? unpack<T extends Object>(MessageType<T> type) =>
      typeUrl.endsWith('/${type.name}') ? type.fromBinary(value) : null;

  /// The type as data.
  static final MessageType<Any> descriptor = MessageType<Any>(
    'google.protobuf.Any',
    fields: [PlainField('type_url', 1, string), PlainField('value', 2, bytes)],
    values: (message) => [message.typeUrl, message.value],
    make: (values) => Any(typeUrl: values[0]! as String, value: values[1]! as Uint8List),
    json: const JsonForm(read: _read, write: _write),
  );

  @override
  MessageType<Any> get $descriptor => descriptor;

  /// The types that need not be named.
  static final _known = MessageRegistry([
    descriptor,
    Timestamp.descriptor,
    ProtoDuration.descriptor,
    Empty.descriptor,
    FieldMask.descriptor,
    Value.descriptor,
    struct,
    listValue,
    boolValue,
    bytesValue,
    doubleValue,
    floatValue,
    int32Value,
    int64Value,
    stringValue,
    uint32Value,
    uint64Value,
  ]);

  static MessageType<Object> _find(String url, MessageRegistry? types) {
    final slash = url.lastIndexOf('/');
    final name = url.substring(slash + 1);
    final type = slash < 0 ? null : types?.named(name) ?? _known.named(name);
    return type ?? fail('an `Any` of type `$url` is of no message that is known here; name it in `types`');
  }

  static Object _write(Any any, JsonWriting writing) {
    if (any.typeUrl.isEmpty && any.value.isEmpty) return <String, Object?>{};
    final type = _find(any.typeUrl, writing.types);
    final json = type.writeJson(type.fromBinary(any.value), writing);
    return <String, Object?>{
      '@type': any.typeUrl,
      if (type.hasOwnJson) 'value': json else ...json! as Map<String, Object?>,
    };
  }

  static Any _read(Object? json, JsonReading reading) {
    if (json is! Map<String, Object?>) return expected('an object', json);
    if (json.isEmpty) return Any();
    final url = json['@type'];
    if (url is! String) return fail('`@type` is missing');
    final type = _find(url, reading.types);
    final message =
        type.hasOwnJson ? type.readJson(json['value'], reading) : type.readJson(json, reading, skip: '@type');
    return Any(typeUrl: url, value: type.toBinary(message));
  }
}
