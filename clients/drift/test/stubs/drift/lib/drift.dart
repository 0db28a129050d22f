// A stand-in for package:drift 2: the part of its interface that psd_drift uses, so that types can be checked where the
// package is not to be had.

abstract class GeneratedDatabase {
  Future<void> customStatement(String statement, [List<dynamic>? args]);

  Selectable<QueryRow> customSelect(String query, {List<Variable<Object>> variables = const []});

  Future<T> transaction<T>(Future<T> Function() action);
}

abstract class Selectable<T> {
  Future<List<T>> get();
}

abstract class QueryRow {
  T read<T>(String key);
}

class Variable<T extends Object> {
  const Variable(this.value);
  final T? value;
}
