/// What needs `dart:io`: messages and tokens in files, and files to upload. It is not for browsers.
library;

export 'src/io/file_source.dart' show FileSource;
export 'src/io/file_storage.dart' show FileStorage;
export 'src/io/file_tokens.dart' show FileTokens;
