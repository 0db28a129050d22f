/// What the tests of this package run on: `package:test` comes from a registry, and these run anywhere.
library;

import 'dart:async';
import 'dart:convert';
import 'dart:io';

import 'package:psd_client/src/codec/equality.dart';

final _tests = <(String, FutureOr<void> Function())>[];
var _group = '';
var _tearDowns = <FutureOr<void> Function()>[];

/// The tests that this says have a name in front of theirs.
void group(String name, void Function() body) {
  final outer = _group;
  _group = '$outer$name: ';
  body();
  _group = outer;
}

/// A test. It fails if [body] throws, or does not end within three minutes.
void test(String name, FutureOr<void> Function() body) => _tests.add(('$_group$name', body));

/// The names of all tests.
Iterable<String> get testNames => _tests.map((test) => test.$1);

/// Does something when the test that runs has ended, however it ends; what was said last is done first.
void addTearDown(FutureOr<void> Function() body) => _tearDowns.add(body);

/// What a test says went wrong.
final class Failure implements Exception {
  /// This went wrong.
  const Failure(this.message);

  /// What went wrong.
  final String message;

  @override
  String toString() => message;
}

/// Fails unless both are the same; lists and maps by what they hold.
void expect(Object? actual, Object? expected, [Object? reason]) {
  if (deepEquals(actual, expected)) return;
  throw Failure('${reason == null ? '' : '$reason\n  '}expected ${_shown(expected)}\n     found ${_shown(actual)}');
}

/// Fails unless this holds.
void check(bool holds, [Object? reason]) => expect(holds, true, reason);

String _shown(Object? value) => value is String ? jsonEncode(value) : '$value';

/// What a body throws, which has to be a [T] whose text matches.
Future<T> throwsA<T extends Object>(FutureOr<Object?> Function() body, [Pattern says = '']) async {
  try {
    final result = await body();
    throw Failure('expected a $T, found ${_shown(result)}');
  } on T catch (error) {
    check('$error'.contains(says), 'expected `$error` to say `$says`');
    return error;
  }
}

/// The file of this path in the repository.
File inRepository(String path) {
  for (var folder = Directory.current; ; folder = folder.parent) {
    if (File('${folder.path}/tests/vectors/bodies.json').existsSync()) return File('${folder.path}/$path');
    if (folder.parent.path == folder.path) throw const Failure('run the tests within the repository');
  }
}

/// Runs what was said by [test]: all of it, or what has one of [words] in its name. Ends the program with 1 if one
/// fails, or if there is none.
Future<void> run(List<String> words) async {
  final stopwatch = Stopwatch()..start();
  var passed = 0;
  var failed = 0;
  for (final (name, body) in _tests) {
    if (words.isNotEmpty && !words.any(name.contains)) continue;
    _tearDowns = [];
    try {
      await _guarded(body).timeout(const Duration(minutes: 3));
      passed++;
    } on Object catch (error, trace) {
      failed++;
      stdout.writeln('FAILED $name\n  $error\n$trace');
    }
    for (final tearDown in _tearDowns.reversed) {
      await tearDown();
    }
  }
  stdout.writeln('$passed passed, $failed failed, ${stopwatch.elapsed.inMilliseconds} ms');
  await stdout.flush();
  exit(failed > 0 || passed == 0 ? 1 : 0);
}

/// The end of a test; an error that nobody awaits is one of the test that it happens in.
Future<void> _guarded(FutureOr<void> Function() body) {
  final end = Completer<void>();
  void fail(Object error, StackTrace trace) {
    if (!end.isCompleted) end.completeError(error, trace);
  }

  unawaited(
    runZonedGuarded(() async {
      await body();
      if (!end.isCompleted) end.complete();
    }, fail),
  );
  return end.future;
}
