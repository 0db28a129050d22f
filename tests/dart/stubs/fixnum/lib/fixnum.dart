/// What generated code says of package:fixnum. A stand-in for type checks, without behaviour.
library;

final class Int64 {
  external Int64([int value = 0]);

  const Int64._();

  static const Int64 ZERO = Int64._();

  external int toInt();
}
