import 'http.dart';
import 'source.dart';

/// Fails: there is no HTTP here that it knows.
Future<UploadResponse> sendHttp(UploadRequest request) =>
    throw UnsupportedError('there is no `dart:io` here: pass what sends requests in the option `http`');

/// Nothing: there are no files here.
Future<UploadSource?> openSource(String reference) async => null;
