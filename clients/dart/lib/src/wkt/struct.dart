import '../codec/enums.dart';
import '../codec/equality.dart';
import '../codec/error.dart';
import '../codec/field.dart';
import '../codec/json.dart';
import '../codec/kind.dart';
import '../codec/message.dart';

/// `google.protobuf.NullValue`: the enum with one value, which is `null` in JSON.
enum NullValue implements OpenNullValue {
  /// `null`
  nullValue;

  @override
  int get number => 0;

  @override
  String get protoName => 'NULL_VALUE';

  /// The enum as data.
  static final EnumType<OpenNullValue> descriptor = EnumType<OpenNullValue>(
    'google.protobuf.NullValue',
    values,
    UnknownNullValue.new,
    isNull: true,
  );
}

/// A [NullValue], or a number that it does not have.
sealed class OpenNullValue implements ProtoEnum {}

/// A number that [NullValue] does not have.
final class UnknownNullValue extends UnknownEnum implements OpenNullValue {
  /// This number.
  const UnknownNullValue(super.number);
}

/// `google.protobuf.Value`: anything that JSON can say.
final class Value {
  /// This JSON: nothing, a `bool`, `num` or `String`, or a list or map of them.
  const Value(this.json);

  /// What it is.
  final Object? json;

  /// The type as data.
  static final MessageType<Value> descriptor = MessageType<Value>(
    'google.protobuf.Value',
    fields: [
      OptionalField('null_value', 1, enumeration(NullValue.descriptor)),
      OptionalField('number_value', 2, float64),
      OptionalField('string_value', 3, string),
      OptionalField('bool_value', 4, boolean),
      OptionalField('struct_value', 5, message(() => struct)),
      OptionalField('list_value', 6, message(() => listValue)),
    ],
    values: (value) {
      final values = List<Object?>.filled(6, null);
      switch (value.json) {
        case null:
          values[0] = NullValue.nullValue;
        case final num number:
          values[1] = number.toDouble();
        case final String text:
          values[2] = text;
        case final bool truth:
          values[3] = truth;
        case final Map<Object?, Object?> map:
          values[4] = map.cast<String, Object?>();
        case final List<Object?> list:
          values[5] = list;
        case final other:
          fail('expected a value of JSON, found ${other.runtimeType}');
      }
      return values;
    },
    // A value that does not say what it is, is null as well. Of several, the last came for good.
    make: (values) => Value(values.skip(1).nonNulls.lastOrNull),
    json: JsonForm(
      read: (json, reading) => Value(_checked(json, reading.enter, reading.leave)),
      write: (value, writing) => _checked(value.json, writing.enter, writing.leave),
      isNullable: true,
    ),
  );

  @override
  bool operator ==(Object other) => other is Value && deepEquals(other.json, json);

  @override
  int get hashCode => deepHash(json);

  @override
  String toString() => 'Value($json)';
}

/// JSON whose numbers are numbers, and which is not nested too deeply to be worked on.
Object? _checked(Object? json, void Function() enter, void Function() leave) {
  enter();
  final Object? checked;
  switch (json) {
    case final List<Object?> list:
      checked = [for (final item in list) _checked(item, enter, leave)];
    case final Map<Object?, Object?> map:
      checked = <String, Object?>{
        for (final MapEntry(:key, :value) in map.entries)
          string.fromKey(key! as String): _checked(value, enter, leave),
      };
    case final BigInt number:
      checked = number.toDouble();
    case final double number when !number.isFinite:
      fail('$number is no number that a `google.protobuf.Value` can have in JSON');
    case final String text:
      checked = string.fromKey(text);
    case null || num() || bool():
      checked = json;
    default:
      fail('expected a value of JSON, found ${json.runtimeType}');
  }
  leave();
  return checked;
}

/// `google.protobuf.Struct`: in Dart a map, an object of JSON.
final MessageType<Map<String, Object?>> struct = MessageType<Map<String, Object?>>(
  'google.protobuf.Struct',
  fields: [MapField('fields', 1, string, message(() => Value.descriptor))],
  values: (map) => [
    <String, Value>{for (final MapEntry(:key, :value) in map.entries) key: Value(value)},
  ],
  make: (values) => {
    for (final MapEntry(:key, :value) in (values[0]! as Map<String, Value>).entries) key: value.json,
  },
  json: JsonForm(
    read:
        (json, reading) =>
            json is Map<String, Object?>
                ? _checked(json, reading.enter, reading.leave)! as Map<String, Object?>
                : expected('an object', json),
    write: (map, writing) => _checked(map, writing.enter, writing.leave),
  ),
);

/// `google.protobuf.ListValue`: in Dart a list, an array of JSON.
final MessageType<List<Object?>> listValue = MessageType<List<Object?>>(
  'google.protobuf.ListValue',
  fields: [ListField('values', 1, message(() => Value.descriptor))],
  values: (list) => [
    <Value>[for (final item in list) Value(item)],
  ],
  make: (values) => [for (final item in values[0]! as List<Value>) item.json],
  json: JsonForm(
    read:
        (json, reading) =>
            json is List<Object?>
                ? _checked(json, reading.enter, reading.leave)! as List<Object?>
                : expected('an array', json),
    write: (list, writing) => _checked(list, writing.enter, writing.leave),
  ),
);
