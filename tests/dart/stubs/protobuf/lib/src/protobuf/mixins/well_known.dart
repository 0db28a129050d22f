/// What the well-known types of generated code take from package:protobuf. A stand-in for type checks, without
/// behaviour.
library;

import 'package:fixnum/fixnum.dart' show Int64;

import '../../../protobuf.dart';

enum WellKnownType {
  any,
  timestamp,
  duration,
  struct,
  value,
  listValue,
  fieldMask,
  doubleValue,
  floatValue,
  int64Value,
  uint64Value,
  int32Value,
  uint32Value,
  boolValue,
  stringValue,
  bytesValue,
}

mixin AnyMixin implements GeneratedMessage {
  abstract String typeUrl;
  abstract List<int> value;

  external bool canUnpackInto(GeneratedMessage instance);
  external T unpackInto<T extends GeneratedMessage>(T instance, {ExtensionRegistry extensionRegistry});
  external static void packIntoAny(AnyMixin target, GeneratedMessage message, {String typeUrlPrefix});
}

mixin TimestampMixin {
  abstract Int64 seconds;
  abstract int nanos;

  external DateTime toDateTime({bool toLocal = false});
  external static void setFromDateTime(TimestampMixin target, DateTime dateTime);
}

mixin DurationMixin {
  abstract Int64 seconds;
  abstract int nanos;
}

mixin StructMixin implements GeneratedMessage {
  Map<String, ValueMixin> get fields;
}

mixin ValueMixin implements GeneratedMessage {
  abstract covariant ProtobufEnum nullValue;
  abstract double numberValue;
  abstract String stringValue;
  abstract bool boolValue;
  abstract covariant StructMixin structValue;
  abstract covariant ListValueMixin listValue;
}

mixin ListValueMixin implements GeneratedMessage {
  List<ValueMixin> get values;
}

mixin FieldMaskMixin {
  List<String> get paths;
}

mixin DoubleValueMixin {
  abstract double value;
}

mixin FloatValueMixin {
  abstract double value;
}

mixin Int64ValueMixin {
  abstract Int64 value;
}

mixin UInt64ValueMixin {
  abstract Int64 value;
}

mixin Int32ValueMixin {
  abstract int value;
}

mixin UInt32ValueMixin {
  abstract int value;
}

mixin BoolValueMixin {
  abstract bool value;
}

mixin StringValueMixin {
  abstract String value;
}

mixin BytesValueMixin {
  abstract List<int> value;
}
