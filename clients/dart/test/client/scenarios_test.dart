// The scenarios of tests/clients/scenarios.json are tested in every client's language, under the same names.

import 'dart:convert';

import '../harness.dart';

void main() {
  test('every scenario has a test', () {
    final list = jsonDecode(inRepository('tests/clients/scenarios.json').readAsStringSync()) as Map<String, Object?>;
    check(list.isNotEmpty);
    final names = testNames.toList();
    final missing = [
      for (final scenario in list.values.cast<String>())
        if (!names.any((name) => name.endsWith(scenario))) scenario,
    ];
    expect(missing, <String>[]);
  });
}
