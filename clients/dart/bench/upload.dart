/// Uploads one file: tests/clients/large.mjs starts it.
library;

import 'dart:convert';
import 'dart:io';

import 'package:psd_client/io.dart';
import 'package:psd_client/psd_client.dart';
import 'package:psd_client/upload.dart';

Future<void> main(List<String> arguments) async {
  final [address, path, via] = arguments;
  final url = Uri.parse(address);
  final client = PsdClient(url);
  final uploads = Uploads(client, url.replace(scheme: 'http', path: '/uploads'));
  await client.auth.login('ann', 'ann');
  final clock = Stopwatch()..start();
  await uploads.upload(await FileSource.open(path), via: UploadWay.values.byName(via)).done;
  stdout.writeln(jsonEncode({'seconds': clock.elapsedMilliseconds / 1000, 'mebibytes': ProcessInfo.maxRss / (1 << 20)}));
  await stdout.flush();
  uploads.close();
  client.close();
}
