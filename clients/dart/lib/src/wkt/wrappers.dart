import 'dart:typed_data';

import '../codec/field.dart';
import '../codec/kind.dart';
import '../codec/message.dart';

/// A scalar that can be absent: in Dart the scalar itself.
MessageType<T> _wrapper<T extends Object>(String name, Kind<T> kind) => MessageType<T>(
  'google.protobuf.$name',
  fields: [PlainField('value', 1, kind)],
  values: (value) => [value],
  make: (values) => values[0]! as T,
  json: JsonForm(read: (json, reading) => kind.fromJson(json, reading)!, write: kind.toJson),
);

/// `google.protobuf.BoolValue`
final MessageType<bool> boolValue = _wrapper('BoolValue', boolean);

/// `google.protobuf.BytesValue`
final MessageType<Uint8List> bytesValue = _wrapper('BytesValue', bytes);

/// `google.protobuf.DoubleValue`
final MessageType<double> doubleValue = _wrapper('DoubleValue', float64);

/// `google.protobuf.FloatValue`
final MessageType<double> floatValue = _wrapper('FloatValue', float);

/// `google.protobuf.Int32Value`
final MessageType<int> int32Value = _wrapper('Int32Value', int32);

/// `google.protobuf.Int64Value`, held as an `int`
final MessageType<int> int64Value = _wrapper('Int64Value', int64);

/// `google.protobuf.Int64Value`, held as a `BigInt`
final MessageType<BigInt> bigInt64Value = _wrapper('Int64Value', bigInt64);

/// `google.protobuf.StringValue`
final MessageType<String> stringValue = _wrapper('StringValue', string);

/// `google.protobuf.UInt32Value`
final MessageType<int> uint32Value = _wrapper('UInt32Value', uint32);

/// `google.protobuf.UInt64Value`, held as an `int`
final MessageType<int> uint64Value = _wrapper('UInt64Value', uint64);

/// `google.protobuf.UInt64Value`, held as a `BigInt`
final MessageType<BigInt> bigUint64Value = _wrapper('UInt64Value', bigUint64);
