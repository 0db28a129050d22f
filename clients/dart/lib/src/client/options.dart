import 'dart:math';

import '../codec/registry.dart';
import '../socket/socket.dart';
import '../storage/storage.dart';
import 'auth.dart';
import 'cache.dart';
import 'dialect.dart';
import 'outbox.dart';

/// What a client is made with.
final class ClientOptions {
  /// A client that keeps everything in memory, unless something else is said.
  const ClientOptions({
    this.dialect,
    this.auth = const AuthOptions(),
    this.messages,
    this.apiVersion = 0,
    this.timeout = const Duration(seconds: 10),
    this.storage,
    this.outbox = const OutboxOptions(),
    this.cache = const CacheOptions(),
    this.onWarning,
    this.socket,
    this.clock,
    this.random,
  });

  /// Speaks this dialect and no other. By default the best that the server speaks is found, classic at the second try.
  final Dialect? dialect;

  /// Tokens, where they are kept, and how new ones are got.
  final AuthOptions auth;

  /// The messages that may come from the cache, the outbox or the server before somebody names them: the generated
  /// list.
  final MessageRegistry? messages;

  /// The version of the application's contract, which the server is told; 0 for none.
  final int apiVersion;

  /// How long requests may take unless they say otherwise.
  final Duration timeout;

  /// Where the outbox and the cache are kept; by default in memory. Files are in `package:psd_client/io.dart`. It
  /// belongs to whoever made it: the client does not close it.
  final Storage? storage;

  /// What bounds the outbox.
  final OutboxOptions outbox;

  /// What bounds the cache.
  final CacheOptions cache;

  /// Told of what goes wrong without a caller to tell; by default it is printed.
  final void Function(Object error)? onWarning;

  /// Opens WebSockets; by default those of `dart:io` or of the browser.
  final SocketFactory? socket;

  /// The clock, for tests.
  final DateTime Function()? clock;

  /// The chance of waits between attempts, for tests.
  final Random? random;
}
