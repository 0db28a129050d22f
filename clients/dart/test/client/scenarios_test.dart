// The scenarios of tests/clients/scenarios.json are tested in every client's language, under the same names; `missing`
// names the languages that do not test one yet.

import 'dart:convert';

import '../harness.dart';

void main() {
  test('every scenario has a test', () {
    final list = jsonDecode(inRepository('tests/clients/scenarios.json').readAsStringSync()) as Map<String, Object?>;
    check(list.isNotEmpty);
    final names = testNames.toList();
    final missing = [
      for (final scenario in list.values)
        if (_name(scenario) case final name? when !names.any((test) => test.endsWith(name))) name,
    ];
    expect(missing, <String>[]);
  });
}

/// The name of a scenario, unless it is missing here.
String? _name(Object? scenario) => switch (scenario) {
  final String name => name,
  {'name': final String name, 'missing': final List<Object?> missing} => missing.contains('dart') ? null : name,
  _ => throw FormatException('`$scenario` is no scenario'),
};
