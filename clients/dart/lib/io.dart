/// What needs `dart:io`: messages and tokens in files. It is not for browsers.
library;

export 'src/io/file_storage.dart' show FileStorage;
export 'src/io/file_tokens.dart' show FileTokens;
