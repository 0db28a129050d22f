/// All tests of this package in one program, since a program takes seconds to compile: `cargo xtask test --only dart`, or
/// `dart test/all.dart` with words of the names of tests.
library;

import 'codec_test.dart' as codec;
import 'harness.dart';
import 'vectors_test.dart' as vectors;

Future<void> main(List<String> arguments) {
  group('vectors', vectors.main);
  group('codec', codec.main);
  return run(arguments);
}
