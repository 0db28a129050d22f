import 'dart:async';

import 'package:flutter/widgets.dart';
import 'package:psd_client/psd_client.dart';

/// Gives a client to the widgets below it, connects it, and tells it when somebody looks at the application again.
///
/// It stays connected when this goes: it belongs to whoever made it.
final class PsdProvider extends StatefulWidget {
  /// Gives [client] to [child].
  const PsdProvider({super.key, required this.client, required this.child, this.isOnline});

  /// What is given.
  final PsdClient client;

  /// Whether the system has a network, as a plugin tells it; without, the client finds out by itself, but later:
  /// `Connectivity().onConnectivityChanged.map((found) => !found.contains(ConnectivityResult.none))`. The same object
  /// at every build.
  final Stream<bool>? isOnline;

  /// The widgets that it is given to.
  final Widget child;

  /// The client of the nearest provider.
  static PsdClient of(BuildContext context) {
    final scope = context.dependOnInheritedWidgetOfExactType<_Scope>();
    if (scope == null) throw StateError('there is no psd client here: put a PsdProvider around the application');
    return scope.client;
  }

  @override
  State<PsdProvider> createState() => _PsdProviderState();
}

final class _PsdProviderState extends State<PsdProvider> {
  late final AppLifecycleListener _lifecycle;
  StreamSubscription<bool>? _network;

  @override
  void initState() {
    super.initState();
    _lifecycle = AppLifecycleListener(onResume: () => widget.client.networkBack());
    _watchNetwork();
    widget.client.connect();
  }

  @override
  void didUpdateWidget(PsdProvider oldWidget) {
    super.didUpdateWidget(oldWidget);
    if (!identical(oldWidget.client, widget.client)) widget.client.connect();
    if (!identical(oldWidget.isOnline, widget.isOnline)) _watchNetwork();
  }

  void _watchNetwork() {
    _network?.cancel().ignore();
    _network = widget.isOnline?.listen((isOnline) {
      isOnline ? widget.client.networkBack() : widget.client.networkGone();
    });
  }

  @override
  void dispose() {
    _network?.cancel().ignore();
    _lifecycle.dispose();
    super.dispose();
  }

  @override
  Widget build(BuildContext context) => _Scope(client: widget.client, child: widget.child);
}

final class _Scope extends InheritedWidget {
  const _Scope({required this.client, required super.child});

  final PsdClient client;

  @override
  bool updateShouldNotify(_Scope oldWidget) => !identical(oldWidget.client, client);
}

/// The client, where widgets are built.
extension PsdContext on BuildContext {
  /// The client of the nearest [PsdProvider].
  PsdClient get psd => PsdProvider.of(this);
}
