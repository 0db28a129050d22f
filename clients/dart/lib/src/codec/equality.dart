/// Whether two values are the same: lists and maps by what they hold, numbers that are none are equal.
bool deepEquals(Object? one, Object? other) {
  if (identical(one, other)) return true;
  switch (one) {
    case List():
      if (other is! List || other.length != one.length) return false;
      for (var index = 0; index < one.length; index++) {
        if (!deepEquals(one[index], other[index])) return false;
      }
      return true;
    case Map():
      if (other is! Map || other.length != one.length) return false;
      return one.entries.every((entry) {
        final value = other[entry.key];
        return deepEquals(entry.value, value) && (value != null || other.containsKey(entry.key));
      });
    case double():
      return one == other || one.isNaN && other is double && other.isNaN;
    default:
      return one == other;
  }
}

/// The same for values that are [deepEquals].
int deepHash(Object? value) => switch (value) {
  List() => Object.hashAll(value.map(deepHash)),
  Map() => Object.hashAllUnordered(value.entries.map((entry) => Object.hash(entry.key, deepHash(entry.value)))),
  double(isNaN: true) => 0,
  _ => value.hashCode,
};
