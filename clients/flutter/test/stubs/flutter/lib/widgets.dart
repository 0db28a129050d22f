// A stand-in for package:flutter/widgets.dart: the part of its interface that psd_flutter uses, so that types can be
// checked where Flutter is not to be had.
import 'dart:async';

typedef VoidCallback = void Function();

abstract class Key {
  const Key();
}

class ObjectKey extends Key {
  const ObjectKey(this.value);
  final Object? value;
}

abstract class Widget {
  const Widget({this.key});
  final Key? key;
}

abstract class BuildContext {
  T? dependOnInheritedWidgetOfExactType<T extends InheritedWidget>({Object? aspect});
}

abstract class StatelessWidget extends Widget {
  const StatelessWidget({super.key});
  Widget build(BuildContext context);
}

abstract class StatefulWidget extends Widget {
  const StatefulWidget({super.key});
  State createState();
}

abstract class State<T extends StatefulWidget> {
  T get widget => throw UnimplementedError();
  BuildContext get context => throw UnimplementedError();
  void initState() {}
  void didChangeDependencies() {}
  void didUpdateWidget(covariant T oldWidget) {}
  void dispose() {}
  Widget build(BuildContext context);
}

abstract class InheritedWidget extends Widget {
  const InheritedWidget({super.key, required this.child});
  final Widget child;
  bool updateShouldNotify(covariant InheritedWidget oldWidget);
}

class AppLifecycleListener {
  AppLifecycleListener({this.onResume});
  final VoidCallback? onResume;
  void dispose() {}
}

enum ConnectionState { none, waiting, active, done }

class AsyncSnapshot<T> {
  const AsyncSnapshot(this.connectionState, this.data);
  final ConnectionState connectionState;
  final T? data;
}

class StreamBuilder<T> extends StatelessWidget {
  const StreamBuilder({super.key, this.initialData, required this.stream, required this.builder});
  final T? initialData;
  final Stream<T>? stream;
  final Widget Function(BuildContext context, AsyncSnapshot<T> snapshot) builder;

  @override
  Widget build(BuildContext context) => throw UnimplementedError();
}

class Text extends StatelessWidget {
  const Text(this.data, {super.key});
  final String data;

  @override
  Widget build(BuildContext context) => throw UnimplementedError();
}
