/// A value of an enum of a .proto file: one that has a name, or a number that came and has none here.
abstract interface class ProtoEnum {
  /// Its number.
  int get number;

  /// Its name in the .proto file; its number as text, if it has none.
  String get protoName;
}

/// A number for which an enum has no name, as a newer server or client may send it. It is passed on as it came.
abstract base class UnknownEnum implements ProtoEnum {
  /// This number.
  const UnknownEnum(this.number);

  @override
  final int number;

  @override
  String get protoName => '$number';

  @override
  bool operator ==(Object other) =>
      other is UnknownEnum && other.runtimeType == runtimeType && other.number == number;

  @override
  int get hashCode => Object.hash(runtimeType, number);

  @override
  String toString() => '$runtimeType($number)';
}

/// An enum of a .proto file, as data.
final class EnumType<E extends ProtoEnum> {
  /// An enum with these values; for generated code.
  EnumType(this.name, this.values, E Function(int) unknown, {Map<String, E> aliases = const {}, this.isNull = false})
    : _unknown = unknown,
      _numbers = {for (final value in values) value.number: value},
      _names = {for (final value in values) value.protoName: value, ...aliases};

  /// The name in the .proto file, with its package.
  final String name;

  /// The values, the default first.
  final List<E> values;

  /// Whether this is `google.protobuf.NullValue`, whose JSON is `null`.
  final bool isNull;

  final E Function(int) _unknown;
  final Map<int, E> _numbers;
  final Map<String, E> _names;

  /// The value of a number.
  E of(int number) => _numbers[number] ?? _unknown(number);

  /// The value of a name in the .proto file.
  E? named(String name) => _names[name];

  /// The names, also those that stand for the number of another.
  Iterable<String> get names => _names.keys;
}
