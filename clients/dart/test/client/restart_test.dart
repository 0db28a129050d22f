// The outbox in a file, over the death of the process.

import 'dart:async';
import 'dart:convert';
import 'dart:io';

import '../harness.dart';
import 'server.dart';

/// An application in another process.
final class Child {
  Child(this._process) {
    _process.stdout.transform(utf8.decoder).transform(const LineSplitter()).listen(lines.add);
    _process.stderr.transform(utf8.decoder).transform(const LineSplitter()).listen(lines.add);
  }

  /// Runs `child.dart` of this program: what stands behind `child` are its arguments.
  static Future<Child> begin(String what, TestServer server, {int first = 0, int count = 0}) async {
    final arguments = [
      if (Platform.packageConfig case final packages?) '--packages=$packages',
      Platform.script.toFilePath(),
      'child',
      what,
      '${server.url}',
      server.folder.path,
      '$first',
      '$count',
    ];
    final child = Child(await Process.start(Platform.resolvedExecutable, arguments));
    addTearDown(child.kill);
    return child;
  }

  final Process _process;

  /// What it has said.
  final List<String> lines = [];

  /// As the system does it: without a chance to do anything.
  Future<void> kill() async {
    _process.kill(ProcessSignal.sigkill);
    await _process.exitCode;
  }

  Future<int> get code => _process.exitCode;

  Future<void> end() async => expect(await code, 0, lines);
}

void main() {
  test('an offline outbox over the death of the process', () async {
    final server = await TestServer.begin();
    addTearDown(server.close);
    await (await Child.begin('login', server)).end();
    await server.kill();
    for (final first in [0, 10]) {
      final child = await Child.begin('say', server, first: first, count: 10);
      await eventually(() => child.lines, (lines) => lines.length == 10);
      await child.kill();
    }
    await server.start();
    final child = await Child.begin('drain', server);
    await child.end();
    expect(child.lines, ['empty']);
    expect(server.notes('a'), [for (var count = 0; count < 20; count++) 'note $count']);
  });

  test('a process that is killed while it sends', () async {
    final server = await TestServer.begin();
    addTearDown(server.close);
    await (await Child.begin('login', server)).end();
    final child = await Child.begin('say', server, count: 100000);
    await eventually(() => server.notes('a').length, (length) => length > 20);
    // The file belongs to one process.
    final second = await Child.begin('drain', server);
    check(await second.code != 0, second.lines);
    check(second.lines.any((line) => line.contains('lock')), second.lines);
    await child.kill();
    final kept = child.lines.where((line) => line.startsWith('kept')).length;
    check(kept > 20, child.lines.take(3));
    await (await Child.begin('drain', server)).end();
    final notes = server.notes('a');
    // Nothing that was kept is lost, nothing is there twice, all in order; the last one may have been kept unsaid.
    check(notes.length >= kept, '$kept kept, ${notes.length} sent');
    expect(notes, [for (var count = 0; count < notes.length; count++) 'note $count']);
  });
}
