import 'dart:convert';
import 'dart:io';

import '../client/tokens.dart';

/// Keeps tokens in a file, in the clear: put it where others cannot read. On phones, the system has a better place for
/// them (as by the package `flutter_secure_storage`), and a [TokenStore] is two methods.
final class FileTokens implements TokenStore {
  /// In this file.
  const FileTokens(this.path);

  /// Where the file is.
  final String path;

  @override
  Future<Tokens?> load() async {
    final file = File(path);
    if (!await file.exists()) return null;
    final Object? json;
    try {
      json = jsonDecode(await file.readAsString());
    } on FormatException {
      return null;
    }
    return switch (json) {
      {'token': final String token, 'refresh': final String refresh} => Tokens(token, refresh: refresh),
      {'token': final String token} => Tokens(token),
      _ => null,
    };
  }

  @override
  Future<void> save(Tokens? tokens) async {
    final file = File(path);
    if (tokens == null) {
      if (await file.exists()) await file.delete();
      return;
    }
    await file.parent.create(recursive: true);
    final refresh = tokens.refresh;
    final beside = File('$path.new');
    final json = jsonEncode({'token': tokens.token, if (refresh != null) 'refresh': refresh});
    await beside.writeAsString(json, flush: true);
    await beside.rename(path);
  }
}
