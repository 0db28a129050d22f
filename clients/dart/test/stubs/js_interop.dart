// A stand-in for `dart:js_interop`, which Dart's own machine does not have: the part of its interface that
// lib/src/socket/web.dart and lib/src/upload/platform_web.dart use, so that their types can be checked.
import 'dart:typed_data';

final class JS {
  const JS([this.name]);
  final String? name;
}

extension type JSAny._(Object _) implements Object {}
extension type JSObject._(Object _) implements JSAny {}
extension type JSString._(Object _) implements JSAny {}
extension type JSFunction._(Object _) implements JSObject {}
extension type JSExportedDartFunction._(Object _) implements JSFunction {}
extension type JSArray<T extends JSAny?>._(Object _) implements JSObject {}
extension type JSArrayBuffer._(Object _) implements JSObject {}
extension type JSUint8Array._(Object _) implements JSObject {}

extension type JSPromise<T extends JSAny?>._(Object _) implements JSObject {}

extension JSPromiseToFuture<T extends JSAny?> on JSPromise<T> {
  external Future<T> get toDart;
}

extension FunctionToJS on Function {
  external JSExportedDartFunction get toJS;
}

extension StringToJS on String {
  external JSString get toJS;
}

extension JSStringToDart on JSString {
  external String get toDart;
}

extension ListToJS<T extends JSAny?> on List<T> {
  external JSArray<T> get toJS;
}

extension BytesToJS on Uint8List {
  external JSUint8Array get toJS;
}

extension JSArrayBufferToDart on JSArrayBuffer {
  external ByteBuffer get toDart;
}

extension JSAnyIs on JSAny? {
  external bool isA<T extends JSAny?>();
}
