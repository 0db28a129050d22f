/// Starts, kills and restarts the server of tests/clients, on a port of this machine that stays its own.
library;

import 'dart:async';
import 'dart:convert';
import 'dart:io';

/// How long something may take which must happen.
const deadline = Duration(seconds: 60);

/// The server of tests/clients, in a process of its own.
final class TestServer {
  TestServer._(this._options, this._settings);

  /// One that has started; [settings] are those of docs/SETTINGS.md.
  static Future<TestServer> begin({int? accessMs, Map<String, String> settings = const {}}) async {
    final server = TestServer._(accessMs == null ? const [] : ['--access-ms', '$accessMs'], settings);
    await server.start();
    return server;
  }

  final List<String> _options;
  final Map<String, String> _settings;
  final Directory folder = Directory.systemTemp.createTempSync('psd-dart-');
  Process? _process;
  int _port = 0;

  Uri url = Uri();

  File get _notes => File('${folder.path}/notes');
  Directory get _files => Directory('${folder.path}/files');

  Future<void> start() async {
    final program = Platform.environment['PSD_CLIENT_TESTS_SERVER'];
    if (program == null) {
      throw StateError('`PSD_CLIENT_TESTS_SERVER` names no server: run `cargo xtask test --only dart`');
    }
    final arguments = ['--port', '$_port', '--notes', _notes.path, '--files', _files.path, ..._options];
    final process = _process = await Process.start(program, arguments, environment: _settings);
    process.stderr.listen(stderr.add);
    final lines = StreamIterator(process.stdout.transform(utf8.decoder).transform(const LineSplitter()));
    if (!await lines.moveNext()) throw StateError('the server ended with ${await process.exitCode} at its start');
    url = Uri.parse(lines.current);
    _port = url.port;
  }

  /// As a crash: the server says nothing to anybody.
  Future<void> kill() => _end(ProcessSignal.sigkill);

  /// As an update: clients are told when to come back.
  Future<void> stop() => _end(ProcessSignal.sigterm);

  Future<void> _end(ProcessSignal signal) async {
    final process = _process;
    _process = null;
    if (process == null) return;
    process.kill(signal);
    await process.exitCode;
  }

  Future<void> close() async {
    await kill();
    folder.deleteSync(recursive: true);
  }

  /// The texts of all notes that were put on a board, in their order; a note that was put twice is there twice.
  List<String> notes(String board) => [
    for (final note in _lines())
      if (note case {'board': final String name, 'text': final String text} when name == board) text,
  ];

  /// How often the client had sent each note before, by its headers.
  List<int> retries(String board) => [
    for (final note in _lines())
      if (note case {'board': final String name, 'retries': final int retries} when name == board) retries,
  ];

  /// What the server keeps of uploads that are not done.
  List<String> unfinished() => [
    for (final file in _listed('uploads'))
      if (file.path.endsWith('.data')) file.path,
  ];

  /// The files that were uploaded, by their keys.
  Map<String, File> stored() => {for (final file in _listed('files')) file.uri.pathSegments.last: file};

  List<File> _listed(String name) {
    final folder = Directory('${_files.path}/$name');
    return folder.existsSync() ? folder.listSync().whereType<File>().toList() : const [];
  }

  List<Object?> _lines() {
    if (!_notes.existsSync()) return const [];
    // What stands behind the last line feed is being written.
    final lines = _notes.readAsStringSync().split('\n')..removeLast();
    return [for (final line in lines) jsonDecode(line)];
  }
}

/// What [look] sees as soon as [test] accepts it.
Future<T> eventually<T>(FutureOr<T> Function() look, bool Function(T seen) test) async {
  final since = Stopwatch()..start();
  for (;;) {
    final seen = await look();
    if (test(seen)) return seen;
    if (since.elapsed > deadline) throw TimeoutException('still $seen');
    await Future<void>.delayed(const Duration(milliseconds: 5));
  }
}
