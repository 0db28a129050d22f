import 'package:flutter/widgets.dart';
import 'package:psd_client/psd_client.dart';

import 'provider.dart';

/// Builds what shows the value of a store, and builds it anew when that changes: `client.connection`, `client.auth`,
/// `client.outbox`, `delivery.status`.
final class StoreBuilder<T> extends StatelessWidget {
  /// Shows [store].
  const StoreBuilder({super.key, required this.store, required this.builder});

  /// What is shown.
  final Store<T> store;

  /// Builds it.
  final Widget Function(BuildContext context, T value) builder;

  @override
  Widget build(BuildContext context) => StreamBuilder<T>(
    // Another store is another stream: what the old one said last is not shown for the new one.
    key: ObjectKey(store),
    stream: store.changes,
    builder: (context, _) => builder(context, store.value),
  );
}

/// Builds a list of the messages of a type that came since it is shown, oldest first; a message takes the place of one
/// with the same cache keys.
final class MessagesBuilder<T extends ServerMessage> extends StatefulWidget {
  /// Shows messages of [type]. With another [key], it begins anew: give one that says what [where] depends on.
  const MessagesBuilder({
    super.key,
    required this.type,
    required this.builder,
    this.where,
    this.fromCache = false,
    this.limit = 200,
  });

  /// The messages.
  final MessageType<T> type;

  /// Those of them that are shown.
  final bool Function(T message)? where;

  /// Whether it begins with what the cache holds.
  final bool fromCache;

  /// How many are shown, the newest.
  final int limit;

  /// Builds them.
  final Widget Function(BuildContext context, List<T> messages) builder;

  @override
  State<MessagesBuilder<T>> createState() => _MessagesBuilderState<T>();
}

final class _MessagesBuilderState<T extends ServerMessage>
    extends _WatchingState<MessagesBuilder<T>, List<T>, LiveMessages<T>> {
  @override
  LiveMessages<T> watch(PsdClient client) {
    final MessagesBuilder(:type, :where, :fromCache, :limit) = widget;
    return client.watch(type, where: where, fromCache: fromCache, limit: limit);
  }

  @override
  bool isOther(MessagesBuilder<T> oldWidget) => !identical(oldWidget.type, widget.type);

  @override
  void end(LiveMessages<T> watched) => watched.close();

  @override
  Widget show(BuildContext context, List<T> value) => widget.builder(context, value);
}

/// Asks for something when it is shown, when [message] is another, and after each reconnect, and builds what came of
/// it.
final class FetchBuilder<R extends ServerMessage> extends StatefulWidget {
  /// Asks with [message] for a [reply].
  const FetchBuilder({
    super.key,
    required this.message,
    required this.reply,
    required this.builder,
    this.timeout,
    this.refetchOnReconnect = true,
  });

  /// What is asked. One that says the same, as messages compare, asks nothing new.
  final ClientMessage message;

  /// What answers.
  final MessageType<R> reply;

  /// How long an answer may take.
  final Duration? timeout;

  /// Whether to ask again after each reconnect.
  final bool refetchOnReconnect;

  /// Builds what came of it; `refetch` asks again.
  final Widget Function(BuildContext context, FetchState<R> state, void Function() refetch) builder;

  @override
  State<FetchBuilder<R>> createState() => _FetchBuilderState<R>();
}

final class _FetchBuilderState<R extends ServerMessage>
    extends _WatchingState<FetchBuilder<R>, FetchState<R>, LiveFetch<R>> {
  @override
  LiveFetch<R> watch(PsdClient client) {
    final FetchBuilder(:message, :reply, :timeout, :refetchOnReconnect) = widget;
    return client.watchFetch(message, reply, timeout: timeout, refetchOnReconnect: refetchOnReconnect);
  }

  @override
  bool isOther(FetchBuilder<R> oldWidget) =>
      oldWidget.message != widget.message || !identical(oldWidget.reply, widget.reply);

  @override
  void end(LiveFetch<R> watched) => watched.close();

  @override
  Widget show(BuildContext context, FetchState<R> value) => widget.builder(context, value, watched.refetch);
}

/// Watches something for as long as it is shown, and something else when there is another client or the widget asks for
/// something else.
abstract class _WatchingState<W extends StatefulWidget, T, S extends Store<T>> extends State<W> {
  PsdClient? _client;
  S? _watched;

  /// What is watched.
  S get watched => _watched!;

  /// Begins to watch what the widget asks for.
  S watch(PsdClient client);

  /// Whether the widget asks for something else than it did.
  bool isOther(W oldWidget);

  /// Ends it.
  void end(S watched);

  /// Builds what shows it.
  Widget show(BuildContext context, T value);

  @override
  void didChangeDependencies() {
    super.didChangeDependencies();
    final client = context.psd;
    if (identical(client, _client)) return;
    _client = client;
    _begin(client);
  }

  @override
  void didUpdateWidget(W oldWidget) {
    super.didUpdateWidget(oldWidget);
    if (isOther(oldWidget)) _begin(_client!);
  }

  void _begin(PsdClient client) {
    _end();
    _watched = watch(client);
  }

  void _end() {
    if (_watched case final watched?) end(watched);
  }

  @override
  void dispose() {
    _end();
    super.dispose();
  }

  @override
  Widget build(BuildContext context) => StoreBuilder<T>(store: watched, builder: show);
}
