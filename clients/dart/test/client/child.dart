/// An application in a process of its own, for tests that kill it.
library;

import 'dart:async';
import 'dart:io';

import 'package:psd_client/io.dart';
import 'package:psd_client/psd_client.dart';

import '../board/messages/messages.dart';

/// Posts notes as `ann`, or only sends what an earlier run has left, and says line by line how far it is.
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
