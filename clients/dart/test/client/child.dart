/// An application in a process of its own, for tests that kill it.
library;

import 'dart:async';
import 'dart:io';

import 'package:psd_client/io.dart';
import 'package:psd_client/psd_client.dart';
import 'package:psd_client/upload.dart';

import '../board/messages/messages.dart';

/// Posts notes as `ann`, only sends what an earlier run has left, or uploads the file `large`, and says line by line
/// how far it is.
Future<void> main(List<String> arguments) async {
  final [what, url, folder, first, count] = arguments;
  final storage = await FileStorage.open('$folder/messages', onWarning: print);
  final client = PsdClient(
    Uri.parse(url),
    ClientOptions(storage: storage, messages: registry, auth: AuthOptions(store: FileTokens('$folder/tokens'))),
  )..connect();
  await client.auth.ready;
  if (what == 'login') await client.auth.login('ann', 'ann');
  if (what == 'say') {
    final start = int.parse(first);
    for (var number = start; number < start + int.parse(count); number++) {
      client.send(Post(board: 'a', text: 'note $number'));
      // Whatever is written later is kept later.
      await storage.write(const [], const ['nothing']);
      stdout.writeln('kept $number');
    }
  }
  if (what == 'say') {
    // Until somebody kills it.
    await Future<void>.delayed(const Duration(hours: 1));
  }
  if (what == 'upload') {
    final address = Uri.parse(url).replace(scheme: 'http', path: '/uploads');
    final uploads = Uploads(client, address, UploadsOptions(chunkSize: 32 << 10, storage: storage));
    final upload = await _large(uploads, '$folder/large');
    upload.changes.listen((entry) {
      if (entry.sent > 0 && entry.status is UploadRunning) stdout.writeln('sent ${entry.sent}');
    });
    final UploadedFile(:name) = await upload.done;
    stdout.writeln('stored $name');
    uploads.close();
  }
  if (what == 'drain') {
    final left = Completer<void>();
    void look() {
      if (client.outbox.value.isEmpty && !left.isCompleted) left.complete();
    }

    await storage.read('outbox\n1');
    client.outbox.changes.listen((_) => look());
    Timer.periodic(const Duration(milliseconds: 100), (_) => look());
    await left.future;
    await storage.write(const [], const ['nothing']);
    stdout.writeln('empty');
  }
  client.close();
  await storage.close();
  await stdout.flush();
  exit(0);
}

/// The upload that an earlier run has left, or a new one.
Future<Upload> _large(Uploads uploads, String path) async {
  final left = await uploads.changes.first;
  return left.isEmpty ? uploads.upload(await FileSource.open(path)) : uploads.find(left.single.id)!;
}
