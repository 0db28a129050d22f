// The codec beside protobuf-es and protobufjs: `npm run bench`. One process, rounds interleaved, medians; each library
// makes and takes its own kind of values for the same messages, and what it makes is checked to be the same bytes.
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { createFileRegistry, create as esCreate, fromBinary as esFrom, fromJson as esFromJson, toBinary as esTo, toJson as esToJson, type DescMessage, type JsonValue } from "@bufbuild/protobuf";
import { type DescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { create, fromBinary, fromJson, toBinary, toJson, type Init, type MessageType } from "@psd/client/codec";
import protobufjs from "protobufjs";
import "protobufjs/ext/descriptor/index.js";
import { Chat, List, Mixed } from "../test/bench/messages/bench.js";

const PROTO = "../../benches/json/protos/bench.proto";
const root = protobufjs.parse(readFileSync(PROTO, "utf8")).root.resolveAll();
const set = (root as unknown as { toDescriptor(syntax: string): protobufjs.Message }).toDescriptor("proto3");
const files = esFrom(FileDescriptorSetSchema, set.$type.encode(set).finish());
// protobufjs does not say where names start, nor how JSON spells those of fields.
const qualify = (message: DescriptorProto, within: string): void => {
  for (const nested of message.nestedType) qualify(nested, within);
  for (const field of message.field) {
    field.jsonName = field.name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    if (!field.typeName || field.typeName.startsWith(".")) continue;
    field.typeName = message.nestedType.some(({ name }) => name === field.typeName) ? `${within}.${message.name}.${field.typeName}` : `${within}.${field.typeName}`;
  }
};
for (const file of files.file) for (const message of file.messageType) qualify(message, `.${file.package}`);
const registry = createFileRegistry(files);

const mixed: Init<Mixed> = {
  id: 4711,
  displayName: "Jana Nováková",
  createdAt: 1795396112099n,
  ratio: 0.6180339887,
  active: true,
  level: 2,
  tags: ["alpha", "beta", "gamma"],
  checksum: new Uint8Array(32).fill(7),
  total: 18_446_744_073_709n,
  labels: { region: "eu-central", tier: "gold" },
};
const chat: Init<Chat> = { room: "general", author: "jana", text: "Shall we meet at the usual place at seven?", sentAt: 1795396112099n };
const list: Init<List> = {
  items: Array.from({ length: 100 }, (_, index) => ({ index, name: `item number ${index}`, price: index * 1.25, inStock: index % 3 > 0, level: (index % 3) as 0 | 1 | 2 })),
  nextPage: "eyJvZmZzZXQiOjEwMH0",
};

interface Contender {
  library: string;
  write: () => Uint8Array;
  read: () => unknown;
  writeJson: () => string;
  readJson: () => unknown;
}

const contenders = <T>(type: MessageType<T>, init: Init<T>): Contender[] => {
  const value = create(type, init);
  const bytes = toBinary(type, value);
  const text = JSON.stringify(toJson(type, value));
  const desc = registry.getMessage(type.name) as DescMessage;
  const esValue = esFrom(desc, bytes);
  const pbType = root.lookupType(type.name);
  const pbValue = pbType.decode(bytes);
  return [
    {
      library: "psd",
      write: () => toBinary(type, value),
      read: () => fromBinary(type, bytes),
      writeJson: () => JSON.stringify(toJson(type, value)),
      readJson: () => fromJson(type, JSON.parse(text) as JsonValue),
    },
    {
      library: "protobuf-es",
      write: () => esTo(desc, esValue),
      read: () => esFrom(desc, bytes),
      writeJson: () => JSON.stringify(esToJson(desc, esValue)),
      readJson: () => esFromJson(desc, JSON.parse(text) as JsonValue),
    },
    {
      library: "protobufjs",
      write: () => pbType.encode(pbValue).finish(),
      read: () => pbType.decode(bytes),
      writeJson: () => JSON.stringify(pbType.toObject(pbValue, { longs: String, enums: String, bytes: String })),
      readJson: () => pbType.fromObject(JSON.parse(text) as Record<string, unknown>),
    },
  ];
};

const subjects: [string, Contender[]][] = [
  ["a chat message", contenders(Chat, chat)],
  ["10 mixed fields", contenders(Mixed, mixed)],
  ["a list of 100 items", contenders(List, list)],
];

for (const [name, [ours, ...others]] of subjects) {
  const expected = Buffer.from(ours!.write()).toString("hex");
  for (const other of others) {
    if (Buffer.from(other.write()).toString("hex") !== expected) throw new Error(`${other.library} writes other bytes for ${name}`);
    if (!isDeepStrictEqual(JSON.parse(other.writeJson()), JSON.parse(ours!.writeJson()))) throw new Error(`${other.library} writes other JSON for ${name}`);
  }
}

const ROUNDS = Number(process.argv[2] ?? 31);
const MILLISECONDS = 12;
let sink: unknown;

/** Nanoseconds a call, of processor time: what else runs on the machine does not count, collecting garbage does. */
const measure = (work: () => unknown, calls: number): number => {
  const start = process.cpuUsage();
  for (let call = 0; call < calls; call++) sink = work();
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1000) / calls;
};
const median = (values: number[]): number => values.sort((one, other) => one - other)[values.length >> 1]!;

const OPERATIONS = ["write", "read", "writeJson", "readJson"] as const;
const LABELS = { write: "binary, write", read: "binary, read", writeJson: "JSON, write", readJson: "JSON, read" };

let isFaster = true;
console.log("| | psd | protobuf-es | protobufjs |\n| --- | --- | --- | --- |");
// Every library has seen every message before anything is measured, as in a program that has run for a while.
for (let warm = 0; warm < 300; warm++) for (const [, all] of subjects) for (const one of all) for (const operation of OPERATIONS) sink = one[operation]();
for (const operation of OPERATIONS) {
  for (const [name, all] of subjects) {
    const calls = all.map((one) => Math.max(1, Math.round((MILLISECONDS * 1e6) / measure(one[operation], 200))));
    const times = all.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round++) all.forEach((one, index) => times[index]!.push(measure(one[operation], calls[index]!)));
    const [ours, ...others] = times.map(median);
    const cells = others.map((other) => `${Math.round(other!)} (${(other! / ours!).toFixed(1)}×)`);
    console.log(`| ${LABELS[operation]}: ${name} | ${Math.round(ours!)} | ${cells.join(" | ")} |`);
    if (!operation.endsWith("Json") && others[0]! < ours!) isFaster = false;
  }
}
console.log(isFaster ? "\nThe bar is cleared: binary is no slower than protobuf-es, both ways." : "\nThe bar is missed: protobuf-es is faster.");
process.exitCode = isFaster && sink !== undefined ? 0 : 1;
