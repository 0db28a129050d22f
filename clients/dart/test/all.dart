/// All tests of this package in one program, since a program takes seconds to compile: `cargo xtask test --only dart`, or
/// `dart test/all.dart` with words of the names of tests.
library;

import 'client/child.dart' as child;
import 'client/connection_test.dart' as connection;
import 'client/live_test.dart' as live;
import 'client/restart_test.dart' as restart;
import 'client/scenarios_test.dart' as scenarios;
import 'client/storage_test.dart' as storage;
import 'client/streams_test.dart' as streams;
import 'client/upload_test.dart' as upload;
import 'codec_test.dart' as codec;
import 'harness.dart';
import 'vectors_test.dart' as vectors;

Future<void> main(List<String> arguments) {
  // The program that tests start beside themselves.
  if (arguments.firstOrNull == 'child') return child.main(arguments.sublist(1));
  group('vectors', vectors.main);
  group('codec', codec.main);
  group('connection', connection.main);
  group('storage', storage.main);
  group('live', live.main);
  group('restart', restart.main);
  group('upload', upload.main);
  group('streams', streams.main);
  scenarios.main();
  return run(arguments);
}
